//! Transitions: changes of the login that talk to the server, one at a time.
//!
//! Each runs in a task of its own, so that cancelling its caller loses no session at the server.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::Instrument;

use crate::background::require_runtime;
use crate::client::Client;
use crate::login::Login;
use crate::login_machine::{BEAT, Begin, Kind, Turn};
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
            let running = match self.logins.begin(kind, &mut unless) {
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
        W: FnOnce(Arc<Self>, Turn) -> F,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        require_runtime()?;
        nesting::ensure_outside(self.id)?;
        let turn = match self.turn(kind, &mut unless).await {
            Ok(turn) => turn,
            Err(outcome) => return outcome,
        };
        let beats = turn.beats();
        let work = nesting::within(self.id, work(Arc::clone(self), turn));
        let driven = async move {
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut work => return outcome,
                    () = sleep(BEAT) => Turn::beat(&beats),
                }
            }
        };
        let task = tokio::spawn(driven.in_current_span());
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
