//! What runs in the background, and how a program waits for it before it ends.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Call, Error, ErrorKind, Result};

/// A call in the background takes no longer.
const IN_BACKGROUND: Duration = Duration::from_secs(10);

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

impl<T: Send + 'static> Call<T> {
    /// Sends the call in a task of its own, for at most 10 seconds. Its outcome is dropped (a failure
    /// is traced), and only [`settle`] waits for it. For clearing away what a dropped future has
    /// begun on the server. Outside a Tokio runtime nothing is sent.
    ///
    /// ```no_run
    /// # fn example(session: &mstr_rest_core::Session) {
    /// session.delete("subscriptions").segment("13CF").in_background();
    /// # }
    /// ```
    pub fn in_background(self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let pending = Pending::new();
        runtime.spawn(async move {
            let _pending = pending;
            if let Err(error) = self.timeout(IN_BACKGROUND).send().await {
                tracing::debug!(kind = ?error.kind(), "a call in the background failed");
            }
        });
    }
}

/// Waits for all that runs in the background: logouts of dropped guards and cancelled scopes, and
/// [calls](Call::in_background). Call it last, before the runtime ends.
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

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, Session};

    #[test]
    fn a_runtime_without_timers_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let session = Session::builder("http://h.example/api").build().unwrap();
        let error = runtime.block_on(session.get("status").send()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("enable_all"), "{error}");
    }
}
