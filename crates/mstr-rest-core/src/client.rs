//! `Client`: the settings, connections and login that the handles of a session share.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use mstr_credentials::SecretString;
use tokio::sync::{OwnedMutexGuard, Semaphore, watch};
use url::Url;

use crate::cookies::Jar;
use crate::defaults::DefaultsSource;
use crate::idle_clock::IdleClock;
use crate::login::{Facts, Login, token_header};
use crate::login_machine::LoginMachine;
use crate::login_options::LoginOptions;
use crate::login_store::LoginStore;
use crate::nesting::SessionId;
use crate::projects::ProjectCache;
use crate::signal::Signal;
use crate::timeouts::Timeouts;
use crate::transport::Transport;
use crate::url::same_origin;
use crate::{Error, ErrorKind, Result, RetryPolicy, SessionSnapshot};

/// The shared state of a session. Requests, the login machine and keep-alive use it. A
/// [`Session`](crate::Session) is a handle to it.
pub(crate) struct Client {
    pub(crate) id: SessionId,
    pub(crate) base: Url,
    pub(crate) transport: Transport,
    pub(crate) logins: LoginMachine,
    pub(crate) login_options: LoginOptions,
    pub(crate) login_store: Option<Arc<dyn LoginStore>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) defaults: DefaultsSource,
    pub(crate) follow_redirects: bool,
    pub(crate) max_redirects: usize,
    pub(crate) return_http_errors: bool,
    /// The longest body of a reply in bytes. A longer body is an error.
    pub(crate) body_limit: Option<usize>,
    pub(crate) relogin: bool,
    pub(crate) retry: RetryPolicy,
    /// The keep-alive interval: the session is extended when it was idle for this time.
    pub(crate) keep_alive: Option<Duration>,
    /// The keep-alive task runs.
    pub(crate) keep_alive_runs: AtomicBool,
    pub(crate) idle_clock: IdleClock,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) turns: Turns,
    pub(crate) projects: ProjectCache,
    /// Set when a guard closes the session. No call is sent after that.
    pub(crate) closed: Arc<Signal>,
    pub(crate) closing: Closing,
}

/// The last logout that a close has started, and its outcome when it has ended.
pub(crate) type Closing = Mutex<Option<watch::Receiver<Option<Result<()>>>>>;

/// Calls that run one at a time: a lock for each name.
#[derive(Default)]
pub(crate) struct Turns(Mutex<BTreeMap<&'static str, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for the turn of a call with this name. It lasts until the guard is dropped.
    pub(crate) async fn wait(&self, name: &'static str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(name).or_default())
        };
        lock.lock_owned().await
    }
}

/// The in-flight slots of a session.
pub(crate) struct InFlight {
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) limit: usize,
}

impl InFlight {
    pub(crate) fn new(limit: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(limit)), limit }
    }
}

impl Client {
    pub(crate) fn ensure_open(&self) -> Result<()> {
        if self.closed.is_set() {
            return Err(Error::new(
                ErrorKind::NoSession,
                "this session was closed: connect again from its builder",
            ));
        }
        Ok(())
    }

    /// A login as a value.
    pub(crate) fn snapshot_of(&self, login: &Login) -> SessionSnapshot {
        let secret = |value: &HeaderValue| Some(SecretString::from(value.to_str().ok()?));
        let mut snapshot = SessionSnapshot::at(self.base.clone());
        snapshot.token = login.token.as_ref().and_then(secret);
        snapshot.cookies = login.jar.save();
        snapshot.user.clone_from(&login.facts.user);
        snapshot.login_mode = login.facts.login_mode;
        snapshot.principal.clone_from(&login.facts.principal);
        snapshot.created_at = login.facts.created_at;
        if login.token.is_some() {
            // the idle clock counts milliseconds, so the last use could appear to be before the
            // login
            snapshot.last_used_at = Some(self.idle_clock.get()).max(snapshot.created_at);
        }
        snapshot.idle_timeout = login.facts.idle_timeout;
        snapshot
    }

    /// The login of a snapshot. It is externally owned: other processes may use it too.
    pub(crate) fn login_of(&self, snapshot: &SessionSnapshot) -> Result<Login> {
        if !same_origin(&self.base, snapshot.base_url()) {
            return Err(unusable("is of another server than this session (another origin)"));
        }
        let token = snapshot.token.as_ref();
        let token = token.map(|token| token_header(token.expose_secret().as_bytes()));
        let token = token.transpose().map_err(|_| unusable("has an invalid token"))?;
        let facts = Facts {
            user: snapshot.user.clone(),
            login_mode: snapshot.login_mode,
            principal: snapshot.principal.clone(),
            created_at: snapshot.created_at,
            idle_timeout: snapshot.idle_timeout,
        };
        Ok(Login {
            token,
            jar: Arc::new(Jar::restored(&self.base, &snapshot.cookies)?),
            externally_owned: true,
            facts: Arc::new(facts),
            ..Login::default()
        })
    }
}

/// The error of a request that needs a token when the session has none.
pub(crate) fn no_session() -> Error {
    Error::new(
        ErrorKind::NoSession,
        "there is no valid session: log in first (connect() or login())",
    )
}

fn unusable(what: &str) -> Error {
    Error::new(ErrorKind::Snapshot, format!("the snapshot {what}"))
}
