//! Credentials that use the very session that asks for them.

use std::future::Future;

use crate::client::Client;
use crate::{Error, ErrorKind, Result};

tokio::task_local! {
    /// The sessions whose credentials are being resolved by this task.
    static RESOLVING: Vec<usize>;
}

/// Tells sessions apart.
fn id(client: &Client) -> usize {
    std::ptr::from_ref(client).addr()
}

fn outer() -> Vec<usize> {
    RESOLVING.try_with(Clone::clone).unwrap_or_default()
}

/// Marks what a future does as part of a login (or of the default headers) of that session. A task
/// that it spawns is not marked, so it waits for the login like any other, until a timeout.
pub(crate) fn within<F: Future>(
    client: &Client,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let mut sessions = outer();
    sessions.push(id(client));
    RESOLVING.scope(sessions, work)
}

/// Fails inside a login of that session: it would wait for itself.
pub(crate) fn ensure_outside(client: &Client) -> Result<()> {
    let inside = RESOLVING.try_with(|sessions| sessions.contains(&id(client))).unwrap_or(false);
    if inside {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "a credential uses the session that is asking for it, which would wait for itself: \
             give it a session of its own",
        ));
    }
    Ok(())
}
