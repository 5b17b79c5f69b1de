//! `with_session`: work with a session that is always logged out.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::{Error, Result, Session, SessionBuilder};

/// Logs in, runs `work` with the session, and logs out: after `Ok` and `Err` and when `work`
/// panics, always awaited; when the future is cancelled (also during the login), in the background
/// ([`settle`](crate::settle) waits for that).
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
/// The value of `work` is never lost: when only the logout fails, the value is returned and the
/// failure traced as a warning. To learn how the logout went, call
/// [`connect`](SessionBuilder::connect) and [`close`](crate::AuthenticatedSession::close).
///
/// # Errors
/// Those of [`connect`](SessionBuilder::connect) and of `work`.
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
    let outcome = AssertUnwindSafe(work(Session::clone(&guard))).catch_unwind().await;
    if let Err(error) = guard.close().await {
        let kind = error.kind();
        if matches!(outcome, Ok(Ok(_))) {
            tracing::warn!(?kind, %error, "Logout failed; the result of the work is returned");
        } else {
            tracing::warn!(?kind, %error, "Logout failed while handling an exception");
        }
    }
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
