//! Passwords on their way into a request, and never into an error.

use mstr_rest_core::{Credential, CredentialError, Error, ErrorKind, Result, SecretString};

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
    password.resolve_bounded().await.map(Some).map_err(failed)
}

/// Takes the password out of what the server says, should it repeat it.
pub(super) fn keep<T>(outcome: Result<T>, password: Option<&SecretString>) -> Result<T> {
    outcome.map_err(|error| match password {
        Some(password) => error.redacting(password.expose_secret()),
        None => error,
    })
}
