//! Timeouts: progress of one exchange, and the end of a whole call.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind, Result};

/// The timeouts of one call. `None`: no timeout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Without progress in either direction.
    pub(crate) idle: Option<Duration>,
    /// For the whole call.
    pub(crate) total: Option<Duration>,
}

/// When the whole call must be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// `None` also for a timeout so far away that the clock cannot express it.
    pub(crate) fn after(timeout: Duration) -> Option<Self> {
        Some(Self { at: Instant::now().checked_add(timeout)?, timeout })
    }

    /// By reference: a future that is handed over by value is kept twice.
    pub(crate) async fn bound<T>(
        self,
        future: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        timeout_at(self.at, future).await.unwrap_or_else(|_| Err(self.error()))
    }

    /// Waits for a future, no longer than to the end of the call. Fails with the call's timeout.
    pub(crate) async fn at_most<T>(self, future: impl Future<Output = T>) -> Result<T, Duration> {
        timeout_at(self.at, future).await.map_err(|_| self.timeout)
    }

    /// Whether a wait of that length goes beyond it.
    pub(crate) fn is_over_after(self, wait: Duration) -> bool {
        self.at.saturating_duration_since(Instant::now()) <= wait
    }

    fn error(self) -> Error {
        Error::new(ErrorKind::Timeout, format!("the call was not done within {:?}", self.timeout))
    }
}

/// Waits for the next piece of a reply: no longer than `idle`, nor beyond the end of the call.
pub(crate) async fn next_piece<T>(
    idle: Option<Duration>,
    deadline: Option<Deadline>,
    future: impl Future<Output = T>,
) -> Result<T> {
    let idle = idle.and_then(Deadline::after);
    let idle_first = match (idle, deadline) {
        (Some(idle), Some(whole)) => idle.at < whole.at,
        (idle, _) => idle.is_some(),
    };
    let Some(end) = (if idle_first { idle } else { deadline }) else { return Ok(future.await) };
    let over = |_| if idle_first { no_progress(end.timeout) } else { end.error() };
    timeout_at(end.at, future).await.map_err(over)
}

fn no_progress(timeout: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("no data sent or received for {timeout:?}"))
}

/// Watches one exchange up to the head of its reply: a timeout that progress of the upload resets.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    timeout: Duration,
    start: Instant,
    /// When something moved last, in milliseconds after `start`.
    moved: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, start: Instant::now(), moved: Arc::default() }
    }

    /// Something moved.
    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(elapsed, Ordering::Relaxed);
    }

    pub(crate) async fn guard<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut future = pin!(future);
        loop {
            let moved = self.moved.load(Ordering::Relaxed);
            let end =
                self.start.checked_add(Duration::from_millis(moved).saturating_add(self.timeout));
            let Some(end) = end else { return Ok(future.await) };
            match timeout_at(end, &mut future).await {
                Ok(value) => return Ok(value),
                Err(_) if self.moved.load(Ordering::Relaxed) == moved => {
                    return Err(no_progress(self.timeout));
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn progress_moves_the_limit() {
        let progress = Progress::new(SECOND);
        let upload = progress.clone();
        let work = async move {
            for _ in 0..10 {
                tokio::time::sleep(SECOND * 9 / 10).await;
                upload.touch();
            }
            7
        };
        assert_eq!(progress.guard(work).await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_a_timeout() {
        let progress = Progress::new(SECOND);
        let error = progress.guard(pending::<()>()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Timeout, "no data sent or received for 1s")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_nearer_limit_wins() {
        let whole = Deadline::after(SECOND * 5);
        let idle = next_piece(Some(SECOND), whole, pending::<()>()).await.unwrap_err();
        assert!(idle.message().starts_with("no data sent or received"));
        let whole = next_piece(Some(SECOND * 9), whole, pending::<()>()).await.unwrap_err();
        assert_eq!(whole.message(), "the call was not done within 5s");
    }

    #[tokio::test(start_paused = true)]
    async fn limits_beyond_the_clock_are_none() {
        assert!(Deadline::after(Duration::MAX).is_none());
        assert_eq!(next_piece(Some(Duration::MAX), None, async { 1 }).await.unwrap(), 1);
        assert_eq!(Progress::new(Duration::MAX).guard(async { 2 }).await.unwrap(), 2);
    }
}
