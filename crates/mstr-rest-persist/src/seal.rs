//! Encryption at rest with XChaCha20-Poly1305 of the crate `chacha20poly1305`. Its nonces are long
//! enough to be random, it is pure Rust, and it does not depend on the TLS stack.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use mstr_rest_core::{Credential, Error, ErrorKind, Result, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::form::parse;
use crate::unusable;

const VERSION: u64 = 1;

/// The content of an encrypted file: nonce and data in base64.
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope {
    sealed: u64,
    nonce: String,
    data: String,
}

pub(crate) async fn resolve(key: &Credential) -> Result<SecretString> {
    key.resolve_bounded().await.map_err(|error| {
        let kind =
            if error.is_missing() { ErrorKind::MissingCredential } else { ErrorKind::Credential };
        Error::with_source(kind, "the key of the snapshots cannot be resolved", error)
    })
}

pub(crate) fn seal(key: &SecretString, profile: &str, json: &str) -> Result<Zeroizing<Vec<u8>>> {
    let nonce = XNonce::try_generate()
        .map_err(|_| unusable("the system has no random bytes to encrypt the snapshot"))?;
    let payload = Payload { msg: json.as_bytes(), aad: &associated_data(profile) };
    let data = cipher(key)?
        .encrypt(&nonce, payload)
        .map_err(|_| unusable("the snapshot cannot be encrypted"))?;
    let envelope =
        Envelope { sealed: VERSION, nonce: STANDARD.encode(nonce), data: STANDARD.encode(data) };
    let text = serde_json::to_vec(&envelope)
        .map_err(|_| unusable("the encrypted snapshot cannot be encoded"))?;
    Ok(Zeroizing::new(text))
}

/// Parses an encrypted snapshot. An error means that the file is damaged.
pub(crate) fn envelope(text: &str) -> Result<Envelope> {
    parse(text)
}

impl Envelope {
    /// Decrypts the snapshot. It fails for another key, a changed file, and the file of another
    /// profile; the cipher does not tell which of them.
    pub(crate) fn open(&self, key: &SecretString, profile: &str) -> Result<SecretString> {
        if self.sealed != VERSION {
            return Err(unusable(format!(
                "the snapshot `{profile}` is encrypted in a format that this program does not \
                 know: use a newer version of mstr-rest"
            )));
        }
        let wrong = || {
            unusable(format!(
                "the snapshot `{profile}` cannot be decrypted: the key is wrong, or the file was \
                 changed"
            ))
        };
        let nonce = STANDARD.decode(&self.nonce).map_err(|_| wrong())?;
        let nonce = XNonce::try_from(nonce.as_slice()).map_err(|_| wrong())?;
        let data = STANDARD.decode(&self.data).map_err(|_| wrong())?;
        let payload = Payload { msg: &data, aad: &associated_data(profile) };
        let json = Zeroizing::new(cipher(key)?.decrypt(&nonce, payload).map_err(|_| wrong())?);
        Ok(std::str::from_utf8(&json).map_err(|_| wrong())?.into())
    }
}

/// The associated data of a profile: the file of one profile cannot be decrypted as another.
fn associated_data(profile: &str) -> Vec<u8> {
    format!("mstr-rest snapshot {VERSION} {profile}").into_bytes()
}

fn cipher(key: &SecretString) -> Result<XChaCha20Poly1305> {
    let bytes = Zeroizing::new(STANDARD.decode(key.expose_secret().trim()).unwrap_or_default());
    XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| {
        Error::new(
            ErrorKind::Credential,
            "the key of the snapshots must be 32 bytes in base64: make one with `openssl rand \
             -base64 32`",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use mstr_rest_core::CredentialError;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_not_resolved_within_60_s_is_an_error() {
        let hanging =
            Credential::from_async_fn(pending::<std::result::Result<String, CredentialError>>);
        let outcome = timeout(Duration::from_secs(61), resolve(&hanging)).await;
        let error = outcome.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credential);
    }
}
