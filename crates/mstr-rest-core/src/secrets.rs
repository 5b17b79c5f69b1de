//! Resolves credentials with a timeout. Errors name the credential.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use mstr_credentials::{Credential, CredentialError, SecretString};

use crate::{Error, ErrorKind, Result};

/// Resolves a credential with a timeout. Errors name it by its label. A secret provider that panics
/// is an error too; the text of the panic is not kept, as it may contain the secret.
pub(crate) async fn resolve(credential: &Credential, label: &str) -> Result<SecretString> {
    let failed = |error: CredentialError| {
        let (kind, what) = if error.is_missing() {
            (ErrorKind::MissingCredential, "yields nothing")
        } else {
            (ErrorKind::Credential, "cannot be resolved")
        };
        Error::with_source(kind, format!("the credential `{label}` {what}"), error)
    };
    let resolving = AssertUnwindSafe(async { credential.resolve_bounded().await }).catch_unwind();
    match resolving.await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => {
            Err(Error::new(ErrorKind::Interrupted, format!("the credential `{label}` panicked")))
        }
    }
}
