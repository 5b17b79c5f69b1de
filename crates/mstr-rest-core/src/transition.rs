//! How a transition of the login runs: in its turn, and in a task of its own, so that cancelling its
//! caller loses no session at the server.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::background::require_runtime;
use crate::client::Client;
use crate::login_machine::{BEAT, Begin, Kind, Login, Turn};
use crate::{Error, ErrorKind, Result, nesting};

/// A login that runs while the session is closed gets this long to bring the token that can then be
/// logged out.
pub(crate) const ABANDONED: Duration = Duration::from_secs(30);

impl Client {
    /// Waits for the turn. `unless`: looking at the present login, there is nothing to do.
    async fn turn<T>(
        self: &Arc<Self>,
        kind: Kind,
        mut unless: impl FnMut(&Login) -> Option<T>,
    ) -> Result<Turn, T> {
        let mut patience = ABANDONED;
        loop {
            let running = match self.logins.begin(self, kind, &mut unless) {
                Begin::Not(reason) => return Err(reason),
                Begin::Start(turn) => return Ok(turn),
                Begin::Wait(running) => running,
            };
            if kind != Kind::Close {
                tokio::select! {
                    biased;
                    () = running.clone().ended(&self.logins) => {}
                    () = self.closed.wait() => match unless(&self.logins.current()) {
                        Some(reason) => return Err(reason),
                        None => running.ended(&self.logins).await,
                    }
                }
                continue;
            }
            let start = Instant::now();
            if timeout(patience, running.clone().ended(&self.logins)).await.is_err() {
                // the login that runs was told to come to an end
                self.logins.revoke(&running);
            }
            patience = patience.saturating_sub(start.elapsed());
        }
    }

    /// Runs a transition when its turn has come. Dropping the future does not stop one that runs.
    ///
    /// # Errors
    /// Those of `work`; [`Interrupted`](ErrorKind::Interrupted) when it panicked or its runtime
    /// stopped; and what `unless` says before it starts.
    pub(crate) async fn transition<T, W, F>(
        self: &Arc<Self>,
        kind: Kind,
        mut unless: impl FnMut(&Login) -> Option<Result<T>>,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(Turn) -> F,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        require_runtime()?;
        nesting::ensure_outside(self)?;
        let turn = match self.turn(kind, &mut unless).await {
            Ok(turn) => turn,
            Err(outcome) => return outcome,
        };
        let beats = turn.beats();
        let work = nesting::within(self, work(turn));
        let task = tokio::spawn(async move {
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut work => return outcome,
                    () = sleep(BEAT) => Turn::beat(&beats),
                }
            }
        });
        // not the error of the task: it may hold the text of a panic
        task.await.unwrap_or_else(|_| Err(kind.interrupted("its task panicked or was stopped")))
    }

    /// Bounds a login once the session is closed, for nothing can use it any more.
    pub(crate) async fn unless_closed<T>(
        &self,
        login: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut login = pin!(login);
        tokio::select! {
            biased;
            outcome = &mut login => outcome,
            () = self.closed.wait() => timeout(ABANDONED, login).await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Timeout, "the session was closed during the login"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Method;
    use tokio::runtime::{Builder, Runtime};
    use url::Url;

    use super::*;
    use crate::login_machine::TOKEN;
    use crate::{Auth, Session};

    /// A session with a server that gives a token to every login, and counts its requests.
    fn session() -> (Session, Arc<AtomicUsize>) {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let server = move |_: &Method, _: &Url| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            http::Response::builder().status(204).header(&TOKEN, format!("token-{number}"))
        };
        let mut builder = Session::builder("http://library.test/api");
        builder.transport_mut().in_process = Some(Arc::new(server));
        (builder.build().unwrap(), requests)
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
    }

    /// A login has its turn, and the runtime of its task is not driven.
    #[test]
    fn a_runtime_that_stands_still_loses_its_turn() {
        let (session, requests) = session();
        let (still, driven) = (runtime(), runtime());
        let slow = mstr_credentials::Credential::from_async_fn(|| async {
            sleep(Duration::from_secs(50)).await;
            Ok("password")
        });
        let late = still.spawn(session.login(Auth::standard("dave", slow)));
        still.block_on(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        driven.block_on(session.login(Auth::anonymous())).unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), 1);
        // what it brings late is logged out, and changes nothing
        let error = still.block_on(late).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let token = session.client.logins.current().token.clone().unwrap();
        assert_eq!(token, "token-0");
    }

    /// Between the turn and the first poll of its task: the restored session must not be replaced.
    #[test]
    fn a_session_restored_as_a_relogin_begins_stays() {
        let (session, requests) = session();
        let client = Arc::clone(&session.client);
        let held = |token| Login {
            token: Some(http::HeaderValue::from_static(token)),
            ..Login::default()
        };
        runtime().block_on(async {
            client.logins.displace(held("expired"));
            let expired = client.logins.current();
            let auth = Auth::anonymous();
            let mut relogin = pin!(client.log_in_again(&expired, &auth));
            // it takes the turn and begins its task
            assert!(futures_util::FutureExt::now_or_never(relogin.as_mut()).is_none());
            client.logins.displace(held("restored"));
            assert!(matches!(relogin.await, Ok(crate::relogin::Renewed::Yes)));
        });
        assert_eq!(session.client.logins.current().token.as_ref().unwrap(), "restored");
        assert_eq!(requests.load(Ordering::SeqCst), 0);
    }

    /// A credential that takes its time is no runtime that stands still.
    #[test]
    fn a_slow_login_keeps_its_turn() {
        let (session, requests) = session();
        let slow = mstr_credentials::Credential::from_async_fn(|| async {
            sleep(Duration::from_secs(55)).await;
            Ok("password")
        });
        let user = slow.clone();
        runtime().block_on(async {
            let first = tokio::spawn(session.login(Auth::standard(user, slow)));
            tokio::task::yield_now().await;
            session.login(Auth::anonymous()).await.unwrap();
            first.await.unwrap().unwrap();
        });
        // the login, its logout, and the second login
        assert_eq!(requests.load(Ordering::SeqCst), 3);
    }
}
