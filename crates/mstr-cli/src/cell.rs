//! The values of lists: with their types for JSON, and as text for people.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Not known, or not there: an empty text, `null` in JSON.
    Null,
    Text(String),
    /// A whole number.
    Number(i64),
    /// A number with a fraction.
    Float(f64),
    Bool(bool),
    /// `*` or nothing; `true` or `false` in JSON.
    Mark(bool),
    /// ISO 8601, in UTC, to the second.
    Time(SystemTime),
    List(Vec<Self>),
    /// An object in JSON; people see the text.
    Object(String, Vec<(&'static str, Self)>),
}

impl Cell {
    /// As people and spreadsheets have it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) | Self::Object(text, _) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
            Self::Mark(yes) => if *yes { "*" } else { "" }.to_owned(),
            Self::Time(time) => iso(*time).unwrap_or_default(),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(", "),
        }
    }
}

fn iso(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Bool(yes) | Self::Mark(yes) => serializer.serialize_bool(*yes),
            Self::Time(time) => iso(*time).serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(_, members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// The members of an object, in this order.
pub(crate) struct Members<'a>(pub(crate) Vec<(&'a str, &'a Cell)>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Self::Text(number.to_string()), Self::Number)
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<SystemTime> for Cell {
    fn from(time: SystemTime) -> Self {
        Self::Time(time)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_scripts() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_435_701_335_999);
        assert_eq!(Cell::from(time).text(), "2015-06-30T21:55:35Z");
        assert_eq!(Cell::from(None::<SystemTime>).text(), "");
    }
}
