//! A blocking session, for programs without async.
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
//! The endpoints are the same as in async code: [`Session::wait`] accepts every future, including
//! calls of your own and async blocks.
//!
//! # Inside an async runtime
//!
//! A session has its own runtime. It also works inside another Tokio runtime:
//!
//! | place | `connect`, `open`, `wait`, `close` | dropping the session |
//! | --- | --- | --- |
//! | a thread without a runtime | block | waits for the logout |
//! | [`spawn_blocking`](tokio::task::spawn_blocking) | block | waits for the logout |
//! | `async fn main` of `#[tokio::main]` | block | waits for the logout |
//! | a task on a worker of a multi-thread runtime | block; the other tasks of the worker move to another thread ([`block_in_place`]) | logs out in the background |
//! | a current-thread runtime | block; none of its tasks runs meanwhile | logs out in the background |
//!
//! On a current-thread runtime, a future that needs this runtime never completes: for example if it
//! waits for a server in one of its tasks, for a sender in one of its tasks, or for a connection
//! that was opened on it. The same applies to futures that [`yield`](tokio::task::yield_now) inside
//! a `FuturesUnordered`, because this runtime must wake them. Use `spawn_blocking` in these cases,
//! or the async [`Session`](crate::Session).
//!
//! [`settle`](crate::settle) waits for logouts in the background. A program that does not call it
//! may end before the logout. [`Session::close`] always waits.

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

/// The timeout of the logout when a session is dropped.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout for stopping the runtime, so that it does not block the end of the program.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The interval of polls without a wake-up, on threads where a wake-up may come too late.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The name of the threads that a session starts.
const THREAD_NAME: &str = "mstr-rest-blocking";

/// A session for code that is not async.
///
/// It has its own runtime on one thread, so that connections stay open between calls. Dropping it
/// logs out, for at most 5 seconds. Drop waits for the logout, except in a task or on a
/// current-thread runtime ([Inside an async runtime](self#inside-an-async-runtime)). A session of
/// [`open`](Self::open) is not logged out.
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
    /// From `connect`: the guard logs out.
    Guarded(AuthenticatedSession),
    /// From `open`: other processes may use it too.
    Shared(crate::Session),
}

impl Session {
    /// Makes a session and logs in.
    ///
    /// # Errors
    /// The errors of [`SessionBuilder::connect`]; [`Config`](ErrorKind::Config) if the runtime of
    /// the session cannot be started.
    pub fn connect(builder: SessionBuilder) -> Result<Self> {
        Self::begin(async { Ok(Held::Guarded(builder.connect().await?)) })
    }

    /// Makes a session from a future with an async session: one that is restored, or saved between
    /// runs. Neither dropping it nor [`close`](Self::close) logs it out.
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
    /// The errors of the future; [`Config`](ErrorKind::Config) if the runtime of the session cannot
    /// be started.
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

    /// Blocks until a call, a future or an async block has completed.
    ///
    /// The future is polled on this thread, so it may borrow and need not be `Send`. Tasks that it
    /// spawns run on the thread of the session. Several threads may call this at the same time, and
    /// a future may call it itself. A panic of the future is passed on to the caller. This works
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
    /// The errors of the future.
    pub fn wait<F, T, E>(&self, future: F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
    {
        self.runtime.block_on(future)
    }

    /// Logs in again, as [`Session::login`](crate::Session::login) does, and waits. The current
    /// login is logged out first.
    ///
    /// # Errors
    /// The errors of [`Session::login`](crate::Session::login).
    pub fn login(&self, auth: Auth) -> Result<Response> {
        let session: &crate::Session = self;
        self.wait(session.login(auth))
    }

    /// Logs in with an identity token of another session, as
    /// [`Session::delegate`](crate::Session::delegate) does, and waits.
    ///
    /// # Errors
    /// The errors of [`Session::login`](crate::Session::login).
    pub fn delegate(&self, identity_token: impl Into<Credential>) -> Result<Response> {
        let session: &crate::Session = self;
        self.wait(session.delegate(identity_token))
    }

    /// Logs out and waits. A session of [`connect`](Self::connect) is closed, as by
    /// [`close`](Self::close). A session of [`open`](Self::open) is logged out for all processes
    /// that use it, as by [`Session::logout`](crate::Session::logout).
    ///
    /// # Errors
    /// The errors of [`AuthenticatedSession::close`].
    pub fn logout(&self) -> Result<()> {
        match self.held() {
            Held::Guarded(guard) => self.wait(guard.close()),
            Held::Shared(session) => self.wait(session.logout()),
        }
    }

    /// Closes the session: logs out and waits. Dropping the session does the same, but discards the
    /// error. A session of [`open`](Self::open) is not logged out.
    ///
    /// # Errors
    /// The errors of [`AuthenticatedSession::close`].
    pub fn close(&self) -> Result<()> {
        match self.held() {
            Held::Guarded(guard) => self.wait(guard.close()),
            Held::Shared(_) => Ok(()),
        }
    }

    fn held(&self) -> &Held {
        // only `Drop` takes it out
        self.session.as_ref().unwrap_or_else(|| unreachable!("only `Drop` takes the session"))
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
            // This thread has tasks to run, so it must not block. A guard that is dropped inside a
            // runtime logs out in the background, and `settle` waits for that. The runtime must
            // live until then. `settle` also waits for logouts of other sessions, hence the
            // timeout.
            let inside = runtime.handle.enter();
            drop(guard);
            drop(inside);
            let _ = spawn(move || {
                let settled = async {
                    tokio::time::timeout(LOGOUT_TIMEOUT + STOP_TIMEOUT, crate::settle()).await
                };
                let _ = runtime.block_on(settled);
            });
            return;
        }
        let log_out = move || {
            // drop cannot return an error of the logout; the core logs it
            let closed = async { tokio::time::timeout(LOGOUT_TIMEOUT, guard.close()).await };
            let _ = runtime.block_on(closed);
        };
        if Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed()) {
            // A thread-local variable held the session, and this thread is ending. It cannot enter
            // a runtime any more, so another thread logs out.
            let _ = spawn(log_out).map(JoinHandle::join);
        } else {
            log_out();
        }
    }
}

/// Starts a thread. If this fails, the work is dropped, because a destructor must not panic.
fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(THREAD_NAME.into()).spawn(work)
}

/// The runtime of a session. Its single worker drives timers, connections and spawned tasks;
/// threads that call `wait` poll their future themselves. It can be dropped anywhere, while
/// dropping a Tokio runtime panics in async code.
#[derive(Debug)]
struct OwnRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

thread_local! {
    /// `true` while [`OwnRuntime::poll`] runs on this thread.
    static POLLING: Cell<bool> = const { Cell::new(false) };
}

impl OwnRuntime {
    fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(THREAD_NAME)
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

    /// Blocks until a future has completed. `Runtime::block_on` panics on threads that already run
    /// async code; this does not, because the thread polls the future itself.
    fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        if is_worker() { block_in_place(|| self.poll(future)) } else { self.poll(future) }
    }

    /// Polls the future on this thread until it is ready. The thread is parked between wake-ups.
    fn poll<F: IntoFuture>(&self, future: F) -> F::Output {
        let _polling = Polling::begin();
        let _inside = self.handle.enter();
        // Tokio gives a task a budget of operations. When it is used up, no operation is ready
        // until a runtime polls the task again. Inside a runtime, this future would use the budget
        // of the surrounding task, and nothing would renew it.
        let mut future = pin!(coop::unconstrained(future.into_future()));
        let wakeup = Arc::new(Wakeup { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&wakeup));
        let mut context = Context::from_waker(&waker);
        // On the thread of a current-thread runtime, `yield_now` passes its waker to that runtime,
        // which calls it only after this function has returned. So poll at an interval too.
        let interval = worker_index().map(|_| POLL_INTERVAL);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            wakeup.wait(interval);
        }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Dropping a runtime waits for its blocking work without a timeout, for example for DNS. In
        // async code it must not wait at all.
        if Handle::try_current().is_ok() {
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(STOP_TIMEOUT);
        }
    }
}

/// Returns `true` if this thread is a worker of a multi-thread runtime. `block_in_place` moves the
/// other tasks of such a thread to another thread.
///
/// `block_in_place` panics on the thread of a current-thread runtime, and no function of Tokio
/// distinguishes the two: both have a `worker_index`, and the flavor is that of the handle that was
/// entered last. So this also uses two facts: a worker always polls a task, and
/// [`OwnRuntime::poll`], which enters a multi-thread runtime on any thread, has set [`POLLING`].
/// One case is not detected: a task of a current-thread runtime that has itself entered the handle
/// of a multi-thread one.
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

/// The waker of a thread that polls a future.
///
/// `woken` records a wake-up, and `unpark` only ends the parking. The token of `unpark` is not
/// enough: code inside the future may park this thread itself (channels of the standard library do)
/// and use up the token.
struct Wakeup {
    thread: Thread,
    woken: AtomicBool,
}

impl Wakeup {
    /// Returns after a wake-up since the last call, or when `timeout` has passed.
    fn wait(&self, timeout: Option<Duration>) {
        while !self.woken.swap(false, Ordering::AcqRel) {
            match timeout {
                None => thread::park(),
                Some(timeout) => {
                    thread::park_timeout(timeout);
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
        // if it was set before, the thread that set it calls `unpark`
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}
