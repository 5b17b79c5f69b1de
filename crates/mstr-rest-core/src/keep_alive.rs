//! Keep-alive: a task that extends the session while no call uses it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::Method;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::client::Client;
use crate::request::Request;
use crate::{ErrorKind, execute};

/// The first try after a failed extension comes after this time, or a quarter of the interval.
const RETRY: Duration = Duration::from_secs(5);

/// Starts the task that extends the session when it was idle for the interval, if there is to
/// be one and none is running. It holds no session: it ends with the last of them, with a
/// close, a logout, or an expiry that nothing renews. Outside a runtime the next call starts it.
pub(crate) fn start(client: &Arc<Client>) {
    let Some(interval) = client.keep_alive else { return };
    // most calls find it running
    if client.keep_alive_runs.load(Ordering::SeqCst) || client.logins.current().token.is_none() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    if client.keep_alive_runs.swap(true, Ordering::SeqCst) {
        return;
    }
    let weak = Arc::downgrade(client);
    let closed = Arc::clone(&client.closed);
    let kept = Kept(Weak::clone(&weak));
    runtime.spawn(async move {
        let kept = kept;
        let ended = tokio::select! {
            biased;
            ended = keep(&weak, interval) => ended,
            () = closed.wait() => None,
        };
        drop(kept);
        let Some(client) = weak.upgrade() else { return };
        // a login that was made meanwhile found this task running, and started none
        if ended.is_some_and(|login| login != client.logins.current().id) {
            start(&client);
        }
    });
}

/// Says that the task runs, until it ends in whatever way: its runtime may stop.
struct Kept(Weak<Client>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(client) = self.0.upgrade() {
            client.keep_alive_runs.store(false, Ordering::SeqCst);
        }
    }
}

/// Gives the id of the login that ended, if one did.
async fn keep(weak: &Weak<Client>, interval: Duration) -> Option<u64> {
    let soon = (interval / 4).min(RETRY);
    let mut pause = soon;
    let mut retry = None;
    loop {
        let client = weak.upgrade()?;
        let due = client.idle_clock.due(interval);
        let due = retry.map_or(due, |at| Some(due.map_or(at, |due| due.min(at))))?;
        if due > Instant::now() {
            let went_back = client.idle_clock.went_back();
            // without the session: it may end meanwhile
            drop(client);
            let _ = timeout_at(due, went_back.notified()).await;
            continue;
        }
        let login = client.logins.current();
        if login.token.is_none() {
            return Some(login.id);
        }
        client.idle_clock.touch();
        let Err(error) = execute::response(&client, extension()).await else {
            (pause, retry) = (soon, None);
            continue;
        };
        tracing::warn!(kind = ?error.kind(), "Keep-alive request failed");
        let gone = error.is_session_expired() || error.kind() == ErrorKind::NoSession;
        if gone && !(client.relogin && client.logins.auth().is_some()) {
            return Some(login.id);
        }
        // a failed one is tried again soon, then less and less often
        retry = Instant::now().checked_add(pause);
        pause = (pause * 2).min(interval);
    }
}

fn extension() -> Request {
    let mut request = Request::new(Method::PUT, "sessions".into());
    request.needs_session = true;
    request.takes_slot = false;
    request
}
