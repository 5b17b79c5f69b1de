//! Finds the path of the member of a reply that could not be decoded.
//!
//! `serde_path_to_error` around the type of the caller would compile the deserializer of each type
//! twice, which is nearly half of the code of a crate of models. So this module truncates the body
//! at the line and column that `serde_json` reports, and follows a `Value` (compiled once) to that
//! place.

use serde_json::Value;
use serde_path_to_error::Segment;

/// The path of the whole reply.
const ROOT: &str = ".";

/// The path of the value of `body` that does not fit, for example `result.rows[3].id`.
pub(crate) fn path(body: &[u8], error: &serde_json::Error) -> String {
    let truncated = truncated(body, offset(body, error));
    let mut json = serde_json::Deserializer::from_slice(&truncated);
    let Err(error) = serde_path_to_error::deserialize::<_, Value>(&mut json) else {
        return ROOT.to_owned();
    };
    let path = error.path().to_string();
    // the error is between two members: return the path of their object
    if let Some(Segment::Unknown) = error.path().iter().next_back() {
        let object = path.strip_suffix('?').unwrap_or(&path);
        return object.strip_suffix('.').unwrap_or(ROOT).to_owned();
    }
    path
}

/// The number of bytes that were read when the error occurred.
fn offset(body: &[u8], error: &serde_json::Error) -> usize {
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    body.len().min(before + error.column())
}

/// The body up to `at`, truncated inside the value that does not fit.
fn truncated(body: &[u8], at: usize) -> Vec<u8> {
    let (before, after) = body.split_at(at);
    if let Some(b'[' | b'{') = after.first() {
        // an unexpected array or object: put an unfinished string in its place
        return [before, b"\""].concat();
    }
    match before.split_last() {
        // a string, or a complete array or object that lacks a member
        Some((b'"' | b'}' | b']', inside)) => inside.to_vec(),
        _ => {
            // `true`, `null` or a number: a part of it may be valid, so replace it
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let begin = before.iter().rposition(|byte| !word(byte)).map_or(0, |last| last + 1);
            [&before[..begin], b"\""].concat()
        }
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "only the decode errors of these models are checked")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Report {
        id: String,
        rows: Option<Vec<Row>>,
        #[serde(default)]
        by_name: BTreeMap<String, Row>,
        size: (u8, i64),
        page: Page,
    }

    #[derive(Debug, Deserialize)]
    struct Page {
        total: u32,
        #[serde(flatten)]
        rest: BTreeMap<String, Either>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Texts(Vec<String>),
    }

    #[derive(Debug, Deserialize)]
    struct Row {
        ok: bool,
        #[serde(default)]
        value: f64,
        kind: Kind,
        inner: Option<Box<Self>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Metric,
        Form(String),
        Pair { left: u8, right: Vec<i8> },
    }

    /// The path that `serde_path_to_error` finds with the type, and the path that this module
    /// finds.
    fn both<T: DeserializeOwned>(body: &[u8]) -> Option<(String, String)> {
        let error = serde_json::from_slice::<T>(body).err()?;
        let mut json = serde_json::Deserializer::from_slice(body);
        let expected = serde_path_to_error::deserialize::<_, T>(&mut json).err()?;
        error.is_data().then(|| (expected.path().to_string(), path(body, &error)))
    }

    fn row(kind: &Value, inner: &Value) -> Value {
        json!({"ok": true, "value": -1.5e3, "kind": kind, "inner": inner})
    }

    fn report() -> Value {
        let pair = json!({"pair": {"left": 7, "right": [1, -2]}});
        let inner = row(&json!({"form": "a \"quoted\\\" [text] {here}"}), &Value::Null);
        json!({
            "id": "line\nbreak \u{1F600}",
            "rows": [row(&json!("metric"), &inner), row(&pair, &inner)],
            "by_name": {"a b": row(&pair, &Value::Null), "": row(&json!("metric"), &Value::Null)},
            "size": [3, -4],
            "page": {"total": 9, "left": 7, "names": ["a", "b"]},
        })
    }

    fn places(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    places(item, &format!("{at}/{index}"), all);
                }
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, item)| places(item, &format!("{at}/{name}"), all));
            }
            _ => {}
        }
    }

    #[test]
    fn paths_equal_those_of_serde_path_to_error() {
        let good = report();
        assert!(serde_json::from_value::<Report>(good.clone()).is_ok());
        let mut all = Vec::new();
        places(&good, "", &mut all);
        let others = [
            json!(null),
            json!(true),
            json!(false),
            json!(300),
            json!(-129),
            json!(0.25),
            json!("no ]}\\\""),
            json!([]),
            json!({}),
            json!([[1], {}]),
            json!({"x": [1]}),
        ];
        let mut wrong = 0;
        for place in all {
            let mut bad: Vec<Value> = Vec::new();
            for other in &others {
                let mut changed = good.clone();
                *changed.pointer_mut(&place).unwrap() = other.clone();
                bad.push(changed);
            }
            if let Some((parent, name)) = place.rsplit_once('/') {
                let mut less = good.clone();
                match less.pointer_mut(parent).unwrap() {
                    Value::Object(members) => drop(members.remove(name)),
                    Value::Array(items) => drop(items.remove(name.parse().unwrap())),
                    _ => unreachable!(),
                }
                bad.push(less);
            }
            for changed in bad {
                for body in [changed.to_string(), format!("{changed:#}"), format!(" \n{changed}\n")]
                {
                    if let Some((expected, found)) = both::<Report>(body.as_bytes()) {
                        assert_eq!(found, expected, "{body}");
                        wrong += 1;
                    }
                }
            }
        }
        assert!(wrong > 500, "most changes do not fit: {wrong}");
    }

    proptest! {
        #[test]
        fn finding_a_path_never_panics(body: Vec<u8>, text in "[\\[\\]{}\",:0-9a-z \n]{0,60}") {
            for body in [&body[..], text.as_bytes()] {
                if let Err(error) = serde_json::from_slice::<Report>(body) {
                    path(body, &error);
                }
                both::<Vec<Row>>(body);
            }
        }
    }
}
