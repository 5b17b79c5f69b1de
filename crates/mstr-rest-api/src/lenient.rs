//! Decoding of members that come in several forms: the server is many versions.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Text; a number counts as its digits, everything else as nothing.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(optional_text(from)?.unwrap_or_default())
}

/// The same, with nothing as `None`.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A whole number, also as text.
pub(crate) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A truth value, also as text in any letter case.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(yes) => Some(yes),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Forms {
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "optional_text")]
        optional: Option<String>,
        #[serde(deserialize_with = "integer")]
        integer: Option<i64>,
        #[serde(deserialize_with = "boolean")]
        boolean: Option<bool>,
    }

    #[test]
    fn all_forms_are_taken() {
        let decode = |json: &str| serde_json::from_str::<Forms>(json).unwrap();
        assert_eq!(decode("{}"), Forms::default());
        let plain = decode(r#"{"text":"a","optional":"b","integer":7,"boolean":true}"#);
        assert_eq!(plain.optional.as_deref(), Some("b"));
        assert_eq!((plain.integer, plain.boolean), (Some(7), Some(true)));
        let other = decode(r#"{"text":5,"optional":6,"integer":" 7 ","boolean":"True"}"#);
        assert_eq!((other.text.as_str(), other.optional.as_deref()), ("5", Some("6")));
        assert_eq!((other.integer, other.boolean), (Some(7), Some(true)));
        let odd = r#"{"text":null,"optional":[],"integer":{},"boolean":"maybe","more":1}"#;
        assert_eq!(decode(odd), Forms::default());
    }
}
