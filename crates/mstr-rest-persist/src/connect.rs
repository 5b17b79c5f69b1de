//! `ConnectExt`: restores a saved session if the server still knows it; otherwise logs in and saves
//! it.

use std::any::Any;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mstr_rest_core::{
    Error, LoginStore, LoginStoreFuture, Result, Session, SessionBuilder, SessionSnapshot,
};
use serde_json::Value;

use crate::file::in_runtime;
use crate::{SnapshotStore, sealed};

/// The timeout of the logout of a login that cannot be saved.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sessions that are saved between runs of a program.
pub trait ConnectExt: sealed::Sealed {
    /// Restores the session of the profile if the server still knows it; otherwise logs in and
    /// saves the session. If several tasks or processes call this at the same time, only one logs
    /// in.
    ///
    /// The session has no guard and is not logged out automatically, so that the next run can use
    /// it. [`Session::logout`] ends it for all processes. If the snapshot is damaged, the store
    /// moves it aside, a warning is logged, and the next login replaces it. Cancelling the future
    /// does not stop a running login: it is completed and saved.
    ///
    /// Logins of a later [`relogin`](SessionBuilder::relogin) are saved too. The session takes the
    /// lock of the profile. If another process has saved a newer live session meanwhile, it is
    /// restored; otherwise the session logs in and saves. In this case, a failure of the store is
    /// logged and does not make the call fail.
    ///
    /// A profile is restored only for the same login mode and the same user name or API key. For
    /// identity tokens, only the mode is compared. A snapshot without these facts (from Python, or
    /// an older one) is restored without this check.
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
    /// In these cases nothing is sent and nothing is replaced:
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) if the stored snapshot is of another
    /// server, of another user than that of the builder, or of a newer version of the format;
    /// [`Io`](mstr_rest_core::ErrorKind::Io) if a file store cannot read its files;
    /// [`Timeout`](mstr_rest_core::ErrorKind::Timeout) if the lock of the profile is not free in
    /// time.
    ///
    /// In addition, the errors of [`SessionBuilder::connect`], the [errors common to all
    /// calls](mstr_rest_core::Call#errors), and errors of the store while saving. A login that
    /// cannot be saved is logged out again.
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
        let stored = ProfileStore::new(store.clone(), profile.to_owned());
        async move {
            in_runtime()?;
            if let Some(session) = restore_live(&self, &stored).await? {
                return Ok(session);
            }
            // a task of its own, so that the session is saved although the caller is cancelled
            let task = tokio::spawn(async move {
                let _lock = stored.store.lock(&stored.profile).await?;
                // another process may have logged in while this one waited for the lock
                match restore_live(&self, &stored).await? {
                    Some(session) => Ok(session),
                    None => log_in(self, &stored).await,
                }
            });
            task.await.unwrap_or_else(|_| Err(Error::interrupted("the login")))
        }
    }
}

/// The `LoginStore` of a session: one profile of a store.
#[derive(Clone)]
struct ProfileStore<S> {
    store: S,
    profile: String,
    /// Set when the session is connected. The first login is saved by `connect_or_restore` itself,
    /// which holds the lock then; so `save` does nothing before.
    is_connected: Arc<AtomicBool>,
    idle_timeout: Arc<OnceLock<Duration>>,
}

impl<S: SnapshotStore + Clone + 'static> ProfileStore<S> {
    fn new(store: S, profile: String) -> Self {
        Self { store, profile, is_connected: Arc::default(), idle_timeout: Arc::default() }
    }

    /// Adds the idle timeout of the server to a snapshot, if it is known.
    fn with_idle_timeout(&self, mut snapshot: SessionSnapshot) -> SessionSnapshot {
        snapshot.idle_timeout = self.idle_timeout.get().copied().or(snapshot.idle_timeout);
        snapshot
    }
}

impl<S: SnapshotStore + Clone + 'static> LoginStore for ProfileStore<S> {
    fn lock(&self) -> LoginStoreFuture<'_, Box<dyn Any + Send>> {
        Box::pin(async move {
            let lock = self.store.lock(&self.profile).await?;
            Ok(Box::new(lock) as Box<dyn Any + Send>)
        })
    }

    fn load(&self) -> LoginStoreFuture<'_, Option<SessionSnapshot>> {
        Box::pin(load(&self.store, &self.profile))
    }

    fn save(&self, snapshot: SessionSnapshot) -> LoginStoreFuture<'_, ()> {
        Box::pin(async move {
            if !self.is_connected.load(Ordering::SeqCst) {
                return Ok(());
            }
            self.store.save(&self.profile, &self.with_idle_timeout(snapshot)).await
        })
    }
}

/// Restores the session of the profile. `None` if there is none or the server does not know it.
async fn restore_live<S: SnapshotStore + Clone + 'static>(
    builder: &SessionBuilder,
    stored: &ProfileStore<S>,
) -> Result<Option<Session>> {
    let Some(snapshot) = load(&stored.store, &stored.profile).await? else { return Ok(None) };
    if let Some(timeout) = snapshot.idle_timeout {
        let _ = stored.idle_timeout.set(timeout);
    }
    let session = builder.clone().login_store(stored.clone()).restore(&snapshot).await?;
    let is_live = session.is_alive().await?;
    stored.is_connected.store(is_live, Ordering::SeqCst);
    Ok(is_live.then_some(session))
}

/// Loads the snapshot of the profile. `None` also for a damaged one that the store has moved aside:
/// a second load shows whether it has.
async fn load(store: &impl SnapshotStore, profile: &str) -> Result<Option<SessionSnapshot>> {
    let error = match store.load(profile).await {
        Ok(snapshot) => return Ok(snapshot),
        Err(error) => error,
    };
    match store.load(profile).await {
        Ok(None) => {
            tracing::warn!(profile, %error, "a snapshot could not be read: logging in");
            Ok(None)
        }
        // another process has saved a snapshot meanwhile
        Ok(snapshot) => Ok(snapshot),
        Err(_) => Err(error),
    }
}

async fn log_in<S: SnapshotStore + Clone + 'static>(
    builder: SessionBuilder,
    stored: &ProfileStore<S>,
) -> Result<Session> {
    let guard = builder.login_store(stored.clone()).connect().await?;
    // the idle timeout is optional: ignore an error
    if let Some(timeout) = idle_timeout(&guard).await.ok().flatten() {
        let _ = stored.idle_timeout.set(timeout);
    }
    // the session is saved now, so no guard may log it out
    let session = guard.detach();
    let snapshot = stored.with_idle_timeout(session.snapshot());
    if let Err(error) = stored.store.save(&stored.profile, &snapshot).await {
        // return the error of the store, not that of the logout
        let _ = tokio::time::timeout(LOGOUT_TIMEOUT, session.logout()).await;
        return Err(error);
    }
    stored.is_connected.store(true, Ordering::SeqCst);
    Ok(session)
}

/// The idle timeout of the server, if the reply has one: `timeout` of `GET /sessions`, in seconds.
async fn idle_timeout(session: &Session) -> Result<Option<Duration>> {
    let call = session.get("sessions").without_project().require_session().relogin(false);
    let info: Value = call.decode().await?;
    let seconds = match &info["timeout"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Ok(seconds.map(Duration::from_secs))
}
