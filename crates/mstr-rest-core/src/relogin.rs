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

/// Another process may be logging in.
const LOCK: Duration = Duration::from_secs(60);

/// Loading and saving a login elsewhere must not hold up this session.
const STORE: Duration = Duration::from_secs(30);

/// Whose failure it is that a request gets which itself was fine.
const FAILED: &str = "The session had expired, and logging in again failed like this.";

/// How an expired session came out of a re-login.
pub(crate) enum Renewed {
    /// There is a newer token.
    Yes,
    /// The session was logged out meanwhile: nothing logs in by itself any more.
    LoggedOut,
}

/// What a login store holds.
enum Kept {
    /// A login of ours, newer than the expired one, that the server knows.
    Newer(Login),
    Nothing,
    /// A session of another user or server: neither taken up nor replaced.
    OfAnother,
}

impl Client {
    /// Logs in again after the login that a request was sent with expired, unless that was done
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

    /// The work of a re-login. Whatever happens, the outcome is there before the turn is free.
    async fn renew(self: &Arc<Self>, turn: Turn, auth: &Auth) -> Result<Renewed> {
        tracing::info!("Session expired; logging in again");
        let expired = Arc::clone(turn.base());
        let store_lock = self.lock_store().await;
        if let Some(outcome) = self.replaced(&expired) {
            turn.finish();
            return Ok(outcome);
        }
        let (login, is_saved) = match self.kept_elsewhere(&expired, auth).await {
            Kept::Newer(kept) => (Ok(kept), false),
            Kept::Nothing => (self.login_anew(auth).await, true),
            Kept::OfAnother => (self.login_anew(auth).await, false),
        };
        let login = match login {
            Ok(login) => login,
            Err(error) => {
                let error = if error.hint().is_none() { error.with_note(FAILED) } else { error };
                self.logins.relogin_failed(&turn, error.clone());
                turn.finish();
                return Err(error);
            }
        };
        match self.install(turn, expired.id, login, auth).await {
            Ok(login) => {
                if is_saved {
                    self.save_login(&login).await;
                }
                drop(store_lock);
                Ok(Renewed::Yes)
            }
            Err(error) => self.replaced(&expired).ok_or(error),
        }
    }

    /// What a re-login comes to when another session took the place of the expired one meanwhile.
    fn replaced(&self, expired: &Login) -> Option<Renewed> {
        let now = self.logins.current();
        let outcome = if now.token.is_some() { Renewed::Yes } else { Renewed::LoggedOut };
        (now.id != expired.id).then_some(outcome)
    }

    async fn login_anew(self: &Arc<Self>, auth: &Auth) -> Result<Login> {
        auth.invalidate();
        let resolved = auth.resolve(&self.login_options).await?;
        self.ensure_not_rejected(&resolved)?;
        self.defaults.forget();
        Ok(self.authenticate_or_refresh(resolved, auth).await?.0)
    }

    /// Fails with the earlier error when the server refused the same login before: an account is
    /// locked after a few failures.
    fn ensure_not_rejected(&self, login: &Resolved) -> Result<()> {
        match login {
            Resolved::Post { body, .. } => self.logins.rejection(body).map_or(Ok(()), Err),
            Resolved::Adopt { .. } | Resolved::AskToken { .. } => Ok(()),
        }
    }

    async fn lock_store(&self) -> Option<Box<dyn Any + Send>> {
        let store = self.login_store.as_ref()?;
        bounded(LOCK, "lock", store.lock()).await
    }

    /// Looks for a login that another process has made and saved meanwhile.
    async fn kept_elsewhere(self: &Arc<Self>, expired: &Login, auth: &Auth) -> Kept {
        let Some(store) = &self.login_store else { return Kept::Nothing };
        let Some(Some(snapshot)) = bounded(STORE, "load", store.load()).await else {
            return Kept::Nothing;
        };
        let same = auth.ensure_same_principal(&snapshot).await;
        let login = same.and_then(|()| self.login_of(&snapshot));
        let login = match login {
            Ok(login) => Arc::new(login),
            Err(error) if error.kind() == ErrorKind::Snapshot => {
                tracing::warn!(%error, "what the login store holds is left alone");
                return Kept::OfAnother;
            }
            // the credential cannot be had: the login will say so
            Err(_) => return Kept::Nothing,
        };
        if login.token.is_none() || login.token == expired.token {
            return Kept::Nothing;
        }
        match self.ensure_alive(&login).await {
            Ok(()) => Kept::Newer(Login::clone(&login)),
            Err(_) => Kept::Nothing,
        }
    }

    /// Saves a login that was just put in place. What fails is traced.
    pub(crate) async fn save_login(&self, login: &Login) {
        let Some(store) = &self.login_store else { return };
        bounded(STORE, "save", store.save(self.snapshot_of(login))).await;
    }
}

/// Boxed: a re-login sends requests from inside of a request.
fn renewal(
    client: Arc<Client>,
    turn: Turn,
    auth: Auth,
) -> Pin<Box<dyn Future<Output = Result<Renewed>> + Send>> {
    Box::pin(async move { client.unless_closed(client.renew(turn, &auth)).await })
}

/// One step of a login store. What fails is traced: the session goes on without.
async fn bounded<T>(
    limit: Duration,
    step: &str,
    work: impl Future<Output = Result<T>>,
) -> Option<T> {
    let outcome = timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, format!("it took more than {limit:?}")))
    });
    outcome.inspect_err(|error| tracing::warn!(%error, step, "the login store failed")).ok()
}
