//! The idle clock: when the session was last used.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

/// When the session was last used, as far as the server can know: its idle clock, seen from here.
pub(crate) struct IdleClock {
    start: Instant,
    /// In milliseconds after `start`; negative for a session that was used before it was restored.
    last: AtomicI64,
    /// Notified when `last` may have gone back: a task that sleeps until the session is due then
    /// sleeps too long.
    went_back: Arc<Notify>,
}

impl IdleClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), last: AtomicI64::new(0), went_back: Arc::default() }
    }

    /// The server's idle clock starts anew.
    pub(crate) fn touch(&self) {
        self.last.fetch_max(self.elapsed(), Ordering::Relaxed);
    }

    /// The session was last used at that time, by another process for example.
    pub(crate) fn set(&self, used: SystemTime) {
        let ago = SystemTime::now().duration_since(used).unwrap_or_default();
        self.last.store(self.elapsed().saturating_sub(millis(ago)), Ordering::Relaxed);
        self.went_back.notify_one();
    }

    /// When the session was used last.
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

    /// When the session will have been idle for `interval`.
    pub(crate) fn due(&self, interval: Duration) -> Option<Instant> {
        let last = self.last.load(Ordering::Relaxed);
        let offset = last.saturating_add(millis(interval));
        if offset == i64::MAX {
            return None;
        }
        let distance = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 {
            // too long ago for the clock: it is due
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
    async fn use_puts_it_off() {
        let clock = IdleClock::new();
        let start = clock.start;
        assert_eq!(clock.due(MINUTE), Some(start + MINUTE));
        tokio::time::advance(MINUTE / 2).await;
        clock.touch();
        assert_eq!(clock.due(MINUTE), Some(start + MINUTE * 3 / 2));
        assert_eq!(clock.due(Duration::MAX), None, "never");
    }

    #[tokio::test(start_paused = true)]
    async fn use_before_the_start_counts() {
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
