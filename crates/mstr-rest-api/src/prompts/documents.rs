//! Prompts of a document or dashboard that was run.

use http::Method;
use mstr_rest_core::{Call, Result};

use super::asking::{self, Asking};
use super::{Answer, Answers, NamedAnswers, Prompt, PromptObject};
use crate::{DocumentInstance, Element, InstanceStatus, List, execution};

/// Prompts. Those of dashboards are asked at the endpoints of documents (vendor documentation).
impl DocumentInstance {
    /// The prompts that are open: `GET /documents/{id}/instances/{mid}/prompts?closed=false`. Those
    /// that the server lists as closed are left out.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](crate::ErrorExt::is_instance_gone).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        asking::list(&self.source, &self.id())
    }

    /// The elements that a prompt offers, over all pages:
    /// `GET /documents/{id}/instances/{mid}/prompts/{prompt}/elements`. As
    /// [`Instance::prompt_elements`](crate::Instance::prompt_elements).
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts); [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest)
    /// for a prompt without a key and an id.
    pub fn prompt_elements(&self, prompt: &Prompt, pattern: Option<&str>) -> List<Element> {
        asking::elements(&self.source, &self.id(), prompt, pattern)
    }

    /// The objects that a prompt offers, over all pages:
    /// `GET /documents/{id}/instances/{mid}/prompts/{prompt}/objects`.
    ///
    /// # Errors
    /// As [`prompt_elements`](Self::prompt_elements).
    pub fn prompt_objects(&self, prompt: &Prompt, pattern: Option<&str>) -> List<PromptObject> {
        asking::objects(&self.source, &self.id(), prompt, pattern)
    }

    /// Answers prompts, and waits until the document is ready or asks further ones:
    /// `PUT /documents/{id}/instances/{mid}/prompts/answers`, then the status.
    ///
    /// # Errors
    /// As [`Instance::answer`](crate::Instance::answer).
    pub fn answer(
        &self,
        answers: Answers,
    ) -> impl Future<Output = Result<InstanceStatus>> + Send + use<> {
        let instance = self.clone();
        async move {
            let (id, timeout) = (instance.id(), instance.request.timeout);
            let (answers, status) = asking::send(&instance.source, &id, answers, timeout).await?;
            instance.update(&id, |now| now.answered(answers, status));
            Ok(status)
        }
    }

    /// Answers all prompts, also those that answers bring up, until the document is ready. As
    /// [`Instance::answer_all`](crate::Instance::answer_all).
    ///
    /// # Errors
    /// As [`Instance::answer_all`](crate::Instance::answer_all).
    pub fn answer_all<F, A>(&self, give: F) -> impl Future<Output = Result<()>> + Send + use<F, A>
    where
        F: FnMut(Prompt) -> A + Send,
        A: Future<Output = Result<Option<Answer>>> + Send,
    {
        asking::answer_all(self.clone(), give)
    }

    /// Answers all prompts by their names, keys or ids, with texts that are looked up in what the
    /// prompts offer. As [`Instance::answer_named`](crate::Instance::answer_named).
    ///
    /// # Errors
    /// As [`Instance::answer_named`](crate::Instance::answer_named).
    pub fn answer_named(
        &self,
        answers: &NamedAnswers,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (instance, answers) = (self.clone(), answers.clone());
        async move { answers.give(&instance).await }
    }

    /// Re-prompts: the prompts are open again, and the answers are discarded.
    /// `POST /documents/{id}/instances/{mid}/rePrompt`. It is another execution then, whose id the
    /// server gives.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](crate::ErrorExt::is_instance_gone).
    pub fn reprompt(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let instance = self.clone();
        async move {
            let before = instance.id();
            let call = instance.source.v1(Method::POST).segment("instances").segment(&before);
            let begun = call.segment("rePrompt").decode_with(execution::begun).await?;
            instance.update(&before, |now| now.reprompted(begun));
            Ok(())
        }
    }
}

impl Asking for DocumentInstance {
    fn last_status(&self) -> InstanceStatus {
        Self::last_status(self)
    }

    fn prompts(&self) -> Call<Vec<Prompt>> {
        Self::prompts(self)
    }

    fn elements(&self, prompt: &Prompt, pattern: Option<&str>) -> List<Element> {
        self.prompt_elements(prompt, pattern)
    }

    fn objects(&self, prompt: &Prompt, pattern: Option<&str>) -> List<PromptObject> {
        self.prompt_objects(prompt, pattern)
    }

    fn take(&self, answers: Answers) -> impl Future<Output = Result<InstanceStatus>> + Send {
        self.answer(answers)
    }
}
