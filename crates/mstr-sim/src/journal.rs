//! The journal: every request that reached the server, for assertions.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version, header};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::lock;

/// One request as the server saw it.
///
/// Everything is there for assertions, tokens and passwords too; `Debug` shows neither them nor
/// any other value that a client sent, so that a failed assertion leaks nothing into a log.
#[derive(Clone)]
pub struct RecordedRequest {
    parts: Arc<Parts>,
    answer: Option<Answer>,
}

pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) path: String,
    pub(crate) endpoint: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) connection: u64,
    pub(crate) node: usize,
    pub(crate) caller: Option<Caller>,
    pub(crate) at: Duration,
}

/// Whose token a request carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) generation: u64,
    pub(crate) user: String,
}

#[derive(Clone, Copy)]
struct Answer {
    status: Option<StatusCode>,
}

impl RecordedRequest {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), answer: None }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.parts.version
    }

    /// The path as it was sent, from the root of the server.
    pub fn path(&self) -> &str {
        &self.parts.path
    }

    /// The path relative to the API, as a path pattern writes it: `/auth/login`. For a request
    /// outside of the API it climbs out: `/../../elsewhere`.
    pub fn endpoint(&self) -> &str {
        &self.parts.endpoint
    }

    /// The query as it was sent, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.parts.query.as_deref()
    }

    /// The decoded value of a member of the query.
    pub fn query_value(&self, name: &str) -> Option<String> {
        pair(self.query()?.as_bytes(), name)
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The value of a header, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.parts.headers, name)
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.parts.body
    }

    /// The body decoded from JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.parts.body)
    }

    /// The decoded value of a member of a form body.
    pub fn form_value(&self, name: &str) -> Option<String> {
        pair(&self.parts.body, name)
    }

    /// The value of `X-MSTR-AuthToken`.
    pub fn token(&self) -> Option<&str> {
        self.header("x-mstr-authtoken")
    }

    /// The value of `X-MSTR-ProjectID`.
    pub fn project_id(&self) -> Option<&str> {
        self.header("x-mstr-projectid")
    }

    /// The [generation](crate::LiveSession::generation) of the session whose live token the
    /// request carried; `None` for a missing, unknown or expired token.
    pub fn session(&self) -> Option<u64> {
        self.parts.caller.as_ref().map(|caller| caller.generation)
    }

    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.parts.caller.as_ref()
    }

    /// The user of that session.
    pub fn user(&self) -> Option<&str> {
        self.parts.caller.as_ref().map(|caller| caller.user.as_str())
    }

    /// The cluster node that got the request, counted from 0.
    pub fn node(&self) -> usize {
        self.parts.node
    }

    /// The TCP connection that the request came over, counted from 1.
    pub fn connection(&self) -> u64 {
        self.parts.connection
    }

    /// When it came, by the server's clock.
    pub fn at(&self) -> Duration {
        self.parts.at
    }

    /// The status of the reply; `None` while there is none yet, and for a request that got a
    /// reset or silence instead of a reply.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer.and_then(|answer| answer.status)
    }

    /// Whether the server is done with the request, with a reply or without.
    pub fn is_answered(&self) -> bool {
        self.answer.is_some()
    }
}

/// A line for humans without any value that a client sent: `POST /auth/login -> 204`.
impl fmt::Display for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.endpoint())?;
        if let Some(user) = self.user() {
            write!(f, " [{user} #{}]", self.session().unwrap_or_default())?;
        }
        match (self.answer, self.status()) {
            (_, Some(status)) => write!(f, " -> {}", status.as_u16()),
            (Some(_), None) => f.write_str(" -> no reply"),
            (None, None) => f.write_str(" -> pending"),
        }
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<_> = form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
            .map(|(name, _)| name.into_owned())
            .collect();
        f.debug_struct("RecordedRequest")
            .field("method", self.method())
            .field("endpoint", &self.endpoint())
            .field("query_names", &query)
            .field("header_names", &self.headers().keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body().len())
            .field("user", &self.user())
            .field("session", &self.session())
            .field("node", &self.node())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// The value of a cookie in the `Cookie` headers (HTTP/2 may split them).
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn pair(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded)
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// All requests, in the order of their arrival.
pub(crate) struct Journal {
    entries: Mutex<Entries>,
    changed: watch::Sender<()>,
    print: bool,
}

#[derive(Default)]
struct Entries {
    /// How many entries were cleared away before the first one that is left.
    cleared: usize,
    list: Vec<RecordedRequest>,
}

impl Journal {
    pub(crate) fn new(print: bool) -> Self {
        Self { entries: Mutex::default(), changed: watch::Sender::new(()), print }
    }

    /// Notes a request and says under which number.
    pub(crate) fn add(&self, request: RecordedRequest) -> usize {
        let mut entries = lock(&self.entries);
        entries.list.push(request);
        let number = entries.cleared + entries.list.len() - 1;
        drop(entries);
        self.changed.send_replace(());
        number
    }

    /// Notes how a request ended.
    pub(crate) fn answer(&self, number: usize, status: Option<StatusCode>) {
        let mut entries = lock(&self.entries);
        let index = number.checked_sub(entries.cleared);
        if let Some(entry) = index.and_then(|index| entries.list.get_mut(index)) {
            entry.answer = Some(Answer { status });
            if self.print {
                print_line(entry);
            }
        }
        drop(entries);
        self.changed.send_replace(());
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        lock(&self.entries).list.clone()
    }

    pub(crate) fn clear(&self) {
        let mut entries = lock(&self.entries);
        entries.cleared += entries.list.len();
        entries.list.clear();
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

/// Only on request of whoever runs the server (`print_journal`, `--journal`).
#[allow(clippy::print_stdout, reason = "the caller asked for the journal on standard output")]
fn print_line(entry: &RecordedRequest) {
    println!("{entry}");
}
