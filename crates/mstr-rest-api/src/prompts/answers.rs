//! Answers, each to one of the prompts.

use mstr_rest_core::{Error, ErrorKind, Result};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::answer::Given;
use super::{Answer, Prompt, PromptKind};

/// Answers to prompts, each to the one with a key, an id or a name. Only the key is unique: the
/// same prompt can be there several times. The server looks for the key first.
///
/// The server wants the type of the prompt with each answer. Where an answer does not say it
/// ([`Answer::use_default`], [`Answer::nothing`]), [`Instance::answer`](crate::Instance::answer)
/// asks for the prompts first and fills it in; [`for_prompt`](Self::for_prompt) knows it.
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

    /// Answers a prompt that the server described, by its key.
    ///
    /// `None` is the prompt's default answer, or no answer where it has no default.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), naming the prompt: it is required and would
    /// be left without an answer, or the answer is of another kind than it asks for.
    pub fn for_prompt(
        mut self,
        prompt: &Prompt,
        answer: impl Into<Option<Answer>>,
    ) -> Result<Self> {
        let answer = fitting(prompt, answer.into().unwrap_or_else(Answer::use_default))?;
        let members = [("key", &prompt.key), ("id", &prompt.id), ("name", &prompt.name)];
        let (member, named) = members
            .into_iter()
            .find(|(_, text)| !text.is_empty())
            .unwrap_or(("name", &prompt.name));
        self.0.push(To { member, prompt: named.clone(), kind: Some(prompt.kind), answer });
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
        Err(invalid(what))
    }

    /// Whether the type of a prompt is not known yet.
    pub(super) fn lack_types(&self) -> bool {
        self.0.iter().any(|to| to.kind.is_none())
    }

    /// Fills in the types, from the prompts that are open.
    pub(super) fn typed(mut self, open: &[Prompt]) -> Result<Self> {
        for to in self.0.iter_mut().filter(|to| to.kind.is_none()) {
            let prompt = open.iter().find(|prompt| match to.member {
                "key" => prompt.key == to.prompt,
                "id" => prompt.id.eq_ignore_ascii_case(&to.prompt),
                _ => prompt.name == to.prompt,
            });
            let Some(prompt) = prompt else {
                let asked: Vec<_> = open.iter().map(Prompt::label).collect();
                return Err(invalid(format!(
                    "no open prompt has the {} {:?}: open are {}",
                    to.member,
                    to.prompt,
                    asked.join(", ")
                )));
            };
            let answer = std::mem::replace(&mut to.answer, Answer::nothing());
            to.answer = fitting(prompt, answer)?;
            to.kind = Some(prompt.kind);
        }
        Ok(self)
    }
}

/// The answer as the prompt takes it: a default that does not exist is no answer.
fn fitting(prompt: &Prompt, answer: Answer) -> Result<Answer> {
    let answer = match answer.0 {
        Given::Default if prompt.default_answer.is_none() => Answer::nothing(),
        _ => answer,
    };
    if answer.is_nothing() && prompt.required == Some(true) {
        return Err(invalid(format!(
            "the prompt {} is required and has no default: answer it with {}",
            prompt.label(),
            prompt.kind.wants(),
        )));
    }
    if let Some(kind) = answer.kind().filter(|kind| *kind != prompt.kind) {
        return Err(invalid(format!(
            "the prompt {} asks for {}, and the answer is {}",
            prompt.label(),
            prompt.kind.name(),
            kind.name(),
        )));
    }
    Ok(answer)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
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
        let (member, answer) = self.answer.member();
        json[member] = answer;
        json
    }
}
