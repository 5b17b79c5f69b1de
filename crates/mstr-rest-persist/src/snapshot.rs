//! `SnapshotExt`: the JSON forms of a snapshot.

use mstr_rest_core::{Result, SecretString, SessionSnapshot};

use crate::{form, python, sealed};

/// The JSON forms of a [`SessionSnapshot`]: the form of this crate, and that of the Python
/// packages.
///
/// Writing one is always explicit and returns a [`SecretString`]. Protect the text like a password
/// while the session lives.
///
/// ```no_run
/// use mstr_rest_core::{Session, SessionSnapshot};
/// use mstr_rest_persist::SnapshotExt;
///
/// # async fn example(session: Session) -> mstr_rest_core::Result<()> {
/// let json = session.snapshot().to_json()?;
/// // in another process
/// let snapshot = SessionSnapshot::from_json(json.expose_secret())?;
/// let session = Session::builder(snapshot.base_url().as_str()).restore(&snapshot).await?;
/// if !session.is_alive().await? {
///     println!("the server no longer knows the session");
/// }
/// # Ok(())
/// # }
/// ```
pub trait SnapshotExt: sealed::Sealed + Sized {
    /// Reads the JSON of [`to_json`](Self::to_json). Unknown members are ignored.
    ///
    /// # Errors
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) for a text that is not a snapshot, or has
    /// a newer version of the format. The error does not repeat the text.
    fn from_json(json: &str) -> Result<Self>;

    /// Writes version 1 of the JSON format of this crate.
    ///
    /// It is an object with `version`, `base_url`, `token`, `cookies` (`name`, `value`, `path`,
    /// `domain`, `secure`, `http_only`, `same_site`, `expires`), `project`, `user`, `login_mode`,
    /// `principal`, `created_at`, `last_used_at` and `idle_timeout`. Times are in seconds since
    /// 1970, the timeout is in seconds. Unknown values are left out.
    ///
    /// # Errors
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) if the snapshot cannot be encoded. No such
    /// snapshot is known.
    fn to_json(&self) -> Result<SecretString>;

    /// Reads a session that mstr-rest-requests 1.x or 2.x saved: an object with `base_url`,
    /// `cookies` and `headers`. Names of headers may have any letter case. Only the token of the
    /// headers is used.
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
    /// [`Snapshot`](mstr_rest_core::ErrorKind::Snapshot) for a text that is not such an object, and
    /// for a base URL with user info: pass that to
    /// [`SessionBuilder::basic_auth`](mstr_rest_core::SessionBuilder::basic_auth).
    #[doc(alias = "from_dict")]
    #[doc(alias = "update_from_json")]
    fn from_python_json(json: &str) -> Result<Self>;

    /// Writes the form that mstr-rest-requests 1.x and 2.x read (sync, async and the deprecated
    /// requests flavour): exactly `base_url`, `cookies` and `headers`.
    ///
    /// It contains name and value of the cookies that are sent to the base URL. If several cookies
    /// have the same name, it contains the one with the longest path.
    ///
    /// # Errors
    /// The errors of [`to_json`](Self::to_json).
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
