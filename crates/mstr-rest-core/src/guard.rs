//! Sessions that log out: the guard, the scope, and the logouts that run behind their backs.

use std::future::Future;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::{Call, Error, ErrorKind, Result, Session, SessionBuilder};

/// A logout behind a dropped guard takes no longer.
const DROPPED: Duration = Duration::from_secs(5);

/// A logout that somebody waits for takes no longer: the work is done, a server that hangs must
/// not keep it.
const CLOSED: Duration = Duration::from_secs(30);

/// A call that nobody waits for takes no longer.
const IN_BACKGROUND: Duration = Duration::from_secs(10);

/// A session that is logged out when it is closed, and at best when it is dropped.
///
/// [`close`](Self::close) is the way to end it: it waits, and says what went wrong. Dropping the
/// guard logs out in the background, for at most 5 seconds, and only inside a Tokio runtime that
/// goes on: [`settle`] waits for that. Outside a runtime nothing is sent, and the server ends
/// the session after its idle limit. A session that something else owns
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
    /// [`NoSession`](crate::ErrorKind::NoSession) from now on. Closing again does nothing. An
    /// expired session, one that holds no token and one that something else owns are closed
    /// silently. Cancelling the future does not stop the logout.
    ///
    /// # Errors
    /// When the logout fails, as any call. The session is closed all the same.
    pub fn close(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let session = self.session.clone();
        async move {
            let Some(mut ended) = begin_close(&session, CLOSED) else { return Ok(()) };
            match ended.wait_for(Option::is_some).await {
                Ok(result) => result.clone().unwrap_or(Ok(())),
                // the runtime stops: nobody is there to tell
                Err(_) => Ok(()),
            }
        }
    }

    /// Gives up the duty to log out: the session goes on without a guard.
    pub fn detach(mut self) -> Session {
        self.detached = true;
        self.session.clone()
    }
}

/// Closes the session and starts its logout, if it is not closed yet and can be logged out.
fn begin_close(session: &Session, limit: Duration) -> Option<watch::Receiver<Option<Result<()>>>> {
    let inner = &session.inner;
    if inner.closed.send_replace(true) {
        return None;
    }
    let state = inner.state.get();
    if state.flight.is_none() && state.to_end().is_none() {
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
    let session = session.clone();
    let counted = Pending::new();
    runtime.spawn(async move {
        let _counted = counted;
        let result = session.inner.close(&session, limit).await;
        if let Err(error) = &result {
            tracing::debug!(kind = ?error.kind(), "the logout of a closed session failed");
        }
        // nobody may be waiting
        let _ = done.send(Some(result));
    });
    Some(ended)
}

impl crate::session::Inner {
    async fn close(&self, session: &Session, limit: Duration) -> Result<()> {
        // a login on its way brings a token that nobody would log out
        if let Some(flight) = self.state.get().flight.clone() {
            flight.wait().await;
        }
        let Some(ours) = self.state.get().to_end() else { return Ok(()) };
        let logout = tokio::time::timeout(limit, async {
            self.end_session(session, &ours).await?;
            self.forget_login(ours.generation);
            Ok(())
        });
        let logout = logout.await;
        logout.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("the logout was not done within {limit:?}")))
        })
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
        if !self.detached {
            begin_close(&self.session, DROPPED);
        }
    }
}

/// Counts what runs in the background.
struct Pending;

static PENDING: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

impl Pending {
    fn new() -> Self {
        PENDING.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        PENDING.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl<T: Send + 'static> Call<T> {
    /// Sends the call in a task of its own, for at most 10 seconds. Nobody learns how it went
    /// (a failure is traced), and only [`settle`] waits for it: what a future that is dropped has
    /// begun on the server is cleared away like this. Outside a Tokio runtime nothing is sent.
    ///
    /// ```no_run
    /// # fn example(session: &mstr_rest_core::Session) {
    /// session.delete("subscriptions").segment("13CF").in_background();
    /// # }
    /// ```
    pub fn in_background(self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let counted = Pending::new();
        runtime.spawn(async move {
            let _counted = counted;
            if let Err(error) = self.timeout(IN_BACKGROUND).send().await {
                tracing::debug!(kind = ?error.kind(), "a call in the background failed");
            }
        });
    }
}

/// Waits for all that runs in the background: logouts of dropped guards and cancelled scopes, and
/// [calls](Call::in_background). Call it last, before the runtime ends. Each is bounded: 5 seconds
/// for a logout, 10 for a call, and 30 for a login that was cancelled on its way.
///
/// ```no_run
/// # async fn work() -> mstr_rest_core::Result<()> { Ok(()) }
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> mstr_rest_core::Result<()> {
///     let result = work().await;
///     mstr_rest_core::settle().await;
///     result
/// }
/// ```
pub async fn settle() {
    // an error says that the sender is gone: it is static
    let _ = PENDING.subscribe().wait_for(|count| *count == 0).await;
}

/// Logs in, runs `work` with the session, and logs out: after `Ok` and `Err` and when `work`
/// panics, always awaited; when the future is cancelled (also during the login), in the background
/// ([`settle`] waits for that).
///
/// `work` gets the session by value and may keep nothing of it: afterwards calls give
/// [`NoSession`](crate::ErrorKind::NoSession).
///
/// ```no_run
/// use mstr_rest_core::{Auth, Session, with_session};
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
///     .auth(Auth::anonymous());
/// let count = with_session(builder, async |session| {
///     let projects: Vec<serde_json::Value> = session.get("projects").decode().await?;
///     Ok(projects.len())
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// That of [`connect`](SessionBuilder::connect), of `work`, or, when `work` was fine, of the
/// logout. An error of the logout behind an error of `work` is logged.
pub async fn with_session<T, F>(builder: SessionBuilder, work: F) -> Result<T>
where
    F: AsyncFnOnce(Session) -> Result<T>,
{
    try_with_session(builder, work).await
}

/// [`with_session`] for an error type of your own.
///
/// # Errors
/// As [`with_session`], ours converted into yours.
pub async fn try_with_session<T, E, F>(builder: SessionBuilder, work: F) -> Result<T, E>
where
    F: AsyncFnOnce(Session) -> Result<T, E>,
    E: From<Error>,
{
    let guard = builder.connect().await?;
    let outcome = AssertUnwindSafe(work(guard.session.clone())).catch_unwind().await;
    let closed = guard.close().await;
    match (outcome, closed) {
        (Ok(Ok(value)), Ok(())) => Ok(value),
        (Ok(Ok(_)), Err(error)) => Err(error.into()),
        (Ok(Err(error)), closed) => {
            log_failed_logout(closed);
            Err(error)
        }
        (Err(panic), closed) => {
            log_failed_logout(closed);
            std::panic::resume_unwind(panic)
        }
    }
}

fn log_failed_logout(closed: Result<()>) {
    if let Err(error) = closed {
        tracing::warn!(kind = ?error.kind(), %error, "Logout failed while handling an exception");
    }
}
