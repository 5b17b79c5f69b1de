//! The clock of idle timeouts: it stands still unless a test moves it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock;

/// Time since the server started.
pub(crate) struct Clock {
    started: Instant,
    real: bool,
    advanced: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn new(real: bool) -> Self {
        Self { started: Instant::now(), real, advanced: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        let passed = if self.real { self.started.elapsed() } else { Duration::ZERO };
        passed.saturating_add(*lock(&self.advanced))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut advanced = lock(&self.advanced);
        *advanced = advanced.saturating_add(by);
    }
}
