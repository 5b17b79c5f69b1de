//! The session: a handle that makes calls.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use mstr_credentials::Credential;
use tokio::sync::{Semaphore, watch};
use url::Url;

use crate::cookies::CookieInfo;
use crate::defaults::DefaultsSource;
use crate::keep_alive::Usage;
use crate::login_options::LoginOptions;
use crate::projects::{ProjectCache, ProjectIndex};
use crate::renew::Rejected;
use crate::state::{State, StateCell};
use crate::time::Limits;
use crate::transport::Transport;
use crate::{Auth, Call, Error, ErrorKind, Response, Result, RetryPolicy, SessionBuilder};

/// A session with a Library server: cheap to clone, safe to share between tasks, and what every
/// call is made from.
///
/// A `Session` does not log out by itself when it is dropped: clones of it may be in use
/// elsewhere. [`with_session`](crate::with_session) and
/// [`AuthenticatedSession`](crate::AuthenticatedSession) do; a session from
/// [`build`](SessionBuilder::build) is yours to [`login`](Self::login) and
/// [`logout`](Self::logout).
///
/// Endpoints come as extension traits (`mstr-rest-api`; in `mstr_rest::prelude`); any other is one
/// [`get`](Self::get) away.
///
/// ```no_run
/// use mstr_rest_core::{Auth, Credential, Session};
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// let session = Session::builder("https://host/MicroStrategyLibrary/api/").build()?;
/// session.login(Auth::standard("dave", Credential::env("MSTR_PASSWORD"))).await?;
/// let projects: serde_json::Value = session.get("projects").decode().await?;
/// session.logout().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    pub(crate) inner: Arc<Inner>,
    /// The project of calls that name none.
    pub(crate) project: Option<ProjectRef>,
}

/// A project, by what was said of it.
#[derive(Debug, Clone)]
pub(crate) enum ProjectRef {
    Name(Arc<str>),
    Id(HeaderValue),
}

impl ProjectRef {
    /// 32 hexadecimal digits are an id, everything else is a name.
    pub(crate) fn parse(text: &str) -> Self {
        let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match HeaderValue::from_str(text) {
            Ok(id) if is_id => Self::Id(id),
            _ => Self::Name(text.into()),
        }
    }
}

/// What the clones of a session share.
pub(crate) struct Inner {
    pub(crate) base: Url,
    pub(crate) transport: Transport,
    pub(crate) state: StateCell,
    pub(crate) login: LoginOptions,
    pub(crate) limits: Limits,
    pub(crate) defaults: DefaultsSource,
    pub(crate) follow_redirects: bool,
    pub(crate) max_redirects: usize,
    pub(crate) return_http_errors: bool,
    /// Bodies of error replies are read up to this many bytes.
    pub(crate) error_limit: usize,
    pub(crate) relogin: bool,
    pub(crate) retry: RetryPolicy,
    /// Extends the session when it was idle for so long.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) usage: Usage,
    /// How to log in again.
    pub(crate) renewal: Mutex<Option<Auth>>,
    pub(crate) rejected: Mutex<Option<Rejected>>,
    pub(crate) in_flight: Option<Arc<Semaphore>>,
    pub(crate) projects: ProjectCache,
    /// True once a guard closed the session: no call is sent any more.
    pub(crate) closed: watch::Sender<bool>,
}

impl Inner {
    pub(crate) fn ensure_open(&self) -> Result<()> {
        if *self.closed.borrow() {
            return Err(Error::new(
                ErrorKind::NoSession,
                "this session was closed: connect again from its builder",
            ));
        }
        Ok(())
    }

    /// Waits until a guard closes the session.
    pub(crate) async fn until_closed(&self) {
        // an error says that the sender is gone: it lives in `self`
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}

/// Making a session.
impl Session {
    /// Starts a session for the server at `base_url`, which ends with `/api`. It may come from a
    /// secret; then [`connect`](SessionBuilder::connect) resolves it.
    pub fn builder(base_url: impl Into<Credential>) -> SessionBuilder {
        SessionBuilder::new(base_url.into())
    }

    /// The base URL, always with a trailing slash. It never changes.
    pub fn base_url(&self) -> &Url {
        &self.inner.base
    }

    /// A handle of the same session whose calls carry this project unless they name another: an id
    /// (32 hexadecimal digits) or a name.
    ///
    /// ```
    /// # use mstr_rest_core::Session;
    /// # fn example(session: &Session) {
    /// let tutorial = session.in_project("MicroStrategy Tutorial");
    /// let call = tutorial.get("v2/reports").segment("8D679D3511D3E4981000E787EC6DE8A4");
    /// # let _ = call;
    /// # }
    /// ```
    #[must_use]
    pub fn in_project(&self, name_or_id: impl AsRef<str>) -> Self {
        let project = Some(ProjectRef::parse(name_or_id.as_ref()));
        Self { inner: Arc::clone(&self.inner), project }
    }
}

/// Making calls.
impl Session {
    /// A call with any method. The path is relative to the base URL, with or without a leading
    /// slash; it cannot leave the base. An absolute URL is taken as it is: token and cookies go
    /// along to the base origin only.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) for a path that does not join the
    /// base URL; and whatever [`Error`] says that a call can meet.
    pub fn call(&self, method: Method, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        Call::new(self, method, path)
    }

    /// The same with the name of the method, any letter case: `"GET"`.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) for a method that is not a token.
    pub fn request(&self, method: &str, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        match method.to_ascii_uppercase().parse() {
            Ok(method) => self.call(method, path),
            Err(_) => self.call(Method::GET, path).with_mistake("the method is not one"),
        }
    }

    /// `GET`: as [`call`](Self::call).
    pub fn get(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::GET, path)
    }

    /// `OPTIONS`: as [`call`](Self::call).
    pub fn options(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::OPTIONS, path)
    }

    /// `HEAD`: as [`call`](Self::call).
    pub fn head(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::HEAD, path)
    }

    /// `POST`: as [`call`](Self::call).
    pub fn post(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::POST, path)
    }

    /// `PUT`: as [`call`](Self::call).
    pub fn put(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PUT, path)
    }

    /// `PATCH`: as [`call`](Self::call).
    pub fn patch(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PATCH, path)
    }

    /// `DELETE`: as [`call`](Self::call).
    pub fn delete(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::DELETE, path)
    }
}

/// Looking at the session.
impl Session {
    /// Whether a token is held. The server is not asked: it may have expired.
    pub fn has_session(&self) -> bool {
        self.inner.state.get().token.is_some()
    }

    /// Forgets the token, its cookies and what else belongs to the login. Nothing is sent: the
    /// session goes on at the server until it expires. To end it there, [`logout`](Self::logout).
    pub fn destroy_auth_token(&self) {
        let generation = self.inner.state.get().generation;
        self.inner.forget_login(generation);
    }

    /// The `X-MSTR*` headers that replies of the server set for the session and that are sent with
    /// every request. The token is not among them.
    pub fn captured_headers(&self) -> HeaderMap {
        HeaderMap::clone(&self.inner.state.get().captured)
    }

    /// The cookies of the login, without their values.
    pub fn cookies(&self) -> Vec<CookieInfo> {
        self.inner.state.get().jar.list()
    }
}

/// Project names.
impl Session {
    /// The projects as they were loaded last; `None` before the first time. Nothing is sent.
    pub fn project_index(&self) -> Option<Arc<ProjectIndex>> {
        self.inner.projects.get()
    }

    /// Loads the projects: `GET /projects`. Callers that come while a loading runs share it.
    ///
    /// # Errors
    /// As any call; [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn load_project_index(
        &self,
    ) -> impl Future<Output = Result<Arc<ProjectIndex>>> + Send + use<> {
        let session = self.clone();
        async move { session.inner.projects.load(&session).await }
    }

    /// The id of the project of that name: from what was loaded, else from the server.
    ///
    /// # Errors
    /// As any call; [`ResourceNotFound`](ErrorKind::ResourceNotFound) when no project bears the
    /// name, [`InvalidRequest`](ErrorKind::InvalidRequest) when several do.
    pub fn resolve_project(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<String>> + Send + use<> {
        let session = self.clone();
        let name = name.to_owned();
        async move {
            let id = session.inner.project_id(&session, &name).await?;
            Ok(id.to_str().unwrap_or_default().to_owned())
        }
    }
}

impl Inner {
    /// Drops the login of that generation: a newer one stays.
    pub(crate) fn forget_login(&self, generation: u64) {
        self.state.update(|now| {
            if now.generation == generation {
                let flight = now.flight.take();
                let (renewals, owed) = (now.renewals, now.owed.take());
                *now = State {
                    generation: generation + 1,
                    flight,
                    renewals,
                    owed,
                    ..State::default()
                };
            }
        });
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Session");
        out.field("base_url", &self.base_url().as_str());
        out.field("has_session", &self.has_session());
        match &self.project {
            Some(ProjectRef::Name(name)) => out.field("project", name),
            Some(ProjectRef::Id(id)) => out.field("project", id),
            None => &mut out,
        };
        out.finish_non_exhaustive()
    }
}
