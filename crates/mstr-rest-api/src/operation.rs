//! Operations that continue on the server: progress, timeout, wait, cancel.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mstr_rest_core::{Call, Error, ErrorKind, Response, Result};

use crate::delete_on_drop::DeleteOnDrop;
use crate::polling::{DEFAULT_TIMEOUT, Polling, Step};

/// An operation that continues on the server. It gives a `T` when it is done; the server reports
/// states `S` meanwhile.
///
/// | operation | begun by | state | result |
/// | --- | --- | --- | --- |
/// | a cube is published | [`Cube::publish`](crate::Cube::publish) | [`CubeStatus`](crate::CubeStatus) | the last state |
/// | a report is executed | [`Report::start`](crate::Report::start) | [`InstanceStatus`](crate::InstanceStatus) | [`Instance`](crate::Instance) |
/// | a document or dashboard is executed | [`Document::start`](crate::Document::start), [`Dashboard::start`](crate::Dashboard::start) | [`InstanceStatus`](crate::InstanceStatus) | [`DocumentInstance`](crate::DocumentInstance) |
/// | a project is loaded or unloaded | [`Projects::load_on`](crate::Projects::load_on), [`unload_from`](crate::Projects::unload_from) | [`ProjectState`](crate::ProjectState) | the last state |
/// | a cache of a cube is loaded or unloaded | [`Caches::load_cube`](crate::Caches::load_cube), [`unload_cube`](crate::Caches::unload_cube) | [`CubeCache`](crate::CubeCache) | the last state |
/// | SQL is executed | [`DataSources::execute`](crate::DataSources::execute) | [`SqlStatus`](crate::SqlStatus) | [`SqlResult`](crate::SqlResult) |
/// | an upload is published | [`UploadSession::publish`](crate::UploadSession::publish) | [`PublishStatus`](crate::PublishStatus) | the last state |
///
/// [`wait`](Self::wait), or `.await` of the operation itself, asks the server until it is done.
/// Dropping an operation, or its wait, ends the asking only: the server continues. Clones are the
/// same operation with timeout and progress of their own.
///
/// ```no_run
/// use std::time::Duration;
/// use mstr_rest_api::Cube;
///
/// # async fn example(cube: Cube) -> mstr_rest_core::Result<()> {
/// let publication = cube.publish().await?;
/// let status = publication
///     .timeout(Duration::from_secs(3600))
///     .on_progress(|status| println!("{status}"))
///     .wait()
///     .await?;
/// # let _ = status;
/// # Ok(())
/// # }
/// ```
#[must_use = "the operation continues on the server; call wait() for its result"]
pub struct Operation<T, S = T> {
    on_server: Arc<OnServer<T, S>>,
    timeout: Duration,
    /// The option that sets the timeout, for its error.
    option: &'static str,
    cancel_on_timeout: bool,
    progress: Option<Arc<Progress<S>>>,
}

type Progress<S> = dyn Fn(&S) + Send + Sync;

/// A state, and the pause that the server asks for before the next question.
type Answer<S> = (S, Option<Duration>);

type Finish<T> = Box<dyn Fn(T) -> Pin<Box<dyn Future<Output = Result<T>> + Send>> + Send + Sync>;

/// The operation itself: what it is, and how the server is asked.
struct OnServer<T, S> {
    /// Names the operation in errors: `the publication of the cube 8CCD..`.
    name: String,
    ask: Call<Answer<S>>,
    judge: Box<dyn Fn(S) -> Result<Step<T>> + Send + Sync>,
    /// What is left to do when the server is done.
    finish: Option<Finish<T>>,
    cancel: Option<Call<()>>,
    is_administrative: bool,
}

/// Making operations: [`Operation::new`](Operation::new), then what differs from most.
impl<T: 'static, S: 'static> Operation<T, S> {
    pub(crate) fn new(
        name: impl Into<String>,
        ask: Call<Response>,
        decode: impl Fn(&Response) -> Result<S> + Send + Sync + 'static,
        judge: impl Fn(S) -> Result<Step<T>> + Send + Sync + 'static,
    ) -> Self {
        let ask = ask.decode_with(move |reply| Ok((decode(reply)?, reply.retry_after())));
        let on_server = OnServer {
            name: name.into(),
            ask,
            judge: Box::new(judge),
            finish: None,
            cancel: None,
            is_administrative: false,
        };
        Self {
            on_server: on_server.into(),
            timeout: DEFAULT_TIMEOUT,
            option: "Operation::timeout",
            cancel_on_timeout: false,
            progress: None,
        }
    }

    /// Before it is shared.
    fn change(mut self, change: impl FnOnce(&mut OnServer<T, S>)) -> Self {
        if let Some(on_server) = Arc::get_mut(&mut self.on_server) {
            change(on_server);
        }
        self
    }

    /// It takes minutes to hours: the pauses between questions are up to 5 seconds.
    pub(crate) fn administrative(self) -> Self {
        self.change(|on_server| on_server.is_administrative = true)
    }

    /// The call that cancels it.
    pub(crate) fn cancelled_by(self, cancel: Call<()>) -> Self {
        self.change(|on_server| on_server.cancel = Some(cancel))
    }

    /// What is left to do when the server is done.
    pub(crate) fn finished_by<F>(self, finish: impl Fn(T) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.change(|on_server| {
            on_server.finish = Some(Box::new(move |value| Box::pin(finish(value))));
        })
    }
}

impl<T, S> Operation<T, S> {
    /// Sets the timeout of [`wait`](Self::wait). Default: 10 minutes. It ends the waiting, not the
    /// operation.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// [Cancels](Self::cancel) the operation when [`wait`](Self::wait) reaches the timeout. Default:
    /// it continues.
    pub fn cancel_on_timeout(mut self) -> Self {
        self.cancel_on_timeout = true;
        self
    }

    /// Names the option that sets the timeout, for callers with options of their own.
    #[doc(hidden)]
    pub fn timeout_option(mut self, option: &'static str) -> Self {
        self.option = option;
        self
    }

    /// Calls the function with each state that the server reports while [`wait`](Self::wait)
    /// waits. A second function replaces the first.
    pub fn on_progress(mut self, progress: impl Fn(&S) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Cancels the operation: an execution or an upload by its `DELETE`, a publication by that of
    /// its job.
    ///
    /// # Errors
    /// Those [common to all calls](Call#errors); [`NotSupported`](ErrorKind::NotSupported) where
    /// the server cannot cancel it: changes of projects and caches, SQL, publications whose job the
    /// server did not name. Nothing is sent then.
    pub fn cancel(&self) -> Call<()> {
        match &self.on_server.cancel {
            Some(cancel) => cancel.clone(),
            None => {
                let message = format!(
                    "{} cannot be cancelled: the server has no endpoint for it",
                    self.on_server.name
                );
                let nothing = self.on_server.ask.clone().decode_with(|_| Ok(()));
                nothing.fail_with(Error::new(ErrorKind::NotSupported, message))
            }
        }
    }
}

impl<T: Send + 'static, S: Send + 'static> Operation<T, S> {
    /// Asks the server for the state once.
    ///
    /// # Errors
    /// Those [common to all calls](Call#errors).
    pub fn status(&self) -> Call<S> {
        self.on_server.ask.clone().map(|(state, _)| Ok(state))
    }

    /// Asks for the [state](Self::status) until the operation is done. The first question comes
    /// after 20 ms, the next ones after a tenth of the time that has passed, at most 1 s (5 s for
    /// publications, projects and caches), or when the server says (`Retry-After`). Transient
    /// errors are no answers: the question is repeated, for up to a minute.
    ///
    /// # Errors
    /// Those [common to all calls](Call#errors); [`Api`](ErrorKind::Api) with the server's words
    /// when the operation failed; [`Timeout`](ErrorKind::Timeout) after the
    /// [timeout](Self::timeout): the operation continues on the server, unless
    /// [`cancel_on_timeout`](Self::cancel_on_timeout) is set.
    pub async fn wait(self) -> Result<T> {
        let cancel = self.on_server.cancel.clone().filter(|_| self.cancel_on_timeout);
        let Self { on_server, timeout, option, progress, .. } = self;
        let fate = if cancel.is_some() { "it was cancelled" } else { "it continues on the server" };
        let afterwards = format!("{fate}: raise the limit with `{option}`");
        let polling = Polling::new(&on_server.name, afterwards, timeout);
        let polling = if on_server.is_administrative { polling.administrative() } else { polling };
        let ask = async || {
            let (state, retry_after) = on_server.ask.clone().send().await?;
            if let Some(progress) = &progress {
                progress(&state);
            }
            Ok((on_server.judge)(state)?.after(retry_after))
        };
        match (polling.until_done(None, ask).await, &on_server.finish, cancel) {
            (Ok(value), Some(finish), _) => finish(value).await,
            (Err(error), _, Some(cancel)) if error.is_timeout() => {
                DeleteOnDrop::by(cancel).now().await;
                Err(error)
            }
            (result, _, _) => result,
        }
    }
}

/// [`wait`](Operation::wait).
impl<T: Send + 'static, S: Send + 'static> IntoFuture for Operation<T, S> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

impl<T, S> Clone for Operation<T, S> {
    fn clone(&self) -> Self {
        Self {
            on_server: Arc::clone(&self.on_server),
            timeout: self.timeout,
            option: self.option,
            cancel_on_timeout: self.cancel_on_timeout,
            progress: self.progress.clone(),
        }
    }
}

impl<T, S> fmt::Debug for Operation<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("name", &self.on_server.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
