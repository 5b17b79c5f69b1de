//! Sending a call.

use std::future::IntoFuture;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Call;
use crate::Result;
use crate::background::Pending;
use crate::call_future::CallFuture;

/// The timeout of a call in the background.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(10);

/// Sending
impl<T> Call<T> {
    /// Makes the future that sends the call. Its type is named and `'static`. The call is sent when
    /// the future is polled inside a Tokio runtime.
    pub fn send(self) -> CallFuture<T>
    where
        T: Send + 'static,
    {
        CallFuture::new(self.session.client, self.request, self.decode)
    }
}

impl<T: Send + 'static> Call<T> {
    /// Sends the call in a task of its own, for at most 10 seconds, and drops its outcome. A
    /// failure is logged. [`settle`](crate::settle) waits for the task. Use it to clean up on the
    /// server after a future was dropped. Outside a Tokio runtime nothing is sent.
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
            if let Err(error) = self.timeout(BACKGROUND_TIMEOUT).send().await {
                tracing::debug!(kind = ?error.kind(), "a call in the background failed");
            }
        });
    }
}

impl<T: Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = CallFuture<T>;

    fn into_future(self) -> CallFuture<T> {
        self.send()
    }
}
