//! `IdleClock`: the time when the session was last used.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The time when the session was last used: the client's estimate of the server's idle timer.
pub(crate) struct IdleClock {
    start: Instant,
    /// Milliseconds after `start`. Negative for a restored session that was used before `start`.
    last: AtomicI64,
    /// Notified when `last` may have gone back. A task that sleeps until the session is due would
    /// otherwise sleep too long.
    went_back: Arc<Notify>,
}

impl IdleClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), last: AtomicI64::new(0), went_back: Arc::default() }
    }

    /// Records a use now: the server restarts its idle timer.
    pub(crate) fn touch(&self) {
        self.last.fetch_max(self.elapsed(), Ordering::Relaxed);
    }

    /// Sets the time of the last use, for example by another process.
    pub(crate) fn set(&self, used: SystemTime) {
        let ago = SystemTime::now().duration_since(used).unwrap_or_default();
        self.last.store(self.elapsed().saturating_sub(millis(ago)), Ordering::Relaxed);
        self.went_back.notify_one();
    }

    /// The time of the last use.
    pub(crate) fn get(&self) -> SystemTime {
        let ago = self.elapsed().saturating_sub(self.last.load(Ordering::Relaxed));
        let now = SystemTime::now();
        now.checked_sub(Duration::from_millis(ago.unsigned_abs())).unwrap_or(now)
    }

    pub(crate) fn went_back(&self) -> Arc<Notify> {
        Arc::clone(&self.went_back)
    }

    fn elapsed(&self) -> i64 {
        millis(self.start.elapsed())
    }

    /// The time when the session will have been idle for `interval`. `None` if it is out of range.
    pub(crate) fn due(&self, interval: Duration) -> Option<Instant> {
        let last = self.last.load(Ordering::Relaxed);
        let offset = last.saturating_add(millis(interval));
        if offset == i64::MAX {
            return None;
        }
        let distance = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 {
            // earlier than an `Instant` can express: the session is due
            Some(self.start.checked_sub(distance).unwrap_or(self.start))
        } else {
            self.start.checked_add(distance)
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn each_use_moves_the_due_time() {
        let clock = IdleClock::new();
        let start = clock.start;
        assert_eq!(clock.due(MINUTE), Some(start + MINUTE));
        tokio::time::advance(MINUTE / 2).await;
        clock.touch();
        assert_eq!(clock.due(MINUTE), Some(start + MINUTE * 3 / 2));
        assert_eq!(clock.due(Duration::MAX), None, "never");
    }

    #[tokio::test(start_paused = true)]
    async fn a_use_before_the_start_is_recorded() {
        let clock = IdleClock::new();
        clock.set(SystemTime::now() - MINUTE * 2);
        let due = clock.due(MINUTE).unwrap();
        assert!(due <= clock.start - MINUTE && due > clock.start - MINUTE * 2);
        let before = SystemTime::now();
        assert!(clock.get() < before - MINUTE && clock.get() > before - MINUTE * 3);
        clock.touch();
        assert!(clock.get() >= before - MINUTE / 60);
    }
}
