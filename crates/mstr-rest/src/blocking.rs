//! The session without async: one adapter serves every call.
//!
//! ```no_run
//! use mstr_rest::blocking;
//! use mstr_rest::prelude::*;
//!
//! # fn main() -> mstr_rest::Result<()> {
//! let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
//!     .auth(Auth::standard("dave", Credential::env("MSTR_PASSWORD")));
//! let session = blocking::Session::connect(builder)?;
//! for project in session.wait(session.projects().list())? {
//!     println!("{}", project.name);
//! }
//! session.close()?;
//! # Ok(())
//! # }
//! ```
//!
//! There is no second list of endpoints: [`Session::wait`] takes whatever can be awaited, calls of
//! your own and blocks of async code among them.
//!
//! # Inside an async runtime
//!
//! A session has a runtime of its own. It also works where another Tokio runtime is at work:
//!
//! | where | `connect`, `open`, `wait`, `close` | dropping the session |
//! | --- | --- | --- |
//! | a thread without a runtime | wait | waits for the logout |
//! | [`spawn_blocking`](tokio::task::spawn_blocking) | wait | waits for the logout |
//! | `async fn main` of `#[tokio::main]` | wait | waits for the logout |
//! | a task on a worker of a multi-thread runtime | wait; the other tasks of the worker move to another thread ([`block_in_place`]) | logs out in the background |
//! | a current-thread runtime | wait; all its tasks stand still | logs out in the background |
//!
//! A wait on a current-thread runtime never ends if it needs that runtime: a server in one of its
//! tasks, a channel whose sender is one, a connection that was opened on it. The same holds for
//! futures that [`yield`](tokio::task::yield_now) inside a `FuturesUnordered`, for that runtime
//! would have to wake them. Use `spawn_blocking` there, or the async [`Session`](crate::Session).
//!
//! [`settle`](crate::settle) waits for logouts in the background. A program that ends without
//! calling it may end before them; [`Session::close`] waits everywhere.

use std::cell::Cell;
use std::future::IntoFuture;
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime, RuntimeFlavor, worker_index};
use tokio::task::{block_in_place, coop, try_id};

use crate::{
    Auth, AuthenticatedSession, Credential, Error, ErrorKind, Response, Result, SessionBuilder,
};

/// How long dropping a session waits for its logout.
const LOGOUT: Duration = Duration::from_secs(5);

/// Waiting for the runtime to stop must not keep a program from ending.
const STOP: Duration = Duration::from_secs(1);

/// How often a future is polled without a wake-up, where a wake-up may be withheld.
const POLL_AGAIN: Duration = Duration::from_millis(1);

/// The threads that a session starts.
const THREAD: &str = "mstr-rest-blocking";

/// A session for code that is not async. It has a runtime of its own, on one thread, so that
/// connections live on between calls. Dropping it logs out, for at most 5 seconds; one from
/// [`open`](Self::open) is left as it is. Drop waits for the logout, except in a task or on a
/// current-thread runtime ([Inside an async runtime](self#inside-an-async-runtime)).
///
/// ```no_run
/// use mstr_rest::{blocking, prelude::*};
///
/// # fn main() -> mstr_rest::Result<()> {
/// let session = blocking::Session::connect(mstr_rest::from_env()?)?;
/// let user = session.wait(session.user_info())?;
/// # let _ = user;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it logs out at once"]
pub struct Session {
    session: Option<Held>,
    runtime: OwnRuntime,
}

#[derive(Debug)]
enum Held {
    Guarded(AuthenticatedSession),
    /// Used by others too.
    Shared(crate::Session),
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// As [`SessionBuilder::connect`]; [`Config`](ErrorKind::Config) when the runtime of the
    /// session cannot be started.
    pub fn connect(builder: SessionBuilder) -> Result<Self> {
        Self::begin(async { Ok(Held::Guarded(builder.connect().await?)) })
    }

    /// Holds the session that a future brings: one that is restored, or kept between runs. It is
    /// never logged out by itself; [`close`](Self::close) leaves it alone too.
    ///
    /// ```no_run
    /// # #[cfg(feature = "persist")]
    /// # fn example(builder: mstr_rest::SessionBuilder) -> mstr_rest::Result<()> {
    /// use mstr_rest::blocking;
    /// use mstr_rest::persist::FileStore;
    /// use mstr_rest::prelude::*;
    ///
    /// let store = FileStore::new("sessions");
    /// let session = blocking::Session::open(builder.connect_or_restore(&store, "nightly"))?;
    /// let alive = session.wait(session.is_alive())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the future; [`Config`](ErrorKind::Config) when the runtime of the session cannot be
    /// started.
    pub fn open<F>(session: F) -> Result<Self>
    where
        F: IntoFuture<Output = Result<crate::Session>>,
    {
        Self::begin(async { Ok(Held::Shared(session.into_future().await?)) })
    }

    fn begin(session: impl Future<Output = Result<Held>>) -> Result<Self> {
        let runtime = OwnRuntime::start()?;
        let session = runtime.block_on(session)?;
        Ok(Self { session: Some(session), runtime })
    }

    /// Waits for anything that can be awaited: a call, a future, an async block.
    ///
    /// The future is polled on this thread, so that it may borrow and need not be `Send`; what it
    /// spawns runs on the thread of the session. Several threads may wait at the same time, and a
    /// future may wait itself. A panic of the future is a panic here. It works
    /// [inside an async runtime](self#inside-an-async-runtime) too.
    ///
    /// ```no_run
    /// # use mstr_rest::{blocking, prelude::*};
    /// # fn example(session: &blocking::Session) -> mstr_rest::Result<()> {
    /// let user = session.wait(session.user_info())?;
    /// let seconds = session.wait(async { Ok::<_, Error>(session.session_info().await?.timeout) })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the future.
    pub fn wait<F, T, E>(&self, future: F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
    {
        self.runtime.block_on(future)
    }

    /// Logs in anew and waits, as [`Session::login`](crate::Session::login) does. The login that is
    /// held is logged out first.
    ///
    /// # Errors
    /// As [`Session::login`](crate::Session::login).
    pub fn login(&self, auth: Auth) -> Result<Response> {
        let session: &crate::Session = self;
        self.wait(session.login(auth))
    }

    /// Makes a session that shares the one behind an identity token, and waits, as
    /// [`Session::delegate`](crate::Session::delegate) does.
    ///
    /// # Errors
    /// As [`Session::login`](crate::Session::login).
    pub fn delegate(&self, identity_token: impl Into<Credential>) -> Result<Response> {
        let session: &crate::Session = self;
        self.wait(session.delegate(identity_token))
    }

    /// Logs out and waits: [`close`](Self::close) for a session from [`connect`](Self::connect). One
    /// from [`open`](Self::open) is logged out for all that use it, as
    /// [`Session::logout`](crate::Session::logout) does.
    ///
    /// # Errors
    /// As [`AuthenticatedSession::close`].
    pub fn logout(&self) -> Result<()> {
        match self.held() {
            Held::Guarded(guard) => self.wait(guard.close()),
            Held::Shared(session) => self.wait(session.logout()),
        }
    }

    /// Logs out. Dropping the session does the same, but drops the error. A session from
    /// [`open`](Self::open) is left alone.
    ///
    /// # Errors
    /// As [`AuthenticatedSession::close`].
    pub fn close(&self) -> Result<()> {
        match self.held() {
            Held::Guarded(guard) => self.wait(guard.close()),
            Held::Shared(_) => Ok(()),
        }
    }

    fn held(&self) -> &Held {
        // taken by `Drop` alone
        self.session.as_ref().unwrap_or_else(|| unreachable!("present until it is dropped"))
    }
}

impl Deref for Session {
    type Target = crate::Session;

    fn deref(&self) -> &crate::Session {
        match self.held() {
            Held::Guarded(guard) => guard,
            Held::Shared(session) => session,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(Held::Guarded(guard)) = self.session.take() else { return };
        let runtime = self.runtime.take();
        if worker_index().is_some() {
            // This thread has tasks to run. Dropped inside a runtime, the guard logs out by itself,
            // and `settle` counts that from now on. The runtime must go on until then; `settle` also
            // waits for logouts of other sessions, so it is bounded here.
            let inside = runtime.handle.enter();
            drop(guard);
            drop(inside);
            let _ = spawn(move || {
                let settled = async { tokio::time::timeout(LOGOUT + STOP, crate::settle()).await };
                let _ = runtime.block_on(settled);
            });
            return;
        }
        let log_out = move || {
            // an error of the logout has nowhere to go; it is traced
            let closed = async { tokio::time::timeout(LOGOUT, guard.close()).await };
            let _ = runtime.block_on(closed);
        };
        if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) {
            // This thread ends: a thread-local variable held the session. A runtime cannot be
            // entered here any more.
            let _ = spawn(log_out).map(JoinHandle::join);
        } else {
            log_out();
        }
    }
}

/// Starts a thread. If there is none to be had, the work is dropped: a destructor must not panic.
fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(THREAD.into()).spawn(work)
}

/// The runtime of a session: it drives timers, connections and spawned tasks on its one worker,
/// whatever the threads do that wait. It can be dropped anywhere; Tokio's own panics in async code.
#[derive(Debug)]
struct OwnRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

thread_local! {
    /// Whether [`OwnRuntime::poll`] is at work on this thread.
    static POLLING: Cell<bool> = const { Cell::new(false) };
}

impl OwnRuntime {
    fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(THREAD)
            .enable_all()
            .build()
            .map_err(|error| {
                Error::with_source(ErrorKind::Config, "the runtime cannot be started", error)
            })?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Moves the runtime out of a value that is being dropped.
    fn take(&mut self) -> Self {
        Self { handle: self.handle.clone(), runtime: self.runtime.take() }
    }

    /// `Runtime::block_on` panics on threads that already run async code. This does not: a thread
    /// that waits polls the future itself, as any executor would.
    fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        if is_worker() { block_in_place(|| self.poll(future)) } else { self.poll(future) }
    }

    /// Polls the future on this thread until it is ready, parked between wake-ups.
    fn poll<F: IntoFuture>(&self, future: F) -> F::Output {
        let _polling = Polling::begin();
        let _inside = self.handle.enter();
        // Tokio gives a task a budget of operations, then none is ready until a runtime polls the
        // task anew. Inside a runtime, what the task around has left would count here, and nothing
        // would renew it.
        let mut future = pin!(coop::unconstrained(future.into_future()));
        let wakeup = Arc::new(Wakeup { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&wakeup));
        let mut context = Context::from_waker(&waker);
        // On the thread of a current-thread runtime, `yield_now` gives its waker to that runtime,
        // which wakes it only after this function has returned: wake-ups alone are not enough.
        let limit = worker_index().map(|_| POLL_AGAIN);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            wakeup.wait(limit);
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Dropped, it would wait for the look-up of a host, say, however long that takes. In async
        // code waiting is not allowed at all.
        if Handle::try_current().is_ok() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(STOP);
        }
    }
}

/// Whether this thread is a worker of a multi-thread runtime, whose tasks `block_in_place` moves to
/// another thread.
///
/// `block_in_place` panics on the thread of a current-thread runtime, and no function of Tokio tells
/// the two apart: both have a `worker_index`, and the flavor is that of the handle that was entered
/// last. So this also relies on two facts: a worker always polls a task, and [`OwnRuntime::poll`],
/// which enters a multi-thread runtime on any thread, has set [`POLLING`]. What is left is a task of
/// a current-thread runtime that has itself entered the handle of a multi-thread one.
fn is_worker() -> bool {
    let is_multi_thread = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    worker_index().is_some()
        && try_id().is_some()
        && !POLLING.get()
        && Handle::try_current().is_ok_and(is_multi_thread)
}

/// Sets [`POLLING`] until it is dropped.
struct Polling {
    before: bool,
}

impl Polling {
    fn begin() -> Self {
        Self { before: POLLING.replace(true) }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        POLLING.set(self.before);
    }
}

/// Wakes a thread that polls a future.
///
/// `woken` is what counts, `unpark` only ends the pause: code inside the future may park this thread
/// for purposes of its own (channels of the standard library do) and so take the one token that
/// `unpark` leaves.
struct Wakeup {
    thread: Thread,
    woken: AtomicBool,
}

impl Wakeup {
    /// Returns after a wake-up since the last call, or once the limit has passed.
    fn wait(&self, limit: Option<Duration>) {
        while !self.woken.swap(false, Ordering::AcqRel) {
            match limit {
                None => thread::park(),
                Some(limit) => {
                    thread::park_timeout(limit);
                    return;
                }
            }
        }
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // if it was set, the thread that set it unparks
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}
