//! The signals that end a command.

use crate::failure::{Failure, code};

/// Waits for ctrl-c, or, on Unix, for what schedulers and containers send, and says which it was.
pub(crate) async fn stopped() -> Failure {
    let interrupted = Failure::new(code::INTERRUPTED, "interrupted");
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => interrupted,
                _ = terminate.recv() => Failure::new(code::TERMINATED, "terminated"),
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    interrupted
}
