//! Work in the background: how it is counted, and `settle`, which waits for it.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Error, ErrorKind, Result};

/// The longest that anything in the background takes: a cancelled login and its logout.
const SETTLE: Duration = Duration::from_secs(40);

/// Everything here needs timers and tasks of Tokio.
pub(crate) fn require_runtime() -> Result<()> {
    let message = if Handle::try_current().is_err() {
        "not inside a Tokio runtime: use #[tokio::main], or mstr_rest::blocking"
    } else if std::panic::catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_err() {
        // Tokio has no other way to ask
        "the Tokio runtime has no timers: call enable_all() on its builder"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Config, message))
}

/// Counts what runs in the background.
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

/// Waits for all that runs in the background: logouts of dropped guards and cancelled scopes, and
/// [calls](crate::Call::in_background). Call it last, before the runtime ends.
///
/// It waits for at most 40 seconds. Each piece of work is bounded (5 seconds for a logout, 10 for a
/// call, 30 for a login that was cancelled on its way), but only while its runtime is driven: what
/// belongs to another runtime that stands still is left behind, with a warning.
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
    // an error says that the sender is gone: it is static
    if timeout(SETTLE, pending.wait_for(|count| *count == 0)).await.is_err() {
        let left = *pending.borrow();
        tracing::warn!(left, "work in the background was not done within {SETTLE:?}");
    }
}
