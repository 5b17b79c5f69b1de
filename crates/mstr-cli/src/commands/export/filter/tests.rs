//! Conditions of `--filter` and `--metric-limit`, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test")]

use mstr_rest::api::expression::Expression;

use super::*;

fn definition() -> Definition {
    let json = r#"{"name": "Sales", "definition": {"availableObjects": {
        "attributes": [
            {"id": "A1", "name": "Region", "forms": [
                {"id": "F1", "name": "ID", "dataType": "integer"},
                {"id": "F2", "name": "DESC", "dataType": "nVarChar"}]},
            {"id": "A2", "name": "Day", "forms": [{"id": "F3", "name": "ID", "dataType": "date"}]},
            {"id": "A3", "name": "a = b", "forms": [{"id": "F4", "name": "ID > 5"}]},
            {"id": "A4", "name": "Größe", "forms": [{"id": "F5", "name": "ID"}]}],
        "metrics": [
            {"id": "M1", "name": "Revenue ($)", "dataType": "double"},
            {"id": "M2", "name": "Revenue", "dataType": "double"},
            {"id": "M3", "name": "Cost > 10", "dataType": "integer"},
            {"id": "M4", "name": "Units", "dataType": "integer"}]}}}"#;
    serde_json::from_str(json).unwrap()
}

fn read(text: &str) -> Result<Expression> {
    Ok(expression(&definition(), &[parse(text)?])?.unwrap())
}

#[test]
fn conditions() {
    let region = || attribute("A1").form("F2");
    let (dollars, revenue) = (|| metric("M1"), || metric("M2"));
    for (text, expected) in [
        ("Region = North", region().equals("North")),
        ("region=North", region().equals("North")),
        ("Region == North", region().equals("North")),
        ("Region <> North", region().not_equals("North")),
        ("Region != ", region().not_equals("")),
        ("Region ~ 'a = b'", region().contains("a = b")),
        ("Region ^= \"St. \"", region().begins_with("St. ")),
        ("Region $= x", region().ends_with("x")),
        ("Region = '= x'", region().equals("= x")),
        ("Region = Tom and Jerry", region().equals("Tom and Jerry")),
        ("Region is null", region().is_null()),
        ("[Region]@DESC IS NOT NULL ", region().is_not_null()),
        ("A1@F2 = x", region().equals("x")),
        ("Region@ID >= 7", attribute("A1").form("F1").greater_or_equal(7)),
        ("Größe < 5", attribute("A4").form("F5").less_than(decimal("5"))),
        // names with signs in them: the longest one counts
        ("Revenue ($) > 10", dollars().greater_than(10.0)),
        ("Revenue ($)>=10", dollars().greater_or_equal(10.0)),
        ("Revenue > 10", revenue().greater_than(10.0)),
        ("Cost > 10 > 5", metric("M3").greater_than(5)),
        ("Cost > 10 is null", metric("M3").is_null()),
        ("a = b = c", attribute("A3").form("F4").equals("c")),
        ("a = b@ID > 5 = c", attribute("A3").form("F4").equals("c")),
        ("'Revenue ($)' <= 5", dollars().less_or_equal(5.0)),
        ("\"a = b\"@\"ID > 5\" = x", attribute("A3").form("F4").equals("x")),
        ("[Cost > 10] != 3", metric("M3").not_equals(3)),
    ] {
        assert_eq!(json(&read(text).unwrap()), json(&expected), "{text}");
    }
}

fn decimal(value: &str) -> Constant {
    Constant::typed(ConstantType::BigDecimal, value)
}

/// As it is sent: constants do not say whether their type was said.
fn json(expression: &Expression) -> String {
    serde_json::to_string(expression).unwrap()
}

#[test]
fn types_are_those_that_are_documented() {
    for (text, kind) in [
        ("Revenue > 10", "Real"),
        ("Revenue > 123456789.5", "BigDecimal"),
        ("Units > 10", "Int64"),
        ("Region@ID = 10", "Real"),
        ("Region = 10", "Char"),
        ("Day > 1/31/2024", "Date"),
        ("Größe > 10", "BigDecimal"),
        ("Größe > ten", "Char"),
    ] {
        let sent = json(&read(text).unwrap());
        assert!(sent.contains(&format!("\"dataType\":\"{kind}\"")), "{text}: {sent}");
    }
}

#[test]
fn what_is_no_condition_is_refused() {
    for text in ["", "Region", "= North", "a ! b", " is null", "a ^ b"] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in [
        "Region => North",
        "Region =< North",
        "Region =~ North",
        "Region === North",
        "Region = North and Revenue > 5",
        "Revenue > 5 or Region = x",
        "Revenue > much",
        "Profit > 5",
        "Region@LAST = x",
        "Revenue ~ 5",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn any_text_is_read_or_refused() {
    for text in ["İ is null", "ß IS NULL", "\u{212A} is not null", "é=", "~é", "'é", "[é]@'ß=ß"]
    {
        let _ = read(text);
    }
}

#[test]
fn limits_are_about_metrics() {
    let (id, limit) = metric_limit("Revenue ($) >= 10", &definition()).unwrap();
    assert_eq!((id.as_str(), json(&limit)), ("M1", json(&metric("M1").greater_or_equal(10.0))));
    for text in ["Region = North", "Revenue ^= 5", "Revenue"] {
        assert!(metric_limit(text, &definition()).is_err(), "{text}");
    }
}
