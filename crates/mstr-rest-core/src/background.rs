//! Work in the background: its counter, and `settle`, which waits for it.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Error, ErrorKind, Result};

/// The longest work in the background: a cancelled login and its logout.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(40);

/// Fails outside a Tokio runtime with timers: the session needs its tasks and timers.
pub(crate) fn require_runtime() -> Result<()> {
    let message = if Handle::try_current().is_err() {
        "not inside a Tokio runtime: use #[tokio::main], or mstr_rest::blocking"
    } else if std::panic::catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_err() {
        // Tokio has no function that tells whether timers are enabled
        "the Tokio runtime has no timers: call enable_all() on its builder"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Config, message))
}

/// Counts one piece of work in the background while it exists.
pub(crate) struct Pending;

static PENDING: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

impl Pending {
    pub(crate) fn new() -> Self {
        PENDING.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        PENDING.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Waits for all work in the background: logouts of dropped guards and cancelled scopes, and
/// [calls](crate::Call::in_background). Call it last, before the runtime ends.
///
/// It waits for at most 40 seconds. Each piece of work has a timeout: 5 seconds for a logout, 10
/// for a call, 30 for a cancelled login. The timeouts need a runtime that is driven. Work of
/// another runtime that is not driven does not end; after 40 seconds, a warning with the number of
/// unfinished pieces is logged.
///
/// ```no_run
/// # async fn work() -> mstr_rest_core::Result<()> { Ok(()) }
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> mstr_rest_core::Result<()> {
///     let result = work().await;
///     mstr_rest_core::settle().await;
///     result
/// }
/// ```
pub async fn settle() {
    let mut pending = PENDING.subscribe();
    // `wait_for` fails only if the sender is dropped, and the sender is static
    if timeout(SETTLE_TIMEOUT, pending.wait_for(|count| *count == 0)).await.is_err() {
        let left = *pending.borrow();
        tracing::warn!(left, "work in the background did not finish within {SETTLE_TIMEOUT:?}");
    }
}
