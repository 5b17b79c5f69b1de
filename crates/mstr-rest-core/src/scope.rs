//! `with_session`: runs work with a session and always logs it out.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::{Error, Result, Session, SessionBuilder};

/// Logs in, runs `work` with the session, and logs out.
///
/// After `Ok`, `Err` and a panic of `work`, the logout is awaited. If the future is cancelled (also
/// during the login), the logout runs in the background, and [`settle`](crate::settle) waits for
/// it.
///
/// `work` receives the session by value. Calls after the end of `work` fail with
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
/// If only the logout fails, the value of `work` is returned and the failure is logged as a
/// warning. To handle errors of the logout, call [`connect`](SessionBuilder::connect) and
/// [`close`](crate::AuthenticatedSession::close) instead.
///
/// # Errors
/// The errors of [`connect`](SessionBuilder::connect) and of `work`.
pub async fn with_session<T, F>(builder: SessionBuilder, work: F) -> Result<T>
where
    F: AsyncFnOnce(Session) -> Result<T>,
{
    try_with_session(builder, work).await
}

/// Does the same as [`with_session`] for `work` with an error type of your own.
///
/// # Errors
/// The errors of [`with_session`], converted into your type.
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
