//! Areas whose crate does not exist yet: their cases are counted apart. The change that adds the
//! crate removes the entry.

use serde_json::Value;

/// An area, and what is in its cases only: a step, a kind of provider (its beginning), a member.
const PENDING: &[(&str, &[&str])] = &[];

/// The area that a case waits for.
pub(crate) fn area(case: &Value) -> Option<&'static str> {
    let used = |words: &[&str]| uses(&case["given"], words) || uses(&case["when"], words);
    PENDING.iter().find(|(_, words)| used(words)).map(|(area, _)| *area)
}

fn uses(value: &Value, words: &[&str]) -> bool {
    let is = |text: &str| {
        words.iter().any(|word| text == *word || (word.ends_with('_') && text.starts_with(word)))
    };
    match value {
        Value::Array(list) => list.iter().any(|value| uses(value, words)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let named = matches!(name.as_str(), "do" | "kind") && value.as_str().is_some_and(is);
            named || is(name) || uses(value, words)
        }),
        _ => false,
    }
}
