//! Prompts of a report that was run.

use mstr_rest_core::{Call, Result};

use super::asking::{self, Asking};
use super::{Answer, Answers, NamedAnswers, Prompt, PromptObject};
use crate::{Element, Instance, InstanceStatus, List, execution};

/// Prompts of an instance of a report.
impl Instance {
    /// The prompts that are open: `GET /reports/{id}/instances/{iid}/prompts?closed=false`. Those
    /// that the server lists as closed are left out.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) for a cube, which has none;
    /// [`is_instance_gone`](crate::ErrorExt::is_instance_gone).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        asking::list(&self.source, &self.now().id)
    }

    /// The elements that a prompt offers, over all pages:
    /// `GET /reports/{id}/instances/{iid}/prompts/{prompt}/elements` (vendor documentation). Asked
    /// for by the key of the prompt, or by its id where it has no key, 200 at once, which is the
    /// server's maximum.
    ///
    /// A pattern is the server's `searchPattern`: the documentation does not say how it is matched,
    /// so look at what comes.
    ///
    /// ```no_run
    /// use mstr_rest_api::{Answer, Answers, Instance};
    ///
    /// # async fn example(instance: Instance) -> mstr_rest_core::Result<()> {
    /// let prompts = instance.prompts().await?;
    /// let years = instance.prompt_elements(&prompts[0], None).all().await?;
    /// let ids = years.iter().map(|year| year.id.as_str());
    /// let answers = Answers::new().for_prompt(&prompts[0], Answer::elements(ids))?;
    /// instance.answer(answers).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts); `InvalidRequest` for a prompt without a key and an id.
    pub fn prompt_elements(&self, prompt: &Prompt, pattern: Option<&str>) -> List<Element> {
        asking::elements(&self.source, &self.now().id, prompt, pattern)
    }

    /// The objects that a prompt offers, over all pages:
    /// `GET /reports/{id}/instances/{iid}/prompts/{prompt}/objects` (vendor documentation). Asked
    /// for as [`prompt_elements`](Self::prompt_elements).
    ///
    /// # Errors
    /// As [`prompt_elements`](Self::prompt_elements).
    pub fn prompt_objects(&self, prompt: &Prompt, pattern: Option<&str>) -> List<PromptObject> {
        asking::objects(&self.source, &self.now().id, prompt, pattern)
    }

    /// Answers prompts, and waits until the report is ready or asks further ones:
    /// `PUT /reports/{id}/instances/{iid}/prompts/answers`, then the status. The prompts are asked
    /// for first if the type of one of them is not known ([`Answers`]).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) for answers to nothing, for a
    /// cube, and when the server refuses an answer (400 `ERR006`);
    /// [`Timeout`](mstr_rest_core::ErrorKind::Timeout) when it takes longer than the
    /// [timeout of the execution](crate::GridRequest::execution_timeout).
    pub fn answer(
        &self,
        answers: Answers,
    ) -> impl Future<Output = Result<InstanceStatus>> + Send + use<> {
        let instance = self.clone();
        async move {
            let now = instance.now();
            let source = &instance.source;
            let (answers, status) =
                asking::send(source, &now.id, answers, now.request.timeout).await?;
            instance.update(&now.id, |now| now.answered(answers, status));
            if now.owes_request && status == InstanceStatus::Ready {
                let begun = execution::manipulate(source, &now.id, &now.request).await?;
                instance.update(&now.id, |now| now.told(begun));
            }
            Ok(instance.last_status())
        }
    }

    /// Answers all prompts, also those that answers bring up, until the report is ready. The async
    /// closure is called for each open prompt and may look up what the prompt offers. `None` takes
    /// the prompt's default answer; without a default, a prompt that is not required is closed
    /// without an answer. [`Answer::nothing`] closes one that has a default.
    ///
    /// [`answer_named`](Self::answer_named) takes names instead.
    ///
    /// ```no_run
    /// use mstr_rest_api::{Answer, Instance};
    ///
    /// # async fn example(instance: Instance) -> mstr_rest_core::Result<()> {
    /// instance
    ///     .answer_all(async |prompt| match prompt.name.as_str() {
    ///         "Year" => {
    ///             let years = instance.prompt_elements(&prompt, Some("2024")).all().await?;
    ///             let year = years.into_iter().find(|year| year.label() == "2024");
    ///             Ok(year.map(|year| Answer::elements([year.id])))
    ///         }
    ///         _ => Ok(None),
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`answer`](Self::answer); those of the closure;
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest), naming the prompt, when a
    /// required one is left without an answer or an answer is of another kind than was asked for;
    /// [`Api`](mstr_rest_core::ErrorKind::Api) when there is no end of prompts after 50 rounds.
    pub fn answer_all<F, A>(&self, give: F) -> impl Future<Output = Result<()>> + Send + use<F, A>
    where
        F: FnMut(Prompt) -> A + Send,
        A: Future<Output = Result<Option<Answer>>> + Send,
    {
        asking::answer_all(self.clone(), give)
    }

    /// Answers all prompts by their names, keys or ids, with texts that are looked up in what the
    /// prompts offer, until the report is ready. Prompts that are not named get their default, as
    /// in [`answer_all`](Self::answer_all).
    ///
    /// ```no_run
    /// use mstr_rest_api::{GridRequest, NamedAnswers, Report};
    ///
    /// # async fn example(report: Report) -> mstr_rest_core::Result<()> {
    /// let instance = report.run(GridRequest::designed()).await?;
    /// let answers = NamedAnswers::new()
    ///     .texts("Region", ["North", "South"])
    ///     .text("Comment", "from a script");
    /// instance.answer_named(&answers).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`answer_all`](Self::answer_all), and those of [`NamedAnswers`].
    pub fn answer_named(
        &self,
        answers: &NamedAnswers,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (instance, answers) = (self.clone(), answers.clone());
        async move { answers.give(&instance).await }
    }
}

impl Asking for Instance {
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
