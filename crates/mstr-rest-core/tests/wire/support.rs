//! What the wire tests share.

use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use mstr_rest_core::{Auth, RetryPolicy, Session, SessionBuilder};
use mstr_sim::{
    DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method, RecordedRequest, Reply,
};

pub(crate) fn auth() -> Auth {
    Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD)
}

/// A session for the server, proxies of the machine left aside.
pub(crate) fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url()).environment_proxies(false).auth(auth())
}

/// A session that is logged in and has no guard.
pub(crate) async fn logged_in(server: &LibraryServer) -> Session {
    logged_in_with(builder(server)).await
}

pub(crate) async fn logged_in_with(builder: SessionBuilder) -> Session {
    let session = builder.build().unwrap();
    session.login(auth()).await.unwrap();
    session
}

pub(crate) fn logins(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/login")
}

pub(crate) fn logouts(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/logout")
}

/// How many requests of this kind a journal holds.
pub(crate) fn count(journal: &[RecordedRequest], method: &Method, endpoint: &str) -> usize {
    let same =
        |request: &&RecordedRequest| request.method() == method && request.endpoint() == endpoint;
    journal.iter().filter(same).count()
}

/// Waits until the server has received so many requests of this kind.
pub(crate) async fn received(
    server: &LibraryServer,
    method: Method,
    endpoint: &str,
    requests: usize,
) {
    let there = |journal: &[RecordedRequest]| count(journal, &method, endpoint) >= requests;
    let waited = Instant::now();
    // one wait is bounded more tightly than a busy machine allows
    while !server.wait_for(there).await {
        let over = waited.elapsed() > PATIENCE;
        assert!(!over, "{method} {endpoint} did not arrive {requests} times");
    }
}

/// Sends a request from another client and waits for its reply. Tasks of the test that can run do so
/// meanwhile, and what they send arrives.
pub(crate) async fn round_trip(server: &LibraryServer) {
    let other = builder(server).build().unwrap();
    for _ in 0..3 {
        other.get("status").include_auth(false).await.unwrap();
    }
}

/// Three retries, almost without a wait.
pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy::default().max_retries(3).base_delay(Duration::from_millis(1))
}

/// What takes longer than this does not come. No test that passes depends on it: it is long enough for
/// a machine that has nearly no time for the tests.
const PATIENCE: Duration = Duration::from_secs(600);

/// Holds replies back until it is opened: the test decides what comes first, not the speed of the
/// machine. Dropping it opens it.
#[derive(Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Instead of the server: this reply, once the gate is open.
    pub(crate) fn reply(&self, reply: Reply) -> Fault {
        let gate = Arc::clone(&self.0);
        Fault::respond(move |_| {
            wait(&gate);
            reply.clone()
        })
    }

    /// After the server's work: its reply, once the gate is open.
    pub(crate) fn hold(&self) -> Fault {
        let gate = Arc::clone(&self.0);
        Fault::alter(move |_, reply| {
            wait(&gate);
            reply
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

fn wait((open, changed): &(Mutex<bool>, Condvar)) {
    // on a thread of the server, which goes on with its other connections
    tokio::task::block_in_place(|| {
        let open = open.lock().unwrap();
        let (open, _) = changed.wait_timeout_while(open, PATIENCE, |open| !*open).unwrap();
        assert!(*open, "the gate was not opened");
    });
}

/// Moves a [`StoppedClock`] from inside of a task, which cannot borrow it.
pub(crate) async fn pass(time: Duration) {
    // timers are rounded up to whole milliseconds
    tokio::time::advance(time + Duration::from_millis(1)).await;
}

/// Stops the clock of the test's runtime until it is dropped: timers of the client fire only when
/// the test lets time [`pass`](Self::pass). The server has a clock of its own, which goes on.
pub(crate) struct StoppedClock {
    _stopped: mpsc::Sender<()>,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        let (stopped, end) = mpsc::channel::<()>();
        // A paused clock jumps to the next timer when all tasks wait, but not while a blocking task
        // runs. This one ends a test that waits for ever.
        tokio::task::spawn_blocking(move || end.recv_timeout(PATIENCE));
        tokio::time::pause();
        Self { _stopped: stopped }
    }

    /// Moves the clock, at once: no real time passes.
    pub(crate) async fn pass(&self, time: Duration) {
        pass(time).await;
    }
}

impl Drop for StoppedClock {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
