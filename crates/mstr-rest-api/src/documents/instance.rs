//! Executed documents and dashboards, and the grids of their visualizations.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Result};
use serde_json::Map;

use super::{DocumentDefinition, DocumentRequest, Export, PdfOptions, Visualization};
#[cfg(doc)]
use crate::ErrorExt;
use crate::delete_on_drop::DeleteOnDrop;
use crate::executable::{Kind, Source};
use crate::execution::{self, Begun};
use crate::prompts::{self, Asking};
use crate::{
    Answer, Answers, ChapterKey, Elements, InstanceStatus, Operation, Prompt, PromptObject,
};

/// A document or a dashboard that was run. It lives in the session that ran it: when that ends, it
/// is gone; [`Export`] and [`Visualization::page_or_reexecute`] then re-execute it.
///
/// Cheap to clone; clones are the same instance, and see when one of them executes it again. It
/// stays on the server until [`delete`](Self::delete) or the end of the session.
///
/// ```no_run
/// use mstr_rest_api::{Answer, DocumentInstance, PdfOptions};
///
/// # async fn example(instance: DocumentInstance) -> mstr_rest_core::Result<()> {
/// instance.answer_all(|_| Some(Answer::use_default())).await?;
/// instance.pdf(PdfOptions::new()).to_file("dashboard.pdf").await?;
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DocumentInstance {
    pub(crate) source: Source,
    request: DocumentRequest,
    shared: Arc<Shared>,
}

struct Shared {
    now: RwLock<Execution>,
    /// One executes again, the others wait.
    again: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Execution {
    id: Arc<str>,
    status: InstanceStatus,
    answers: Vec<Answers>,
}

impl DocumentInstance {
    pub(crate) async fn run(source: Source, request: DocumentRequest) -> Result<Self> {
        let begun = begin(&source, &request).await?;
        Ok(Self::new(source, request, begun))
    }

    pub(crate) async fn start(
        source: Source,
        request: DocumentRequest,
    ) -> Result<Operation<Self, InstanceStatus>> {
        let call = source.execute().read_timeout(request.timeout);
        let begun = execution::in_background(call).await?;
        let id = begun.id.clone();
        let instance = Self::new(source.clone(), request, begun);
        Ok(execution::operation(&source, &id, move |status| {
            instance.update(&instance.now().id, |now| now.status = status);
            instance.clone()
        }))
    }

    fn new(source: Source, request: DocumentRequest, begun: Begun) -> Self {
        let now = Execution { id: begun.id.into(), status: begun.status, answers: Vec::new() };
        let shared = Shared { now: RwLock::new(now), again: tokio::sync::Mutex::default() };
        Self { source, request, shared: shared.into() }
    }

    /// The id of the execution that it stands for now.
    pub(super) fn execution_id(&self) -> Arc<str> {
        self.now().id
    }

    fn now(&self) -> Execution {
        self.shared.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the execution, unless another one took its place meanwhile.
    fn update(&self, id: &str, change: impl FnOnce(&mut Execution)) {
        let mut now = self.shared.now.write().unwrap_or_else(PoisonError::into_inner);
        if *now.id == *id {
            change(&mut now);
        }
    }

    /// The server's id of it (`mid`). Executed again, it has another one.
    pub fn id(&self) -> String {
        self.now().id.to_string()
    }

    /// What is in it: of a dashboard
    /// `GET /v2/dossiers/{id}/instances/{mid}/definition` (the vendor's client asks for it), which
    /// shows what was changed since; of a document `GET /documents/{id}/definition`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn definition(&self) -> Call<DocumentDefinition> {
        let call = match self.source.kind {
            Kind::Dashboard => {
                self.source.v2(Method::GET).segment("instances").segment(&self.now().id)
            }
            _ => self.source.v2(Method::GET),
        };
        call.segment("definition").decode()
    }

    /// How far it was when the server last said so. [`status`](Self::status) asks.
    pub fn last_status(&self) -> InstanceStatus {
        self.now().status
    }

    /// How far it is: `GET /documents/{id}/instances/{mid}/status`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn status(&self) -> Call<InstanceStatus> {
        execution::status(&self.source, &self.now().id)
    }

    /// A visualization, by the keys of its chapter and its own from the
    /// [definition](Self::definition). Nothing is sent.
    ///
    /// # Errors
    /// Its methods fail with [`NotSupported`](ErrorKind::NotSupported) for documents: no source
    /// says how the grids of their visualizations are asked for.
    pub fn visualization(
        &self,
        chapter: impl Into<ChapterKey>,
        key: impl Into<String>,
    ) -> Visualization {
        Visualization::new(self, chapter.into(), key.into())
    }

    /// Re-executes it with the same answers to its prompts, and continues as the new execution; so
    /// do clones. For an instance that is gone, or to see new data. The execution before is cleared
    /// away on the server, if it is still there.
    ///
    /// # Errors
    /// As [`Dashboard::run`](crate::Dashboard::run); [`Api`](ErrorKind::Api) when it asks for more
    /// than was answered before.
    pub fn reexecute(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let instance = self.clone();
        async move {
            let _one = instance.shared.again.lock().await;
            let before = instance.now().id;
            instance.replace().await?;
            DeleteOnDrop::of(&instance.source, &before).now().await;
            Ok(())
        }
    }

    /// Re-executes for requests that saw that this execution is gone: once for all of them.
    pub(super) async fn reexecute_gone(&self, gone: &str) -> Result<()> {
        let _one = self.shared.again.lock().await;
        if *self.now().id != *gone {
            return Ok(());
        }
        self.replace().await
    }

    async fn replace(&self) -> Result<()> {
        let before = self.now();
        let begun = begin(&self.source, &self.request).await?;
        let cleanup = DeleteOnDrop::of(&self.source, &begun.id);
        let instance = Self::new(self.source.clone(), self.request.clone(), begun);
        for answers in &before.answers {
            instance.answer(answers.clone()).await?;
        }
        let execution = instance.now();
        if execution.status == InstanceStatus::Prompts && !before.answers.is_empty() {
            let message = "executed again, the document asks for more than was answered before";
            return Err(Error::new(ErrorKind::Api, message));
        }
        cleanup.disarm();
        self.update(&before.id, |now| *now = execution);
        Ok(())
    }

    /// Deletes it on the server when the guard is dropped, as
    /// [`Instance::delete_on_drop`](crate::Instance::delete_on_drop) does.
    pub fn delete_on_drop(&self) -> DeleteOnDrop {
        let instance = self.clone();
        DeleteOnDrop::by_current(move || instance.delete())
    }

    /// Deletes it on the server: `DELETE /documents/{id}/instances/{mid}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn delete(&self) -> Call<()> {
        execution::delete(&self.source, &self.now().id)
    }
}

/// Prompts. Those of dashboards are asked at the endpoints of documents (vendor documentation).
impl DocumentInstance {
    /// The prompts that are open: `GET /documents/{id}/instances/{mid}/prompts?closed=false`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        prompts::list(&self.source, &self.now().id)
    }

    /// Elements that a prompt offers, and how many there are:
    /// `GET /documents/{id}/instances/{mid}/prompts/{prompt}/elements`. With a pattern only those
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
        prompts::elements_of(&self.source, &self.now().id, prompt, pattern, offset, limit)
    }

    /// Objects that a prompt offers: `GET /documents/{id}/instances/{mid}/prompts/{prompt}/objects`.
    ///
    /// # Errors
    /// As [`prompts`](Self::prompts).
    pub fn prompt_objects(&self, prompt: &Prompt) -> Call<Vec<PromptObject>> {
        prompts::objects_of(&self.source, &self.now().id, prompt)
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
            let (id, timeout) = (instance.now().id, instance.request.timeout);
            let status = prompts::send(&instance.source, &id, &answers, timeout).await?;
            instance.update(&id, |now| {
                now.answers.push(answers);
                now.status = status;
            });
            Ok(status)
        }
    }

    /// Answers all prompts, also those that answers bring up, until the document is ready. Of each
    /// prompt the closure gives the answer, or `None` to close one that is not required.
    ///
    /// # Errors
    /// As [`Instance::answer_all`](crate::Instance::answer_all).
    pub fn answer_all<F>(&self, give: F) -> impl Future<Output = Result<()>> + Send + use<F>
    where
        F: FnMut(&Prompt) -> Option<Answer> + Send,
    {
        prompts::answer_all(self.clone(), give)
    }

    /// Re-prompts: the prompts are open again, and the answers are discarded.
    /// `POST /documents/{id}/instances/{mid}/rePrompt`. It is another execution then, whose id the
    /// server gives.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn reprompt(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let instance = self.clone();
        async move {
            let before = instance.now().id;
            let call = instance.source.v1(Method::POST).segment("instances").segment(&before);
            let begun = call.segment("rePrompt").decode_with(execution::begun).await?;
            instance.update(&before, |now| {
                let id = begun.id.into();
                *now = Execution { id, status: InstanceStatus::Prompts, answers: Vec::new() };
            });
            Ok(())
        }
    }
}

impl Asking for DocumentInstance {
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

/// Exports.
impl DocumentInstance {
    /// Exports it to PDF: `POST /documents/{id}/instances/{mid}/pdf` (recorded).
    pub fn pdf(&self, options: PdfOptions) -> Export {
        Export::pdf(self, options)
    }

    /// Exports it to an Excel workbook: `POST /documents/{id}/instances/{mid}/excel` (recorded).
    pub fn excel(&self) -> Export {
        Export::excel(self)
    }

    /// Exports a visualization, by its key, as CSV:
    /// `POST /documents/{id}/instances/{mid}/visualizations/{key}/csv`. The bytes are the server's:
    /// recorded ones are UTF-16 with a byte order mark. [`visualization`](Self::visualization)
    /// gives the values themselves.
    pub fn visualization_csv(&self, key: impl AsRef<str>) -> Export {
        Export::visualization_csv(self, key.as_ref())
    }

    /// Exports a visualization, by its key, to PDF:
    /// `POST /documents/{id}/instances/{mid}/visualizations/{key}/pdf` (recorded).
    pub fn visualization_pdf(&self, key: impl AsRef<str>, options: PdfOptions) -> Export {
        Export::visualization_pdf(self, key.as_ref(), options)
    }
}

impl fmt::Debug for DocumentInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        f.debug_struct("DocumentInstance")
            .field("id", &now.id)
            .field("status", &now.status)
            .finish_non_exhaustive()
    }
}

/// Executes, and waits until it is ready or asks for something.
async fn begin(source: &Source, request: &DocumentRequest) -> Result<Begun> {
    let call = source.execute().read_timeout(request.timeout);
    let call = if request.is_async { call.header("Prefer", "respond-async") } else { call };
    let begun = call.json(&Map::new()).decode_with(execution::begun).await;
    let begun = begun.map_err(|error| execution::unanswered(source, request.timeout, error))?;
    execution::ready(source, request.timeout, begun).await
}
