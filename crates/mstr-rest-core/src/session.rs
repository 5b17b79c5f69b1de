//! `Session`: the handle that logs in, makes calls and takes snapshots.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use http::Method;
use mstr_credentials::Credential;
use url::Url;

use crate::background::require_runtime;
use crate::client::Client;
use crate::cookies::CookieInfo;
use crate::login_machine::Kind;
use crate::projects::{ProjectIndex, ProjectRef};
use crate::request::Request;
use crate::{Auth, ErrorKind, Response, Result, SessionSnapshot, execute, keep_alive, nesting};

/// A session with a Library server. It makes calls. It is cheap to clone and can be shared between
/// tasks.
///
/// Dropping a `Session` does not log out, because clones of it may be in use.
/// [`with_session`](crate::with_session) and
/// [`AuthenticatedSession`](crate::AuthenticatedSession) log out. For a session of
/// [`build`](crate::SessionBuilder::build), call [`login`](Self::login) and
/// [`logout`](Self::logout).
///
/// Typed endpoints are extension traits (`mstr-rest-api`; in `mstr_rest::prelude`). Call any other
/// endpoint with [`get`](Self::get), [`post`](Self::post) or [`call`](Self::call).
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
    pub(crate) client: Arc<Client>,
    /// The default project of calls.
    pub(crate) project: Option<ProjectRef>,
}

impl Session {
    /// The base URL, always with a trailing slash. It never changes.
    pub fn base_url(&self) -> &Url {
        &self.client.base
    }

    /// Makes a handle of the same session with another default project: an id (32 hexadecimal
    /// digits) or a name.
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
        Self { client: Arc::clone(&self.client), project }
    }
}

/// The login
impl Session {
    /// Logs in and returns the reply of the server: `POST /auth/login`, or another endpoint for
    /// some modes of [`Auth`].
    ///
    /// The current login is logged out first, unless it is externally owned. If that logout fails,
    /// the login continues. Cancelling the future does not stop a login that has started. The token
    /// is in the head of the reply: the login does not fail if the body is truncated or takes more
    /// than 5 s.
    ///
    /// For [`Auth::existing`] nothing is sent, and the returned reply is an empty 204. If a session
    /// is adopted ([`Auth::existing`], [`Auth::browser_cookies`]), the login that it replaces is
    /// not logged out at once, because the server may end all sessions of a user at a logout. The
    /// guard logs it out when it is closed, or the next login or logout does.
    ///
    /// # Errors
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) before anything is sent;
    /// [`LoginFailure`](ErrorKind::LoginFailure) if the server rejects the login (`ERR003`) or its
    /// reply has no token; [`Redirect`](ErrorKind::Redirect) if the server redirects the login;
    /// [`Interrupted`](ErrorKind::Interrupted) if a credential panics, the runtime stops, or
    /// another session was adopted or restored meanwhile (this login is logged out then); and the
    /// [errors common to all calls](crate::Call#errors).
    pub fn login(&self, auth: Auth) -> impl Future<Output = Result<Response>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move {
            require_runtime()?;
            nesting::ensure_outside(client.id)?;
            client.ensure_open()?;
            if auth.sends_nothing() {
                let response = client.adopt(&auth).await?;
                keep_alive::start(&client);
                return Ok(response);
            }
            let work = async move |client: Arc<Client>, turn| {
                let response = client.unless_closed(client.log_in(turn, &auth)).await?;
                keep_alive::start(&client);
                Ok(response)
            };
            client.transition(Kind::Login, |_| client.ensure_open().err().map(Err), work).await
        }
    }

    /// Logs in with an identity token of another session and shares that session: `POST
    /// /auth/delegate`. This is [`login`](Self::login) with [`Auth::identity_token`].
    ///
    /// # Errors
    /// The errors of [`login`](Self::login).
    pub fn delegate(
        &self,
        identity_token: impl Into<Credential>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        // boxed, because `impl Future` would capture the type of the parameter
        Box::pin(self.login(Auth::identity_token(identity_token)))
    }

    /// Logs out: `POST /auth/logout`, also without a token. The session drops its token if the
    /// server accepts the logout or does not know the token any more (`ERR009`). Redirects are not
    /// followed.
    ///
    /// Calls that start during the logout wait for it and then have no token. After a logout there
    /// is no re-login, neither for calls that received an expired session nor by keep-alive, until
    /// [`login`](Self::login) is called. Superseded logins (logins of this session that an adopted
    /// or restored session replaced) are logged out too.
    ///
    /// The vendor documents that a logout ends all sessions of the user.
    ///
    /// # Errors
    /// The [errors common to all calls](crate::Call#errors). The session keeps its token then.
    pub fn logout(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move {
            let work = async |client: Arc<Client>, turn| client.log_out(turn, true).await;
            client.transition(Kind::Logout, |_| client.ensure_open().err().map(Err), work).await
        }
    }

    /// Returns `true` if the session has a token. Nothing is sent. The server may have ended the
    /// session: [`is_alive`](Self::is_alive) checks it.
    pub fn has_session(&self) -> bool {
        self.client.logins.current().token.is_some()
    }

    /// Returns `true` if the server knows the session: `GET /sessions`, which restarts the idle
    /// timer of the server. It never logs in again, also if
    /// [`relogin`](crate::SessionBuilder::relogin) is on. Without a token it returns `false` and
    /// sends nothing.
    ///
    /// # Errors
    /// The [errors common to all calls](crate::Call#errors), except for an expired session.
    pub fn is_alive(&self) -> impl Future<Output = Result<bool>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move {
            let mut request = Request::new(Method::GET, "sessions".into());
            request.needs_session = true;
            request.may_relogin = false;
            match execute::response(&client, request).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_session_expired() => Ok(false),
                Err(error)
                    if error.kind() == ErrorKind::NoSession && client.ensure_open().is_ok() =>
                {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        }
    }

    /// Drops the token, the cookies and the other data of the login at once. Nothing is sent: the
    /// session continues on the server until it expires; [`logout`](Self::logout) ends it there. A
    /// login that runs at this moment is logged out when it finishes.
    pub fn destroy_auth_token(&self) {
        self.client.logins.forget_current();
    }

    /// Takes a snapshot of the session: a value to restore in another process or later.
    ///
    /// A guard still logs the session out after this. To prevent it, call
    /// [`AuthenticatedSession::detach`](crate::AuthenticatedSession::detach).
    #[doc(alias = "save")]
    #[doc(alias = "to_dict")]
    pub fn snapshot(&self) -> SessionSnapshot {
        let mut snapshot = self.client.snapshot_of(&self.client.logins.current());
        snapshot.project = self.project.as_ref().and_then(ProjectRef::text).map(str::to_owned);
        snapshot
    }

    /// Replaces the current login with that of a snapshot, at once. After an error nothing has
    /// changed.
    ///
    /// Nothing is sent and no runtime is needed. The server may have ended the session:
    /// [`is_alive`](Self::is_alive) checks it. A login that runs at this moment is logged out when
    /// it finishes.
    ///
    /// The restored session is externally owned, because other processes may use it:
    /// [`logout`](Self::logout) logs it out, a guard does not. The login that it replaces is logged
    /// out by the guard when that is closed, or by the next login or logout. Cookies are sent to
    /// the host of the base URL only, and over TLS only if the base URL is https. Default project
    /// and credentials of this session do not change.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) if the snapshot is of another origin, or has a token or a
    /// cookie that cannot be sent; [`NoSession`](ErrorKind::NoSession) after a close.
    #[doc(alias = "update_from_json")]
    pub fn restore(&self, snapshot: &SessionSnapshot) -> Result<()> {
        let client = &self.client;
        client.ensure_open()?;
        let login = client.login_of(snapshot)?;
        let has_token = login.token.is_some();
        client.logins.replace_current(login);
        if has_token {
            client.idle_clock.set(snapshot.last_used_at.unwrap_or_else(SystemTime::now));
            keep_alive::start(client);
        }
        Ok(())
    }

    /// The cookies of the login, without their values.
    pub fn cookies(&self) -> Vec<CookieInfo> {
        self.client.logins.current().jar.list()
    }
}

/// Project names
impl Session {
    /// The project index that was loaded last. `None` if it was never loaded. Nothing is sent.
    pub fn project_index(&self) -> Option<Arc<ProjectIndex>> {
        self.client.projects.get()
    }

    /// Loads the project index: `GET /projects`. Callers during a request share its outcome.
    ///
    /// # Errors
    /// The [errors common to all calls](crate::Call#errors);
    /// [`NoSession`](crate::ErrorKind::NoSession) without a token.
    pub fn load_project_index(
        &self,
    ) -> impl Future<Output = Result<Arc<ProjectIndex>>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move { client.load_projects().await }
    }

    /// Returns the id of the project with that name. If the loaded index does not have the name, or
    /// no index is loaded, it is loaded from the server: `GET /projects`. An id (32 hexadecimal
    /// digits) is returned unchanged, and nothing is sent.
    ///
    /// # Errors
    /// The [errors common to all calls](crate::Call#errors);
    /// [`ResourceNotFound`](crate::ErrorKind::ResourceNotFound) if no project has the name;
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if several have it.
    pub fn resolve_project(
        &self,
        name_or_id: &str,
    ) -> impl Future<Output = Result<String>> + Send + use<> {
        let client = Arc::clone(&self.client);
        let name_or_id = name_or_id.to_owned();
        async move {
            let id = client.project_id(&name_or_id).await?;
            Ok(id.to_str().unwrap_or_default().to_owned())
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Session");
        out.field("base_url", &self.base_url().as_str());
        out.field("has_session", &self.has_session());
        if let Some(project) = self.project.as_ref().and_then(ProjectRef::text) {
            out.field("project", &project);
        }
        out.finish_non_exhaustive()
    }
}
