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

use std::future::IntoFuture;
use std::ops::Deref;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

use crate::{AuthenticatedSession, Error, ErrorKind, Result, SessionBuilder};

/// How long dropping a session waits for its logout.
const LOGOUT: Duration = Duration::from_secs(5);

/// Waiting for the runtime to stop must not keep a program from ending.
const STOP: Duration = Duration::from_secs(1);

/// A session for code that is not async. It has a runtime of its own, on one thread, so that
/// connections live on between calls. Dropping it logs out, and waits for that, for at most
/// 5 seconds; one from [`open`](Self::open) is left as it is.
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
    runtime: Option<Runtime>,
}

#[derive(Debug)]
enum Held {
    Guarded(AuthenticatedSession),
    /// Others may use it too.
    Shared(crate::Session),
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// As [`SessionBuilder::connect`]; [`Config`](ErrorKind::Config) inside an async runtime.
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
    /// let alive = session.wait(session.check())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the future; [`Config`](ErrorKind::Config) inside an async runtime.
    pub fn open<F>(session: F) -> Result<Self>
    where
        F: IntoFuture<Output = Result<crate::Session>>,
    {
        Self::begin(async { Ok(Held::Shared(session.into_future().await?)) })
    }

    fn begin(session: impl Future<Output = Result<Held>>) -> Result<Self> {
        let runtime = start()?;
        match runtime.block_on(session) {
            Ok(session) => Ok(Self { session: Some(session), runtime: Some(runtime) }),
            Err(error) => {
                // dropped, it would wait for the look-up of a host, say, however long that takes
                runtime.shutdown_timeout(STOP);
                Err(error)
            }
        }
    }

    /// Waits for anything that can be awaited: a call, a future, an async block.
    ///
    /// ```no_run
    /// # use mstr_rest::{blocking, prelude::*};
    /// # fn example(session: &blocking::Session) -> mstr_rest::Result<()> {
    /// let user = session.wait(session.user_info())?;
    /// let text = session.wait(async { session.get("status").await?.text().await })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// That of what is waited for; [`Config`](ErrorKind::Config) inside an async runtime, where
    /// waiting would stop other tasks.
    pub fn wait<F, T, E>(&self, future: F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Error>,
    {
        outside()?;
        match &self.runtime {
            Some(runtime) => runtime.block_on(future.into_future()),
            None => Err(stopped().into()),
        }
    }

    /// Logs out. Dropping the session does the same, but swallows the error.
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

fn start() -> Result<Runtime> {
    outside()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("mstr-rest-blocking")
        .enable_all()
        .build()
        .map_err(|error| {
            Error::with_source(ErrorKind::Config, "the runtime cannot be started", error)
        })
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
        let (Some(session), Some(runtime)) = (self.session.take(), self.runtime.take()) else {
            return;
        };
        let log_out = move || {
            // an error of the logout has nowhere to go; it is traced
            if let Held::Guarded(guard) = &session {
                let end = async { tokio::time::timeout(LOGOUT, guard.close()).await };
                let _ = runtime.block_on(end);
            }
            drop(session);
            runtime.shutdown_timeout(STOP);
        };
        if outside().is_ok() {
            log_out();
        } else {
            // waiting is not allowed here, and a runtime must not be dropped here either
            std::thread::spawn(log_out);
        }
    }
}

fn outside() -> Result<()> {
    if Handle::try_current().is_ok() {
        return Err(Error::new(
            ErrorKind::Config,
            "mstr_rest::blocking was called inside an async runtime: use the async session there, \
             or tokio::task::spawn_blocking",
        ));
    }
    Ok(())
}

fn stopped() -> Error {
    Error::new(ErrorKind::NoSession, "this session was dropped")
}
