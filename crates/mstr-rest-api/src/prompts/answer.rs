//! One answer to a prompt, of any kind.

use mstr_rest_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{PromptKind, PromptObject};
use crate::expression::Expression;

/// An answer to a prompt.
///
/// ```
/// use mstr_rest_api::{Answer, Answers};
///
/// let answers = Answers::new()
///     .by_key("W34A2E@0@10", Answer::value("2024-01-31"))
///     .by_id("8D679D5111D3E4981000E787EC6DE8A4", Answer::elements(["h4;8D67"]))
///     .by_name("Metrics", Answer::objects([("4C05177011D3E877C000B3B2D86C964F", "metric")]))
///     .by_name("Region", Answer::use_default());
/// let sent = serde_json::to_value(&answers).unwrap();
/// assert_eq!(sent["prompts"][0]["type"], "VALUE");
/// assert_eq!(sent["prompts"][3]["useDefault"], true);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Answer(pub(super) Given);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Values(Vec<String>),
    Elements(Vec<String>),
    Objects(Vec<PromptObject>),
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

    /// Objects: those that [`Instance::prompt_objects`](crate::Instance::prompt_objects) gives, or
    /// ids with their types, which are numbers, names or an [`ObjectType`](crate::ObjectType).
    ///
    /// ```
    /// use mstr_rest_api::{Answer, ObjectType};
    ///
    /// let profit = "4C05177011D3E877C000B3B2D86C964F";
    /// let answer = Answer::objects([(profit, "metric")]);
    /// assert_ne!(answer, Answer::objects([(profit, 4)])); // as the server gave it
    /// assert_eq!(Answer::objects([(profit, 4)]), Answer::objects([(profit, ObjectType::Metric)]));
    /// ```
    pub fn objects<O: Into<PromptObject>>(objects: impl IntoIterator<Item = O>) -> Self {
        Self(Given::Objects(objects.into_iter().map(Into::into).collect()))
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

    /// The prompt's own default. Where a prompt has none, and an empty list is none, one that is
    /// not required is closed without an answer, and one that is required is an error: the server
    /// would fail with `ERR006`.
    pub fn use_default() -> Self {
        Self(Given::Default)
    }

    /// Nothing: closes a prompt that is not required.
    pub fn nothing() -> Self {
        Self(Given::Nothing)
    }

    /// What it is an answer to; `None` if to any.
    pub(super) fn kind(&self) -> Option<PromptKind> {
        match self.0 {
            Given::Values(_) => Some(PromptKind::Value),
            Given::Elements(_) => Some(PromptKind::Elements),
            Given::Objects(_) => Some(PromptKind::Objects),
            Given::Expression(..) => Some(PromptKind::Expression),
            Given::Level(_) => Some(PromptKind::Level),
            Given::Default | Given::Nothing => None,
        }
    }

    /// Whether it leaves the prompt without an answer.
    pub(super) fn is_nothing(&self) -> bool {
        match &self.0 {
            Given::Nothing => true,
            Given::Values(values) => values.is_empty(),
            Given::Elements(ids) => ids.is_empty(),
            Given::Objects(objects) => objects.is_empty(),
            Given::Expression(..) | Given::Level(_) | Given::Default => false,
        }
    }

    /// Whether the server could take it.
    pub(super) fn check(&self) -> Result<()> {
        let (ids, what) = match &self.0 {
            Given::Expression(expression, level) => {
                expression.check()?;
                (level, "the id of an attribute of an expression's level is empty")
            }
            Given::Level(level) if level.units.is_empty() => {
                return Err(Error::new(ErrorKind::InvalidRequest, "a level has no units"));
            }
            Given::Level(level) => (&level.units, "the id of a unit of a level is empty"),
            Given::Elements(ids) => (ids, "the id of an element of an answer is empty"),
            Given::Objects(objects) if objects.iter().any(|object| object.id.is_empty()) => {
                let message = "the id of an object of an answer is empty";
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
            _ => return Ok(()),
        };
        if ids.iter().any(String::is_empty) {
            return Err(Error::new(ErrorKind::InvalidRequest, what));
        }
        Ok(())
    }
}

impl Answer {
    /// The members of an answer beside the prompt and its type.
    pub(super) fn member(&self) -> (&'static str, Value) {
        let answers = match &self.0 {
            Given::Default => return ("useDefault", json!(true)),
            Given::Nothing => json!([]),
            Given::Values(values) => json!(values),
            Given::Elements(ids) => ids.iter().map(|id| json!({ "id": id })).collect(),
            Given::Objects(objects) => objects.iter().map(PromptObject::answer).collect(),
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
        ("answers", answers)
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
