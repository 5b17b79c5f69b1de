//! The snapshot of a session, and what becomes of it.

use std::fmt;
use std::future::Future;
use std::time::{Duration, SystemTime};

use mstr_rest_core::{ErrorKind, Result, SavedSession, SecretString, Session, SessionBuilder};
use serde_json::Value;

use crate::form::{self, Unknown};
use crate::{python, sealed};

/// A session as a value: token, cookies with all attributes, and what is known of the login. No
/// password is in it, and no other credential.
///
/// It is as good as a password while the session lives: keep it in a [`SnapshotStore`], or as you
/// would keep a password. `Debug` shows no values, and writing it down is always explicit and
/// gives a [`SecretString`].
///
/// ```no_run
/// use mstr_rest_core::{Session};
/// use mstr_rest_persist::{SessionSnapshot, SnapshotExt};
///
/// # async fn example(session: Session) -> mstr_rest_core::Result<()> {
/// let json = session.snapshot().to_json()?;
/// // elsewhere
/// let session = SessionSnapshot::from_json(json.expose_secret())?.restore()?;
/// if !session.check().await? {
///     println!("the server has forgotten it");
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`SnapshotStore`]: crate::SnapshotStore
#[derive(Clone)]
pub struct SessionSnapshot {
    pub(crate) saved: SavedSession,
    /// Members that a later version of this crate wrote.
    pub(crate) unknown: Unknown,
    /// The same of each cookie.
    pub(crate) unknown_of_cookies: Vec<Unknown>,
}

impl SessionSnapshot {
    /// Reads the JSON of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) for what is no snapshot, or one of a newer version of the
    /// format. What was read is never repeated.
    pub fn from_json(json: &str) -> Result<Self> {
        form::read(json)
    }

    /// Writes it as JSON, in version 1 of the format: an object with `version`, `base_url`,
    /// `token`, `cookies` (`name`, `value`, `path`, `domain`, `secure`, `http_only`, `same_site`,
    /// `expires`), `project`, `user`, `login_mode`, `principal`, `created_at`, `last_used_at` and
    /// `idle_limit`. Times are seconds since 1970, the limit is in seconds; what is not known is
    /// left out. Members that were read but are not known here are written again.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) if it cannot be written, which no snapshot is known for.
    pub fn to_json(&self) -> Result<SecretString> {
        form::write(self)
    }

    /// Reads what mstr-rest-requests 1.x or 2.x saved: an object with `base_url`, `cookies` and
    /// `headers`. Names of headers may have any case; of the headers only the token is taken.
    ///
    /// ```
    /// use mstr_rest_persist::SessionSnapshot;
    ///
    /// let text = r#"{"base_url": "https://h/api/", "cookies": {"JSESSIONID": "abc"},
    ///     "headers": {"accept": "*/*", "x-mstr-authtoken": "tok"}}"#;
    /// let session = SessionSnapshot::from_python_json(text)?.restore()?;
    /// assert!(session.has_session());
    /// # Ok::<(), mstr_rest_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) for what is no such object, and for a base URL with a
    /// password in it: give that to [`SessionBuilder::basic_auth`].
    #[doc(alias = "from_dict")]
    #[doc(alias = "update_from_json")]
    pub fn from_python_json(json: &str) -> Result<Self> {
        python::read(json)
    }

    /// Writes it in the form that mstr-rest-requests 1.x and 2.x read, sync, async and the
    /// deprecated requests flavour: exactly `base_url`, `cookies` and `headers`. Of cookies only
    /// those that go to the base URL are in it, with name and value alone; of one name, the one
    /// with the longest path.
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    #[doc(alias = "to_dict")]
    #[doc(alias = "dict")]
    #[doc(alias = "json")]
    pub fn to_python_json(&self) -> Result<SecretString> {
        python::write(&self.saved)
    }

    /// The server that it is of: the base URL, with a trailing slash.
    pub fn base_url(&self) -> &str {
        self.saved.base_url().as_str()
    }

    /// Whether both hold the same token, or none: they are of one session then.
    pub fn is_same_session(&self, other: &Self) -> bool {
        let [ours, theirs] = [self, other]
            .map(|snapshot| snapshot.saved.token.as_ref().map(SecretString::expose_secret));
        ours == theirs
    }

    /// Whether it holds a token.
    pub fn has_session(&self) -> bool {
        self.saved.token.is_some()
    }

    /// The project of calls that name none, name or id.
    pub fn project(&self) -> Option<&str> {
        self.saved.project.as_deref()
    }

    /// Who logged in, where the login said a name that is no secret.
    pub fn user(&self) -> Option<&str> {
        self.saved.user.as_deref()
    }

    /// The server's number of the login mode: 1 standard, 8 anonymous, 16 LDAP, 4096 API key or
    /// trusted, -1 identity token.
    pub fn login_mode(&self) -> Option<i64> {
        self.saved.login_mode
    }

    /// When the session was logged in, by the clock of the machine that did.
    pub fn created_at(&self) -> Option<SystemTime> {
        self.saved.created
    }

    /// When the session was used last before the snapshot was taken.
    pub fn last_used_at(&self) -> Option<SystemTime> {
        self.saved.last_used
    }

    /// How long the server lets the session idle. Known after
    /// [`connect_or_restore`](crate::ConnectExt::connect_or_restore), which asks for it, or
    /// [`with_idle_limit`](Self::with_idle_limit).
    pub fn idle_limit(&self) -> Option<Duration> {
        self.saved.idle_limit
    }

    /// The same with the server's idle limit (`timeout` of `GET /sessions`), in whole seconds.
    #[must_use]
    pub fn with_idle_limit(mut self, limit: Duration) -> Self {
        self.saved.idle_limit = Some(Duration::from_secs(limit.as_secs()));
        self
    }

    /// Makes a session of it, with the settings that [`Session::builder`] starts with. Nothing is
    /// sent: [`check`](SnapshotExt::check) asks whether the server still knows it.
    ///
    /// It is never logged out by itself: others may use it. [`Session::logout`] ends it.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) when a token, header or cookie cannot be sent;
    /// [`Config`](ErrorKind::Config) when no session can be made for the base URL.
    pub fn restore(&self) -> Result<Session> {
        let mut builder = Session::builder(self.base_url());
        if let Some(project) = self.project() {
            builder = builder.project(project);
        }
        let session = builder.build()?;
        session.restore(&self.saved)?;
        Ok(session)
    }

    /// Makes a session of it with the settings of a builder, whose base URL must be of the same
    /// origin. With [`auth`](SessionBuilder::auth) and [`relogin`](SessionBuilder::relogin) it logs
    /// in again once the server has forgotten it.
    ///
    /// # Errors
    /// As [`SessionBuilder::restore`].
    pub fn restore_with(
        &self,
        builder: SessionBuilder,
    ) -> impl Future<Output = Result<Session>> + Send + use<> {
        let saved = self.saved.clone();
        async move { builder.restore(&saved).await }
    }

    /// Puts it in the place of the login that a session holds: all or nothing, and of the same
    /// origin only. Default project and credentials of the session stay.
    ///
    /// # Errors
    /// As [`Session::restore`].
    pub fn apply_to(&self, session: &Session) -> Result<()> {
        session.restore(&self.saved)
    }
}

impl fmt::Debug for SessionSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSnapshot")
            .field("base_url", &self.base_url())
            .field("has_session", &self.has_session())
            .finish_non_exhaustive()
    }
}

/// Taking snapshots, and asking whether a session is still there.
pub trait SnapshotExt: sealed::Sealed {
    /// The session as a snapshot. From now on a guard leaves this login alone: whoever takes a
    /// snapshot means the session to be used elsewhere. [`Session::logout`] ends it for all.
    #[must_use = "a guard no longer logs the session out: somebody must"]
    fn snapshot(&self) -> SessionSnapshot;

    /// Whether the server still knows the session: `GET /sessions`, which counts as use. Never logs
    /// in again, whatever the session is set to. `false` without a request when no token is held.
    ///
    /// # Errors
    /// As any call, except for an expired session.
    fn check(&self) -> impl Future<Output = Result<bool>> + Send + use<Self>;
}

impl SnapshotExt for Session {
    fn snapshot(&self) -> SessionSnapshot {
        self.save().into()
    }

    fn check(&self) -> impl Future<Output = Result<bool>> + Send + use<> {
        let session = self.clone();
        async move {
            match limits(&session).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_session_expired() => Ok(false),
                Err(error) if error.kind() == ErrorKind::NoSession && !session.has_session() => {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// The server's idle limit, where it says one.
pub(crate) async fn limits(session: &Session) -> Result<Option<Duration>> {
    let call = session.get("sessions").without_project().require_session().relogin(false);
    let info: Value = call.decode().await?;
    let seconds = match &info["timeout"] {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Ok(seconds.map(Duration::from_secs))
}

impl From<SavedSession> for SessionSnapshot {
    fn from(saved: SavedSession) -> Self {
        Self { saved, unknown: Unknown::default(), unknown_of_cookies: Vec::new() }
    }
}
