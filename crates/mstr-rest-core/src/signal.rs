//! `Signal`: a flag that is set once and that tasks can wait for.

use tokio::sync::Semaphore;

/// A flag that is set once and never cleared. Waiting tasks wake in the order in which they started
/// to wait. The model test needs this order to replay a seed; a `tokio::sync::watch` wakes in
/// random order.
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
        // the semaphore never has a permit: only closing it ends the wait
        let _ = self.0.acquire().await;
    }
}
