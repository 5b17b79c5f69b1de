//! Decoding of members that come in several forms: the server is many versions.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Text; a number counts as its digits, everything else as nothing.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(optional_text(from)?.unwrap_or_default())
}

/// The same, with nothing as `None`.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    Ok(match from.deserialize_any(Scalar::Nothing)? {
        Scalar::Text(text) => Some(text),
        Scalar::Integer(number) => Some(number.to_string()),
        Scalar::Float(number) => Some(number.to_string()),
        Scalar::Boolean(_) | Scalar::Nothing => None,
    })
}

/// A whole number, also as text.
pub(crate) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match from.deserialize_any(Scalar::Nothing)? {
        Scalar::Integer(number) => i64::try_from(number).ok(),
        Scalar::Text(text) => text.trim().parse().ok(),
        Scalar::Float(_) | Scalar::Boolean(_) | Scalar::Nothing => None,
    })
}

/// A count; a negative number, with which servers say that they do not know, is none.
pub(crate) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(integer(from)?.and_then(|number| number.try_into().ok()))
}

/// A truth value, also as text in any letter case.
pub(crate) fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match from.deserialize_any(Scalar::Nothing)? {
        Scalar::Boolean(yes) => Some(yes),
        Scalar::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Scalar::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    })
}

/// A member that may be null: then it is what it would be if it were missing.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A list of texts; one text alone is a list of it, numbers count as their digits.
pub(crate) fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(Texts)
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Item(#[serde(deserialize_with = "text")] String);
        let mut texts = Vec::new();
        while let Some(Item(text)) = list.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// What a member holds; lists, objects and null count as nothing. As a visitor, where it starts.
enum Scalar {
    Text(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Nothing,
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Self, E> {
        Ok(Self::Boolean(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self, E> {
        Ok(Self::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self, E> {
        Ok(Self::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self, E> {
        Ok(Self::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self, E> {
        Ok(Self::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self, E> {
        Ok(Self::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Nothing)
    }
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

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Lists {
        #[serde(deserialize_with = "texts")]
        texts: Vec<String>,
        #[serde(deserialize_with = "or_default")]
        numbers: Vec<i32>,
    }

    #[test]
    fn lists_may_be_null_and_texts_alone() {
        let decode = |json: &str| serde_json::from_str::<Lists>(json).unwrap();
        assert_eq!(decode(r#"{"texts":null,"numbers":null}"#), Lists::default());
        let mixed = decode(r#"{"texts":["a",5,null],"numbers":[1]}"#);
        assert_eq!(
            (mixed.texts, mixed.numbers),
            (vec!["a".into(), "5".into(), String::new()], vec![1])
        );
        assert_eq!(decode(r#"{"texts":"a"}"#).texts, ["a"]);
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
        let big = decode(r#"{"text":1.5,"integer":18446744073709551615,"optional":{"a":[{}]}}"#);
        assert_eq!((big.text.as_str(), big.integer, big.optional), ("1.5", None, None));
    }
}
