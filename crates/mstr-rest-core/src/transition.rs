//! Transitions: changes of the login that send requests. One transition runs at a time.
//!
//! Each transition runs in a task of its own. If its caller is cancelled, the task continues, so
//! that no session is left open on the server.

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

/// The time that a running login has after the session was closed. Its token is then logged out.
pub(crate) const ABANDONED_TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// Waits for the turn and takes it. `unless` receives the current login; if it returns a value,
    /// the transition is not needed.
    ///
    /// A close waits at most [`ABANDONED_TIMEOUT`] in all, then revokes the turn of the
    /// running transition. Any other transition stops waiting when the session is closed, if
    /// `unless` returns a value then.
    async fn turn<T>(
        self: &Arc<Self>,
        kind: Kind,
        mut unless: impl FnMut(&Login) -> Option<T>,
    ) -> Result<Turn, T> {
        let mut time_left = ABANDONED_TIMEOUT;
        loop {
            let running = match self.logins.begin(kind, &mut unless) {
                Begin::NotNeeded(reason) => return Err(reason),
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
            if timeout(time_left, running.clone().ended(&self.logins)).await.is_err() {
                // a running login has the same timeout, see `unless_closed`
                self.logins.revoke(&running);
            }
            time_left = time_left.saturating_sub(start.elapsed());
        }
    }

    /// Waits for the turn, then runs a transition in a task of its own. Dropping the future does
    /// not stop a transition that has started. If `unless` returns a value, the transition does not
    /// start, and that value is returned.
    ///
    /// # Errors
    /// The errors of `work`, and [`Interrupted`](ErrorKind::Interrupted) if it panicked or its
    /// runtime stopped.
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
        // drop the error of the task: it may contain the text of a panic
        task.await.unwrap_or_else(|_| Err(kind.interrupted("its task panicked or was stopped")))
    }

    /// Runs a login. When the session is closed, the login gets a timeout, because no call can use
    /// it any more.
    pub(crate) async fn unless_closed<T>(
        &self,
        login: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut login = pin!(login);
        tokio::select! {
            biased;
            outcome = &mut login => outcome,
            () = self.closed.wait() => timeout(ABANDONED_TIMEOUT, login).await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Timeout, "the session was closed during the login"))
            }),
        }
    }
}
