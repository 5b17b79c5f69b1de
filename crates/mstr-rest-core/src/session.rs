//! The session: a handle that makes calls.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use mstr_credentials::Credential;
use url::Url;

use crate::client::Client;
use crate::cookies::CookieInfo;
use crate::projects::ProjectIndex;
use crate::request::ProjectRef;
use crate::{Result, SessionBuilder};

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
    pub(crate) client: Arc<Client>,
    /// The project of calls that name none.
    pub(crate) project: Option<ProjectRef>,
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

/// Inspection
impl Session {
    /// Whether a token is held. The server is not asked: it may have expired.
    pub fn has_session(&self) -> bool {
        self.client.logins.current().token.is_some()
    }

    /// Forgets the token, its cookies and what else belongs to the login, at once. Nothing is sent:
    /// the session goes on at the server until it expires. To end it there,
    /// [`logout`](Self::logout). A login that runs meanwhile is logged out when it comes.
    pub fn destroy_auth_token(&self) {
        self.client.logins.forget_current();
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
    /// As any call; [`NoSession`](crate::ErrorKind::NoSession) without a token.
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
    /// As any call; [`ResourceNotFound`](crate::ErrorKind::ResourceNotFound) when no project bears
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
