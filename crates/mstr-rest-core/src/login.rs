//! `Login`: token, cookies and facts of one login, as one immutable value.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};

use crate::cookies::Jar;
use crate::{Error, ErrorKind, Result};

/// The header of the session token, in both directions.
pub(crate) static TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");
pub(crate) static IDENTITY_TOKEN: HeaderName = HeaderName::from_static("x-mstr-identitytoken");

/// One login, or the absence of one. The value is immutable: each change replaces it.
///
/// `id` identifies a login. Login, logout, restoring, adopting and forgetting each make a new id.
/// `revision` counts the tokens of one login, because a reply may rotate the token. Both numbers
/// limit the changes of a late reply: it rotates the token only if both numbers still match, and it
/// ends a login only if the id still matches.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) id: u64,
    pub(crate) revision: u64,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) jar: Arc<Jar>,
    /// The login is externally owned: only [`Session::logout`](crate::Session::logout) logs it out.
    pub(crate) externally_owned: bool,
    pub(crate) facts: Arc<Facts>,
    /// The number of failed re-logins of this login, and the error of the last one. A request that
    /// was sent before a re-login failed shares its error and starts no other re-login.
    pub(crate) failed_relogins: u64,
    pub(crate) relogin_failure: Option<Error>,
}

/// The known facts of a login that are not secret.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) user: Option<String>,
    pub(crate) login_mode: Option<i64>,
    /// A salted hash of the user name or API key.
    pub(crate) principal: Option<String>,
    pub(crate) created_at: Option<SystemTime>,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Login {
    /// Returns `true` if the session must log it out: it has a token and is not externally owned.
    pub(crate) fn needs_logout(&self) -> bool {
        self.token.is_some() && !self.externally_owned
    }

    /// Removes the token from an error: a server may repeat it in its message.
    pub(crate) fn redact(&self, error: Error) -> Error {
        match self.token.as_ref().and_then(|token| token.to_str().ok()) {
            Some(token) => error.redacting(token),
            None => error,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("logged_in", &self.token.is_some())
            .field("cookies", &self.jar)
            .finish_non_exhaustive()
    }
}

pub(crate) fn token_header(token: &[u8]) -> Result<HeaderValue> {
    let value = HeaderValue::from_bytes(token).ok().filter(|value| !value.is_empty());
    let mut value = value.ok_or_else(|| {
        Error::new(ErrorKind::LoginFailure, "the session token is empty or cannot be a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
