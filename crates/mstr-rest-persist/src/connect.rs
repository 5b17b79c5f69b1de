//! Sessions that outlive the program: restored while the server knows them, else logged in and saved.

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

/// For the logout of a login that cannot be saved.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sessions that are kept between runs of a program.
pub trait ConnectExt: sealed::Sealed {
    /// Restores the session of the profile if the server still knows it; otherwise logs in and
    /// saves. Of several tasks or processes that come at once, one logs in.
    ///
    /// No guard comes with the session, and it is never logged out by itself: it is there for the
    /// next run. [`Session::logout`] ends it for all. A snapshot that cannot be read is put aside by
    /// the store, traced as a warning, and replaced. Cancelling the future does not stop a login that
    /// is running: it is saved.
    ///
    /// Logins that [`relogin`](SessionBuilder::relogin) makes later are saved too: the session takes
    /// the lock of the profile; it restores a newer live session that another process has saved
    /// meanwhile, and otherwise logs in and saves. A failure of the store is traced then, and does
    /// not fail the call.
    ///
    /// A profile is only restored for a login of the same mode and the same user name or API key;
    /// identity tokens are compared by mode alone. A snapshot that does not say these (from Python,
    /// or an older one) is restored.
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
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) when what the store holds is of another server, of another
    /// user than the builder's, or of a newer program; [`Io`](mstr_rest_core::ErrorKind::Io) when a file store cannot
    /// read its files; [`Timeout`](mstr_rest_core::ErrorKind::Timeout) when the lock of the profile is not free in
    /// time: nothing is sent and nothing replaced then. Otherwise as [`SessionBuilder::connect`], and
    /// those [common to all calls](mstr_rest_core::Call#errors). A login that cannot be saved is
    /// logged out again.
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
        let kept = KeptLogin::new(store.clone(), profile.to_owned());
        async move {
            in_runtime()?;
            if let Some(session) = live(&self, &kept).await? {
                return Ok(session);
            }
            // in a task of its own: if the caller is cancelled, the session is still saved
            let task = tokio::spawn(async move {
                let _lock = kept.store.lock(&kept.profile).await?;
                // another process may have logged in while this one waited
                match live(&self, &kept).await? {
                    Some(session) => Ok(session),
                    None => log_in(self, &kept).await,
                }
            });
            task.await.unwrap_or_else(|_| Err(Error::interrupted("the login")))
        }
    }
}

/// The profile of a store, as the place where a session keeps its login.
#[derive(Clone)]
struct KeptLogin<S> {
    store: S,
    profile: String,
    /// Set once the session is there. Before, its first login is saved by `connect_or_restore` itself,
    /// under the lock that it holds.
    is_connected: Arc<AtomicBool>,
    idle_timeout: Arc<OnceLock<Duration>>,
}

impl<S: SnapshotStore + Clone + 'static> KeptLogin<S> {
    fn new(store: S, profile: String) -> Self {
        Self { store, profile, is_connected: Arc::default(), idle_timeout: Arc::default() }
    }

    /// The snapshot with what is known of the server.
    fn completed(&self, mut snapshot: SessionSnapshot) -> SessionSnapshot {
        snapshot.idle_timeout = self.idle_timeout.get().copied().or(snapshot.idle_timeout);
        snapshot
    }
}

impl<S: SnapshotStore + Clone + 'static> LoginStore for KeptLogin<S> {
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
            self.store.save(&self.profile, &self.completed(snapshot)).await
        })
    }
}

/// The session that the profile holds, if the server knows it.
async fn live<S: SnapshotStore + Clone + 'static>(
    builder: &SessionBuilder,
    kept: &KeptLogin<S>,
) -> Result<Option<Session>> {
    let Some(snapshot) = load(&kept.store, &kept.profile).await? else { return Ok(None) };
    if let Some(timeout) = snapshot.idle_timeout {
        let _ = kept.idle_timeout.set(timeout);
    }
    let session = builder.clone().login_store(kept.clone()).restore(&snapshot).await?;
    let is_live = session.is_alive().await?;
    kept.is_connected.store(is_live, Ordering::SeqCst);
    Ok(is_live.then_some(session))
}

/// The snapshot of the profile. A damaged one counts as none once the store has put it aside.
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
        // another process has saved one meanwhile
        Ok(kept) => Ok(kept),
        Err(_) => Err(error),
    }
}

async fn log_in<S: SnapshotStore + Clone + 'static>(
    builder: SessionBuilder,
    kept: &KeptLogin<S>,
) -> Result<Session> {
    let guard = builder.login_store(kept.clone()).connect().await?;
    // nothing depends on it
    if let Some(timeout) = idle_timeout(&guard).await.ok().flatten() {
        let _ = kept.idle_timeout.set(timeout);
    }
    // from here on the session is kept, so that no guard ends it
    let session = guard.detach();
    let snapshot = kept.completed(session.snapshot());
    if let Err(error) = kept.store.save(&kept.profile, &snapshot).await {
        // an error of the logout would hide the one that counts
        let _ = tokio::time::timeout(LOGOUT_TIMEOUT, session.logout()).await;
        return Err(error);
    }
    kept.is_connected.store(true, Ordering::SeqCst);
    Ok(session)
}

/// The server's idle timeout, if it says one: `timeout` of `GET /sessions`, in seconds.
async fn idle_timeout(session: &Session) -> Result<Option<Duration>> {
    let call = session.get("sessions").without_project().require_session().relogin(false);
    let info: Value = call.decode().await?;
    let seconds = match &info["timeout"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Ok(seconds.map(Duration::from_secs))
}
