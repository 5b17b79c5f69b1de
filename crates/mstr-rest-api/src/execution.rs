//! Executions on the server: begun, waited for, dropped.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result};
use serde::Deserialize;
use serde_json::Map;
use tokio::time::Instant;

use crate::source::{Kind, Source};
use crate::{GridRequest, InstanceStatus, lenient};

/// The first wait between two questions how far an execution is; each further one is twice as
/// long, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long the dropping of an execution may take.
const CLEANUP: Duration = Duration::from_secs(30);

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
    let retry_after = retry_after(reply.headers());
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
        // with data, they would be those of before the answers
        if head.status == Some(InstanceStatus::PROMPTS) {
            return missing("the instance has no pages yet: its prompts are not answered");
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
    if reply.status() == StatusCode::ACCEPTED {
        return Ok((InstanceStatus::Running, retry_after(reply.headers())));
    }
    let head: Head = reply.json()?;
    Ok((head.status.map_or(InstanceStatus::Ready, InstanceStatus::of), None))
}

fn ask(source: &Source, id: &str) -> Call<Progress> {
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
    .decode_with(progress)
}

pub(crate) fn status(source: &Source, id: &str) -> Call<InstanceStatus> {
    ask(source, id).map(|(status, _)| Ok(status))
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
        let begun = call.json(&body).decode_with(begun).await?;
        return Ok((ready(source, request.timeout, begun).await?, false));
    }
    if source.kind == Kind::Cube {
        let message = "respond_async is for reports; cubes are run at once";
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    // the server does not take a request in the background
    let call = call.header("Prefer", "respond-async").json(&Map::new());
    let begun = ready(source, request.timeout, call.decode_with(begun).await?).await?;
    if body.is_empty() {
        return Ok((begun, false));
    }
    if begun.status == InstanceStatus::Prompts {
        return Ok((begun, true));
    }
    let cleanup = Cleanup::of(source, &begun.id);
    let begun = manipulate(source, &begun.id, request).await?;
    cleanup.disarm();
    Ok((begun, false))
}

/// Changes what an execution of a report shows.
pub(crate) async fn manipulate(source: &Source, id: &str, request: &GridRequest) -> Result<Begun> {
    let body = request.body()?;
    let call = source.instance(Method::PUT, id).read_timeout(request.timeout);
    // it executes: whether it may be sent twice is not known
    let call = request.first_window(call).idempotent(false).json(&body);
    let mut begun = call.decode_with(begun).await?;
    if begun.status == InstanceStatus::Running {
        begun.status = wait(source, id, request.timeout, begun.retry_after).await?;
    }
    Ok(begun)
}

/// Waits for an execution that runs in the background. It is dropped when this is, or fails.
pub(crate) async fn ready(source: &Source, timeout: Duration, mut begun: Begun) -> Result<Begun> {
    if begun.status == InstanceStatus::Running {
        let cleanup = Cleanup::of(source, &begun.id);
        match wait(source, &begun.id, timeout, begun.retry_after).await {
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

/// Asks until an execution does not run any more.
pub(crate) async fn wait(
    source: &Source,
    id: &str,
    timeout: Duration,
    asked: Option<Duration>,
) -> Result<InstanceStatus> {
    let mut patience = Patience::new("the execution", timeout);
    let mut asked = asked;
    loop {
        patience.pause(asked).await?;
        let answer = ask(source, id).timeout(patience.left()).await;
        match patience.judge(answer)? {
            (InstanceStatus::Running, retry_after) => asked = retry_after,
            (status, _) => return Ok(status),
        }
    }
}

/// Polling with growing pauses, until a timeout.
pub(crate) struct Patience {
    what: &'static str,
    timeout: Duration,
    /// `None` where the timeout is too long for the clock.
    deadline: Option<Instant>,
    backoff: Duration,
}

impl Patience {
    pub(crate) fn new(what: &'static str, timeout: Duration) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        Self { what, timeout, deadline, backoff: FIRST_WAIT }
    }

    pub(crate) fn left(&self) -> Duration {
        let now = Instant::now();
        self.deadline.map_or(Duration::MAX, |end| end.saturating_duration_since(now))
    }

    pub(crate) fn over(&self) -> Error {
        let message = format!("{} was not done within {:?}", self.what, self.timeout);
        Error::new(ErrorKind::Timeout, message)
    }

    /// Waits for the next question: as long as the server asked for, or twice as long as before.
    pub(crate) async fn pause(&mut self, asked: Option<Duration>) -> Result<()> {
        let pause = match asked {
            // no answer is to be had in time
            Some(asked) if asked > self.left() => return Err(self.over()),
            Some(asked) => asked.max(FIRST_WAIT),
            None => self.backoff,
        };
        tokio::time::sleep(pause.min(self.left())).await;
        if self.left().is_zero() {
            return Err(self.over());
        }
        self.backoff = (self.backoff * 2).min(LONGEST_WAIT);
        Ok(())
    }

    /// A reply that did not come before the deadline fails with the error of the timeout.
    pub(crate) fn judge<T>(&self, answer: Result<T>) -> Result<T> {
        match answer {
            Err(error) if error.is_timeout() && self.left().is_zero() => Err(self.over()),
            answer => answer,
        }
    }
}

/// `Retry-After`: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Drops an execution on the server when it is dropped itself, unless it is disarmed. Nobody is
/// told of a failure: the server clears away what nobody asks for.
pub(crate) struct Cleanup(Option<Call<()>>);

impl Cleanup {
    pub(crate) fn of(source: &Source, id: &str) -> Self {
        Self::by(delete(source, id))
    }

    /// Drops something else, by this call.
    pub(crate) fn by(delete: Call<()>) -> Self {
        Self(Some(delete.timeout(CLEANUP)))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }

    pub(crate) async fn now(mut self) {
        if let Some(delete) = &self.0 {
            // dropped in between, it is begun again
            let _ = delete.clone().await;
            self.0 = None;
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Some(delete) = self.0.take() {
            delete.in_background();
        }
    }
}
