//! Resolves credentials: bounded, and with errors that name the credential.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use mstr_credentials::{Credential, CredentialError, SecretString};

use crate::{Error, ErrorKind, Result};

/// Asks a source for its secret: bounded, and with an error that says whose. A source that panics is
/// an error too, without the text of the panic, which may be a secret.
pub(crate) async fn resolve(credential: &Credential, label: &str) -> Result<SecretString> {
    let failed = |error: CredentialError| {
        let (kind, what) = if error.is_missing() {
            (ErrorKind::MissingCredential, "yields nothing")
        } else {
            (ErrorKind::Credential, "cannot be resolved")
        };
        Error::with_source(kind, format!("the credential `{label}` {what}"), error)
    };
    let asked = AssertUnwindSafe(async { credential.resolve_bounded().await }).catch_unwind();
    match asked.await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => {
            Err(Error::new(ErrorKind::Interrupted, format!("the credential `{label}` panicked")))
        }
    }
}
