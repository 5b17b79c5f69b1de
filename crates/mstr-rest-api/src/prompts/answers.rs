//! Answers to prompts.

use mstr_rest_core::{Error, ErrorKind, Result};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Prompt, PromptKind};
use crate::expression::Expression;

/// An answer to a prompt.
///
/// ```
/// use mstr_rest_api::{Answer, Answers};
///
/// let answers = Answers::new()
///     .by_key("W34A2E@0@10", Answer::value("2024-01-31"))
///     .by_id("8D679D5111D3E4981000E787EC6DE8A4", Answer::elements(["h4;8D67"]))
///     .by_name("Metrics", Answer::objects([("4C05177011D3E877C000B3B2D86C964F", 4)]))
///     .by_name("Region", Answer::use_default());
/// let sent = serde_json::to_value(&answers).unwrap();
/// assert_eq!(sent["prompts"][0]["type"], "VALUE");
/// assert_eq!(sent["prompts"][3]["useDefault"], true);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Answer(Given);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Values(Vec<String>),
    Elements(Vec<String>),
    Objects(Vec<(String, i64)>),
    Expression(Expression, Vec<String>),
    Level(Level),
    Default,
    Nothing,
}

impl Answer {
    /// A value, as text.
    pub fn value(value: impl Into<String>) -> Self {
        Self::values([value])
    }

    /// Several values.
    pub fn values<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        Self(Given::Values(values.into_iter().map(Into::into).collect()))
    }

    /// Elements of the attribute, by id: from
    /// [`Instance::prompt_elements`](crate::Instance::prompt_elements).
    pub fn elements<I: Into<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        Self(Given::Elements(ids.into_iter().map(Into::into).collect()))
    }

    /// Objects, by id and type as the server numbers it: from
    /// [`Instance::prompt_objects`](crate::Instance::prompt_objects).
    pub fn objects<I: Into<String>>(objects: impl IntoIterator<Item = (I, i64)>) -> Self {
        Self(Given::Objects(objects.into_iter().map(|(id, kind)| (id.into(), kind)).collect()))
    }

    /// A condition on attributes, forms or metrics: the format of view filters (vendor
    /// documentation). Checked before it is sent, as [`Expression::check`] does.
    pub fn expression(expression: Expression) -> Self {
        Self(Given::Expression(expression, Vec::new()))
    }

    /// A condition on metrics that are aggregated at the level of these attributes, by id.
    ///
    /// ```
    /// use mstr_rest_api::expression::metric;
    /// use mstr_rest_api::{Answer, Answers};
    ///
    /// let above = metric("4C05177011D3E877C000B3B2D86C964F").greater_than(10);
    /// let answer = Answer::expression_at(above, ["8D679D3C11D3E4981000E787EC6DE8A4"]);
    /// let sent = serde_json::to_value(Answers::new().by_key("7C6D@0@10", answer)).unwrap();
    /// let sent = &sent["prompts"][0]["answers"]["expression"];
    /// assert_eq!((&sent["level"]["type"], &sent["operator"]), (&"attribute".into(), &"Greater".into()));
    /// ```
    pub fn expression_at<I: Into<String>>(
        expression: Expression,
        attributes: impl IntoIterator<Item = I>,
    ) -> Self {
        Self(Given::Expression(expression, attributes.into_iter().map(Into::into).collect()))
    }

    /// A level of aggregation.
    pub fn level(level: Level) -> Self {
        Self(Given::Level(level))
    }

    /// The prompt's own default.
    pub fn use_default() -> Self {
        Self(Given::Default)
    }

    /// Nothing: closes a prompt that is not required.
    pub fn nothing() -> Self {
        Self(Given::Nothing)
    }

    /// What it is an answer to; `None` if to any.
    fn kind(&self) -> Option<PromptKind> {
        match self.0 {
            Given::Values(_) => Some(PromptKind::Value),
            Given::Elements(_) => Some(PromptKind::Elements),
            Given::Objects(_) => Some(PromptKind::Objects),
            Given::Expression(..) => Some(PromptKind::Expression),
            Given::Level(_) => Some(PromptKind::Level),
            Given::Default | Given::Nothing => None,
        }
    }

    /// Whether the server could take it.
    fn check(&self) -> Result<()> {
        let (ids, what) = match &self.0 {
            Given::Expression(expression, level) => {
                expression.check()?;
                (level, "the id of an attribute of an expression's level is empty")
            }
            Given::Level(level) if level.units.is_empty() => {
                return Err(Error::new(ErrorKind::InvalidRequest, "a level has no units"));
            }
            Given::Level(level) => (&level.units, "the id of a unit of a level is empty"),
            _ => return Ok(()),
        };
        if ids.iter().any(String::is_empty) {
            return Err(Error::new(ErrorKind::InvalidRequest, what));
        }
        Ok(())
    }
}

/// A level of aggregation, the answer to a prompt for one (vendor documentation): its units, which
/// are attributes and hierarchies from
/// [`Instance::prompt_objects`](crate::Instance::prompt_objects).
///
/// ```
/// use mstr_rest_api::{Answer, Answers, Level};
///
/// let level = Level::of(["8D679D3C11D3E4981000E787EC6DE8A4"]).filter_absent(false);
/// let sent = serde_json::to_value(Answers::new().by_id("753C", Answer::level(level))).unwrap();
/// assert_eq!(sent["prompts"][0]["type"], "LEVEL");
/// assert_eq!(sent["prompts"][0]["answers"]["filterRest"], false);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Level {
    units: Vec<String>,
    filter_absent: Option<bool>,
    extendable: Option<bool>,
}

impl Level {
    /// The level of these units, by id.
    pub fn of<I: Into<String>>(units: impl IntoIterator<Item = I>) -> Self {
        let units = units.into_iter().map(Into::into).collect();
        Self { units, filter_absent: None, extendable: None }
    }

    /// Filters attributes too that are absent from the report or the level: `filterRest`. Default:
    /// true.
    pub fn filter_absent(mut self, yes: bool) -> Self {
        self.filter_absent = Some(yes);
        self
    }

    /// Lets other users add units: `canContinue`. Default: true.
    pub fn extendable(mut self, yes: bool) -> Self {
        self.extendable = Some(yes);
        self
    }

    fn json(&self) -> Value {
        let units: Vec<_> = self.units.iter().map(|id| json!({ "id": id })).collect();
        let mut json = json!({ "units": units });
        for (name, said) in [("filterRest", self.filter_absent), ("canContinue", self.extendable)] {
            if let Some(said) = said {
                json[name] = json!(said);
            }
        }
        json
    }
}

/// Answers to prompts, each to the one with a key, an id or a name. The server looks for the key
/// first.
///
/// ```
/// use mstr_rest_api::{Answer, Answers};
///
/// let answers = Answers::new()
///     .by_name("Comment", Answer::value("from a script"))
///     .by_key("W34@0@10", Answer::elements(["h4;8D679D4B"]))
///     .by_id("B3F5A0C1", Answer::use_default());
/// # let _ = answers;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Answers(Vec<To>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct To {
    /// `key`, `id` or `name`.
    member: &'static str,
    prompt: String,
    kind: Option<PromptKind>,
    answer: Answer,
}

impl Answers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the prompt with that key.
    pub fn by_key(self, key: impl Into<String>, answer: Answer) -> Self {
        self.to("key", key.into(), answer)
    }

    /// Answers the prompt with that id.
    pub fn by_id(self, id: impl Into<String>, answer: Answer) -> Self {
        self.to("id", id.into(), answer)
    }

    /// Answers the prompt with that name.
    pub fn by_name(self, name: impl Into<String>, answer: Answer) -> Self {
        self.to("name", name.into(), answer)
    }

    fn to(mut self, member: &'static str, prompt: String, answer: Answer) -> Self {
        let kind = answer.kind();
        self.0.push(To { member, prompt, kind, answer });
        self
    }

    /// Answers a prompt that the server described.
    pub(super) fn with(mut self, prompt: &Prompt, answer: Option<Answer>) -> Result<Self> {
        let answer = match answer {
            Some(answer) => answer,
            None if prompt.required == Some(true) => {
                let message = format!("the prompt `{}` is required and has no answer", prompt.name);
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
            None => Answer::nothing(),
        };
        if let Some(kind) = answer.kind().filter(|kind| *kind != prompt.kind) {
            let message = format!(
                "the prompt `{}` asks for {}, and the answer is {}",
                prompt.name,
                prompt.kind.name(),
                kind.name(),
            );
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let members = [("key", &prompt.key), ("id", &prompt.id), ("name", &prompt.name)];
        let (member, named) = members
            .into_iter()
            .find(|(_, text)| !text.is_empty())
            .unwrap_or(("name", &prompt.name));
        let kind = Some(prompt.kind);
        self.0.push(To { member, prompt: named.clone(), kind, answer });
        Ok(self)
    }

    /// Whether the server could take them.
    pub(super) fn check(&self) -> Result<()> {
        let what = if self.0.is_empty() {
            "there are no answers"
        } else if self.0.iter().any(|to| to.prompt.is_empty()) {
            "the key, id or name of a prompt is empty"
        } else {
            return self.0.iter().try_for_each(|to| to.answer.check());
        };
        Err(Error::new(ErrorKind::InvalidRequest, what))
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let prompts: Vec<_> = self.0.iter().map(To::json).collect();
        json!({ "prompts": prompts }).serialize(to)
    }
}

impl To {
    fn json(&self) -> Value {
        let mut json = json!({ self.member: self.prompt });
        if let Some(kind) = self.kind {
            json["type"] = json!(kind.name());
        }
        let answers = match &self.answer.0 {
            Given::Default => {
                json["useDefault"] = json!(true);
                return json;
            }
            Given::Nothing => json!([]),
            Given::Values(values) => json!(values),
            Given::Elements(ids) => ids.iter().map(|id| json!({ "id": id })).collect(),
            Given::Objects(objects) => {
                objects.iter().map(|(id, kind)| json!({ "id": id, "type": kind })).collect()
            }
            Given::Level(level) => level.json(),
            // what check refuses is not sent
            Given::Expression(expression, level) => {
                let mut expression = serde_json::to_value(expression).unwrap_or_default();
                if !level.is_empty() {
                    let objects: Vec<_> = level.iter().map(|id| json!({ "id": id })).collect();
                    expression["level"] = json!({ "type": "attribute", "objects": objects });
                }
                json!({ "expression": expression })
            }
        };
        json["answers"] = answers;
        json
    }
}
