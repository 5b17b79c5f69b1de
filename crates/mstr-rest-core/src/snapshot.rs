//! `SessionSnapshot`: a session as a value, to use in another process or later.

use std::fmt;
use std::time::{Duration, SystemTime};

use mstr_credentials::SecretString;
use url::Url;

use crate::url::parse_base;
use crate::{Error, ErrorKind, Result, SavedCookie};

/// A session as a value: token, cookies with all attributes, and the known facts of the login. It
/// contains neither a password nor another credential of the login.
///
/// [`Session::snapshot`](crate::Session::snapshot) takes a snapshot.
/// [`Session::restore`](crate::Session::restore) and
/// [`SessionBuilder::restore`](crate::SessionBuilder::restore) restore it. A guard still logs the
/// session out when it is closed or dropped after a snapshot was taken. To prevent this, call
/// [`AuthenticatedSession::detach`](crate::AuthenticatedSession::detach).
///
/// Protect a snapshot like a password while the session lives. `Debug` shows no values, and the
/// type is not `Serialize`, so that it cannot be written by accident. `mstr-rest-persist` has
/// stores for snapshots and JSON forms, which it writes into a [`SecretString`].
///
/// ```no_run
/// use mstr_rest_core::{Auth, Session};
///
/// # async fn example() -> mstr_rest_core::Result<()> {
/// let url = "https://host/MicroStrategyLibrary/api/";
/// let session = Session::builder(url).auth(Auth::anonymous()).connect().await?.detach();
/// let snapshot = session.snapshot();
/// // in another process
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
    /// The default project of calls: a name or an id.
    pub project: Option<String>,
    /// The user name, if the login has one that is not a secret.
    pub user: Option<String>,
    /// The server's number of the login mode: 1 standard, 8 anonymous, 16 LDAP, 4096 API key or
    /// trusted, -1 identity token.
    pub login_mode: Option<i64>,
    /// A salted hash of the user name or API key, to find out whether another login is of the same
    /// user. `None` for login modes without either, and if it is not known.
    pub principal: Option<String>,
    /// The time of the login, by the clock of the machine that logged in.
    pub created_at: Option<SystemTime>,
    /// The time of the last use before the snapshot was taken; not before `created_at`.
    pub last_used_at: Option<SystemTime>,
    /// The idle timeout of the session on the server (`timeout` of `GET /sessions`). The core does
    /// not request it; `connect_or_restore` of `mstr-rest-persist` does.
    pub idle_timeout: Option<Duration>,
}

impl SessionSnapshot {
    /// Makes an empty snapshot for the server at `base_url`. Fill it through its public fields.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) for a text that is not a base URL, and for a base URL with
    /// user info. The error does not repeat the text.
    pub fn new(base_url: &str) -> Result<Self> {
        let base_url = parse_base(base_url)
            .map_err(|error| Error::new(ErrorKind::Snapshot, error.message().to_owned()))?;
        Ok(Self::at(base_url))
    }

    /// Makes an empty snapshot for a base URL that was checked before.
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

    /// Returns `true` if it has a token.
    pub fn has_session(&self) -> bool {
        self.token.is_some()
    }

    /// Returns `true` if both have the same token, or neither has one.
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
            .field("cookies", &self.cookies.len())
            .field("login_mode", &self.login_mode)
            .finish_non_exhaustive()
    }
}
