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
use crate::{Answers, ChapterKey, InstanceStatus, Operation};

/// A document or a dashboard that was run. It lives in the session that ran it: when that ends, it
/// is gone; [`Export`] and [`Visualization::page_or_reexecute`] then re-execute it.
///
/// Cheap to clone; clones are the same instance, and see when one of them executes it again. It
/// stays on the server until [`delete`](Self::delete) or the end of the session.
///
/// ```no_run
/// use mstr_rest_api::{DocumentInstance, NamedAnswers, PdfOptions};
///
/// # async fn example(instance: DocumentInstance) -> mstr_rest_core::Result<()> {
/// instance.answer_named(&NamedAnswers::new().text("Region", "North")).await?;
/// instance.pdf(PdfOptions::new()).to_file("dashboard.pdf").await?;
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DocumentInstance {
    pub(crate) source: Source,
    pub(crate) request: DocumentRequest,
    shared: Arc<Shared>,
}

struct Shared {
    now: RwLock<Execution>,
    /// One executes again, the others wait.
    again: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
pub(crate) struct Execution {
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
    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut Execution)) {
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

impl Execution {
    /// Takes what the server was told to its prompts, and what became of it.
    pub(crate) fn answered(&mut self, answers: Answers, status: InstanceStatus) {
        self.answers.push(answers);
        self.status = status;
    }

    /// Takes the execution that asks again.
    pub(crate) fn reprompted(&mut self, begun: Begun) {
        let (id, status) = (begun.id.into(), InstanceStatus::Prompts);
        *self = Self { id, status, answers: Vec::new() };
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
