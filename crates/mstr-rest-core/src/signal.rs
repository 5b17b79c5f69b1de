//! A signal that is set once, for tasks to wait for.

use tokio::sync::Semaphore;

/// Not set, and then set for good. Those who wait are woken in the order in which they came (a
/// `tokio::sync::watch` wakes in random order, and a seed of the model test would not replay).
pub(crate) struct Signal(Semaphore);

impl Default for Signal {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Signal {
    pub(crate) fn set(&self) {
        self.0.close();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) async fn wait(&self) {
        // there is no permit, and closing ends the wait
        let _ = self.0.acquire().await;
    }
}
