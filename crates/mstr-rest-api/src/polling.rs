//! Waiting for what the server does in the background: bounded, with longer and longer pauses.

use std::time::Duration;

use mstr_rest_core::{Call, Error, ErrorKind, Result};
use tokio::time::Instant;

/// The default timeout of operations that continue on the server.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Asks until `done` says that it is over, or until the timeout.
pub(crate) async fn until<T, A, D>(timeout: Duration, what: &str, ask: A, mut done: D) -> Result<T>
where
    T: Send + 'static,
    A: Fn() -> Call<T>,
    D: FnMut(&T) -> Result<bool>,
{
    let over = || {
        let message =
            format!("{what} did not end within {timeout:?}; the operation continues on the server");
        Error::new(ErrorKind::Timeout, message)
    };
    let end = Instant::now().checked_add(timeout);
    let left = || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
    let mut pause = FIRST_WAIT;
    loop {
        let state = match ask().timeout(left()).await {
            Err(error) if error.is_timeout() && left().is_zero() => return Err(over()),
            state => state?,
        };
        if done(&state)? {
            return Ok(state);
        }
        if left() <= pause {
            return Err(over());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}
