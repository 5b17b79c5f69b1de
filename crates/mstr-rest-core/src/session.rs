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

/// A session with a Library server: cheap to clone, safe to share between tasks, and what every
/// call is made from.
///
/// A `Session` does not log out by itself when it is dropped: clones of it may be in use
/// elsewhere. [`with_session`](crate::with_session) and
/// [`AuthenticatedSession`](crate::AuthenticatedSession) do; a session from
/// [`build`](crate::SessionBuilder::build) is yours to [`login`](Self::login) and
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
    pub(crate) client: Arc<Client>,
    /// The project of calls that name none.
    pub(crate) project: Option<ProjectRef>,
}

impl Session {
    /// The base URL, always with a trailing slash. It never changes.
    pub fn base_url(&self) -> &Url {
        &self.client.base
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
        Self { client: Arc::clone(&self.client), project }
    }
}

/// The login
impl Session {
    /// Logs in, `POST /auth/login` (or what else the [`Auth`] says), and gives the server's reply.
    /// A token that is held already is logged out first, unless something else owns it; should
    /// that fail, the login goes on. Cancelling the future does not stop a login on its way. The
    /// token is in the head of the reply: a body that breaks off, or does not come within 5 s, does
    /// not fail the login.
    ///
    /// For [`Auth::existing`] nothing is sent, and the reply is an empty 204 made here. Adopting a
    /// session ([`Auth::existing`], [`Auth::browser_cookies`]) leaves one of ours that was held
    /// before alone for now, for the server may end all sessions of a user at once: the guard logs
    /// it out when it is closed, or the next login or logout does.
    ///
    /// # Errors
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) before anything is sent;
    /// [`LoginFailure`](ErrorKind::LoginFailure) when the server refuses (`ERR003`) or its reply
    /// holds no token; [`Redirect`](ErrorKind::Redirect) when it redirects;
    /// [`Interrupted`](ErrorKind::Interrupted) when a credential panics, the runtime stops, or
    /// another session took the place of this one meanwhile (it is logged out then); and those
    /// [common to all calls](crate::Call#errors).
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

    /// Makes a session that shares the one behind an identity token: `POST /auth/delegate`. Short
    /// for [`login`](Self::login) with [`Auth::identity_token`].
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub fn delegate(
        &self,
        identity_token: impl Into<Credential>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        // boxed: `impl Future` would borrow what the token was made from
        Box::pin(self.login(Auth::identity_token(identity_token)))
    }

    /// Logs out: `POST /auth/logout`, also without a token. The token is forgotten when the
    /// server agrees, or no longer knows it (`ERR009`). As a login, it is never redirected.
    ///
    /// Calls that start meanwhile wait for it and then find no token. Nothing logs in again
    /// afterwards, neither a call that met an expired session nor keep-alive, until
    /// [`login`](Self::login) is called. Logins of this session that an adopted or restored one took
    /// the place of are logged out too.
    ///
    /// The vendor documents that this ends all sessions of the user, not this one alone.
    ///
    /// # Errors
    /// Those [common to all calls](crate::Call#errors); the token is kept then.
    pub fn logout(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move {
            let work = async |client: Arc<Client>, turn| client.log_out(turn, true).await;
            client.transition(Kind::Logout, |_| client.ensure_open().err().map(Err), work).await
        }
    }

    /// Whether a token is held. Nothing is sent: the server may have ended the session.
    /// [`is_alive`](Self::is_alive) asks it.
    pub fn has_session(&self) -> bool {
        self.client.logins.current().token.is_some()
    }

    /// Whether the server knows the session: `GET /sessions`, which counts as use. It never logs in
    /// again, whatever [`relogin`](crate::SessionBuilder::relogin) says. Without a token the answer
    /// is `false`, and nothing is sent.
    ///
    /// # Errors
    /// Those [common to all calls](crate::Call#errors), except for an expired session.
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

    /// Forgets the token, its cookies and what else belongs to the login, at once. Nothing is sent:
    /// the session goes on at the server until it expires. To end it there,
    /// [`logout`](Self::logout). A login that runs meanwhile is logged out when it comes.
    pub fn destroy_auth_token(&self) {
        self.client.logins.forget_current();
    }

    /// Takes a snapshot of the session: a value for another process, or for later.
    ///
    /// It does not change who logs the session out: a guard still does.
    /// [`AuthenticatedSession::detach`](crate::AuthenticatedSession::detach) gives that up.
    #[doc(alias = "save")]
    #[doc(alias = "to_dict")]
    pub fn snapshot(&self) -> SessionSnapshot {
        let mut snapshot = self.client.snapshot_of(&self.client.logins.current());
        snapshot.project = self.project.as_ref().and_then(ProjectRef::text).map(str::to_owned);
        snapshot
    }

    /// Puts the session of a snapshot in the place of the login that is held, at once: all of it or,
    /// after an error, nothing. Nothing is sent and no runtime is needed; the server may have ended
    /// the session ([`is_alive`](Self::is_alive)). A login that is running is logged out when it
    /// arrives.
    ///
    /// The restored session counts as used elsewhere too: no guard logs it out,
    /// [`logout`](Self::logout) does. A login of this session that it displaces is logged out by the
    /// guard when it is closed, or by the next login or logout. Cookies go to the host of the base
    /// URL alone, and over TLS only if it is https. Default project and credentials stay those of
    /// this session.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) if the snapshot is of another origin, or holds a token or a
    /// cookie that cannot be sent; [`NoSession`](ErrorKind::NoSession) after a close.
    #[doc(alias = "update_from_json")]
    pub fn restore(&self, snapshot: &SessionSnapshot) -> Result<()> {
        let client = &self.client;
        client.ensure_open()?;
        let login = client.login_of(snapshot)?;
        let has_token = login.token.is_some();
        client.logins.displace(login);
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

/// Project names.
impl Session {
    /// The projects as they were loaded last; `None` before the first time. Nothing is sent.
    pub fn project_index(&self) -> Option<Arc<ProjectIndex>> {
        self.client.projects.get()
    }

    /// Loads the projects: `GET /projects`. Callers that come while a loading runs share it.
    ///
    /// # Errors
    /// Those [common to all calls](crate::Call#errors); [`NoSession`](crate::ErrorKind::NoSession) without a token.
    pub fn load_project_index(
        &self,
    ) -> impl Future<Output = Result<Arc<ProjectIndex>>> + Send + use<> {
        let client = Arc::clone(&self.client);
        async move { client.load_projects().await }
    }

    /// The id of the project of that name: from what was loaded, else from the server. An id (32
    /// hexadecimal digits) is given back as it is; nothing is sent then.
    ///
    /// # Errors
    /// Those [common to all calls](crate::Call#errors); [`ResourceNotFound`](crate::ErrorKind::ResourceNotFound) when no project bears
    /// the name, [`InvalidRequest`](crate::ErrorKind::InvalidRequest) when several do.
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
