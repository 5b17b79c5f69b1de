//! Waiting for what the server does in the background: bounded, with longer and longer pauses.

use std::time::Duration;

use mstr_rest_core::{Call, Error, ErrorKind, Result};
use tokio::time::Instant;

/// How long it may take unless it is said otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Asks until `done` says that it is over, or the limit is.
pub(crate) async fn until<T, A, D>(limit: Duration, what: &str, ask: A, mut done: D) -> Result<T>
where
    T: Send + 'static,
    A: Fn() -> Call<T>,
    D: FnMut(&T) -> Result<bool>,
{
    let over = || {
        let message = format!("{what} did not end within {limit:?}; it goes on at the server");
        Error::new(ErrorKind::Timeout, message)
    };
    let end = Instant::now().checked_add(limit);
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
