//! The keep-alive task of a session.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, Method};
use tokio::time::Instant;
use url::Url;

use crate::Session;
use crate::keep_alive;
use crate::login::Login;

const MINUTE: Duration = Duration::from_secs(60);

/// The task sleeps for an hour, and must not hold the session during that time.
#[tokio::test]
async fn the_keep_alive_task_holds_no_session() {
    let builder = Session::builder("http://127.0.0.1:9/api").keep_alive(MINUTE * 60);
    let session = builder.build().unwrap();
    session
        .client
        .logins
        .replace_current(Login { token: Some(HeaderValue::from_static("t")), ..Login::default() });
    keep_alive::start(&session.client);
    assert!(session.client.keep_alive_runs.load(Ordering::SeqCst));
    tokio::task::yield_now().await;
    let weak = Arc::downgrade(&session.client);
    drop(session);
    assert!(weak.upgrade().is_none());
}

/// If the interval is close to the idle timeout of the server, a retry after another interval is
/// too late.
#[tokio::test(start_paused = true)]
async fn a_failed_extension_is_retried_soon() {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = Arc::clone(&times);
    let server = move |_: &Method, _: &Url| {
        let mut seen = seen.lock().unwrap();
        seen.push(Instant::now());
        http::Response::builder().status(if seen.len() < 4 { 502 } else { 204 })
    };
    let mut builder = Session::builder("http://library.test/api").keep_alive(MINUTE * 20);
    builder.hooks_mut().in_process = Some(Arc::new(server));
    let session = builder.build().unwrap();
    let start = Instant::now();
    session
        .client
        .logins
        .replace_current(Login { token: Some(HeaderValue::from_static("t")), ..Login::default() });
    keep_alive::start(&session.client);
    tokio::time::sleep(MINUTE * 45).await;
    let minutes: Vec<_> =
        times.lock().unwrap().iter().map(|time| (*time - start).as_secs_f64() / 60.0).collect();
    let near = |at: usize, minute: f64| (minutes[at] - minute).abs() < 0.02;
    assert!(near(0, 20.0) && near(1, 20.0 + 5.0 / 60.0), "{minutes:?}");
    assert!(near(2, 20.0 + 15.0 / 60.0) && near(3, 20.0 + 35.0 / 60.0), "{minutes:?}");
    assert!(near(4, 40.0 + 35.0 / 60.0), "a successful one restarts the interval: {minutes:?}");
}
