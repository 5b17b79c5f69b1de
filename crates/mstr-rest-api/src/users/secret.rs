//! Passwords on their way into a request, and never into an error.

use std::time::Duration;

use mstr_rest_core::{
    Credential, CredentialError, Error, ErrorKind, ExposeSecret as _, Result, SecretString,
};

/// How long a source may take.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn resolve(password: Option<&Credential>) -> Result<Option<SecretString>> {
    let Some(password) = password else { return Ok(None) };
    let failed = |error: CredentialError| {
        let (kind, what) = if error.is_missing() {
            (ErrorKind::MissingCredential, "yields nothing")
        } else {
            (ErrorKind::Credential, "cannot be resolved")
        };
        Error::with_source(kind, format!("the user's new password {what}"), error)
    };
    match tokio::time::timeout(LIMIT, password.resolve()).await {
        Ok(value) => value.map(Some).map_err(failed),
        Err(_) => {
            let message = format!("the user's new password took more than {LIMIT:?}");
            Err(Error::new(ErrorKind::Credential, message))
        }
    }
}

/// Takes the password out of what the server says, should it repeat it.
pub(super) fn keep<T>(outcome: Result<T>, password: Option<&SecretString>) -> Result<T> {
    outcome.map_err(|error| match password {
        Some(password) => error.without_secret(password.expose_secret()),
        None => error,
    })
}
