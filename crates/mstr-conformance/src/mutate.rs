//! Checks the runner: each expectation of each passing case is changed a little, one at a time,
//! and the case must fail then.
//!
//! A text gets a suffix, a number is one more, a truth value flips, `null` becomes a text. A list
//! that is compared whole loses an entry, an empty one gets one. What must be absent becomes
//! something that is there, a least count more than came, and a result that says nothing an error.

use serde_json::{Value, json};

use crate::check;
use crate::drive::Observation;
use crate::pool::Ran;

/// Changes that the runner does not notice, and why it need not. The end of a path, with what
/// stood there before (its beginning).
const ALLOWED: &[(&str, &str, &str)] = &[
    (".client_closed", "", "conventions: ignore this member"),
    (".error.message", "\"N/A:", "conventions: local messages are not compared word by word"),
    (
        ".error.message",
        "\"Pass either",
        "conventions: local messages are not compared word by word (PROJ-07 lacks the N/A)",
    ),
    (".log_absent", "[\"secret\"]", "LOG-03: refused before anything is logged"),
];

/// Lists that are compared whole; of the others each entry counts alone.
const WHOLE: &[&str] = &["requests", "results", "list", "sleeps", "value", "backend_calls"];

/// Entries of these must not be there.
const NEGATIVE: &[&str] = &["absent", "log_absent"];

struct Mutant {
    path: String,
    before: Value,
    then: Value,
}

/// Prints the survivors; whether there is none without a reason.
pub(crate) fn report(ran: &[Ran]) -> bool {
    let (mut tried, mut allowed, mut survivors) = (0, 0, 0);
    let passed = ran.iter().filter(|ran| ran.differences.is_empty());
    for (id, (then, seen)) in passed.filter_map(|ran| Some((&ran.id, ran.seen.as_ref()?))) {
        for mutant in mutants(then, seen) {
            tried += 1;
            if !check::differences(&mutant.then, seen).is_empty() {
                continue;
            }
            let before = mutant.before.to_string();
            let reason = ALLOWED
                .iter()
                .find(|(end, start, _)| mutant.path.ends_with(end) && before.starts_with(start));
            match reason {
                Some(_) => allowed += 1,
                None => {
                    survivors += 1;
                    println!("SURVIVED {id} {}: {before}", mutant.path);
                }
            }
        }
    }
    for (end, _, reason) in ALLOWED {
        println!("allowed: {end}: {reason}");
    }
    println!("{tried} mutants, {allowed} survivors with a reason, {survivors} without");
    // no mutant is no check
    survivors == 0 && tried > 0
}

fn mutants(then: &Value, seen: &Observation) -> Vec<Mutant> {
    let mut changes = Vec::new();
    collect(then, "", "", seen, &mut changes);
    let apply = |(pointer, new): (String, Value)| {
        let mut then = then.clone();
        let place = then.pointer_mut(&pointer)?;
        let before = std::mem::replace(place, new);
        let path = pointer.replace('/', ".").replace('~', "");
        Some(Mutant { path, before, then })
    };
    changes.into_iter().filter_map(apply).collect()
}

/// Pointers into `then`, with what to put there.
fn collect(
    value: &Value,
    name: &str,
    at: &str,
    seen: &Observation,
    changes: &mut Vec<(String, Value)>,
) {
    let mut change = |new: Value| changes.push((at.to_owned(), new));
    match value {
        Value::Null => change(json!("~")),
        Value::Bool(yes) => change(json!(!yes)),
        Value::Number(number) if at.starts_with("/request_counts_min/") => {
            change(json!(number.as_u64().unwrap_or_default() + 100_000));
        }
        Value::Number(number) => match number.as_i64() {
            Some(number) => change(json!(number + 1)),
            None => change(json!(number.as_f64().unwrap_or_default() + 1.0)),
        },
        Value::String(text) => change(json!(format!("{text}~"))),
        Value::Array(list) if NEGATIVE.contains(&name) => {
            // whatever the entries are: one that is there
            change(Value::Array(vec![there(name, at, seen); list.len().max(1)]));
            return;
        }
        Value::Array(list) if WHOLE.contains(&name) || at.contains("/header_values/") => {
            if list.is_empty() {
                change(json!([{}]));
            }
            for dropped in 0..list.len() {
                let mut fewer = list.clone();
                fewer.remove(dropped);
                change(Value::Array(fewer));
            }
        }
        Value::Object(members) if members.is_empty() && at.starts_with("/results/") => {
            change(json!({"error": {}}));
        }
        Value::Array(_) | Value::Object(_) => {}
    }
    // a whole value was changed above as one
    let entries: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, v)| (name.replace('~', "~0").replace('/', "~1"), v))
            .collect(),
        _ => return,
    };
    let is_list = value.is_array();
    for (key, entry) in entries {
        let below = if is_list { "" } else { key.as_str() };
        collect(entry, below, &format!("{at}/{key}"), seen, changes);
    }
}

/// Something that came, of the sort that this list forbids.
fn there(list: &str, at: &str, seen: &Observation) -> Value {
    if list == "log_absent" {
        return json!(seen.log.events.first().map_or("", |entry| entry.message.as_str()));
    }
    let request =
        at.split('/').nth(2).and_then(|number| seen.requests.get(number.parse::<usize>().ok()?));
    match request.filter(|_| at.starts_with("/requests/")) {
        Some(request) => json!(request.headers.first().map_or("", |(name, _)| name.as_str())),
        // of an error: any text is in it
        None => json!(""),
    }
}
