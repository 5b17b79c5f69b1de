//! What a command prints: a table for people, tab-separated lines for pipes, CSV and JSON when
//! asked for.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use serde::{Serialize, Serializer, ser::SerializeSeq as _};

use crate::{
    cell::{Cell, Members},
    failure::{Result, escaped, printable},
    grid,
};

/// How a list is printed.
#[derive(Args, Debug, Clone, Copy, Default)]
pub(crate) struct Format {
    /// Print a JSON array of objects
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values with a header line
    #[arg(long)]
    csv: bool,
}

/// Rows under named columns. JSON takes the names in small letters with `_` for spaces.
#[derive(Debug)]
pub(crate) struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// Prints it; `empty` goes to standard error instead of a table without rows, so that people
    /// are not left with nothing.
    pub(crate) fn print(&self, format: Format, empty: &str) -> Result {
        if format.json {
            return print_json(self, true);
        }
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect();
        print_rows(self.columns, &rows, format, empty)
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<String> =
            self.columns.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
        let mut list = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in &self.rows {
            list.serialize_element(&Members(names.iter().map(String::as_str).zip(row).collect()))?;
        }
        list.end()
    }
}

/// One thing and what is known of it: an object in JSON, a line for each fact otherwise.
#[derive(Debug, Default)]
pub(crate) struct Record(Vec<(&'static str, &'static str, Cell)>);

impl Record {
    pub(crate) fn say(&mut self, what: &'static str, value: impl Into<Cell>) {
        self.0.push((what, what, value.into()));
    }

    /// A fact whose member of the JSON object has a name of its own. A list has a line for each
    /// item.
    pub(crate) fn say_as(
        &mut self,
        what: &'static str,
        member: &'static str,
        value: impl Into<Cell>,
    ) {
        self.0.push((what, member, value.into()));
    }

    pub(crate) fn print(&self, format: Format) -> Result {
        if format.json {
            return print_json(self, true);
        }
        let mut rows = Vec::new();
        for (what, _, value) in &self.0 {
            match value {
                Cell::List(items) => {
                    rows.extend(items.iter().map(|item| vec![(*what).to_owned(), item.text()]));
                }
                value => rows.push(vec![(*what).to_owned(), value.text()]),
            }
        }
        print_rows(&["What", "Value"], &rows, format, "")
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<String> =
            self.0.iter().map(|(_, member, _)| member.replace(' ', "_")).collect();
        let values = self.0.iter().map(|(_, _, value)| value);
        Members(names.iter().map(String::as_str).zip(values).collect()).serialize(serializer)
    }
}

fn print_rows(columns: &[&str], rows: &Vec<Vec<String>>, format: Format, empty: &str) -> Result {
    let mut out = Stdout;
    if format.csv {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns).map_err(io::Error::from)?;
        for row in rows {
            writer.write_record(row).map_err(io::Error::from)?;
        }
        writer.flush()?;
    } else if !io::stdout().is_terminal() {
        // tabs and line ends of a value would look like cells and rows
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| printable(cell)).collect();
            writeln!(out, "{}", cells.join("\t"))?;
        }
    } else if rows.is_empty() {
        eprintln!("{empty}");
    } else {
        write!(out, "{}", grid::drawn(columns, rows, grid::width()))?;
    }
    Ok(())
}

/// Standard output. It notes when nobody reads it any more: errors of writers say that in many ways,
/// and some not at all.
#[derive(Debug)]
pub(crate) struct Stdout;

static UNREAD: AtomicBool = AtomicBool::new(false);

impl Stdout {
    /// Whether a reader has seen enough: `mstr users | head` is no failure.
    pub(crate) fn is_unread() -> bool {
        UNREAD.load(Ordering::Relaxed)
    }

    fn noted<T>(result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                UNREAD.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::noted(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::noted(io::stdout().flush())
    }
}

/// One line on standard output.
pub(crate) fn print_line(line: &str) -> Result {
    writeln!(Stdout, "{line}")?;
    Ok(())
}

/// A text of the server on standard output: as it is in a pipe; on a terminal without characters
/// that control it.
pub(crate) fn print_text(text: &str) -> Result {
    if io::stdout().is_terminal() {
        return print_line(&escaped(
            text,
            |c| matches!(c, '\n' | '\t'),
            |c| c.escape_default().to_string(),
        ));
    }
    print_line(text)
}

/// A JSON value; indented for people, and on one line in a pipe where it is not asked for.
pub(crate) fn print_json(value: &impl Serialize, indented: bool) -> Result {
    let terminal = io::stdout().is_terminal();
    let text = if indented || terminal {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    let mut text = text.map_err(io::Error::from)?;
    if terminal {
        // JSON escapes some of them by itself
        text = escaped(&text, |c| c == '\n', |c| format!("\\u{:04x}", u32::from(c)));
    }
    print_line(&text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn json_has_types_and_the_order_of_the_columns() {
        let mut table = Table::new(&["Id", "Full name", "Enabled", "Age", "Since"]);
        table.row(["1".into(), "x\ny".into(), false.into(), 7_u64.into(), Cell::Null]);
        assert_eq!(
            serde_json::to_string(&table).unwrap(),
            r#"[{"id":"1","full_name":"x\ny","enabled":false,"age":7,"since":null}]"#
        );
    }

    #[test]
    fn a_record_is_an_object() {
        let mut record = Record::default();
        record.say("logged in", "b");
        record.say_as("access", "acl", Cell::List(vec!["x".into(), "y".into()]));
        assert_eq!(serde_json::to_string(&record).unwrap(), r#"{"logged_in":"b","acl":["x","y"]}"#);
    }
}
