//! Prompts: what a report or a document asks before it has data, and the answers.

mod answers;

use std::future::Future;
use std::time::Duration;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use answers::{Answer, Answers, Level};

use crate::executable::Source;
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

/// A prompt of a report, a document or a dashboard (vendor documentation).
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
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a cube, which has none;
    /// [`is_instance_gone`](crate::ErrorExt::is_instance_gone).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        list(&self.source, &self.now().id)
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
        elements_of(&self.source, &self.now().id, prompt, pattern, offset, limit)
    }

    /// Objects that a prompt offers: `GET /reports/{id}/instances/{iid}/prompts/{prompt}/objects`.
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts).
    pub fn prompt_objects(&self, prompt: &Prompt) -> Call<Vec<PromptObject>> {
        objects_of(&self.source, &self.now().id, prompt)
    }

    /// Answers prompts, and waits until the report is ready or asks further ones:
    /// `PUT /reports/{id}/instances/{iid}/prompts/answers`, then the status.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for answers to nothing, for a cube, and when
    /// the server refuses an answer (400 `ERR006`); [`Timeout`](ErrorKind::Timeout) when it takes
    /// longer than the [timeout of the execution](crate::GridRequest::execution_timeout).
    pub fn answer(
        &self,
        answers: Answers,
    ) -> impl Future<Output = Result<InstanceStatus>> + Send + use<> {
        let instance = self.clone();
        async move {
            let now = instance.now();
            let source = &instance.source;
            let status = send(source, &now.id, &answers, now.request.timeout).await?;
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
    pub fn answer_all<F>(&self, give: F) -> impl Future<Output = Result<()>> + Send + use<F>
    where
        F: FnMut(&Prompt) -> Option<Answer> + Send,
    {
        answer_all(self.clone(), give)
    }
}

/// An execution that can ask.
pub(crate) trait Asking {
    fn last_status(&self) -> InstanceStatus;
    fn open_prompts(&self) -> Call<Vec<Prompt>>;
    fn take(&self, answers: Answers) -> impl Future<Output = Result<InstanceStatus>> + Send;
}

impl Asking for Instance {
    fn last_status(&self) -> InstanceStatus {
        Self::last_status(self)
    }

    fn open_prompts(&self) -> Call<Vec<Prompt>> {
        self.prompts()
    }

    fn take(&self, answers: Answers) -> impl Future<Output = Result<InstanceStatus>> + Send {
        self.answer(answers)
    }
}

/// Answers round after round, until nothing is asked any more.
pub(crate) async fn answer_all<I, F>(instance: I, mut give: F) -> Result<()>
where
    I: Asking + Send + Sync,
    F: FnMut(&Prompt) -> Option<Answer> + Send,
{
    for _ in 0..ROUNDS {
        if instance.last_status() != InstanceStatus::Prompts {
            return Ok(());
        }
        let prompts = instance.open_prompts().await?;
        if prompts.is_empty() {
            let message = "the server waits for answers, but asks nothing";
            return Err(Error::new(ErrorKind::Api, message));
        }
        let mut answers = Answers::new();
        for prompt in &prompts {
            answers = answers.with(prompt, give(prompt))?;
        }
        instance.take(answers).await?;
    }
    let message = format!("the server still asks after {ROUNDS} rounds of answers");
    Err(Error::new(ErrorKind::Api, message))
}

fn call(source: &Source, instance: &str, method: Method) -> Call<mstr_rest_core::Response> {
    let call = source.v1(method).segment("instances").segment(instance).segment("prompts");
    source.for_reports("a prompt", call)
}

/// The open prompts of an execution.
pub(crate) fn list(source: &Source, instance: &str) -> Call<Vec<Prompt>> {
    call(source, instance, Method::GET).query("closed", false).decode()
}

/// Elements that a prompt offers.
pub(crate) fn elements_of(
    source: &Source,
    instance: &str,
    prompt: &Prompt,
    pattern: Option<&str>,
    offset: u64,
    limit: u64,
) -> Call<Elements> {
    let call = call(source, instance, Method::GET).segment(&prompt.id).segment("elements");
    let call = match pattern {
        Some(pattern) => call.query("searchPattern", pattern),
        None => call,
    };
    elements::list(call, offset, limit)
}

/// Objects that a prompt offers.
pub(crate) fn objects_of(
    source: &Source,
    instance: &str,
    prompt: &Prompt,
) -> Call<Vec<PromptObject>> {
    let call = call(source, instance, Method::GET).segment(&prompt.id).segment("objects");
    call.decode::<Objects>().map(|objects| Ok(objects.0))
}

/// Sends answers, and waits until the execution is ready or asks further ones.
pub(crate) async fn send(
    source: &Source,
    instance: &str,
    answers: &Answers,
    timeout: Duration,
) -> Result<InstanceStatus> {
    answers.check()?;
    let call = call(source, instance, Method::PUT).segment("answers").read_timeout(timeout);
    // an answer that was taken is not asked for any more
    call.idempotent(false).json(answers).decode_with(|_| Ok(())).await?;
    let status = execution::status(source, instance).read_timeout(timeout).await?;
    match status {
        InstanceStatus::Running => execution::wait(source, instance, timeout, None).await,
        status => Ok(status),
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
    /// Its type as the server numbers it: 12 is an attribute, 4 a metric. `None` where it is named.
    pub kind: Option<i64>,
    /// The name of its type, where the server gives that instead (`attribute`, `metric`,
    /// `HIERARCHY`, `DIMENSION`): prompts for expressions and levels.
    pub kind_name: Option<String>,
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
        let number = kind.as_deref().and_then(|kind| kind.trim().parse().ok());
        let kind_name = kind.filter(|_| number.is_none());
        Ok(Self { id, name, kind: number, kind_name })
    }
}

/// A list, or an object with one: the server has both.
#[derive(Deserialize)]
#[serde(untagged)]
enum ObjectsForm {
    List(Vec<PromptObject>),
    Object { objects: Vec<PromptObject> },
}

struct Objects(Vec<PromptObject>);

impl<'de> Deserialize<'de> for Objects {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match ObjectsForm::deserialize(from)? {
            ObjectsForm::List(objects) | ObjectsForm::Object { objects } => objects,
        }))
    }
}
