//! Timeouts: the idle timeout of one exchange, and the total timeout of a call.

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
    /// The longest time without data sent or received.
    pub(crate) idle: Option<Duration>,
    /// The longest time of the whole call.
    pub(crate) total: Option<Duration>,
}

/// The time when the call must have ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// `None` for a timeout that is too long for an `Instant`: it never passes.
    pub(crate) fn after(timeout: Duration) -> Option<Self> {
        Some(Self { at: Instant::now().checked_add(timeout)?, timeout })
    }

    /// Waits for a future until the deadline. Takes it by reference: a future passed by value would
    /// take its size twice in the future of the caller.
    pub(crate) async fn bound<T>(
        self,
        future: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        timeout_at(self.at, future).await.unwrap_or_else(|_| Err(self.error()))
    }

    /// Waits for a future until the deadline. The error is the timeout of the call.
    pub(crate) async fn at_most<T>(self, future: impl Future<Output = T>) -> Result<T, Duration> {
        timeout_at(self.at, future).await.map_err(|_| self.timeout)
    }

    /// Returns `true` if a wait of that length would end after the deadline.
    pub(crate) fn is_over_after(self, wait: Duration) -> bool {
        self.at.saturating_duration_since(Instant::now()) <= wait
    }

    fn error(self) -> Error {
        Error::new(ErrorKind::Timeout, format!("the call did not finish within {:?}", self.timeout))
    }
}

/// Waits for the next piece of a reply, at most for `idle` and until the deadline of the call.
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

/// The idle timeout of one exchange up to the head of its reply. Progress of the upload restarts
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    timeout: Duration,
    start: Instant,
    /// The time of the last progress, in milliseconds after `start`.
    last: Arc<AtomicU64>,
}

impl Progress {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, start: Instant::now(), last: Arc::default() }
    }

    /// Records that data was sent.
    pub(crate) fn touch(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }

    pub(crate) async fn guard<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut future = pin!(future);
        loop {
            let last = self.last.load(Ordering::Relaxed);
            let end =
                self.start.checked_add(Duration::from_millis(last).saturating_add(self.timeout));
            let Some(end) = end else { return Ok(future.await) };
            match timeout_at(end, &mut future).await {
                Ok(value) => return Ok(value),
                Err(_) if self.last.load(Ordering::Relaxed) == last => {
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
    async fn progress_restarts_the_idle_timeout() {
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
    async fn the_earlier_timeout_applies() {
        let whole = Deadline::after(SECOND * 5);
        let idle = next_piece(Some(SECOND), whole, pending::<()>()).await.unwrap_err();
        assert!(idle.message().starts_with("no data sent or received"));
        let whole = next_piece(Some(SECOND * 9), whole, pending::<()>()).await.unwrap_err();
        assert_eq!(whole.message(), "the call did not finish within 5s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_beyond_the_clock_never_passes() {
        assert!(Deadline::after(Duration::MAX).is_none());
        assert_eq!(next_piece(Some(Duration::MAX), None, async { 1 }).await.unwrap(), 1);
        assert_eq!(Progress::new(Duration::MAX).guard(async { 2 }).await.unwrap(), 2);
    }
}
