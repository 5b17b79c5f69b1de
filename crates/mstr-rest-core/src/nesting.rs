//! Detects a credential that uses the session it is resolved for: an error instead of a deadlock.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, ErrorKind, Result};

tokio::task_local! {
    /// The sessions whose credentials this task is resolving.
    static RESOLVING: Vec<SessionId>;
}

/// Identifies a session within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionId(u64);

impl SessionId {
    pub(crate) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

fn outer() -> Vec<SessionId> {
    RESOLVING.try_with(Clone::clone).unwrap_or_default()
}

/// Marks a future as part of a login (or of the default headers) of that session. Tasks that the
/// future spawns are not marked: they wait for the login until a timeout.
pub(crate) fn within<F: Future>(
    session: SessionId,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let mut sessions = outer();
    sessions.push(session);
    RESOLVING.scope(sessions, work)
}

/// Fails inside a login of that session: the call would deadlock.
pub(crate) fn ensure_outside(session: SessionId) -> Result<()> {
    let inside = RESOLVING.try_with(|sessions| sessions.contains(&session)).unwrap_or(false);
    if inside {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "a credential uses the session it is resolved for, which would deadlock: use another \
             session in the credential",
        ));
    }
    Ok(())
}
