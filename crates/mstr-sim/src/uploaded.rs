//! Types of uploaded columns, and whether a value is of one. What a real server does with a value
//! that is not, no source says: here the part is refused.

use serde_json::Value as Json;

/// The types of the vendor's documentation, and `BOOLEAN`, which its client sends.
const TYPES: [&str; 10] = [
    "STRING",
    "INTEGER",
    "BIGINTEGER",
    "DOUBLE",
    "BIGDECIMAL",
    "BOOL",
    "BOOLEAN",
    "DATE",
    "TIME",
    "DATETIME",
];

pub(crate) fn is_type(name: &str) -> bool {
    TYPES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Null is of every type. Numbers may come as text; dates and times are ISO 8601 (documented).
pub(crate) fn fits(kind: &str, value: &Json) -> bool {
    let text = || value.as_str().unwrap_or_default();
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if value.is_null() {
        true
    } else if value.is_array() || value.is_object() {
        false
    } else if is("INTEGER") {
        let number = value.as_i64().or_else(|| text().parse().ok());
        number.is_some_and(|number| i32::try_from(number).is_ok())
    } else if is("BIGINTEGER") {
        value.is_i64() || text().parse::<i64>().is_ok()
    } else if is("DOUBLE") || is("BIGDECIMAL") {
        value.is_number() || text().parse::<f64>().is_ok_and(f64::is_finite)
    } else if is("BOOL") || is("BOOLEAN") {
        value.is_boolean()
    } else if is("DATE") {
        is_date(text())
    } else if is("TIME") {
        is_time(text())
    } else if is("DATETIME") {
        let text = text();
        let split = text.split_once('T').or_else(|| text.split_once(' '));
        split.is_some_and(|(date, time)| is_date(date) && is_time(time))
    } else {
        true
    }
}

/// Digits of so many places, within bounds.
fn within(text: &str, places: usize, least: u32, most: u32) -> bool {
    let digits = text.len() == places && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && text.parse().is_ok_and(|number: u32| (least..=most).contains(&number))
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut next = || parts.next().unwrap_or_default();
    let fits = within(next(), 4, 0, 9999) && within(next(), 2, 1, 12) && within(next(), 2, 1, 31);
    fits && parts.next().is_none()
}

fn is_time(text: &str) -> bool {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = text.split(':');
    let mut next = || parts.next().unwrap_or_default();
    let fits = within(next(), 2, 0, 23) && within(next(), 2, 0, 59) && within(next(), 2, 0, 59);
    let fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    fits && parts.next().is_none() && fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_of_their_types() {
        for (kind, fitting, others) in [
            ("STRING", vec![json!("a"), json!(1)], vec![json!([1])]),
            ("INTEGER", vec![json!(-5), json!("7")], vec![json!(1.5), json!(3_000_000_000_u64)]),
            ("BIGINTEGER", vec![json!(3_000_000_000_u64)], vec![json!(u64::MAX), json!("1.0")]),
            ("DOUBLE", vec![json!(1.5), json!("2")], vec![json!("NaN"), json!(true)]),
            ("BIGDECIMAL", vec![json!("123456789012345678901.5")], vec![json!("1,5")]),
            ("BOOL", vec![json!(true)], vec![json!("true"), json!(1)]),
            ("Date", vec![json!("2024-02-29")], vec![json!("2/29/2024"), json!("+12024-01-01")]),
            ("TIME", vec![json!("23:59:59.001")], vec![json!("24:00:00"), json!("1:00:00")]),
            (
                "DATETIME",
                vec![json!("2024-01-31T12:00:00.000Z"), json!("2024-01-31 12:00:00")],
                vec![json!("2024-01-31"), json!("2024-01-31T12:00:00.")],
            ),
        ] {
            assert!(is_type(kind), "{kind}");
            assert!(fits(kind, &Json::Null));
            assert!(fitting.iter().all(|value| fits(kind, value)), "{kind} {fitting:?}");
            assert!(others.iter().all(|value| !fits(kind, value)), "{kind} {others:?}");
        }
        assert!(!is_type("MONEY"));
    }
}
