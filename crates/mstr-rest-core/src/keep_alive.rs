//! Keeping a session alive while nobody uses it.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use http::Method;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::ErrorKind;
use crate::client::Client;
use crate::request::Request;

/// The first try after a failed extension comes after this time, or a quarter of the interval.
const RETRY: Duration = Duration::from_secs(5);

/// When the session was used last, and whether somebody keeps it alive.
pub(crate) struct Usage {
    start: Instant,
    /// In milliseconds after `start`; negative for a session that was used before it was restored.
    last: AtomicI64,
    kept: AtomicBool,
    /// Told when `last` may have gone back: whoever sleeps until the session is due slept too long.
    went_back: Arc<Notify>,
}

impl Usage {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicI64::new(0),
            kept: AtomicBool::new(false),
            went_back: Arc::default(),
        }
    }

    /// The server's idle clock starts anew.
    pub(crate) fn touch(&self) {
        self.last.fetch_max(self.elapsed(), Ordering::Relaxed);
    }

    /// The session was used last at that time, by somebody else maybe.
    pub(crate) fn set(&self, used: SystemTime) {
        let ago = SystemTime::now().duration_since(used).unwrap_or_default();
        self.last.store(self.elapsed().saturating_sub(millis(ago)), Ordering::Relaxed);
        self.went_back.notify_one();
    }

    /// When the session was used last.
    pub(crate) fn get(&self) -> SystemTime {
        let ago = self.elapsed().saturating_sub(self.last.load(Ordering::Relaxed));
        let now = SystemTime::now();
        now.checked_sub(Duration::from_millis(ago.unsigned_abs())).unwrap_or(now)
    }

    fn elapsed(&self) -> i64 {
        millis(self.start.elapsed())
    }

    /// When the session will have been idle for `interval`.
    fn due(&self, interval: Duration) -> Option<Instant> {
        let last = self.last.load(Ordering::Relaxed);
        let offset = last.saturating_add(millis(interval));
        if offset == i64::MAX {
            return None;
        }
        let distance = Duration::from_millis(offset.unsigned_abs());
        if offset < 0 {
            // a clock that cannot say how long ago: it is due
            Some(self.start.checked_sub(distance).unwrap_or(self.start))
        } else {
            self.start.checked_add(distance)
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Client {
    /// Starts the task that extends the session when it was idle for the interval, if there is to
    /// be one and none is running. It holds no session: it ends with the last of them, with a
    /// close, a logout, or an expiry that nothing renews. Outside a runtime the next call starts it.
    pub(crate) fn start_keep_alive(self: &Arc<Self>) {
        let Some(interval) = self.keep_alive else { return };
        // most calls find it running
        if self.usage.kept.load(Ordering::SeqCst) || self.logins.current().token.is_none() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        if self.usage.kept.swap(true, Ordering::SeqCst) {
            return;
        }
        let weak = Arc::downgrade(self);
        let closed = Arc::clone(&self.closed);
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
            // a login that came meanwhile met this task, and started none
            if ended.is_some_and(|login| login != client.logins.current().id) {
                client.start_keep_alive();
            }
        });
    }
}

/// Says that the task runs, until it ends in whatever way: its runtime may stop.
struct Kept(Weak<Client>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(client) = self.0.upgrade() {
            client.usage.kept.store(false, Ordering::SeqCst);
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
        let due = client.usage.due(interval);
        let due = retry.map_or(due, |at| Some(due.map_or(at, |due| due.min(at))))?;
        if due > Instant::now() {
            let went_back = Arc::clone(&client.usage.went_back);
            // without the session: it may end meanwhile
            drop(client);
            let _ = timeout_at(due, went_back.notified()).await;
            continue;
        }
        let login = client.logins.current();
        if login.token.is_none() {
            return Some(login.id);
        }
        client.usage.touch();
        let Err(error) = client.send(extension()).await else {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::HeaderValue;
    use url::Url;

    use super::*;
    use crate::Session;
    use crate::login_machine::Login;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn use_puts_it_off() {
        let usage = Usage::new();
        let start = usage.start;
        assert_eq!(usage.due(MINUTE), Some(start + MINUTE));
        tokio::time::advance(MINUTE / 2).await;
        usage.touch();
        assert_eq!(usage.due(MINUTE), Some(start + MINUTE * 3 / 2));
        assert_eq!(usage.due(Duration::MAX), None, "never");
    }

    #[tokio::test(start_paused = true)]
    async fn use_before_the_start_counts() {
        let usage = Usage::new();
        usage.set(SystemTime::now() - MINUTE * 2);
        let due = usage.due(MINUTE).unwrap();
        assert!(due <= usage.start - MINUTE && due > usage.start - MINUTE * 2);
        let before = SystemTime::now();
        assert!(usage.get() < before - MINUTE && usage.get() > before - MINUTE * 3);
        usage.touch();
        assert!(usage.get() >= before - MINUTE / 60);
    }

    /// The task sleeps for an hour: it must not keep the session until then.
    #[tokio::test]
    async fn it_holds_no_session() {
        let builder = Session::builder("http://127.0.0.1:9/api").keep_alive(MINUTE * 60);
        let session = builder.build().unwrap();
        session
            .client
            .logins
            .displace(Login { token: Some(HeaderValue::from_static("t")), ..Login::default() });
        session.client.start_keep_alive();
        assert!(session.client.usage.kept.load(Ordering::SeqCst));
        tokio::task::yield_now().await;
        let weak = Arc::downgrade(&session.client);
        drop(session);
        assert!(weak.upgrade().is_none());
    }

    /// An interval that is close to the server's idle limit must not be lost as a whole.
    #[tokio::test(start_paused = true)]
    async fn a_failed_extension_is_tried_again_soon() {
        let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let seen = Arc::clone(&times);
        let server = move |_: &Method, _: &Url| {
            let mut seen = seen.lock().unwrap();
            seen.push(Instant::now());
            http::Response::builder().status(if seen.len() < 4 { 502 } else { 204 })
        };
        let mut builder = Session::builder("http://library.test/api").keep_alive(MINUTE * 20);
        builder.transport_mut().in_process = Some(Arc::new(server));
        let session = builder.build().unwrap();
        let start = Instant::now();
        session
            .client
            .logins
            .displace(Login { token: Some(HeaderValue::from_static("t")), ..Login::default() });
        session.client.start_keep_alive();
        tokio::time::sleep(MINUTE * 45).await;
        let minutes: Vec<_> =
            times.lock().unwrap().iter().map(|time| (*time - start).as_secs_f64() / 60.0).collect();
        let near = |at: usize, minute: f64| (minutes[at] - minute).abs() < 0.02;
        assert!(near(0, 20.0) && near(1, 20.0 + 5.0 / 60.0), "{minutes:?}");
        assert!(near(2, 20.0 + 15.0 / 60.0) && near(3, 20.0 + 35.0 / 60.0), "{minutes:?}");
        assert!(near(4, 40.0 + 35.0 / 60.0), "a good one begins the interval anew: {minutes:?}");
    }
}
