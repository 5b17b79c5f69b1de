//! Instances: what running a report or a cube leaves on the server, to be read in pages.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Result};

use crate::delete_on_drop::DeleteOnDrop;
use crate::errors;
use crate::executable::{Kind, Source};
use crate::execution::{self, Begun};
use crate::{Answers, Definition, ErrorExt, GridRequest, Operation, PageBy};

/// How far an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceStatus {
    /// Its pages can be read.
    Ready,
    /// Prompts are open: [`Instance::prompts`], [`Instance::answer`].
    Prompts,
    /// It runs in the background.
    Running,
    /// Something that this version does not know, as the server numbers it.
    Other(i64),
}

/// In words: `ready`, `prompts are open`, `running`, `status 7`.
impl fmt::Display for InstanceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.pad("ready"),
            Self::Prompts => f.pad("prompts are open"),
            Self::Running => f.pad("running"),
            Self::Other(number) => write!(f, "status {number}"),
        }
    }
}

impl InstanceStatus {
    pub(crate) const PROMPTS: i64 = 2;

    pub(crate) fn of(number: i64) -> Self {
        match number {
            1 => Self::Ready,
            Self::PROMPTS => Self::Prompts,
            // beside 202, which is what the vendor documents for it (field note)
            3 => Self::Running,
            other => Self::Other(other),
        }
    }
}

/// A report or a cube that was run. It lives in the session that ran it: when that ends, it is
/// gone.
///
/// Cheap to clone; clones are the same instance, and see when one of them executes it again. It
/// stays on the server until [`delete`](Self::delete) or the end of the session.
///
/// ```no_run
/// use mstr_rest_api::{GridRequest, Report};
///
/// # async fn example(report: Report) -> mstr_rest_core::Result<()> {
/// let instance = report.run(GridRequest::designed().page_size(5000)).await?;
/// let total = instance.total().unwrap_or_default();
/// let mut pages: Vec<_> = instance.first_page().into_iter().collect();
/// let mut offset = 5000;
/// while offset < total {
///     pages.push(instance.page_or_reexecute(offset, 5000).await?);
///     offset += 5000;
/// }
/// instance.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Instance {
    pub(crate) source: Source,
    shared: Arc<Shared>,
}

struct Shared {
    now: RwLock<Execution>,
    /// One executes again, the others wait.
    again: tokio::sync::Mutex<()>,
}

/// The execution that an instance stands for now.
#[derive(Clone)]
pub(crate) struct Execution {
    pub(crate) id: Arc<str>,
    pub(crate) request: Arc<GridRequest>,
    pub(crate) status: InstanceStatus,
    /// The server was not told the request yet: prompts are in between.
    pub(crate) owes_request: bool,
    /// The page of page-by in `request` was turned to: nobody asked for that one alone.
    turned: bool,
    first_page: Option<Bytes>,
    total: Option<u64>,
    answers: Vec<Answers>,
}

impl Execution {
    fn new(begun: Begun, request: Arc<GridRequest>, owes_request: bool) -> Self {
        Self {
            id: begun.id.into(),
            request,
            status: begun.status,
            owes_request,
            turned: false,
            first_page: begun.page,
            total: begun.total,
            answers: Vec::new(),
        }
    }

    /// The server shows something else of it.
    fn show(&mut self, begun: Begun, request: Arc<GridRequest>) {
        let answers = std::mem::take(&mut self.answers);
        *self = Self { answers, ..Self::new(begun, request, false) };
    }
}

impl Instance {
    pub(crate) async fn run(source: Source, request: GridRequest) -> Result<Self> {
        let (begun, owes_request) = execution::begin(&source, &request).await?;
        if begun.status == InstanceStatus::Prompts
            && let Err(error) = request.check_prompted()
        {
            DeleteOnDrop::of(&source, &begun.id).now().await;
            return Err(error);
        }
        Ok(Self::new(source, Execution::new(begun, request.into(), owes_request)))
    }

    pub(crate) async fn start(
        source: Source,
        request: GridRequest,
    ) -> Result<Operation<Self, InstanceStatus>> {
        let owes_request = !request.body()?.is_empty();
        let begun = execution::start(&source, &request).await?;
        let id = begun.id.clone();
        let instance =
            Self::new(source.clone(), Execution::new(begun, request.into(), owes_request));
        let running = execution::operation(&source, &id, move |status| {
            instance.update(&instance.now().id, |now| now.status = status);
            instance.clone()
        });
        Ok(running.finished_by(|instance| async move {
            let now = instance.now();
            if now.owes_request && now.status == InstanceStatus::Ready {
                let begun = execution::manipulate(&instance.source, &now.id, &now.request).await?;
                instance.update(&now.id, |now| now.told(begun));
            }
            Ok(instance)
        }))
    }

    fn new(source: Source, execution: Execution) -> Self {
        let shared = Shared { now: RwLock::new(execution), again: tokio::sync::Mutex::default() };
        Self { source, shared: shared.into() }
    }

    pub(crate) fn now(&self) -> Execution {
        self.shared.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the execution, unless another one took its place meanwhile.
    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut Execution)) {
        let mut now = self.shared.now.write().unwrap_or_else(PoisonError::into_inner);
        if *now.id == *id {
            change(&mut now);
        }
    }

    /// The server's id of it. Executed again, it has another one.
    pub fn id(&self) -> String {
        self.now().id.to_string()
    }

    /// The definition of its report or cube: `GET /v2/reports/{id}`, `GET /v2/cubes/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn definition(&self) -> Call<Definition> {
        self.source.definition()
    }

    /// What it was asked for. A page of page-by that it was [turned](Self::show_page) to is no part
    /// of it.
    pub fn request(&self) -> GridRequest {
        let now = self.now();
        let request = GridRequest::clone(&now.request);
        if now.turned { request.all_pages() } else { request }
    }

    /// How far it was when the server last said so. [`status`](Self::status) asks.
    pub fn last_status(&self) -> InstanceStatus {
        self.now().status
    }

    /// How many lines it has, as the first page that came said. `None` before.
    pub fn total(&self) -> Option<u64> {
        self.now().total
    }

    /// The first page, if the server sent it with the execution: not after prompts, nor after an
    /// execution in the background without a request. The bytes are the server's JSON. Data that
    /// came while prompts were open are those of before the answers, and are never given.
    pub fn first_page(&self) -> Option<Bytes> {
        self.now().first_page
    }

    /// How far it is: `GET /reports/{id}/instances/{iid}/status`. Cubes have no such endpoint:
    /// the smallest page is asked for.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn status(&self) -> Call<InstanceStatus> {
        execution::status(&self.source, &self.now().id)
    }

    /// Lines `offset` to `offset + limit` as the bytes of the server's JSON:
    /// `GET /v2/reports/{id}/instances/{iid}` (recorded layout). The server may give fewer lines
    /// than were asked for.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) while it runs or prompts are open;
    /// [`is_instance_gone`](ErrorExt::is_instance_gone),
    /// [`is_request_timeout`](ErrorExt::is_request_timeout).
    pub fn page(&self, offset: u64, limit: u64) -> Call<Bytes> {
        let (instance, now) = (self.clone(), self.now());
        let call = page(&self.source, &now, offset, limit);
        if now.total.is_some() {
            return call;
        }
        call.map(move |page| {
            instance.update(&now.id, |now| now.total = execution::total(&page));
            Ok(page)
        })
    }

    /// A page, as [`page`](Self::page) gives it. If the instance is gone, it is re-executed, once
    /// for all waiting requests, with the same answers to its prompts, and a second time if that
    /// one is gone at once. If it then has as many lines as before, reading continues at the same
    /// line.
    ///
    /// # Errors
    /// As [`page`](Self::page) and [`reexecute`](Self::reexecute);
    /// [`Api`](ErrorKind::Api) when the total is another one: what was read before does not fit,
    /// and has to be read anew.
    pub fn page_or_reexecute(
        &self,
        offset: u64,
        limit: u64,
    ) -> impl Future<Output = Result<Bytes>> + Send + use<> {
        let instance = self.clone();
        async move {
            match instance.page_or_executed(offset, limit).await {
                // gone before it was asked: sessions end one after the other while a server stops
                Err(error) if error.is_instance_gone() => {
                    instance.page_or_executed(offset, limit).await
                }
                other => other,
            }
        }
    }

    async fn page_or_executed(&self, offset: u64, limit: u64) -> Result<Bytes> {
        let gone = self.now();
        let error = match self.page(offset, limit).await {
            Err(error) if error.is_instance_gone() => error,
            other => return other,
        };
        let one = self.shared.again.lock().await;
        if self.now().id != gone.id {
            drop(one);
            return self.page(offset, limit).await;
        }
        // another page may have said it meanwhile
        let before = self.total();
        let mut execution = execute(&self.source, &gone).await?;
        let cleanup = DeleteOnDrop::of(&self.source, &execution.id);
        let page = page(&self.source, &execution, offset, limit).await?;
        execution.total = execution.total.or_else(|| execution::total(&page));
        if before.is_some() && before != execution.total {
            cleanup.now().await;
            return Err(errors::total_changed(before, execution.total, Some(error)));
        }
        cleanup.disarm();
        self.update(&gone.id, |now| *now = execution);
        Ok(page)
    }

    /// Re-executes the same request with the same answers to its prompts, and continues as the new
    /// execution; so do clones. For an instance that is gone, or to see new data. The execution
    /// before is cleared away on the server, if it is still there.
    ///
    /// # Errors
    /// As [`Report::run`](crate::Report::run).
    pub fn reexecute(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let instance = self.clone();
        async move {
            let _one = instance.shared.again.lock().await;
            let before = instance.now();
            let execution = execute(&instance.source, &before).await?;
            instance.update(&before.id, |now| *now = execution);
            DeleteOnDrop::of(&instance.source, &before.id).now().await;
            Ok(())
        }
    }

    /// Shows something else of the same execution: other objects, filters, a page of page-by.
    /// `PUT /v2/reports/{id}/instances/{iid}` and the same of `cubes` (vendor documentation); its
    /// reply is the new [`first_page`](Self::first_page). A cube of a server that does not have
    /// that endpoint is executed anew, and the execution before is deleted.
    ///
    /// # Errors
    /// As [`Report::run`](crate::Report::run), also for a view filter on a report that had prompts;
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn manipulate(
        &self,
        request: GridRequest,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change(request, false)
    }

    /// Turns to a page of page-by, by the ids of its elements in order: as
    /// [`manipulate`](Self::manipulate), but what the instance was [asked for](Self::request) stays
    /// the report with all of its pages. Its first page has so many lines.
    ///
    /// # Errors
    /// As [`manipulate`](Self::manipulate).
    pub fn show_page(
        &self,
        elements: &[String],
        lines: u64,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        self.change(self.request().page_by(elements.iter().cloned()).page_size(lines), true)
    }

    fn change(
        &self,
        request: GridRequest,
        turned: bool,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let instance = self.clone();
        async move {
            let before = instance.now();
            if !before.answers.is_empty() || before.status == InstanceStatus::Prompts {
                request.check_prompted()?;
            }
            let request = Arc::new(request);
            let changed = execution::manipulate(&instance.source, &before.id, &request).await;
            let is_older =
                |error: &Error| instance.source.kind == Kind::Cube && error.is_unknown_endpoint();
            if changed.as_ref().is_err_and(is_older) {
                let (begun, _) = execution::begin(&instance.source, &request).await?;
                let execution = Execution::new(begun, request, false);
                instance.update(&before.id, |now| *now = execution);
                DeleteOnDrop::of(&instance.source, &before.id).now().await;
                return Ok(());
            }
            let begun = changed?;
            instance.update(&before.id, |now| {
                now.show(begun, request);
                now.turned = turned;
            });
            Ok(())
        }
    }

    /// The page-by units with their elements, and the combinations that have data:
    /// `GET /v2/reports/{id}/instances/{iid}/pageBy/elements` (vendor documentation). Reports
    /// only.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_prompted`](ErrorExt::is_prompted) while prompts are open.
    pub fn page_by_elements(&self, offset: u64, limit: u64) -> Call<PageBy> {
        let call = self.source.instance(Method::GET, &self.now().id);
        let call = call.segment("pageBy").segment("elements");
        let call = call.query("offset", offset).query("limit", limit);
        self.source.for_reports("page-by", call).decode()
    }

    /// The SQL that it ran: `GET /v2/reports/{id}/instances/{iid}/sqlView`; of a cube
    /// `GET /v2/cubes/{id}/sqlView`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_prompted`](ErrorExt::is_prompted) while prompts are open.
    pub fn sql_view(&self) -> Call<String> {
        execution::sql_view(&self.source, &self.now().id)
    }

    /// Deletes it on the server when the guard is dropped: in the background, at the end of a
    /// scope, whatever the reason. Executed again meanwhile, the last execution is deleted. The
    /// instance and its clones should not be used afterwards.
    ///
    /// ```no_run
    /// use mstr_rest_api::{GridRequest, Report};
    ///
    /// # async fn example(report: Report) -> mstr_rest_core::Result<()> {
    /// let instance = report.run(GridRequest::designed()).await?;
    /// let _guard = instance.delete_on_drop();
    /// let page = instance.page(0, 1000).await?; // an error deletes it, too
    /// # let _ = page;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_on_drop(&self) -> DeleteOnDrop {
        let instance = self.clone();
        DeleteOnDrop::by_current(move || instance.delete())
    }

    /// Deletes it on the server: `DELETE /v2/reports/{id}/instances/{iid}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`is_instance_gone`](ErrorExt::is_instance_gone).
    pub fn delete(&self) -> Call<()> {
        execution::delete(&self.source, &self.now().id)
    }
}

fn page(source: &Source, execution: &Execution, offset: u64, limit: u64) -> Call<Bytes> {
    let call = source.instance(Method::GET, &execution.id);
    let call = execution.request.window(call, offset, limit);
    let last = execution.status;
    call.decode_with(move |reply| execution::page(reply, last))
}

/// Executes what another execution was asked for, with its answers.
async fn execute(source: &Source, before: &Execution) -> Result<Execution> {
    let (begun, owes_request) = execution::begin(source, &before.request).await?;
    let mut execution = Execution::new(begun, Arc::clone(&before.request), owes_request);
    execution.turned = before.turned;
    if execution.status != InstanceStatus::Prompts || before.answers.is_empty() {
        return Ok(execution);
    }
    let cleanup = DeleteOnDrop::of(source, &execution.id);
    let instance = Instance::new(source.clone(), execution);
    for answers in &before.answers {
        instance.answer(answers.clone()).await?;
    }
    let execution = instance.now();
    if execution.status == InstanceStatus::Prompts {
        let message = "executed again, the report asks for more than was answered before";
        return Err(Error::new(ErrorKind::Api, message));
    }
    cleanup.disarm();
    Ok(execution)
}

impl Execution {
    /// Takes what the server was told to its prompts, and what became of it.
    pub(crate) fn answered(&mut self, answers: Answers, status: InstanceStatus) {
        self.answers.push(answers);
        self.status = status;
        // what was seen before the answers is not what was asked for
        (self.first_page, self.total) = (None, None);
    }

    /// Takes the reply to the request that was owed.
    pub(crate) fn told(&mut self, begun: Begun) {
        let request = Arc::clone(&self.request);
        self.show(begun, request);
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now();
        f.debug_struct("Instance")
            .field("id", &now.id)
            .field("status", &now.status)
            .field("total", &now.total)
            .finish_non_exhaustive()
    }
}
