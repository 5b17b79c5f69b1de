//! Prompts: what a report or a document asks before it has data, and the answers.

mod answer;
mod answers;
mod asking;
mod documents;
mod named;
mod objects;
mod offered;
mod reports;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use answer::{Answer, Level};
pub use answers::Answers;
pub use named::NamedAnswers;
pub use objects::{PromptObject, PromptObjectType};

use crate::lenient;

/// What a prompt asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PromptKind {
    /// A value: text, number, date.
    Value,
    /// Elements of an attribute.
    Elements,
    /// Objects.
    Objects,
    /// A condition.
    Expression,
    /// A level of aggregation.
    Level,
    /// Something that the server or this version cannot ask for.
    #[default]
    Unsupported,
}

impl PromptKind {
    /// As the server writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "VALUE",
            Self::Elements => "ELEMENTS",
            Self::Objects => "OBJECTS",
            Self::Expression => "EXPRESSION",
            Self::Level => "LEVEL",
            Self::Unsupported => "UNSUPPORTED",
        }
    }

    /// The answer that it wants, in words.
    fn wants(self) -> &'static str {
        match self {
            Self::Value => "a value",
            Self::Elements => "an element",
            Self::Objects => "an object",
            Self::Expression => "a condition",
            Self::Level => "a level",
            Self::Unsupported => "something that this version does not know",
        }
    }
}

impl<'de> Deserialize<'de> for PromptKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = lenient::text(from)?;
        let known = [Self::Value, Self::Elements, Self::Objects, Self::Expression, Self::Level];
        let found = known.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&text));
        Ok(found.unwrap_or_default())
    }
}

/// A prompt of a report, a document or a dashboard (vendor documentation).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Prompt {
    /// Its key in this execution, `W34..@0@10`. Only the key is unique: the same prompt can be
    /// there several times.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its id. Some prompts have a key alone.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// The question.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub title: Option<String>,
    /// What it asks for.
    #[serde(rename = "type")]
    pub kind: PromptKind,
    /// Whether it must be answered. Others are closed by an empty answer.
    #[serde(deserialize_with = "lenient::boolean")]
    pub required: Option<bool>,
    /// Whether it was answered.
    #[serde(deserialize_with = "lenient::boolean")]
    pub closed: Option<bool>,
    /// The attribute whose elements are asked for, of a prompt for elements.
    pub source: Option<PromptObject>,
    /// Its default answer, as the server describes it. `None` also for an empty one, `[]` say: the
    /// server fails with `ERR006` when a default is to be used that is empty.
    #[serde(deserialize_with = "default_answer")]
    pub default_answer: Option<Value>,
}

impl Prompt {
    /// How errors name it: the name, or else the title, and the key.
    fn label(&self) -> String {
        let title = self.title.as_deref().unwrap_or_default();
        let name = if self.name.is_empty() { title } else { &self.name };
        let key = if self.key.is_empty() { &self.id } else { &self.key };
        format!("{name:?} ({key})")
    }
}

/// What is empty is no default answer.
fn default_answer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    fn is_empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(values) => values.iter().all(is_empty),
            Value::Object(members) => members.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        }
    }
    Ok(Option::<Value>::deserialize(from)?.filter(|value| !is_empty(value)))
}
