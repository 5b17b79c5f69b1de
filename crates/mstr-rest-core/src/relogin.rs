//! Re-login: one new login for all requests that receive an expired session.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::auth::Resolved;
use crate::client::Client;
use crate::login::Login;
use crate::login_machine::{Kind, Turn};
use crate::{Auth, Error, ErrorKind, Result};

/// The timeout for the lock of the login store. Another process may hold it during its login.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The timeout for loading from and saving to the login store, which must not block the session.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Hint of a request that fails with the error of its re-login.
const RELOGIN_FAILED: &str = "The session had expired, and the re-login failed with this error.";

/// The outcome of a re-login that did not fail.
pub(crate) enum Renewed {
    /// The session has a newer token.
    Yes,
    /// The session was logged out meanwhile, so there was no re-login.
    LoggedOut,
}

/// The content of a login store.
enum Stored {
    /// A login of the same user that is newer than the expired one and alive.
    Newer(Login),
    /// No usable login.
    Nothing,
    /// A session of another user or server. It is neither restored nor replaced.
    OfAnother,
}

impl Client {
    /// Logs in again after the login `sent` of a request has expired, unless it was renewed
    /// meanwhile. All requests that wait for one re-login share its outcome.
    pub(crate) async fn log_in_again(
        self: &Arc<Self>,
        sent: &Login,
        auth: &Auth,
    ) -> Result<Renewed> {
        let unless = |now: &Login| -> Option<Result<Renewed>> {
            if let Err(closed) = self.ensure_open() {
                return Some(Err(closed));
            }
            if now.token.is_none() {
                return Some(Ok(Renewed::LoggedOut));
            }
            if (now.id, now.revision) != (sent.id, sent.revision) {
                return Some(Ok(Renewed::Yes));
            }
            let failed_meanwhile = now.failed_relogins != sent.failed_relogins;
            now.relogin_failure.clone().filter(|_| failed_meanwhile).map(Err)
        };
        let (id, auth) = (sent.id, auth.clone());
        self.transition(Kind::Relogin(id), unless, |client, turn| renewal(client, turn, auth)).await
    }

    /// Runs a re-login. The outcome is stored in the login machine before the turn is free, so that
    /// waiting requests see it.
    async fn renew(self: &Arc<Self>, turn: Turn, auth: &Auth) -> Result<Renewed> {
        tracing::info!("Session expired; logging in again");
        let expired = Arc::clone(turn.base());
        let store_lock = self.lock_store().await;
        if let Some(outcome) = self.replaced(&expired) {
            turn.finish();
            return Ok(outcome);
        }
        let (login, must_save) = match self.load_stored_login(&expired, auth).await {
            Stored::Newer(stored) => (Ok(stored), false),
            Stored::Nothing => (self.new_login(auth).await, true),
            Stored::OfAnother => (self.new_login(auth).await, false),
        };
        let login = match login {
            Ok(login) => login,
            Err(error) => {
                let error =
                    if error.hint().is_none() { error.with_note(RELOGIN_FAILED) } else { error };
                self.logins.relogin_failed(&turn, error.clone());
                turn.finish();
                return Err(error);
            }
        };
        match self.install(turn, expired.id, login, auth).await {
            Ok(login) => {
                if must_save {
                    self.save_login(&login).await;
                }
                drop(store_lock);
                Ok(Renewed::Yes)
            }
            Err(error) => self.replaced(&expired).ok_or(error),
        }
    }

    /// The outcome of a re-login if another session has replaced the expired one meanwhile. `None`
    /// if the expired login is still the current one.
    fn replaced(&self, expired: &Login) -> Option<Renewed> {
        let now = self.logins.current();
        let outcome = if now.token.is_some() { Renewed::Yes } else { Renewed::LoggedOut };
        (now.id != expired.id).then_some(outcome)
    }

    async fn new_login(self: &Arc<Self>, auth: &Auth) -> Result<Login> {
        auth.invalidate();
        let resolved = auth.resolve(&self.login_options).await?;
        self.ensure_not_rejected(&resolved)?;
        self.defaults.forget();
        Ok(self.authenticate_or_refresh(resolved, auth).await?.0)
    }

    /// Fails with the earlier error if the server has rejected the same login before. Servers lock
    /// an account after a few failures.
    fn ensure_not_rejected(&self, login: &Resolved) -> Result<()> {
        match login {
            Resolved::Post { body, .. } => self.logins.rejection(body).map_or(Ok(()), Err),
            Resolved::Adopt { .. } | Resolved::AskToken { .. } => Ok(()),
        }
    }

    async fn lock_store(&self) -> Option<Box<dyn Any + Send>> {
        let store = self.login_store.as_ref()?;
        bounded(LOCK_TIMEOUT, "lock", store.lock()).await
    }

    /// Loads the login that another process may have made and saved meanwhile.
    async fn load_stored_login(self: &Arc<Self>, expired: &Login, auth: &Auth) -> Stored {
        let Some(store) = &self.login_store else { return Stored::Nothing };
        let Some(Some(snapshot)) = bounded(STORE_TIMEOUT, "load", store.load()).await else {
            return Stored::Nothing;
        };
        let same = auth.ensure_same_principal(&snapshot).await;
        let login = same.and_then(|()| self.login_of(&snapshot));
        let login = match login {
            Ok(login) => Arc::new(login),
            Err(error) if error.kind() == ErrorKind::Snapshot => {
                tracing::warn!(%error, "the session in the login store is not used or replaced");
                return Stored::OfAnother;
            }
            // the credential cannot be resolved: the login fails with that error
            Err(_) => return Stored::Nothing,
        };
        if login.token.is_none() || login.token == expired.token {
            return Stored::Nothing;
        }
        match self.ensure_alive(&login).await {
            Ok(()) => Stored::Newer(Login::clone(&login)),
            Err(_) => Stored::Nothing,
        }
    }

    /// Saves the new current login. A failure is logged.
    pub(crate) async fn save_login(&self, login: &Login) {
        let Some(store) = &self.login_store else { return };
        bounded(STORE_TIMEOUT, "save", store.save(self.snapshot_of(login))).await;
    }
}

/// The work of the transition. It is boxed, because a re-login sends requests inside a request
/// (recursion).
fn renewal(
    client: Arc<Client>,
    turn: Turn,
    auth: Auth,
) -> Pin<Box<dyn Future<Output = Result<Renewed>> + Send>> {
    Box::pin(async move { client.unless_closed(client.renew(turn, &auth)).await })
}

/// Runs one step of a login store with a timeout. A failure is logged, and the session continues
/// without the store.
async fn bounded<T>(
    time: Duration,
    step: &str,
    work: impl Future<Output = Result<T>>,
) -> Option<T> {
    let outcome = timeout(time, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, format!("it did not finish within {time:?}")))
    });
    outcome.inspect_err(|error| tracing::warn!(%error, step, "the login store failed")).ok()
}
