//! The clients: many tasks that use one session.

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use futures_util::TryStreamExt as _;
use mstr_rest_api::{ProjectsExt as _, SessionsExt as _};
use mstr_rest_core::{Error, ErrorKind, Session};
use serde_json::Value;

use super::PROJECTS;
use crate::chaos::USER;

/// A call that takes longer hangs: six retries with the timeouts of the session take less.
const HANGS: Duration = Duration::from_secs(60);

/// How long a task pauses between two calls, at most.
const PAUSE_MS: u64 = 50;

/// A call that failed.
pub(crate) struct Failure {
    pub(crate) number: usize,
    operation: &'static str,
    error: Error,
    took: Duration,
}

impl Failure {
    /// An expiry that came right behind a re-login: such a one surfaces by design.
    pub(crate) fn is_second_expiry(&self) -> bool {
        self.error.is_session_expired()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, operation, error, took } = self;
        let (kind, attempts) = (error.kind(), error.attempts());
        write!(f, "call {number} ({operation}) after {took:.1?}, {attempts} attempts, {kind:?}")?;
        let mut cause: Option<&dyn StdError> = Some(error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// What the tasks did, as far as the driver and the report need it.
pub(crate) struct Load {
    calls: usize,
    begun: AtomicUsize,
    /// Calls that ended, by task.
    ended: Vec<AtomicUsize>,
    running: AtomicUsize,
    cut: AtomicUsize,
    longest_us: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
}

impl Load {
    pub(crate) fn new(calls: usize, tasks: usize) -> Arc<Self> {
        Arc::new(Self {
            calls,
            begun: AtomicUsize::new(0),
            ended: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
            running: AtomicUsize::new(tasks),
            cut: AtomicUsize::new(0),
            longest_us: AtomicUsize::new(0),
            failures: Mutex::default(),
        })
    }

    /// Works as one of the tasks until all calls are made.
    pub(crate) async fn work(self: Arc<Self>, task: usize, session: Session, mut rng: Rng) {
        loop {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..=PAUSE_MS))).await;
            let number = self.begun.fetch_add(1, SeqCst);
            if number >= self.calls {
                break;
            }
            let start = Instant::now();
            let operation = rng.choice(OPERATIONS).unwrap_or("projects");
            let call = self.call(&session, operation, number.to_string());
            let outcome = tokio::time::timeout(HANGS, call).await.unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Unknown, format!("it hangs, for {HANGS:?} by now")))
            });
            let took = start.elapsed();
            self.longest_us.fetch_max(usize::try_from(took.as_micros()).unwrap_or(0), SeqCst);
            if let Err(error) = outcome {
                let failure = Failure { number, operation, error, took };
                println!("FAILED: {failure}");
                self.failures().push(failure);
            }
            self.ended[task].fetch_add(1, SeqCst);
        }
        self.running.fetch_sub(1, SeqCst);
    }

    /// Waits until each task has ended two calls from now on; `false` when there are no more calls.
    ///
    /// After that no call is left that any expiry before now concerns. The first of the two may have
    /// been sent before the expiry. The second was sent after it, so that it had the new session
    /// when it ended. So had every later one. The next expiry is nobody's second.
    pub(crate) async fn recovers(&self) -> bool {
        let before: Vec<_> = self.ended.iter().map(|ended| ended.load(SeqCst)).collect();
        let is_behind = |(now, before): (&AtomicUsize, &usize)| now.load(SeqCst) < before + 2;
        while self.ended.iter().zip(&before).any(is_behind) {
            if self.is_over() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Whether a task has found no more calls to make.
    pub(crate) fn is_over(&self) -> bool {
        self.running.load(SeqCst) < self.ended.len()
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.iter().map(|ended| ended.load(SeqCst)).sum()
    }

    /// Streams that broke off while they were read.
    pub(crate) fn cut(&self) -> usize {
        self.cut.load(SeqCst)
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us.load(SeqCst) as u64)
    }

    pub(crate) fn failures(&self) -> MutexGuard<'_, Vec<Failure>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call, with its number in a header that the front logs.
    async fn call(&self, session: &Session, operation: &str, number: String) -> Result<(), Error> {
        match operation {
            "projects" => {
                let call = session.projects().list().header(HEADER, number);
                let number = call.await?.len();
                check(number == PROJECTS, &number)
            }
            "user" => {
                let user = session.user_info().header(HEADER, number).await?;
                check(user.full_name == USER, &user)
            }
            "extend" => session.extend_session().header(HEADER, number).await,
            "buffered" => {
                let reply = session.get("projects").header(HEADER, number).await?;
                let number = reply.json::<Vec<Value>>()?.len();
                check(number == PROJECTS, &number)
            }
            _ => self.stream(session, &number).await,
        }
    }

    /// A streamed body is in the caller's hands: when it breaks off, the caller calls again.
    async fn stream(&self, session: &Session, number: &str) -> Result<(), Error> {
        loop {
            let reply = session.get("projects").header(HEADER, number).stream().await?;
            let append = |mut all: BytesMut, chunk: Bytes| {
                all.extend_from_slice(&chunk);
                std::future::ready(Ok(all))
            };
            match reply.bytes_stream().try_fold(BytesMut::new(), append).await {
                Ok(body) => {
                    let list = serde_json::from_slice::<Vec<Value>>(&body);
                    let is_right = list.is_ok_and(|list| list.len() == PROJECTS);
                    return check(is_right, &body);
                }
                Err(error) => {
                    println!("a stream was cut, and is asked for again: {error}");
                    self.cut.fetch_add(1, SeqCst);
                }
            }
        }
    }
}

const HEADER: &str = "X-Soak";

const OPERATIONS: [&str; 5] = ["projects", "user", "extend", "buffered", "stream"];

/// Whether the reply was the right one.
fn check(is_right: bool, got: &dyn fmt::Debug) -> Result<(), Error> {
    if is_right {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Decode, format!("the reply is not the right one: {got:?}")))
}
