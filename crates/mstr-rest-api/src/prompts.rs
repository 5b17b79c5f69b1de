//! Prompts: what a report asks before it has data, and the answers.

mod answers;

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use answers::{Answer, Answers};

use crate::{Elements, Instance, InstanceStatus, elements, execution, lenient};

/// How many rounds of nested prompts [`Instance::answer_all`] goes through.
const ROUNDS: usize = 50;

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
}

impl<'de> Deserialize<'de> for PromptKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = lenient::text(from)?;
        let known = [Self::Value, Self::Elements, Self::Objects, Self::Expression, Self::Level];
        let found = known.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(&text));
        Ok(found.unwrap_or_default())
    }
}

/// A prompt of a report (vendor documentation).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Prompt {
    /// Its key in this execution, `W34..@0@10`: the same prompt can be asked twice.
    #[serde(deserialize_with = "lenient::text")]
    pub key: String,
    /// Its id.
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
    /// Its default answer, as the server describes it.
    pub default_answer: Option<Value>,
}

/// Prompts of an instance of a report.
impl Instance {
    /// The prompts that are open: `GET /reports/{id}/instances/{iid}/prompts?closed=false`.
    ///
    /// # Errors
    /// As any call; [`InvalidRequest`](ErrorKind::InvalidRequest) for a cube, which has none;
    /// [`is_instance_gone`](crate::ErrorExt::is_instance_gone).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        let call = self.prompt_call(Method::GET).query("closed", false);
        self.source.for_reports("a prompt", call).decode()
    }

    fn prompt_call(&self, method: Method) -> Call<mstr_rest_core::Response> {
        let instance = self.now().id;
        self.source.v1(method).segment("instances").segment(&instance).segment("prompts")
    }

    /// Elements that a prompt offers, and how many there are:
    /// `GET /reports/{id}/instances/{iid}/prompts/{prompt}/elements`. With a pattern only those
    /// that fit it.
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts).
    pub fn prompt_elements(
        &self,
        prompt: &Prompt,
        pattern: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Call<Elements> {
        let call = self.prompt_call(Method::GET).segment(&prompt.id).segment("elements");
        let call = match pattern {
            Some(pattern) => call.query("searchPattern", pattern),
            None => call,
        };
        elements::list(self.source.for_reports("a prompt", call), offset, limit)
    }

    /// Objects that a prompt offers: `GET /reports/{id}/instances/{iid}/prompts/{prompt}/objects`.
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts).
    pub fn prompt_objects(&self, prompt: &Prompt) -> Call<Vec<PromptObject>> {
        let call = self.prompt_call(Method::GET).segment(&prompt.id).segment("objects");
        self.source.for_reports("a prompt", call).decode()
    }

    /// Answers prompts, and waits until the report is ready or asks further ones:
    /// `PUT /reports/{id}/instances/{iid}/prompts/answers`, then the status.
    ///
    /// # Errors
    /// As any call; [`InvalidRequest`](ErrorKind::InvalidRequest) for answers to nothing, for a
    /// cube, and when the server refuses an answer (400 `ERR006`);
    /// [`Timeout`](ErrorKind::Timeout) behind the
    /// [limit of the execution](crate::GridRequest::execution_limit).
    pub fn answer(
        &self,
        answers: Answers,
    ) -> impl Future<Output = Result<InstanceStatus>> + Send + use<> {
        let instance = self.clone();
        async move {
            answers.check()?;
            let now = instance.now();
            let (source, limit) = (&instance.source, now.request.limit);
            let call = instance.prompt_call(Method::PUT).segment("answers").read_timeout(limit);
            // an answer that was taken is not asked for any more
            let call = call.idempotent(false).json(&answers);
            source.for_reports("a prompt", call).decode_with(|_| Ok(())).await?;
            let mut status = execution::status(source, &now.id).read_timeout(limit).await?;
            if status == InstanceStatus::Running {
                status = execution::wait(source, &now.id, limit, None).await?;
            }
            instance.update(&now.id, |now| now.answered(answers, status));
            if now.owes_request && status == InstanceStatus::Ready {
                let begun = execution::manipulate(source, &now.id, &now.request).await?;
                instance.update(&now.id, |now| now.told(begun));
            }
            Ok(instance.last_status())
        }
    }

    /// Answers all prompts, also those that answers bring up, until the report is ready. Of each
    /// prompt the closure gives the answer, or `None` to close one that is not required.
    ///
    /// ```no_run
    /// use mstr_rest_api::{Answer, Instance};
    ///
    /// # async fn example(instance: Instance) -> mstr_rest_core::Result<()> {
    /// instance
    ///     .answer_all(|prompt| match prompt.name.as_str() {
    ///         "Year" => Some(Answer::elements(["h2024;8D679D5111D3E4981000E787EC6DE8A4"])),
    ///         _ => prompt.default_answer.as_ref().map(|_| Answer::use_default()),
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`answer`](Self::answer); [`InvalidRequest`](ErrorKind::InvalidRequest), naming the
    /// prompt, when a required one has no answer or an answer is of another kind than was asked
    /// for; [`Api`](ErrorKind::Api) when there is no end of prompts after 50 rounds.
    pub fn answer_all<F>(&self, mut give: F) -> impl Future<Output = Result<()>> + Send + use<F>
    where
        F: FnMut(&Prompt) -> Option<Answer> + Send,
    {
        let instance = self.clone();
        async move {
            for _ in 0..ROUNDS {
                if instance.last_status() != InstanceStatus::Prompts {
                    return Ok(());
                }
                let prompts = instance.prompts().await?;
                if prompts.is_empty() {
                    let message = "the report waits for answers, but asks nothing";
                    return Err(Error::new(ErrorKind::Api, message));
                }
                let mut answers = Answers::new();
                for prompt in &prompts {
                    answers = answers.with(prompt, give(prompt))?;
                }
                instance.answer(answers).await?;
            }
            let message = format!("the report still asks after {ROUNDS} rounds of answers");
            Err(Error::new(ErrorKind::Api, message))
        }
    }
}

/// An object that a prompt offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PromptObject {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its type as the server numbers it: 12 is an attribute, 4 a metric.
    #[serde(rename = "type", deserialize_with = "lenient::integer")]
    pub kind: Option<i64>,
}
