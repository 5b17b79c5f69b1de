//! Access of the model to private items of the crate. A change of their names changes only this
//! file.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method};
use url::Url;

use crate::client::Client;
use crate::transport::{self, InProcess};
use crate::{Error, ErrorKind, Result, SavedCookie, Session, SessionBuilder, SessionSnapshot};

pub(super) use crate::transport::RawBody;

pub(super) const BASE: &str = "http://library.test/api/";

/// A snapshot that can be restored.
pub(super) type Snapshot = SessionSnapshot;

/// Makes `server` reply to every request of the session.
pub(super) fn in_process(
    mut builder: SessionBuilder,
    server: Arc<dyn InProcess>,
) -> SessionBuilder {
    builder.hooks_mut().in_process = Some(server);
    builder
}

/// Reads the login of a session without holding a handle of it.
#[derive(Clone)]
pub(super) struct Watch(Weak<Client>);

impl Watch {
    pub(super) fn new(session: &Session) -> Self {
        Self(Arc::downgrade(&session.client))
    }

    pub(super) fn session(&self) -> Option<Session> {
        Some(Session { client: self.0.upgrade()?, project: None })
    }

    /// The token of the next request.
    pub(super) fn token(&self) -> Option<String> {
        let login = self.0.upgrade()?.logins.current();
        let token = login.token.as_ref()?;
        Some(String::from_utf8_lossy(token.as_bytes()).into_owned())
    }
}

pub(super) fn snapshot(session: &Session) -> Snapshot {
    let mut saved = session.snapshot();
    if saved.token.is_some() {
        // a time in the future means "used just now": the wall clock must not affect keep-alive
        saved.last_used_at = Some(SystemTime::now() + Duration::from_secs(24 * 3600));
    }
    saved
}

/// The snapshot of a session of another program.
pub(super) fn made_elsewhere(token: &str, cookie: (&str, &str)) -> Result<Snapshot> {
    let mut saved = SessionSnapshot::new(BASE)?;
    saved.token = Some(token.into());
    saved.cookies = vec![SavedCookie::new(cookie.0, cookie.1)];
    saved.last_used_at = Some(SystemTime::now() + Duration::from_secs(24 * 3600));
    Ok(saved)
}

/// The token of a snapshot.
pub(super) fn token_of(snapshot: &Snapshot) -> Option<String> {
    snapshot.token.as_ref().map(|token| token.expose_secret().to_owned())
}

pub(super) fn restore(session: &Session, snapshot: &Snapshot) -> Result<()> {
    session.restore(snapshot)
}

/// The error of a request that was not sent.
pub(super) fn cannot_connect() -> Error {
    Error::new(ErrorKind::Connect, "the model's server cannot be reached")
}

/// The error of a connection that was closed before the reply.
pub(super) fn connection_lost() -> Error {
    Error::new(ErrorKind::Transport, "the model's server closed the connection")
}

/// A body with `bytes` that is then complete, truncated, or never ends.
pub(super) fn body(bytes: Bytes, end: BodyEnd) -> RawBody {
    use futures_util::StreamExt;
    let first = stream::iter([Ok(bytes.clone())]);
    match end {
        BodyEnd::Complete => bytes.into(),
        BodyEnd::Broken => {
            let broken = stream::iter([Err("the model's body is truncated".into())]);
            transport::reply_body(Box::pin(first.chain(broken)))
        }
        BodyEnd::Stalls => transport::reply_body(Box::pin(first.chain(stream::pending()))),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyEnd {
    Complete,
    Broken,
    Stalls,
}

/// The endpoint of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Login,
    Delegate,
    /// Returns the token of the session whose cookie is sent with the request.
    BrowserToken,
    Logout,
    Other,
}

impl Endpoint {
    pub(super) fn of(method: &Method, url: &Url) -> Self {
        match (method.as_str(), url.path().trim_start_matches("/api/")) {
            ("POST", "auth/login") => Self::Login,
            ("POST", "auth/delegate") => Self::Delegate,
            ("GET", "auth/token") => Self::BrowserToken,
            ("POST", "auth/logout") => Self::Logout,
            _ => Self::Other,
        }
    }
}

/// The token and the `iSession` cookie of a request.
pub(super) fn token_and_cookie(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let cookie = text("cookie").and_then(|cookies| {
        let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "iSession").map(|(_, value)| value.to_owned())
    });
    (text("x-mstr-authtoken"), cookie)
}
