//! `AuthenticatedSession`: a session that logs out when it is closed or dropped.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use mstr_credentials::Credential;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::Instrument;

use crate::background::Pending;
use crate::client::Client;
use crate::login_machine::Kind;
use crate::{Auth, Error, ErrorKind, Response, Result, Session};

/// The timeout of the logout of a dropped guard.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of the logout of a closed guard. A server that hangs must not block a program whose
/// work is done.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// A guard that logs its session out when it is closed or dropped.
///
/// Call [`close`](Self::close) to end the session: it waits for the logout and returns its error.
/// Dropping the guard logs out in the background, for at most 5 seconds. This needs a Tokio runtime
/// that does not end meanwhile; [`settle`](crate::settle) waits for it. Outside a runtime nothing
/// is sent, and the server ends the session after its idle timeout.
///
/// An externally owned session ([`Auth::identity_token`](crate::Auth::identity_token),
/// [`Auth::existing`](crate::Auth::existing),
/// [`Auth::browser_cookies`](crate::Auth::browser_cookies)) is not logged out by the guard.
///
/// ```no_run
/// use mstr_rest_core::{Auth, Session};
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// let session = Session::builder("https://host/MicroStrategyLibrary/api/")
///     .auth(Auth::anonymous())
///     .connect()
///     .await?;
/// let reply = session.get("projects").await?;
/// session.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it logs out at once"]
pub struct AuthenticatedSession {
    session: Session,
    detached: bool,
}

impl AuthenticatedSession {
    /// Makes the guard of a session. Make it before the login, so that a cancelled login is logged
    /// out.
    pub(crate) fn guard(session: Session) -> Self {
        Self { session, detached: false }
    }

    /// Closes the session and logs out, for at most 30 seconds.
    ///
    /// From then on, calls of all clones of the session fail with
    /// [`NoSession`](crate::ErrorKind::NoSession), also those that wait for a login. A running
    /// login has 30 seconds to finish and is logged out. Superseded logins (logins of this session
    /// that an adopted or restored session replaced) are logged out too.
    ///
    /// Closing again waits for a running logout, and tries again after a failed one; otherwise it
    /// does nothing. For a session that has expired, has no token or is externally owned, this
    /// returns `Ok`. Cancelling the future does not stop the logout.
    ///
    /// # Errors
    /// If the logout fails: the [errors common to all calls](crate::Call#errors), and
    /// [`Interrupted`](ErrorKind::Interrupted) if the runtime stops during the logout. The session
    /// is closed in each case. Its token is kept, so that another `close` can log out.
    pub fn close(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let client = Arc::clone(&self.session.client);
        async move {
            let Some(mut ended) = client.begin_close(CLOSE_TIMEOUT) else { return Ok(()) };
            match ended.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
                Err(_) => Err(Kind::Close.interrupted("its runtime stopped")),
            }
        }
    }

    /// Logs in again, as [`Session::login`] does. The current login is logged out first. The guard
    /// logs the new one out when it is closed or dropped.
    ///
    /// # Errors
    /// The errors of [`Session::login`].
    pub fn login(&self, auth: Auth) -> impl Future<Output = Result<Response>> + Send + use<> {
        self.session.login(auth)
    }

    /// Logs in with an identity token of another session, as [`Session::delegate`] does. The
    /// session is externally owned then, so the guard does not log it out.
    ///
    /// # Errors
    /// The errors of [`Session::login`].
    pub fn delegate(
        &self,
        identity_token: impl Into<Credential>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        self.session.delegate(identity_token)
    }

    /// Closes the session, as [`close`](Self::close) does. To log out and use the session again,
    /// call [`detach`](Self::detach) and then [`Session::logout`].
    ///
    /// # Errors
    /// The errors of [`close`](Self::close).
    pub fn logout(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        self.close()
    }

    /// Returns the session without the guard: it is not logged out automatically any more.
    pub fn detach(mut self) -> Session {
        self.detached = true;
        self.session.clone()
    }
}

impl Deref for AuthenticatedSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for AuthenticatedSession {
    fn drop(&mut self) {
        let client = &self.session.client;
        // a failed close has returned its error to its caller
        if !self.detached && !client.has_begun_to_close() {
            client.begin_close(DROP_TIMEOUT);
        }
    }
}

/// The outcome of a logout: `None` until it has ended.
type Ended = watch::Receiver<Option<Result<()>>>;

impl Client {
    fn has_begun_to_close(&self) -> bool {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes the session at once and starts its logout, or joins the running one. `None`: there is
    /// no login to log out, or no runtime.
    fn begin_close(self: &Arc<Self>, timeout: Duration) -> Option<Ended> {
        self.closed.set();
        let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*closing {
            let failed = matches!(&*last.borrow(), Some(Err(_)));
            // no sender and no outcome: the runtime of the logout has stopped
            let lost = last.has_changed().is_err() && last.borrow().is_none();
            if !failed && !lost {
                return Some(last.clone());
            }
        }
        let (login, running) = self.logins.read();
        if running.is_none() && !login.needs_logout() && self.logins.superseded().is_empty() {
            return None;
        }
        let Ok(runtime) = Handle::try_current() else {
            tracing::warn!(
                "a session was dropped outside a Tokio runtime, so it is not logged out and ends \
                 after the server's idle timeout: call close() first"
            );
            return None;
        };
        let (done, ended) = watch::channel(None);
        *closing = Some(ended.clone());
        let client = Arc::clone(self);
        let pending = Pending::new();
        let closing = async move {
            let _pending = pending;
            let outcome = client.close(timeout).await;
            if let Err(error) = &outcome {
                tracing::debug!(kind = ?error.kind(), "the logout of a closed session failed");
            }
            // this fails if all receivers were dropped
            let _ = done.send(Some(outcome));
        };
        runtime.spawn(closing.in_current_span());
        Some(ended)
    }

    async fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let work = async move |client: Arc<Self>, turn| {
            tokio::time::timeout(timeout, client.log_out(turn, false)).await.unwrap_or_else(|_| {
                let message = format!("the logout did not finish within {timeout:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            })
        };
        self.transition(Kind::Close, |_| None, work).await
    }
}
