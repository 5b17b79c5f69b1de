//! What executions of reports and of documents have in common: prompts are listed, and answered
//! round after round.

use std::time::Duration;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result};

use super::answers::invalid;
use super::{Answer, Answers, Prompt, PromptObject};
use crate::executable::Source;
use crate::{Element, InstanceStatus, List, execution};

/// How many rounds of nested prompts are answered.
const ROUNDS: usize = 50;

/// The most elements or objects that the server gives at once (vendor documentation); it fails
/// with `ERR006` when it is asked for more.
const WINDOW: u64 = 200;

/// An execution that can ask.
pub(crate) trait Asking: Send + Sync {
    fn last_status(&self) -> InstanceStatus;
    fn prompts(&self) -> Call<Vec<Prompt>>;
    fn elements(&self, prompt: &Prompt, pattern: Option<&str>) -> List<Element>;
    fn objects(&self, prompt: &Prompt, pattern: Option<&str>) -> List<PromptObject>;
    fn take(&self, answers: Answers) -> impl Future<Output = Result<InstanceStatus>> + Send;
}

/// Counts the rounds, so that they have an end.
#[derive(Default)]
pub(super) struct Rounds(usize);

impl Rounds {
    /// What is asked next; `None` when nothing is asked any more.
    pub(super) async fn next<I: Asking>(&mut self, instance: &I) -> Result<Option<Vec<Prompt>>> {
        if instance.last_status() != InstanceStatus::Prompts {
            return Ok(None);
        }
        if self.0 == ROUNDS {
            let message = format!("the server still asks after {ROUNDS} rounds of answers");
            return Err(Error::new(ErrorKind::Api, message));
        }
        self.0 += 1;
        let prompts = instance.prompts().await?;
        if prompts.is_empty() {
            let message = "the server waits for answers, but asks nothing";
            return Err(Error::new(ErrorKind::Api, message));
        }
        Ok(Some(prompts))
    }
}

/// Answers round after round, until nothing is asked any more.
pub(super) async fn answer_all<I, F, A>(instance: I, mut give: F) -> Result<()>
where
    I: Asking,
    F: FnMut(Prompt) -> A + Send,
    A: Future<Output = Result<Option<Answer>>> + Send,
{
    let mut rounds = Rounds::default();
    while let Some(prompts) = rounds.next(&instance).await? {
        let mut answers = Answers::new();
        for prompt in &prompts {
            let answer = give(prompt.clone()).await?;
            answers = answers.for_prompt(prompt, answer)?;
        }
        instance.take(answers).await?;
    }
    Ok(())
}

fn call(source: &Source, instance: &str, method: Method) -> Call<Response> {
    let call = source.v1(method).segment("instances").segment(instance).segment("prompts");
    source.for_reports("a prompt", call)
}

/// The open prompts of an execution.
pub(super) fn list(source: &Source, instance: &str) -> Call<Vec<Prompt>> {
    let call = call(source, instance, Method::GET).query("closed", false).decode::<Vec<Prompt>>();
    // some servers list those that were answered before, too
    call.map(|prompts| Ok(prompts.into_iter().filter(|one| one.closed != Some(true)).collect()))
}

/// Elements that a prompt offers.
pub(super) fn elements(
    source: &Source,
    instance: &str,
    prompt: &Prompt,
    pattern: Option<&str>,
) -> List<Element> {
    List::new(offered(source, instance, prompt, pattern, "elements")).at_most(WINDOW)
}

/// Objects that a prompt offers.
pub(super) fn objects(
    source: &Source,
    instance: &str,
    prompt: &Prompt,
    pattern: Option<&str>,
) -> List<PromptObject> {
    List::new(offered(source, instance, prompt, pattern, "objects")).at_most(WINDOW)
}

fn offered(
    source: &Source,
    instance: &str,
    prompt: &Prompt,
    pattern: Option<&str>,
    what: &str,
) -> Call<Response> {
    let known = [&prompt.key, &prompt.id].into_iter().find(|known| !known.is_empty());
    let call = call(source, instance, Method::GET);
    let Some(known) = known else {
        let message = format!(
            "what the prompt {:?} offers cannot be asked for: it has neither a key nor an id",
            prompt.name
        );
        return call.fail_with(invalid(message));
    };
    let call = call.segment(known).segment(what);
    match pattern {
        Some(pattern) => call.query("searchPattern", pattern),
        None => call,
    }
}

/// Sends answers, and waits until the execution is ready or asks further ones. Gives the answers
/// as they were sent.
pub(super) async fn send(
    source: &Source,
    instance: &str,
    answers: Answers,
    timeout: Duration,
) -> Result<(Answers, InstanceStatus)> {
    answers.check()?;
    let answers =
        if answers.lack_types() { answers.typed(&list(source, instance).await?)? } else { answers };
    let call = call(source, instance, Method::PUT).segment("answers").read_timeout(timeout);
    // an answer that was taken is not asked for any more
    call.idempotent(false).json(&answers).decode_with(|_| Ok(())).await?;
    let status = execution::status(source, instance).read_timeout(timeout).await?;
    let status = match status {
        InstanceStatus::Running => execution::wait(source, instance, timeout, None).await?,
        status => status,
    };
    Ok((answers, status))
}
