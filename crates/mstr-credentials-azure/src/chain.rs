//! The links, one after the other.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use azure_core::{
    Error, Result,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};

use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::{
    Identity,
    environment::variable,
    identity,
    links::{Surroundings, Unusable},
    login_failure::{self, LoginFailure},
    wire::Wire,
};

/// Asks the links in turn, until one has a token or has a reason to be the last. Its errors carry a
/// [`VaultError`].
pub(crate) struct Chain {
    links: Vec<Identity>,
    around: Surroundings,
    /// The link that gave a token.
    chosen: Mutex<Option<(Identity, Arc<dyn TokenCredential>)>>,
}

impl Chain {
    /// # Errors
    /// When `AZURE_TOKEN_CREDENTIALS` names nothing that there is.
    pub(crate) fn new(identity: Identity, around: Surroundings) -> Result<Self> {
        let selected = variable("AZURE_TOKEN_CREDENTIALS")?;
        let links = identity.links(selected.as_deref()).ok_or_else(|| {
            let known = identity::selectable().join(", ");
            let what = format!("AZURE_TOKEN_CREDENTIALS is none of {known}");
            Error::with_message(ErrorKind::Credential, what)
        })?;
        Ok(Self { links, around, chosen: Mutex::default() })
    }

    fn chosen(&self) -> std::sync::MutexGuard<'_, Option<(Identity, Arc<dyn TokenCredential>)>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("links", &self.links).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        let wire = &self.around.wire;
        let chosen = self.chosen().clone();
        if let Some((link, credential)) = chosen {
            let token = ask(wire, link, &*credential, scopes, options).await;
            return token.map_err(|failure| last(link, &[], &failure.why));
        }
        let demanded = self.links.len() == 1;
        let mut tried = Vec::new();
        for link in &self.links {
            let credential = match link.credential(&self.around, demanded).await {
                Ok(credential) => credential,
                Err(Unusable::NotConfigured(why)) => {
                    tried.push(format!("{}: {why}", link.name()));
                    continue;
                }
                Err(Unusable::Broken(error)) => {
                    let why = VaultError::new(Kind::NoCredentials, VaultError::texts(&error));
                    return Err(last(*link, &[], &why));
                }
            };
            match ask(wire, *link, &*credential, scopes, options.clone()).await {
                Ok(token) => {
                    *self.chosen() = Some((*link, credential));
                    return Ok(token);
                }
                Err(failure) if !demanded && may_go_on(*link, &failure) => {
                    tried.push(format!("{}: {}", link.name(), failure.why));
                }
                Err(failure) => return Err(last(*link, &tried, &failure.why)),
            }
        }
        let text = format!("none of the identities can be used: {}", tried.join("; "));
        Err(carrying(VaultError::new(Kind::NoCredentials, text)))
    }
}

/// A configured link is the last one, but for a metadata service that knows no identity and for
/// tools where nobody is logged in.
fn may_go_on(link: Identity, failure: &LoginFailure) -> bool {
    match link {
        Identity::AzureCli | Identity::AzureDeveloperCli => true,
        Identity::ManagedIdentity => failure.status == Some(400),
        _ => false,
    }
}

/// The failure of the link that is the last one.
fn last(link: Identity, tried: &[String], why: &VaultError) -> Error {
    let before = if tried.is_empty() { String::new() } else { format!(" ({})", tried.join("; ")) };
    carrying(VaultError::new(why.kind(), format!("{}: {why}{before}", link.name())))
}

fn carrying(why: VaultError) -> Error {
    let text = why.to_string();
    Error::with_error(ErrorKind::Credential, why, text)
}

async fn ask(
    wire: &Wire,
    link: Identity,
    credential: &dyn TokenCredential,
    scopes: &[&str],
    options: Option<TokenRequestOptions<'_>>,
) -> std::result::Result<AccessToken, LoginFailure> {
    let timeout = link.timeout();
    wire.wait_for_token_of(Some(link));
    let outcome = tokio::time::timeout(timeout, credential.get_token(scopes, options)).await;
    wire.wait_for_token_of(None);
    match outcome {
        Ok(Ok(token)) => Ok(token),
        Ok(Err(error)) => {
            Err(login_failure::of(&error, wire.last_status()).unwrap_or_else(|| LoginFailure {
                why: VaultError::new(Kind::NoCredentials, "the SDK does not say why"),
                status: None,
            }))
        }
        Err(_) => {
            let tool = matches!(link, Identity::AzureCli | Identity::AzureDeveloperCli);
            let kind = if tool { Kind::NoCredentials } else { Kind::Unreachable };
            let status = wire.last_status().filter(|status| !tool && *status >= 400);
            let status = status.map(|status| format!(", but replies with status {status}"));
            let text = format!("no token within {timeout:?}{}", status.unwrap_or_default());
            Err(LoginFailure { why: VaultError::new(kind, text), status: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Silent;

    #[async_trait::async_trait]
    impl TokenCredential for Silent {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> Result<AccessToken> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_link_has_a_timeout() {
        let wire = Wire::new(vec![]).unwrap();
        for link in Identity::Chain.links(None).unwrap() {
            let failure = ask(&wire, link, &Silent, &["scope"], None).await.unwrap_err();
            let text = format!("no token within {:?}", link.timeout());
            assert_eq!(failure.why.message(), text);
        }
    }
}
