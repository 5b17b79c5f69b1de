//! One login: token, cookies and what is known of it, as one immutable value.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};

use crate::cookies::Jar;
use crate::{Error, ErrorKind, Result};

/// The header of the session token, in both directions.
pub(crate) static TOKEN: HeaderName = HeaderName::from_static("x-mstr-authtoken");
pub(crate) static IDENTITY_TOKEN: HeaderName = HeaderName::from_static("x-mstr-identitytoken");

/// One login, or the absence of one. Immutable: a change puts another value in its place.
///
/// `id` tells logins apart: login, logout, restoring, adopting and forgetting each make a new one.
/// `revision` counts the tokens of one login, for a reply may rotate the token. The two numbers
/// decide what a late reply may change: a token is rotated only if both still match, and the end
/// of a login only touches the login of that id.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) id: u64,
    pub(crate) revision: u64,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) jar: Arc<Jar>,
    /// Something else owns or uses it too: only [`Session::logout`](crate::Session::logout) ends
    /// it.
    pub(crate) externally_owned: bool,
    pub(crate) facts: Arc<Facts>,
    /// How many re-logins of this login failed, and how the last one did. A request that was sent
    /// before a re-login failed shares its failure instead of starting another one.
    pub(crate) failed_relogins: u64,
    pub(crate) relogin_failure: Option<Error>,
}

/// What is known of a login besides its secrets.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) user: Option<String>,
    pub(crate) login_mode: Option<i64>,
    /// Salted hash of the user name or API key.
    pub(crate) principal: Option<String>,
    pub(crate) created_at: Option<SystemTime>,
    pub(crate) idle_timeout: Option<Duration>,
}

impl Login {
    /// Whether a guard has to log it out.
    pub(crate) fn is_ours(&self) -> bool {
        self.token.is_some() && !self.externally_owned
    }

    /// Takes the token out of an error: a server may repeat it in its message.
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
        Error::new(ErrorKind::LoginFailure, "the session token is empty or not a header value")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
