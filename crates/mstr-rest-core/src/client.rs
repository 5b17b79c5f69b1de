//! What the clones of a session share: settings, connections, the login.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use crate::defaults::DefaultsSource;
use crate::guard::Closing;
use crate::keep_alive::Usage;
use crate::login_machine::LoginMachine;
use crate::login_options::LoginOptions;
use crate::login_store::LoginStore;
use crate::projects::ProjectCache;
use crate::signal::Signal;
use crate::time::Limits;
use crate::transport::Transport;
use crate::{Error, ErrorKind, Result, RetryPolicy};

/// The engine of a session. Requests, the login machine and keep-alive work on this; a
/// [`Session`](crate::Session) is a handle to it.
pub(crate) struct Client {
    pub(crate) base: Url,
    pub(crate) transport: Transport,
    pub(crate) logins: LoginMachine,
    pub(crate) login_options: LoginOptions,
    pub(crate) login_store: Option<Arc<dyn LoginStore>>,
    pub(crate) limits: Limits,
    pub(crate) defaults: DefaultsSource,
    pub(crate) follow_redirects: bool,
    pub(crate) max_redirects: usize,
    pub(crate) return_http_errors: bool,
    /// Bodies of replies are read up to this many bytes; a longer one is an error.
    pub(crate) body_limit: Option<usize>,
    pub(crate) relogin: bool,
    pub(crate) retry: RetryPolicy,
    /// Extends the session when it was idle for so long.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) usage: Usage,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) projects: ProjectCache,
    /// Set once a guard closed the session: no call is sent any more.
    pub(crate) closed: Arc<Signal>,
    pub(crate) closing: Closing,
}

/// The slots of requests in flight.
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
}
