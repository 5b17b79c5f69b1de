//! Sending a call.

use std::future::IntoFuture;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Call;
use crate::Result;
use crate::background::Pending;
use crate::call_future::CallFuture;

/// A call in the background takes no longer.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(10);

/// Sending
impl<T> Call<T> {
    /// Sends the call. The future is named, boxed and `'static`; nothing happens until it is
    /// polled, inside a Tokio runtime.
    pub fn send(self) -> CallFuture<T>
    where
        T: Send + 'static,
    {
        CallFuture::new(self.session.client, self.request, self.decode)
    }
}

impl<T: Send + 'static> Call<T> {
    /// Sends the call in a task of its own, for at most 10 seconds. Its outcome is dropped (a failure
    /// is traced), and only [`settle`](crate::settle) waits for it. For clearing away what a dropped future has
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
