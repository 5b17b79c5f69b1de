//! Faults: what goes wrong, on which requests, how often.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;

use crate::lock;
use crate::pattern::Pattern;
use crate::{RecordedRequest, Reply};

type Replace = dyn Fn(&RecordedRequest) -> Reply + Send + Sync;
type Alter = dyn Fn(&RecordedRequest, Reply) -> Reply + Send + Sync;

/// Something that goes wrong.
///
/// A fault applies to every request, for ever, unless it is narrowed by [`on`](Self::on),
/// [`times`](Self::times) and [`after`](Self::after). Of several that match, the one that was
/// injected first wins. There are two kinds: those that answer *instead* of the server, which
/// never sees the request, and those that spoil the reply *after* the server did its work (the
/// session exists, the client just does not hear of it). Each constructor says which it is.
///
/// ```
/// use mstr_sim::{Fault, Method};
///
/// // the second and third login meet a busy server
/// let busy = Fault::status(503).on(Method::POST, "/auth/login").after(1).times(2);
/// # let _ = busy;
/// ```
#[derive(Clone)]
pub struct Fault {
    method: Option<Method>,
    path: Option<String>,
    skip: usize,
    times: Option<usize>,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Replace(Arc<Replace>),
    Alter(Arc<Alter>),
}

impl Fault {
    /// Instead of the server, a closure answers.
    pub fn respond(responder: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(Act::Replace(Arc::new(responder)))
    }

    /// After the server's work, a closure changes its reply.
    pub fn alter(
        change: impl Fn(&RecordedRequest, Reply) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::with(Act::Alter(Arc::new(change)))
    }

    fn with(act: Act) -> Self {
        Self { method: None, path: None, skip: 0, times: None, act }
    }

    /// Instead of the server, this reply.
    pub fn reply(reply: Reply) -> Self {
        Self::respond(move |_| reply.clone())
    }

    /// Instead of the server: this status and an empty body, as a gateway sends it.
    pub fn status(status: u16) -> Self {
        Self::reply(Reply::new(status))
    }

    /// Instead of the server: this status and a `Retry-After` (seconds or an HTTP date).
    pub fn retry_after(status: u16, retry_after: &str) -> Self {
        Self::reply(Reply::new(status).header("retry-after", retry_after))
    }

    /// Instead of the server: an HTML page with this status, as proxies and sign-on pages send it.
    pub fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html><html><head><title>Gateway</title></head>\
                    <body><h1>The gateway has something to say</h1></body></html>";
        Self::reply(Reply::html(status, page))
    }

    /// Instead of the server: a redirect to `location`, which may be relative (same origin) or
    /// absolute (any origin).
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::reply(Reply::new(status).header("location", location))
    }

    /// Instead of the server: a connection reset (TCP RST) before any byte of a reply.
    pub fn reset() -> Self {
        Self::reply(Reply::reset())
    }

    /// After the server's work: a connection reset (TCP RST) before any byte of the reply.
    pub fn reset_after_work() -> Self {
        Self::alter(|_, _| Reply::reset())
    }

    /// Instead of the server: silence before the status line, until the client gives up.
    pub fn stall() -> Self {
        Self::reply(Reply::stall())
    }

    /// After the server's work: silence before the status line, until the client gives up.
    pub fn stall_after_work() -> Self {
        Self::alter(|_, _| Reply::stall())
    }

    /// After the server's work: status, headers and the first `bytes` bytes of the body, then
    /// silence.
    pub fn stall_body(bytes: usize) -> Self {
        Self::alter(move |_, reply| reply.stall_at(bytes))
    }

    /// After the server's work: the `Content-Length` of the whole body, its first `bytes` bytes,
    /// then the connection closes.
    pub fn cut_body(bytes: usize) -> Self {
        Self::alter(move |_, reply| reply.cut_at(bytes))
    }

    /// After the server's work: the reply comes so much later (real time).
    pub fn delay(delay: Duration) -> Self {
        Self::alter(move |_, reply| reply.delayed(delay))
    }

    /// After the server's work: another `Content-Type` on the same body.
    pub fn content_type(content_type: &str) -> Self {
        let content_type = content_type.to_owned();
        Self::alter(move |_, reply| reply.header("content-type", &content_type))
    }

    /// After the server's work: these headers are missing, such as `Set-Cookie` or
    /// `X-MSTR-AuthToken` from the reply to a login.
    pub fn drop_headers(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Self::alter(move |_, reply| {
            names.iter().fold(reply, |reply, name| reply.without_header(name))
        })
    }

    /// Instead of the server: a gzip body that unpacks to `bytes` bytes.
    pub fn gzip_bomb(bytes: usize) -> Self {
        Self::reply(Reply::gzip_bomb(bytes))
    }

    /// Only requests of this method to this path. The path is relative to the API: `*` or
    /// `{name}` stands for one segment, a last `**` for any number of them, `..` climbs out of
    /// the API.
    #[must_use]
    pub fn on(self, method: Method, path: &str) -> Self {
        Self { method: Some(method), ..self.on_path(path) }
    }

    /// Only requests to this path, whatever their method.
    #[must_use]
    pub fn on_path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Only the first `times` requests that match (after those that are skipped).
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets the first `requests` requests that match pass unharmed.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("after", &self.skip)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// A fault that was injected: how often it struck, and a way to take it back.
///
/// Dropping the handle leaves the fault in place.
#[derive(Clone, Debug)]
pub struct FaultHandle {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: AtomicUsize,
    hits: AtomicUsize,
    removed: AtomicBool,
}

impl FaultHandle {
    /// How many requests it struck.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    /// Takes the fault back.
    pub fn remove(&self) {
        self.state.removed.store(true, Ordering::SeqCst);
    }
}

struct Planned {
    fault: Fault,
    pattern: Option<Pattern>,
    state: Arc<State>,
}

/// All faults, in the order in which they were injected.
#[derive(Default)]
pub(crate) struct FaultPlan(Mutex<Vec<Planned>>);

/// What is to happen to one request.
pub(crate) enum Strike {
    Replace(Arc<Replace>),
    Alter(Arc<Alter>),
}

impl FaultPlan {
    pub(crate) fn add(&self, base: &str, fault: Fault) -> FaultHandle {
        let state = Arc::new(State::default());
        let pattern = fault.path.as_deref().map(|path| Pattern::new(base, path));
        lock(&self.0).push(Planned { fault, pattern, state: Arc::clone(&state) });
        FaultHandle { state }
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The fault that strikes this request, if any; counts it.
    pub(crate) fn strike(&self, method: &Method, path: &str) -> Option<Strike> {
        let mut plan = lock(&self.0);
        plan.retain(|planned| !planned.state.removed.load(Ordering::SeqCst));
        plan.iter().find_map(|planned| planned.strike(method, path))
    }
}

impl Planned {
    fn strike(&self, method: &Method, path: &str) -> Option<Strike> {
        let method_meant = self.fault.method.as_ref().is_none_or(|wanted| wanted == method);
        let path_meant = self.pattern.as_ref().is_none_or(|pattern| pattern.matches(path));
        if !method_meant || !path_meant {
            return None;
        }
        if self.state.seen.fetch_add(1, Ordering::SeqCst) < self.fault.skip {
            return None;
        }
        if self.fault.times.is_some_and(|times| self.state.hits.load(Ordering::SeqCst) >= times) {
            return None;
        }
        self.state.hits.fetch_add(1, Ordering::SeqCst);
        Some(match &self.fault.act {
            Act::Replace(act) => Strike::Replace(Arc::clone(act)),
            Act::Alter(act) => Strike::Alter(Arc::clone(act)),
        })
    }
}
