//! A session that outlives the program: restored if it lives, logged in and kept if not.

use std::future::Future;
use std::time::Duration;

use mstr_rest_core::{Error, ErrorKind, Result, Session, SessionBuilder};

use crate::file::in_runtime;
use crate::sealed;
use crate::snapshot::limits;
use crate::{SessionSnapshot, SnapshotExt, SnapshotStore};

/// For a logout that nobody asked for: what was logged in cannot be kept.
const LOGOUT: Duration = Duration::from_secs(30);

/// Sessions that are kept between runs of a program.
pub trait ConnectExt: sealed::Sealed {
    /// Restores the session of the profile if the server still knows it; otherwise logs in and
    /// saves. Of several tasks or processes that come at once, one logs in.
    ///
    /// The session is nobody's to log out by itself, and no guard comes with it: it is there for
    /// the next run. [`Session::logout`] ends it for all. A snapshot that cannot be read is kept
    /// aside by the store, traced as a warning, and replaced. Cancelling the future does not stop
    /// a login on its way: it is saved.
    ///
    /// What [`relogin`](SessionBuilder::relogin) brings later is not saved by itself: save
    /// [`session.snapshot()`](SnapshotExt::snapshot), or the next run logs in once more.
    ///
    /// ```no_run
    /// use mstr_rest_core::{Auth, Credential, Session};
    /// use mstr_rest_persist::{ConnectExt, FileStore};
    ///
    /// # async fn example() -> mstr_rest_core::Result<()> {
    /// let session = Session::builder("https://host/MicroStrategyLibrary/api/")
    ///     .auth(Auth::standard("dave", Credential::env("MSTR_PASSWORD")))
    ///     .connect_or_restore(&FileStore::new("sessions"), "dave")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) when the store fails, or what it holds is of another
    /// server, of another user than the builder's, or of a newer program: nothing is sent and
    /// nothing replaced then. Otherwise as [`SessionBuilder::connect`] and as any call. A login
    /// that cannot be saved is logged out again.
    fn connect_or_restore<S>(
        self,
        store: &S,
        profile: &str,
    ) -> impl Future<Output = Result<Session>> + Send + use<Self, S>
    where
        S: SnapshotStore + Clone + 'static;
}

impl ConnectExt for SessionBuilder {
    fn connect_or_restore<S>(
        self,
        store: &S,
        profile: &str,
    ) -> impl Future<Output = Result<Session>> + Send + use<S>
    where
        S: SnapshotStore + Clone + 'static,
    {
        let (store, profile) = (store.clone(), profile.to_owned());
        async move {
            in_runtime()?;
            if let Some(session) = live(&self, &store, &profile).await? {
                return Ok(session);
            }
            // in a task of its own: whoever waits may be cancelled, and nobody would have the
            // session then
            let task = tokio::spawn(async move {
                let _one = store.lock(&profile).await?;
                // somebody else may have logged in while this one waited
                match live(&self, &store, &profile).await? {
                    Some(session) => Ok(session),
                    None => log_in(self, &store, &profile).await,
                }
            });
            task.await.unwrap_or_else(|error| {
                Err(Error::with_source(ErrorKind::Config, "the login was stopped", error))
            })
        }
    }
}

/// The kept session, if the server knows it.
async fn live(
    builder: &SessionBuilder,
    store: &impl SnapshotStore,
    profile: &str,
) -> Result<Option<Session>> {
    let Some(snapshot) = load(store, profile).await? else { return Ok(None) };
    let session = snapshot.restore_with(builder.clone()).await?;
    Ok(session.check().await?.then_some(session))
}

/// What was kept; a damaged one counts as none once the store has put it aside.
async fn load(store: &impl SnapshotStore, profile: &str) -> Result<Option<SessionSnapshot>> {
    let error = match store.load(profile).await {
        Ok(kept) => return Ok(kept),
        Err(error) => error,
    };
    match store.load(profile).await {
        Ok(None) => {
            tracing::warn!(profile, %error, "a snapshot could not be read: logging in");
            Ok(None)
        }
        // somebody else has saved one meanwhile
        Ok(kept) => Ok(kept),
        Err(_) => Err(error),
    }
}

async fn log_in(
    builder: SessionBuilder,
    store: &impl SnapshotStore,
    profile: &str,
) -> Result<Session> {
    let guard = builder.connect().await?;
    // good to know, and no more
    let limit = limits(&guard).await.ok().flatten();
    let mut snapshot = guard.snapshot();
    if let Some(limit) = limit {
        snapshot = snapshot.with_idle_limit(limit);
    }
    let session = guard.detach();
    if let Err(error) = store.save(profile, &snapshot).await {
        // an error of the logout would hide the one that counts
        let _ = tokio::time::timeout(LOGOUT, session.logout()).await;
        return Err(error);
    }
    Ok(session)
}
