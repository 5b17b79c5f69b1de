//! Tokens: given, or got by a login and kept.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mstr_credentials::{Credential, SecretString, VaultError, VaultErrorKind as Kind};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{
    options::escaped,
    settings::{Identity, other},
    wire::Wire,
};

/// A token that a login gave.
struct Kept {
    token: SecretString,
    /// Until when it is used; `None`: it does not expire.
    until: Option<Instant>,
}

impl Kept {
    /// Zero seconds: it does not expire.
    fn new(token: SecretString, lease_seconds: u64) -> Self {
        let lease = Some(lease_seconds).filter(|seconds| *seconds > 0);
        let until = lease.and_then(|seconds| {
            Instant::now().checked_add(Duration::from_secs(seconds).mul_f64(0.9))
        });
        Self { token, until }
    }

    fn is_valid(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// The token of the last login.
///
/// It is set by a login and used by later fetches until nine tenths of its time are over, or until
/// a vault refuses it: then the next request logs in. Fetches of one secret do not overlap.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Option<Kept>>);

pub(crate) struct Token {
    pub(crate) secret: SecretString,
    pub(crate) origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Of an earlier login: it may have expired.
    Kept,
    /// Just got by a login.
    Login,
    /// Not ours, or none.
    Given,
}

impl Tokens {
    pub(crate) async fn token(
        &self,
        identity: &Identity,
        wire: &Wire,
    ) -> Result<Token, VaultError> {
        match identity {
            Identity::Token(token) => {
                let secret = resolved("the token", token).await?;
                return Ok(Token { secret, origin: Origin::Given });
            }
            Identity::Agent => return Ok(Token { secret: "".into(), origin: Origin::Given }),
            Identity::AppRole { .. } | Identity::Kubernetes { .. } => {}
        }
        let kept =
            self.kept().as_ref().filter(|kept| kept.is_valid()).map(|kept| kept.token.clone());
        if let Some(secret) = kept {
            return Ok(Token { secret, origin: Origin::Kept });
        }
        let new = login(identity, wire).await?;
        let secret = new.token.clone();
        *self.kept() = Some(new);
        Ok(Token { secret, origin: Origin::Login })
    }

    /// The vault refused it. Whether another one may do better.
    pub(crate) async fn refused(&self, token: &Token, identity: &Identity) -> bool {
        match identity {
            Identity::Token(source) => {
                source.invalidate();
                // a source that caches may have another one now
                let again = resolved("the token", source).await;
                again.is_ok_and(|again| again.expose_secret() != token.secret.expose_secret())
            }
            Identity::Agent => false,
            Identity::AppRole { .. } | Identity::Kubernetes { .. } => {
                *self.kept() = None;
                token.origin == Origin::Kept
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Reply {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
    #[serde(default)]
    lease_duration: u64,
}

async fn login(identity: &Identity, wire: &Wire) -> Result<Kept, VaultError> {
    let (mount, sent) = match identity {
        Identity::AppRole { mount, role_id, secret_id } => {
            let role_id = resolved("the role id", role_id).await?;
            let secret_id = resolved("the secret id", secret_id).await?;
            (mount, [("role_id", role_id), ("secret_id", secret_id)])
        }
        Identity::Kubernetes { mount, role, token } => {
            let token = resolved("the service account", token).await?;
            (mount, [("role", SecretString::from(role.as_str())), ("jwt", token)])
        }
        Identity::Token(_) | Identity::Agent => return Err(other("a token needs no login")),
    };
    let [(first, one), (second, two)] = &sent;
    let body = json!({*first: one.expose_secret().trim(), *second: two.expose_secret().trim()});
    let body = Zeroizing::new(body.to_string().into_bytes());
    let reply = wire.post(&format!("auth/{}/login", escaped(mount)), &body).await?;
    if !reply.status.is_success() {
        let failure = reply.failure(&[two]);
        // a vault answers 400 to a wrong role or secret id
        let kind = match failure.kind() {
            Kind::Other => Kind::Denied,
            Kind::NotFound => Kind::NoCredentials,
            kind => kind,
        };
        let text = format!("login at auth/{mount}: {}", failure.message());
        return Err(VaultError::new(kind, text).with_code(reply.status.as_str()));
    }
    // the parser's error would quote the token
    let Ok(Reply { auth }) = serde_json::from_slice(&reply.body) else {
        return Err(other(format!("login at auth/{mount}: the reply cannot be read")));
    };
    Ok(Kept::new(auth.client_token.into(), auth.lease_duration))
}

/// A source that has nothing, or fails, leaves us without credentials.
async fn resolved(what: &str, source: &Credential) -> Result<SecretString, VaultError> {
    let failed = |why: &str| VaultError::new(Kind::NoCredentials, format!("{what}: {why}"));
    let secret = source.resolve_bounded().await;
    let secret = secret.map_err(|error| failed(&VaultError::texts(&error)))?;
    // without a token the request would be that of an agent
    if secret.expose_secret().trim().is_empty() { Err(failed("it is empty")) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_for_nine_tenths_of_its_time() {
        let (hour, forever) = (Kept::new("t".into(), 3600), Kept::new("t".into(), 0));
        tokio::time::advance(Duration::from_secs(3239)).await;
        assert!(hour.is_valid());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!hour.is_valid() && forever.is_valid());
        assert!(Kept::new("t".into(), u64::MAX).is_valid());
    }
}
