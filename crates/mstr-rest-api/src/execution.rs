//! Executions on the server: begun, waited for, dropped.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result};
use serde::Deserialize;
use serde_json::Map;

use crate::changes::is_empty;
use crate::delete_on_drop::DeleteOnDrop;
use crate::executable::{Kind, Source};
use crate::polling::{Polling, Seconds, Step};
use crate::{GridRequest, InstanceStatus, Operation, lenient};

/// Bodies that are shorter may say that prompts are open; pages are looked into while prompts were
/// open when the execution was last seen.
const SHORT: usize = 2048;

/// What the server says of an execution beside its data.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Head {
    #[serde(deserialize_with = "lenient::text")]
    instance_id: String,
    /// The id of documents and dashboards.
    #[serde(deserialize_with = "lenient::text")]
    mid: String,
    #[serde(deserialize_with = "lenient::integer")]
    status: Option<i64>,
    data: Option<Data>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "lenient::or_default")]
    paging: Paging,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Paging {
    #[serde(deserialize_with = "lenient::count")]
    total: Option<u64>,
}

impl Head {
    fn total(&self) -> Option<u64> {
        self.data.as_ref()?.paging.total
    }
}

/// An execution as the reply to `POST` or `PUT` describes it.
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) status: InstanceStatus,
    retry_after: Option<Duration>,
    pub(crate) page: Option<Bytes>,
    /// How many lines it has in all.
    pub(crate) total: Option<u64>,
}

impl Begun {
    /// As a reply without a body to a change of an execution describes it.
    fn of(id: &str, reply: &Response) -> Self {
        let is_running = reply.status() == StatusCode::ACCEPTED;
        let status = if is_running { InstanceStatus::Running } else { InstanceStatus::Ready };
        let retry_after = reply.retry_after();
        Self { id: id.to_owned(), status, retry_after, page: None, total: None }
    }
}

/// Decodes such a reply.
pub(crate) fn begun(reply: &Response) -> Result<Begun> {
    let head: Head = reply.json()?;
    let id = [&head.instance_id, &head.mid].into_iter().find(|id| !id.is_empty()).cloned();
    let Some(id) = id else {
        let error = Error::new(ErrorKind::Decode, "the reply names no instance (instanceId)");
        return Err(error.with_status(reply.status()));
    };
    let status = match (reply.status(), head.status) {
        (StatusCode::ACCEPTED, _) => InstanceStatus::Running,
        (_, None) => InstanceStatus::Ready,
        (_, Some(number)) => InstanceStatus::of(number),
    };
    // a prompted report may come with data: those of before the answers (vendor documentation)
    let is_early = status == InstanceStatus::Prompts;
    let page = head.data.as_ref().filter(|_| !is_early).map(|_| reply.bytes().clone());
    let total = head.total().filter(|_| !is_early);
    let retry_after = reply.retry_after();
    Ok(Begun { id, status, retry_after, page, total })
}

/// The bytes of a page, of an execution that was last seen in this state.
pub(crate) fn page(reply: &Response, last: InstanceStatus) -> Result<Bytes> {
    let missing = |message: &str| {
        Err(Error::new(ErrorKind::InvalidRequest, message).with_status(reply.status()))
    };
    if reply.status() == StatusCode::ACCEPTED {
        return missing("the instance has no pages yet: it still runs");
    }
    if reply.bytes().len() < SHORT || last == InstanceStatus::Prompts {
        let head: Head = reply.json()?;
        match head.status.map(InstanceStatus::of) {
            // with data, they would be those of before the answers
            Some(InstanceStatus::Prompts) => {
                return missing("the instance has no pages yet: its prompts are not answered");
            }
            Some(InstanceStatus::Running) if head.data.is_none() => {
                return missing("the instance has no pages yet: it still runs");
            }
            Some(InstanceStatus::Other(number)) if head.data.is_none() => {
                return missing(&format!("the instance has no pages yet: its status is {number}"));
            }
            _ => {}
        }
    }
    Ok(reply.bytes().clone())
}

/// How many lines there are in all, as a page says.
pub(crate) fn total(page: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Head>(page).ok()?.total()
}

/// How far an execution is: its status, and when to ask again.
type Progress = (InstanceStatus, Option<Duration>);

fn progress(reply: &Response) -> Result<Progress> {
    Ok((status_of(reply)?, reply.retry_after()))
}

fn status_of(reply: &Response) -> Result<InstanceStatus> {
    if reply.status() == StatusCode::ACCEPTED {
        return Ok(InstanceStatus::Running);
    }
    let head: Head = reply.json()?;
    Ok(match head.status {
        Some(number) if head.data.is_none() => InstanceStatus::of(number),
        _ => InstanceStatus::Ready,
    })
}

fn ask(source: &Source, id: &str) -> Call<Response> {
    match source.kind {
        Kind::Report | Kind::Document | Kind::Dashboard => {
            source.v1(Method::GET).segment("instances").segment(id).segment("status")
        }
        // cubes have no such endpoint: the smallest page tells
        Kind::Cube => {
            let call = source.instance(Method::GET, id);
            call.query("offset", 0).query("limit", 1)
        }
    }
}

pub(crate) fn status(source: &Source, id: &str) -> Call<InstanceStatus> {
    ask(source, id).decode_with(status_of)
}

pub(crate) fn sql_view(source: &Source, id: &str) -> Call<String> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct View {
        #[serde(deserialize_with = "lenient::text")]
        sql_statement: String,
    }
    let call = match source.kind {
        Kind::Cube => source.v2(Method::GET),
        _ => source.instance(Method::GET, id),
    };
    call.segment("sqlView").decode::<View>().map(|view| Ok(view.sql_statement))
}

pub(crate) fn delete(source: &Source, id: &str) -> Call<()> {
    source.instance(Method::DELETE, id).decode_with(|_| Ok(()))
}

/// Begins an execution and waits until it is ready or asks for something.
///
/// The second value says that the request is still to be sent by [`manipulate`]: prompts are in
/// between.
pub(crate) async fn begin(source: &Source, request: &GridRequest) -> Result<(Begun, bool)> {
    let body = request.body()?;
    let call = source.execute().read_timeout(request.timeout);
    let call = request.first_window(call);
    if !request.is_async {
        let begun = call.json(&body).decode_with(begun).await;
        let begun = begun.map_err(|error| unanswered(source, request.timeout, error))?;
        return Ok((ready(source, request.timeout, begun).await?, false));
    }
    if source.kind == Kind::Cube {
        let message = "respond_async is for reports; cubes are run at once";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let begun = ready(source, request.timeout, in_background(call).await?).await?;
    if body.is_empty() {
        return Ok((begun, false));
    }
    if begun.status == InstanceStatus::Prompts {
        return Ok((begun, true));
    }
    let cleanup = DeleteOnDrop::of(source, &begun.id);
    let begun = manipulate(source, &begun.id, request).await?;
    cleanup.disarm();
    Ok((begun, false))
}

/// Begins an execution in the background. The server does not take a request there: it is still to
/// be sent by [`manipulate`].
pub(crate) async fn start(source: &Source, request: &GridRequest) -> Result<Begun> {
    request.check()?;
    let call = source.execute().read_timeout(request.timeout);
    in_background(request.first_window(call)).await
}

/// Sends the beginning of an execution in the background, without a request.
pub(crate) fn in_background(call: Call<Response>) -> Call<Begun> {
    call.header("Prefer", "respond-async").json(&Map::new()).decode_with(begun)
}

/// An execution in the background, to be waited for; `done` makes the result from its last state.
pub(crate) fn operation<T: 'static>(
    source: &Source,
    id: &str,
    done: impl Fn(InstanceStatus) -> T + Send + Sync + 'static,
) -> Operation<T, InstanceStatus> {
    let of = source.clone();
    let judge = move |status| {
        Ok(match judge(&of, status) {
            Step::Done(status) => Step::Done(done(status)),
            Step::Pending { state, retry_after } => Step::Pending { state, retry_after },
        })
    };
    let name = format!("the execution of {source}");
    Operation::new(name, ask(source, id), status_of, judge).cancelled_by(delete(source, id))
}

/// Changes what an execution of a report shows.
pub(crate) async fn manipulate(source: &Source, id: &str, request: &GridRequest) -> Result<Begun> {
    let body = request.body()?;
    let call = source.instance(Method::PUT, id).read_timeout(request.timeout);
    // it executes: whether it may be sent twice is not known
    let call = request.first_window(call).idempotent(false).json(&body);
    let same = id.to_owned();
    let decode = move |reply: &Response| {
        if is_empty(reply) { Ok(Begun::of(&same, reply)) } else { begun(reply) }
    };
    let begun = call.decode_with(decode).await;
    let mut begun = begun.map_err(|error| unanswered(source, request.timeout, error))?;
    if begun.status == InstanceStatus::Running {
        begun.status = wait(source, id, request.timeout, begun.retry_after).await?;
    }
    Ok(begun)
}

/// The option that sets the timeout of an execution.
fn option(source: &Source) -> &'static str {
    match source.kind {
        Kind::Report | Kind::Cube => "GridRequest::execution_timeout",
        Kind::Document | Kind::Dashboard => "DocumentRequest::execution_timeout",
    }
}

/// The error of an execution whose reply did not come in time.
pub(crate) fn unanswered(source: &Source, timeout: Duration, error: Error) -> Error {
    if !error.is_timeout() {
        return error;
    }
    let message = format!(
        "the execution of {source} got no reply in time; the server may continue: raise the limit \
         with `{}` (now {})",
        option(source),
        Seconds(timeout)
    );
    Error::with_source(ErrorKind::Timeout, message, error)
}

/// Waits for an execution that runs in the background. If this future is dropped or fails, the
/// execution is deleted on the server.
pub(crate) async fn ready(source: &Source, timeout: Duration, mut begun: Begun) -> Result<Begun> {
    let has_page = begun.page.is_some();
    if begun.status == InstanceStatus::Running || (is_pending(source, begun.status) && !has_page) {
        let cleanup = DeleteOnDrop::of(source, &begun.id);
        match wait_then(source, &begun.id, timeout, begun.retry_after, "it was cancelled").await {
            Ok(status) => begun.status = status,
            Err(error) => {
                cleanup.now().await;
                return Err(error);
            }
        }
        cleanup.disarm();
    }
    Ok(begun)
}

/// Asks until an execution does not run any more. It is left to itself after the timeout.
pub(crate) async fn wait(
    source: &Source,
    id: &str,
    timeout: Duration,
    retry_after: Option<Duration>,
) -> Result<InstanceStatus> {
    wait_then(source, id, timeout, retry_after, "it continues on the server").await
}

async fn wait_then(
    source: &Source,
    id: &str,
    timeout: Duration,
    retry_after: Option<Duration>,
    afterwards: &str,
) -> Result<InstanceStatus> {
    let afterwards = format!("{afterwards}: raise the limit with `{}`", option(source));
    let polling = Polling::new(format!("the execution of {source}"), afterwards, timeout);
    let ask = async || {
        let (status, retry_after) = ask(source, id).decode_with(progress).await?;
        Ok(judge(source, status).after(retry_after))
    };
    polling.until_done(retry_after, ask).await
}

fn judge(source: &Source, status: InstanceStatus) -> Step<InstanceStatus> {
    if is_pending(source, status) { Step::seen(status) } else { Step::Done(status) }
}

/// The execution of a cube has no end but its data: any status without them is that of one that
/// runs. Reports and documents have numbers for other ends.
fn is_pending(source: &Source, status: InstanceStatus) -> bool {
    match status {
        InstanceStatus::Running => true,
        InstanceStatus::Other(_) => source.kind == Kind::Cube,
        _ => false,
    }
}
