//! What a run gave against what is right.

use crate::corpus::case::{Ask, Export, Form, Right, Sent};
use crate::corpus::command::{self, Ran};
use crate::corpus::library::Outcome;
use crate::corpus::served::Asked;
use crate::corpus::table::Table;
use crate::failure::chain;

/// Whether an ask can fail: something is right, and the table has one cell for each column.
pub(crate) fn is_sound(ask: &Ask) -> Result<(), String> {
    let right = &ask.right;
    if right.columns.is_some() != right.rows.is_some() {
        return Err("columns and rows go together".to_owned());
    }
    let table = Table::of_right(right)?;
    if let Some(table) = &table
        && let Some(row) = table.rows.iter().position(|row| row.len() != table.columns.len())
    {
        return Err(format!("row {} of the right table has not one cell for each column", row + 1));
    }
    let says_something = table.is_some()
        || right.value.is_some()
        || right.fails.is_some()
        || !right.out.is_empty()
        || !right.err.is_empty()
        || !ask.sent.is_empty();
    if says_something { Ok(()) } else { Err("nothing is said to be right".to_owned()) }
}

/// How the outcome of the library differs.
pub(crate) fn library(right: &Right, form: Option<Form>, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    match (outcome, &right.fails) {
        (Outcome::Failed(error), Some(fails)) => {
            let kind = format!("{:?}", error.kind());
            if fails.kind.as_ref().is_some_and(|wanted| *wanted != kind) {
                wrong.push(format!("the error is of kind {kind}: {error}"));
            }
            let text = chain(error);
            wrong.extend(missing("the error", &text, &fails.says));
        }
        (Outcome::Failed(error), None) => {
            wrong.push(format!("{:?}: {}", error.kind(), chain(error)));
        }
        (_, Some(_)) => wrong.push("there is no error".to_owned()),
        (Outcome::Value(value), None) => {
            if right.value.as_ref() != Some(value) {
                wrong.push(format!("it gives {value}"));
            }
        }
        (Outcome::Table(table), None) => {
            wrong.extend(against(right, table));
            if matches!(form, Some(Form::Batches | Form::Parquet)) {
                wrong.extend(types(right, table));
            }
        }
    }
    wrong
}

/// How the run of the command differs; the table is that of an export.
pub(crate) fn command(
    right: &Right,
    ran: &Ran,
    export: Option<&Export>,
    folder: &std::path::Path,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(fails) = &right.fails {
        if ran.code == 0 || fails.exit.is_some_and(|code| code != ran.code) {
            wrong.push(format!("exit {}: {}{}", ran.code, ran.out, ran.err));
        }
        wrong.extend(missing("standard error", &ran.err, &fails.says));
    } else if ran.code != 0 {
        return vec![format!("exit {}: {}", ran.code, ran.err.trim())];
    } else if let Some(export) = export {
        let columns = columns(right);
        match command::table(ran, export, folder, &columns) {
            Ok(table) => wrong.extend(against(right, &table)),
            Err(why) => wrong.push(why),
        }
    }
    wrong.extend(missing("standard output", &ran.out, &right.out));
    wrong.extend(missing("standard error", &ran.err, &right.err));
    for text in &right.never {
        if ran.out.contains(text) || ran.err.contains(text) {
            wrong.push(format!("{text:?} is said"));
        }
    }
    wrong
}

/// The names of the columns of the right table.
pub(crate) fn columns(right: &Right) -> Vec<String> {
    Table::of_right(right).ok().flatten().map(|table| table.names()).unwrap_or_default()
}

fn against(right: &Right, table: &Table) -> Option<String> {
    match Table::of_right(right) {
        Ok(Some(right)) => table.differs(&right),
        Ok(None) => None,
        Err(why) => Some(format!("the case: {why}")),
    }
}

fn types(right: &Right, table: &Table) -> Vec<String> {
    let of = |(name, wanted): (&String, &String)| {
        let column = table.columns.iter().find(|column| column.name == *name);
        let kind = column.and_then(|column| column.kind).unwrap_or("not there");
        (kind != wanted).then(|| format!("{name} is {kind}, not {wanted}"))
    };
    right.types.iter().filter_map(of).collect()
}

/// Requests that were not sent, or were and must not.
pub(crate) fn requests(ask: &Ask, asked: &[Asked]) -> Vec<String> {
    let count = |sent: &Sent| asked.iter().filter(|asked| asked.is(sent)).count();
    let told = |sent: &Sent| {
        let body = sent.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
        format!("{} {} {:?}{body}", sent.method, sent.path, sent.query)
    };
    let mut wrong = Vec::new();
    for sent in &ask.sent {
        let seen = count(sent);
        if sent.times.map_or(seen == 0, |times| seen != times) {
            let same: Vec<_> =
                asked.iter().filter(|it| it.method == sent.method).map(line).collect();
            wrong.push(format!("sent {seen} times: {}; there was {}", told(sent), same.join(", ")));
        }
    }
    for sent in &ask.not_sent {
        if count(sent) > 0 {
            wrong.push(format!("sent: {}", told(sent)));
        }
    }
    wrong
}

fn line(asked: &Asked) -> String {
    let body = if asked.body.is_null() { String::new() } else { format!(" {}", asked.body) };
    format!("{} {:?}{body}", asked.path, asked.query)
}

fn missing(place: &str, text: &str, wanted: &[String]) -> Vec<String> {
    let lower = text.to_lowercase();
    let not_there = wanted.iter().filter(|wanted| !lower.contains(&wanted.to_lowercase()));
    not_there.map(|wanted| format!("{place} does not say {wanted:?}: {}", text.trim())).collect()
}
