//! The JSON forms of a snapshot.

use mstr_rest_core::{Result, SecretString, SessionSnapshot};

use crate::{form, python, sealed};

/// The JSON forms of a [`SessionSnapshot`]: our own, and that of the Python packages.
///
/// Writing one is always explicit, and gives a [`SecretString`]: while the session lives, the text is
/// as good as a password.
///
/// ```no_run
/// use mstr_rest_core::{Session, SessionSnapshot};
/// use mstr_rest_persist::SnapshotExt;
///
/// # async fn example(session: Session) -> mstr_rest_core::Result<()> {
/// let json = session.snapshot().to_json()?;
/// // elsewhere
/// let snapshot = SessionSnapshot::from_json(json.expose_secret())?;
/// let session = Session::builder(snapshot.base_url().as_str()).restore(&snapshot).await?;
/// if !session.is_alive().await? {
///     println!("the server no longer knows the session");
/// }
/// # Ok(())
/// # }
/// ```
pub trait SnapshotExt: sealed::Sealed + Sized {
    /// Reads the JSON of [`to_json`](Self::to_json). Members that are not known are ignored.
    ///
    /// # Errors
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) for what is no snapshot, or one of a newer
    /// version of the format. What was read is never repeated.
    fn from_json(json: &str) -> Result<Self>;

    /// Writes version 1 of our JSON format: an object with `version`, `base_url`, `token`, `cookies`
    /// (`name`, `value`, `path`, `domain`, `secure`, `http_only`, `same_site`, `expires`), `project`,
    /// `user`, `login_mode`, `principal`, `created_at`, `last_used_at` and `idle_timeout`. Times are
    /// seconds since 1970, the timeout is in seconds; what is not known is left out.
    ///
    /// # Errors
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) if it cannot be written; no snapshot is known
    /// for which that happens.
    fn to_json(&self) -> Result<SecretString>;

    /// Reads what mstr-rest-requests 1.x or 2.x saved: an object with `base_url`, `cookies` and
    /// `headers`. Names of headers may have any letter case; of the headers only the token is taken.
    ///
    /// ```
    /// use mstr_rest_core::{Session, SessionSnapshot};
    /// use mstr_rest_persist::SnapshotExt;
    ///
    /// let text = r#"{"base_url": "https://h/api/", "cookies": {"JSESSIONID": "abc"},
    ///     "headers": {"accept": "*/*", "x-mstr-authtoken": "tok"}}"#;
    /// let snapshot = SessionSnapshot::from_python_json(text)?;
    /// let session = Session::builder(snapshot.base_url().as_str()).build()?;
    /// session.restore(&snapshot)?;
    /// assert!(session.has_session());
    /// # Ok::<(), mstr_rest_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) for what is no such object, and for a base URL
    /// with a password in it: give that to
    /// [`SessionBuilder::basic_auth`](mstr_rest_core::SessionBuilder::basic_auth).
    #[doc(alias = "from_dict")]
    #[doc(alias = "update_from_json")]
    fn from_python_json(json: &str) -> Result<Self>;

    /// Writes the form that mstr-rest-requests 1.x and 2.x read, sync, async and the deprecated
    /// requests flavour: exactly `base_url`, `cookies` and `headers`. It has those cookies that are
    /// sent to the base URL, with name and value alone; of several cookies of one name, the one with
    /// the longest path.
    ///
    /// # Errors
    /// As [`to_json`](Self::to_json).
    #[doc(alias = "to_dict")]
    #[doc(alias = "dict")]
    #[doc(alias = "json")]
    fn to_python_json(&self) -> Result<SecretString>;
}

impl SnapshotExt for SessionSnapshot {
    fn from_json(json: &str) -> Result<Self> {
        form::read(json)
    }

    fn to_json(&self) -> Result<SecretString> {
        form::write(self)
    }

    fn from_python_json(json: &str) -> Result<Self> {
        python::read(json)
    }

    fn to_python_json(&self) -> Result<SecretString> {
        python::write(self)
    }
}
