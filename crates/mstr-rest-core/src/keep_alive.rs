//! Keep-alive: a task that extends an idle session.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::Method;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use crate::client::Client;
use crate::request::Request;
use crate::{ErrorKind, execute};

/// The delay of the first retry after a failed extension is this, or a quarter of the interval if
/// that is shorter.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// Starts the keep-alive task, unless keep-alive is off or the task runs.
///
/// The task sends `PUT /sessions` whenever the session was idle for the interval. It holds no
/// handle of the session. It ends when the last handle is dropped, on close, on logout, and when
/// the session has expired and is not renewed. Outside a runtime the task cannot start; the next
/// call starts it.
pub(crate) fn start(client: &Arc<Client>) {
    let Some(interval) = client.keep_alive else { return };
    // for most calls the task runs: check that without a write
    if client.keep_alive_runs.load(Ordering::SeqCst) || client.logins.current().token.is_none() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    if client.keep_alive_runs.swap(true, Ordering::SeqCst) {
        return;
    }
    let weak = Arc::downgrade(client);
    let closed = Arc::clone(&client.closed);
    let running = RunningFlag(Weak::clone(&weak));
    runtime.spawn(async move {
        let running = running;
        let ended_login = tokio::select! {
            biased;
            ended_login = extend_until_end(&weak, interval) => ended_login,
            () = closed.wait() => None,
        };
        drop(running);
        let Some(client) = weak.upgrade() else { return };
        // a login made meanwhile has not started a task, because this one was still running
        if ended_login.is_some_and(|login| login != client.logins.current().id) {
            start(&client);
        }
    });
}

/// Clears `keep_alive_runs` when the task ends, also when its runtime stops.
struct RunningFlag(Weak<Client>);

impl Drop for RunningFlag {
    fn drop(&mut self) {
        if let Some(client) = self.0.upgrade() {
            client.keep_alive_runs.store(false, Ordering::SeqCst);
        }
    }
}

/// Extends the session until its login ends. Returns the id of that login, or `None` if the last
/// handle was dropped.
async fn extend_until_end(weak: &Weak<Client>, interval: Duration) -> Option<u64> {
    let first_delay = (interval / 4).min(FIRST_RETRY);
    let mut delay = first_delay;
    let mut retry = None;
    loop {
        let client = weak.upgrade()?;
        let due = client.idle_clock.due(interval);
        let due = retry.map_or(due, |at| Some(due.map_or(at, |due| due.min(at))))?;
        if due > Instant::now() {
            let went_back = client.idle_clock.went_back();
            // do not hold the client while sleeping: its last handle may be dropped meanwhile
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
            (delay, retry) = (first_delay, None);
            continue;
        };
        tracing::warn!(kind = ?error.kind(), "Keep-alive request failed");
        let ended = error.is_session_expired() || error.kind() == ErrorKind::NoSession;
        if ended && !(client.relogin && client.logins.auth().is_some()) {
            return Some(login.id);
        }
        // the delays of retries double up to the interval
        retry = Instant::now().checked_add(delay);
        delay = (delay * 2).min(interval);
    }
}

fn extension() -> Request {
    let mut request = Request::new(Method::PUT, "sessions".into());
    request.needs_session = true;
    request.takes_slot = false;
    request
}
