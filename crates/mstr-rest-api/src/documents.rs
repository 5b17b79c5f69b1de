//! Documents and dashboards: what they are made of, running them, exports.
//!
//! The server says dossiers where people say dashboards. A dashboard is another view of a
//! document: what can be done with documents can be done with dashboards at the same endpoints
//! (vendor documentation).

mod base64_member;
mod definition;
mod exports;
mod instance;
mod visualization;

use std::future::Future;
use std::time::Duration;

use http::Method;
use mstr_rest_core::{Call, Result, Session};

pub use definition::{
    Chapter, ChapterFilter, ChapterPage, DatasetName, DocumentDefinition, Layout, VisualizationName,
};
pub use exports::{Export, PdfOptions};
pub use instance::DocumentInstance;
pub use visualization::Visualization;

use crate::executable::{Kind, Source};
use crate::polling::DEFAULT_TIMEOUT;
use crate::{InstanceStatus, Operation, Prompt, sealed};

/// Documents of the server.
pub trait DocumentsExt: sealed::Sealed {
    /// The handler of documents. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn documents(&self) -> Documents;
}

/// Dashboards of the server, which calls them dossiers.
pub trait DashboardsExt: sealed::Sealed {
    /// The handler of dashboards. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn dashboards(&self) -> Dashboards;
}

impl DocumentsExt for Session {
    fn documents(&self) -> Documents {
        Documents::new(self)
    }
}

impl DashboardsExt for Session {
    fn dashboards(&self) -> Dashboards {
        Dashboards::new(self)
    }
}

/// Documents. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{DocumentRequest, DocumentsExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let documents = session.in_project("MicroStrategy Tutorial").documents();
/// let instance = documents.document("335FFA96").run(DocumentRequest::new()).await?;
/// instance.excel().to_file("document.xlsx").await?;
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Documents {
    session: Session,
}

impl Documents {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The document with that id. Nothing is sent.
    pub fn document(&self, id: impl AsRef<str>) -> Document {
        Document(Source::new(&self.session, Kind::Document, id.as_ref()))
    }
}

/// Dashboards. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::DashboardsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let dashboards = session.in_project("MicroStrategy Tutorial").dashboards();
/// let definition = dashboards.dashboard("335FFA96").definition().await?;
/// for chapter in &definition.chapters {
///     println!("{}  {}", chapter.key, chapter.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dashboards {
    session: Session,
}

impl Dashboards {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The dashboard with that id. Nothing is sent.
    pub fn dashboard(&self, id: impl AsRef<str>) -> Dashboard {
        Dashboard(Source::new(&self.session, Kind::Dashboard, id.as_ref()))
    }
}

/// How a document or a dashboard is run.
///
/// ```
/// use std::time::Duration;
/// use mstr_rest_api::DocumentRequest;
///
/// let request =
///     DocumentRequest::new().respond_async(true).execution_timeout(Duration::from_secs(1800));
/// # let _ = request;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DocumentRequest {
    is_async: bool,
    pub(crate) timeout: Duration,
}

impl Default for DocumentRequest {
    fn default() -> Self {
        Self { is_async: false, timeout: DEFAULT_TIMEOUT }
    }
}

impl DocumentRequest {
    /// At once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server runs it in the background while the client asks how far it is: for long
    /// executions behind proxies that close silent connections.
    pub fn respond_async(mut self, yes: bool) -> Self {
        self.is_async = yes;
        self
    }

    /// Timeout of the execution. Default: 10 minutes. In the background it bounds the whole
    /// execution; else the longest time without a byte on the connection.
    pub fn execution_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// One document. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{DocumentRequest, DocumentsExt, NamedAnswers, PdfOptions};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let document = session.in_project("MicroStrategy Tutorial").documents().document("6432");
/// let instance = document.run(DocumentRequest::new()).await?;
/// instance.answer_named(&NamedAnswers::new().text("Year", "2026")).await?;
/// instance.pdf(PdfOptions::new()).to_file("cockpit.pdf").await?;
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Document(Source);

/// One dashboard, a dossier as the server says. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{DashboardsExt, DocumentRequest};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let dashboard = session.in_project("MicroStrategy Tutorial").dashboards().dashboard("335F");
/// let definition = dashboard.definition().await?;
/// let chapter = &definition.chapters[0];
/// let shown = &chapter.pages[0].visualizations[0];
/// let instance = dashboard.run(DocumentRequest::new()).await?;
/// let grid = instance.visualization(chapter, &shown.key).page(0, 1000).await?;
/// # let _ = grid;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dashboard(Source);

macro_rules! shared {
    ($type:ident, $what:literal, $definition:literal, $run:literal) => {
        impl $type {
            /// Its id.
            pub fn id(&self) -> &str {
                &self.0.id
            }

            #[doc = concat!("What is in it: `GET ", $definition, "`.")]
            ///
            /// # Errors
            /// Those [common to all calls](mstr_rest_core::Call#errors);
            /// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) without a token.
            pub fn definition(&self) -> Call<DocumentDefinition> {
                self.0.v2(Method::GET).segment("definition").decode()
            }

            /// Its prompts: `GET /documents/{id}/prompts`. Answers need an
            /// [instance](DocumentInstance::prompts); nested prompts show up there.
            ///
            /// # Errors
            /// As [`definition`](Self::definition).
            pub fn prompts(&self) -> Call<Vec<Prompt>> {
                self.0.v1(Method::GET).segment("prompts").decode()
            }

            #[doc = concat!("Runs it: `POST ", $run, "`. A ", $what, " with prompts gives an")]
            /// instance whose status is [`Prompts`](crate::InstanceStatus::Prompts) and that waits
            /// for answers.
            ///
            /// With [`respond_async`](DocumentRequest::respond_async) it is sent with
            /// `Prefer: respond-async` and asked how far it is
            /// (`GET /documents/{id}/instances/{mid}/status`; `Retry-After` is kept). When the
            /// future is dropped, fails, or the [timeout](DocumentRequest::execution_timeout) is
            /// over, the execution is deleted on the server (`DELETE`).
            ///
            /// # Errors
            /// Those [common to all calls](mstr_rest_core::Call#errors);
            /// [`Timeout`](mstr_rest_core::ErrorKind::Timeout) when the execution takes longer than
            /// its timeout.
            pub fn run(
                &self,
                request: DocumentRequest,
            ) -> impl Future<Output = Result<DocumentInstance>> + Send + use<> {
                DocumentInstance::run(self.0.clone(), request)
            }

            /// Begins to run it in the background, as [`run`](Self::run) does with
            /// [`respond_async`](DocumentRequest::respond_async), and gives the
            /// [operation](Operation): with progress, a timeout of its own
            /// ([`Operation::timeout`]), and [`cancel`](Operation::cancel) (`DELETE`). The instance
            /// that it gives may have open prompts. Unlike the future of [`run`](Self::run), a
            /// dropped operation continues on the server.
            ///
            /// # Errors
            /// As [`run`](Self::run).
            pub fn start(
                &self,
                request: DocumentRequest,
            ) -> impl Future<Output = Result<Operation<DocumentInstance, InstanceStatus>>>
            + Send
            + use<> {
                DocumentInstance::start(self.0.clone(), request)
            }
        }
    };
}

shared!(Document, "document", "/documents/{id}/definition", "/documents/{id}/instances");
shared!(Dashboard, "dashboard", "/v2/dossiers/{id}/definition", "/dossiers/{id}/instances");
