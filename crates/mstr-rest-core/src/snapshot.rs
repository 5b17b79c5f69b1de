//! `SessionSnapshot`: a session as a value, for another process or for later.

use std::fmt;
use std::time::{Duration, SystemTime};

use mstr_credentials::SecretString;
use url::Url;

use crate::url::parse_base;
use crate::{Error, ErrorKind, Result, SavedCookie};

/// A session as a value: token, cookies with all attributes, and what is known of the login. No
/// password is in it, and no other credential.
///
/// [`Session::snapshot`](crate::Session::snapshot) takes one;
/// [`Session::restore`](crate::Session::restore) and
/// [`SessionBuilder::restore`](crate::SessionBuilder::restore) put it in place. Taking one does not
/// change who logs the session out: a guard still does when it is closed or dropped.
/// [`AuthenticatedSession::detach`](crate::AuthenticatedSession::detach) gives that up.
///
/// While the session lives, a snapshot is as good as a password. `Debug` shows no values, and it
/// cannot be serialized by accident: `mstr-rest-persist` has its stores, and its JSON forms, which
/// are written into a [`SecretString`].
///
/// ```no_run
/// use mstr_rest_core::{Auth, Session};
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// let url = "https://host/MicroStrategyLibrary/api/";
/// let session = Session::builder(url).auth(Auth::anonymous()).connect().await?.detach();
/// let snapshot = session.snapshot();
/// // elsewhere
/// let session = Session::builder(url).restore(&snapshot).await?;
/// if !session.is_alive().await? {
///     println!("the server no longer knows the session");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SessionSnapshot {
    base_url: Url,
    /// The session token; `None` for a session that is not logged in.
    pub token: Option<SecretString>,
    /// The cookies of the login.
    pub cookies: Vec<SavedCookie>,
    /// The project of calls that name none: a name or an id.
    pub project: Option<String>,
    /// The user name, where the login had one that is no secret.
    pub user: Option<String>,
    /// The server's number of the login mode: 1 standard, 8 anonymous, 16 LDAP, 4096 API key or
    /// trusted, -1 identity token.
    pub login_mode: Option<i64>,
    /// A salted hash of the user name or API key, to tell whether another login is of the same
    /// user. `None` for other login modes, and where nothing is known.
    pub principal: Option<String>,
    /// When the session was logged in, by the clock of the machine that did.
    pub created_at: Option<SystemTime>,
    /// When the session was last used before the snapshot was taken; not before `created_at`.
    pub last_used_at: Option<SystemTime>,
    /// After how much idle time the server ends the session (`timeout` of `GET /sessions`). The core
    /// does not ask for it; `connect_or_restore` of `mstr-rest-persist` does.
    pub idle_timeout: Option<Duration>,
}

impl SessionSnapshot {
    /// An empty snapshot for the server at `base_url`, to be filled.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) for a text that is no base URL, and for a base URL with user
    /// info. The text is never repeated.
    pub fn new(base_url: &str) -> Result<Self> {
        let base_url = parse_base(base_url)
            .map_err(|error| Error::new(ErrorKind::Snapshot, error.message().to_owned()))?;
        Ok(Self::at(base_url))
    }

    /// The same for a base URL that was checked before.
    pub(crate) fn at(base_url: Url) -> Self {
        Self {
            base_url,
            token: None,
            cookies: Vec::new(),
            project: None,
            user: None,
            login_mode: None,
            principal: None,
            created_at: None,
            last_used_at: None,
            idle_timeout: None,
        }
    }

    /// The base URL of the server, with a trailing slash and without user info.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// Whether it holds a token.
    pub fn has_session(&self) -> bool {
        self.token.is_some()
    }

    /// Whether both hold the same token, or both none.
    pub fn is_same_session(&self, other: &Self) -> bool {
        let [ours, theirs] =
            [self, other].map(|snapshot| snapshot.token.as_ref().map(SecretString::expose_secret));
        ours == theirs
    }
}

impl fmt::Debug for SessionSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSnapshot")
            .field("base_url", &self.base_url.as_str())
            .field("has_session", &self.has_session())
            .field("cookies", &self.cookies)
            .field("login_mode", &self.login_mode)
            .finish_non_exhaustive()
    }
}
