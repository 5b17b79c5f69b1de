//! JSON fields: what is read, and that nothing of it shows in errors.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use mstr_credentials::SecretValue;
use proptest::prelude::*;

fn field(value: impl Into<SecretValue>) -> Result<String, String> {
    match value.into().field("vault secret s", "k") {
        Ok(secret) => Ok(secret.expose_secret().to_owned()),
        Err(error) => {
            assert!(!error.is_missing());
            assert!(std::error::Error::source(&error).is_none(), "{error:?}");
            Err(error.to_string())
        }
    }
}

#[test]
fn text_as_it_is() {
    for (json, expected) in [
        (r#"{"k": "pw"}"#, "pw"),
        (r#"{"k": ""}"#, ""),
        (r#"{"k": " p w\n"}"#, " p w\n"),
        (r#"{"k": "\"\\\/\b\f\n\r\t"}"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#"{"k": "\u00e9\u20AC\ud83d\ude00\u0000"}"#, "é€😀\0"),
        (r#"{"k": "é😀 \\u0041"}"#, "é😀 \\u0041"),
        (" \n{\"other\": [1, {\"k\": \"inner\"}], \"k\": \"pw\"}\r\n", "pw"),
        (r#"{"\u006b": "escaped name"}"#, "escaped name"),
        (r#"{"k": 1, "k": "last"}"#, "last"),
    ] {
        assert_eq!(field(json).as_deref(), Ok(expected), "{json}");
    }
}

#[test]
fn numbers_digit_for_digit() {
    for number in [
        "0",
        "-0",
        "1.10",
        "42",
        "123456789012345678901234567890",
        "0.1000000000000000000000000000001",
        "1E5",
        "1e400",
        "-1.50e-10",
    ] {
        assert_eq!(field(format!("{{\"k\": {number} }}")).as_deref(), Ok(number));
    }
}

#[test]
fn what_cannot_be_used() {
    let kind = |kind: &str| {
        format!("vault secret s has {kind} as field \"k\", where text or a number is needed")
    };
    let not_json = "vault secret s is not JSON, so it has no field \"k\"".to_owned();
    let not_object = "vault secret s is not a JSON object, so it has no field \"k\"".to_owned();
    for (value, expected) in [
        ("{}", "vault secret s has no field \"k\"".to_owned()),
        (r#"{"K": "pw", "kk": "pw"}"#, "vault secret s has no field \"k\"".to_owned()),
        (r#"{"k": null}"#, kind("null")),
        (r#"{"k": true}"#, kind("a boolean")),
        (r#"{"k": false}"#, kind("a boolean")),
        (r#"{"k": ["pw"]}"#, kind("a list")),
        (r#"{"k": {"k": "pw"}}"#, kind("an object")),
        (r#"{"k": "\ud83d"}"#, kind("text with an escape that is no character")),
        (r#"{"k": "\ud83d\u0041"}"#, kind("text with an escape that is no character")),
        (r#"{"k": "\ude00\ud83d"}"#, kind("text with an escape that is no character")),
        (r#""k""#, not_object.clone()),
        (r#"["k"]"#, not_object.clone()),
        ("17", not_object.clone()),
        ("null", not_object),
        ("", not_json.clone()),
        ("my-plain-password", not_json.clone()),
        (r#"{"k": "pw"} x"#, not_json.clone()),
        (r#"{"k": "pw""#, not_json.clone()),
        (r#"{"k": 007}"#, not_json.clone()),
        (r#"{"k": NaN}"#, not_json.clone()),
        ("{'k': 'pw'}", not_json.clone()),
        ("{\"k\": \"\n\"}", not_json.clone()),
        ("\u{feff}{\"k\": \"pw\"}", not_json),
    ] {
        assert_eq!(field(value), Err(expected), "{value}");
    }
    assert_eq!(
        field(&b"{\"k\": \"\xff\"}"[..]),
        Err("vault secret s is not valid UTF-8".to_owned())
    );
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(field(format!(r#"{{"a": {deep}, "k": "pw"}}"#)).is_ok());
    assert!(field(deep).is_err());
}

#[test]
fn whole_values() {
    let text = |value: SecretValue| {
        value.text("vault secret s").map(|secret| secret.expose_secret().to_owned())
    };
    assert_eq!(text("raw \n".into()).unwrap(), "raw \n");
    assert_eq!(text(vec![0xc3, 0xa9].into()).unwrap(), "é");
    let empty = text("".into()).unwrap_err();
    assert!(empty.is_missing());
    assert_eq!(empty.to_string(), "vault secret s is empty");
    let bytes = text(vec![0xff, 0xfe, 0x00].into()).unwrap_err();
    assert!(!bytes.is_missing());
    assert_eq!(bytes.to_string(), "vault secret s is not valid UTF-8");
}

/// JSON-ish texts around a value.
fn shapes(inner: &str) -> impl Strategy<Value = String> + use<> {
    let quoted = serde_json::to_string(inner).unwrap();
    prop_oneof![
        Just(inner.to_owned()),
        Just(quoted.clone()),
        Just(format!("{{\"k\": [{quoted}]}}")),
        Just(format!("{{\"k\": {{\"x\": {quoted}}}}}")),
        Just(format!("{{\"other\": {quoted}}}")),
        Just(format!("{{{quoted}: 1}}")),
        Just(format!("{{\"k\": {quoted}")),
        Just(format!("{{\"k\": {inner}}}")),
        Just(format!("{{\"k\": {quoted}}} {inner}")),
        Just(format!("{{\"k\": \"{inner}\\ud800\"}}")),
        Just(format!("{{\"k\" {quoted}}}")),
    ]
}

proptest! {
    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        let _ = field(bytes);
    }

    #[test]
    fn anything_that_looks_like_an_object_never_panics(text in r#"\{"k": ?[\[\]{}"\\udDaA0-9+eE., k:-]*\}"#) {
        let ours = field(text.as_str());
        // the same as the parser everyone knows, but for numbers and broken surrogates
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(json) => match &json["k"] {
                serde_json::Value::String(text) => prop_assert_eq!(ours.as_ref(), Ok(text)),
                serde_json::Value::Number(_) => prop_assert!(ours.is_ok()),
                _ => prop_assert!(ours.is_err()),
            },
            Err(_) => prop_assert!(ours.is_err() || text.contains(['e', 'E']) || text.contains("\\u")),
        }
    }

    #[test]
    fn every_text_comes_through(text: String) {
        let plain = serde_json::json!({"a": 1, "k": &text}).to_string();
        prop_assert_eq!(field(plain), Ok(text.clone()));
        let mut escaped = "{\"k\": \"".to_owned();
        for unit in text.encode_utf16() {
            write!(escaped, "\\u{unit:04x}").unwrap();
        }
        escaped.push_str("\"}");
        prop_assert_eq!(field(escaped), Ok(text));
    }

    #[test]
    fn every_number_comes_through(
        number in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,6})?"
    ) {
        prop_assert_eq!(field(format!("{{\"k\":{number}}}")), Ok(number));
    }

    #[test]
    fn errors_never_hold_the_value(
        text in "CANARY[ -~]{0,20}".prop_flat_map(|text| shapes(&text))
    ) {
        if let Err(error) = field(text) {
            prop_assert!(!error.contains("CANARY"), "{}", error);
        }
    }
}
