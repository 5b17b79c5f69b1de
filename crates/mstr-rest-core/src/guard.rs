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

/// A logout behind a dropped guard takes no longer.
const DROPPED: Duration = Duration::from_secs(5);

/// A logout that is waited for takes no longer: the work is done, a server that hangs must not keep
/// it.
const CLOSED: Duration = Duration::from_secs(30);

/// A session that is logged out when it is closed, and at best when it is dropped.
///
/// [`close`](Self::close) is the way to end it: it waits, and says what went wrong. Dropping the
/// guard logs out in the background, for at most 5 seconds, and only inside a Tokio runtime that
/// goes on: [`settle`](crate::settle) waits for that. Outside a runtime nothing is sent, and
/// the server ends the session after its idle limit. A session that something else owns
/// ([`Auth::identity_token`](crate::Auth::identity_token),
/// [`Auth::existing`](crate::Auth::existing),
/// [`Auth::browser_cookies`](crate::Auth::browser_cookies)) is left alone, either way.
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
    /// Takes over the duty to log out. Before the login: a login that is cancelled is cleaned up.
    pub(crate) fn guard(session: Session) -> Self {
        Self { session, detached: false }
    }

    /// Logs out, for at most 30 seconds, and closes the session: calls of all its clones give
    /// [`NoSession`](crate::ErrorKind::NoSession) from now on, those that wait for a login too. A
    /// login that is on its way gets 30 seconds to end, and is logged out. Logins of this session
    /// that an adopted or restored one took the place of are logged out as well.
    ///
    /// Closing again joins a logout that runs, and tries again after one that failed; otherwise it
    /// does nothing. An expired session, one that holds no token and one that something else owns
    /// are closed silently. Cancelling the future does not stop the logout.
    ///
    /// # Errors
    /// When the logout fails: those [common to all calls](crate::Call#errors), and
    /// [`Interrupted`](ErrorKind::Interrupted) when the runtime stops before it is done. The session
    /// is closed all the same; its token is kept for another `close`.
    pub fn close(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let client = Arc::clone(&self.session.client);
        async move {
            let Some(mut ended) = client.begin_close(CLOSED) else { return Ok(()) };
            match ended.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
                Err(_) => Err(Kind::Close.interrupted("its runtime stopped")),
            }
        }
    }

    /// Logs in anew, as [`Session::login`] does: the login that is held is logged out first, and the
    /// guard logs the new one out when it is closed or dropped.
    ///
    /// # Errors
    /// As [`Session::login`].
    pub fn login(&self, auth: Auth) -> impl Future<Output = Result<Response>> + Send + use<> {
        self.session.login(auth)
    }

    /// Makes a session that shares the one behind an identity token, as [`Session::delegate`] does.
    /// Something else owns that session, so the guard does not log it out.
    ///
    /// # Errors
    /// As [`Session::login`].
    pub fn delegate(
        &self,
        identity_token: impl Into<Credential>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        self.session.delegate(identity_token)
    }

    /// The same as [`close`](Self::close): a guard that logged out has nothing left to guard. To log
    /// out and go on with the session, [`detach`](Self::detach) it and call [`Session::logout`].
    ///
    /// # Errors
    /// As [`close`](Self::close).
    pub fn logout(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        self.close()
    }

    /// Gives up the duty to log out: the session goes on without a guard.
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
        // a close that failed has told its caller
        if !self.detached && !client.has_begun_to_close() {
            client.begin_close(DROPPED);
        }
    }
}

/// The outcome of a logout, once there is one.
type Ended = watch::Receiver<Option<Result<()>>>;

impl Client {
    fn has_begun_to_close(&self) -> bool {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes the session at once and starts its logout, or joins the one that runs. `None`: there
    /// is nothing to log out, or nothing to do so with.
    fn begin_close(self: &Arc<Self>, timeout: Duration) -> Option<Ended> {
        self.closed.set();
        let mut closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*closing {
            let failed = matches!(&*last.borrow(), Some(Err(_)));
            // without a sender and without an outcome, its runtime stopped
            let lost = last.has_changed().is_err() && last.borrow().is_none();
            if !failed && !lost {
                return Some(last.clone());
            }
        }
        let (login, running) = self.logins.read();
        if running.is_none() && !login.is_ours() && self.logins.superseded().is_empty() {
            return None;
        }
        let Ok(runtime) = Handle::try_current() else {
            tracing::warn!(
                "a session was dropped outside a Tokio runtime: it cannot be logged out and ends \
                 after the server's idle limit; call close() first"
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
            // there may be no receiver any more
            let _ = done.send(Some(outcome));
        };
        runtime.spawn(closing.in_current_span());
        Some(ended)
    }

    async fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let work = async move |client: Arc<Self>, turn| {
            tokio::time::timeout(timeout, client.log_out(turn, false)).await.unwrap_or_else(|_| {
                let message = format!("the logout was not done within {timeout:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            })
        };
        self.transition(Kind::Close, |_| None, work).await
    }
}
