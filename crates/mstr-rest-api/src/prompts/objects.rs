//! Objects that prompts offer, and their types.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::{ObjectType, lenient};

/// The type of an object that a prompt offers: a number (12 is an attribute, 4 a metric) or a name
/// (`attribute`, `metric`, `HIERARCHY`, `DIMENSION`). The vendor documents both; an answer has the
/// one that the server gave.
///
/// ```
/// use mstr_rest_api::{ObjectType, PromptObjectType};
///
/// assert_eq!(PromptObjectType::from("metric").object_type(), Some(ObjectType::Metric));
/// assert_eq!(PromptObjectType::from(4).object_type(), Some(ObjectType::Metric));
/// assert_eq!(PromptObjectType::from(ObjectType::Metric), PromptObjectType::Number(4));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PromptObjectType {
    /// As the server numbers it.
    Number(i64),
    /// As the server names it.
    Name(String),
}

impl PromptObjectType {
    /// The type in the server's numbering. `None` for a name that has no number.
    pub fn object_type(&self) -> Option<ObjectType> {
        match self {
            Self::Number(number) => u32::try_from(*number).ok().map(ObjectType::from),
            Self::Name(name) if name.eq_ignore_ascii_case("dimension") => {
                Some(ObjectType::Hierarchy)
            }
            Self::Name(name) => name.to_ascii_lowercase().parse().ok(),
        }
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for PromptObjectType {
            fn from(number: $number) -> Self {
                Self::Number(number.into())
            }
        }
    )*};
}
numbers!(i32, u32, i64);

impl From<ObjectType> for PromptObjectType {
    fn from(kind: ObjectType) -> Self {
        Self::Number(kind.number().into())
    }
}

impl From<&str> for PromptObjectType {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for PromptObjectType {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl Serialize for PromptObjectType {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(to),
            Self::Name(name) => name.serialize(to),
        }
    }
}

/// An object that a prompt offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptObject {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type. `None` if the server does not say.
    pub kind: Option<PromptObjectType>,
}

impl<I: Into<String>, K: Into<PromptObjectType>> From<(I, K)> for PromptObject {
    fn from((id, kind): (I, K)) -> Self {
        Self { id: id.into(), name: String::new(), kind: Some(kind.into()) }
    }
}

impl From<&Self> for PromptObject {
    fn from(object: &Self) -> Self {
        object.clone()
    }
}

impl PromptObject {
    /// As an answer has it. A type that is not known is left out.
    pub(super) fn answer(&self) -> Value {
        match &self.kind {
            Some(kind) => json!({ "id": self.id, "type": kind }),
            None => json!({ "id": self.id }),
        }
    }
}

impl<'de> Deserialize<'de> for PromptObject {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wire {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
            #[serde(deserialize_with = "lenient::text")]
            name: String,
            #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
            kind: Option<String>,
        }
        let Wire { id, name, kind } = Wire::deserialize(from)?;
        let kind = kind.filter(|kind| !kind.trim().is_empty());
        let kind = kind.map(|kind| match kind.trim().parse() {
            Ok(number) => PromptObjectType::Number(number),
            Err(_) => PromptObjectType::Name(kind),
        });
        Ok(Self { id, name, kind })
    }
}
