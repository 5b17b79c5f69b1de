//! Reports: what they are made of, and running them.

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Result, Session};
use serde_json::json;

use crate::delete_on_drop::DeleteOnDrop;
use crate::executable::{Kind, Source};
use crate::execution;
use crate::{
    Definition, Element, GridRequest, Instance, InstanceStatus, List, Operation, Prompt, sealed,
};

/// Reports of the server.
pub trait ReportsExt: sealed::Sealed {
    /// The handler of reports. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn reports(&self) -> Reports;
}

impl ReportsExt for Session {
    fn reports(&self) -> Reports {
        Reports::new(self)
    }
}

/// Reports. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::ReportsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let reports = session.in_project("MicroStrategy Tutorial").reports();
/// let definition = reports.report("13CFD83A458A68655A13CBA8D7C62CD5").definition().await?;
/// for metric in &definition.available.metrics {
///     println!("{}  {}", metric.id, metric.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reports {
    session: Session,
}

impl Reports {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The report with that id. Nothing is sent.
    pub fn report(&self, id: impl AsRef<str>) -> Report {
        Report(Source::new(&self.session, Kind::Report, id.as_ref()))
    }
}

/// One report. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{GridRequest, ReportsExt};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let report = session
///     .in_project("MicroStrategy Tutorial")
///     .reports()
///     .report("13CFD83A458A68655A13CBA8D7C62CD5");
/// let definition = report.definition().await?;
/// let instance = report.run(GridRequest::from_definition(&definition)).await?;
/// let more = instance.page(1000, 1000).await?;
/// # let _ = more;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Report(Source);

impl Report {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn source(&self) -> &Source {
        &self.0
    }

    /// Its template and the objects that can be asked for: `GET /v2/reports/{id}` (recorded from
    /// servers).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) without a token.
    pub fn definition(&self) -> Call<Definition> {
        self.0.definition()
    }

    /// Runs it: `POST /v2/reports/{id}/instances`. A report with prompts gives an instance whose
    /// status is [`Prompts`](crate::InstanceStatus::Prompts) and that waits for answers.
    ///
    /// With [`respond_async`](GridRequest::respond_async) it is sent with `Prefer: respond-async`
    /// and an empty body (the server takes no other), asked how far it is
    /// (`GET /reports/{id}/instances/{iid}/status`; `Retry-After` is kept), and only then told the
    /// request by `PUT`. When the future is dropped, fails, or the
    /// [timeout](GridRequest::execution_timeout) is over, the execution is deleted on the server
    /// (`DELETE`).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest) for what
    /// [`GridRequest::check`] refuses, and nothing is sent, and for a view filter on a report that
    /// asks (the vendor documents that it is not applied);
    /// [`Timeout`](mstr_rest_core::ErrorKind::Timeout) when the execution takes longer than its
    /// timeout.
    pub fn run(
        &self,
        request: GridRequest,
    ) -> impl Future<Output = Result<Instance>> + Send + use<> {
        Instance::run(self.0.clone(), request)
    }

    /// Begins to run it in the background, as [`run`](Self::run) does with
    /// [`respond_async`](GridRequest::respond_async), and gives the [operation](Operation): with
    /// progress, a timeout of its own ([`Operation::timeout`]), and
    /// [`cancel`](Operation::cancel) (`DELETE`). The instance that it gives may have open prompts.
    /// Unlike the future of [`run`](Self::run), a dropped operation continues on the server.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use mstr_rest_api::{GridRequest, Report};
    ///
    /// # async fn example(report: Report) -> mstr_rest_core::Result<()> {
    /// let running = report.start(GridRequest::designed()).await?;
    /// let running = running.timeout(Duration::from_secs(4 * 3600));
    /// let instance = running.on_progress(|status| eprintln!("{status}")).wait().await?;
    /// # let _ = instance;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn start(
        &self,
        request: GridRequest,
    ) -> impl Future<Output = Result<Operation<Instance, InstanceStatus>>> + Send + use<> {
        Instance::start(self.0.clone(), request)
    }

    /// The elements of an attribute, by its id, over all pages:
    /// `GET /reports/{id}/attributes/{attribute}/elements` (recorded from servers).
    ///
    /// # Errors
    /// As [`definition`](Self::definition).
    pub fn attribute_elements(&self, attribute: impl AsRef<str>) -> List<Element> {
        self.0.attribute_elements(attribute.as_ref())
    }

    /// Its prompts: `GET /reports/{id}/prompts`. Answers need an
    /// [instance](Instance::prompts); nested prompts show up there.
    ///
    /// # Errors
    /// As [`definition`](Self::definition).
    pub fn prompts(&self) -> Call<Vec<Prompt>> {
        self.0.v1(Method::GET).segment("prompts").decode()
    }

    /// The SQL that it runs. For that it is run up to its prompts
    /// (`POST /v2/reports/{id}/instances?executionStage=resolve_prompts`, as the vendor's client
    /// does), asked (`GET .../instances/{iid}/sqlView`) and dropped (`DELETE`).
    /// Of a report with prompts: [`Instance::sql_view`] once they are answered.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors); the server's own while prompts are
    /// open.
    pub fn sql_view(&self) -> impl Future<Output = Result<String>> + Send + use<> {
        let source = self.0.clone();
        async move {
            let request = GridRequest::designed().page_size(1);
            let call = source.v2(Method::POST).segment("instances").read_timeout(request.timeout);
            let call = request.first_window(call).query("executionStage", "resolve_prompts");
            let begun = call.json(&json!({})).decode_with(execution::begun).await?;
            let cleanup = DeleteOnDrop::of(&source, &begun.id);
            let sql = execution::sql_view(&source, &begun.id).await;
            cleanup.now().await;
            sql
        }
    }
}
