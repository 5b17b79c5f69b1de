//! The links, one after the other.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azure_core::{
    Error, Result,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};

use mstr_credentials::VaultError;

use crate::{
    Identity,
    failure::credential_text,
    links::{Surroundings, Unusable},
};

/// Asks the links in turn, until one has a token or has a reason to be the last.
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
        let selected = around.get("AZURE_TOKEN_CREDENTIALS");
        let links = identity.links(selected.as_deref()).ok_or_else(|| {
            let what = "AZURE_TOKEN_CREDENTIALS is neither prod nor dev nor a credential of ours";
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
        let chosen = self.chosen().clone();
        if let Some((link, credential)) = chosen {
            return ask(link, &*credential, scopes, options, link.timeout()).await;
        }
        let mut tried = Vec::new();
        for link in &self.links {
            let name = link.name();
            let credential = match link.credential(&self.around).await {
                Ok(credential) => credential,
                Err(Unusable::NotConfigured(why)) => {
                    tried.push(format!("{name}: {why}"));
                    continue;
                }
                Err(Unusable::Broken(error)) => return Err(final_error(&[], name, &error)),
            };
            match ask(*link, &*credential, scopes, options.clone(), link.timeout()).await {
                Ok(token) => {
                    *self.chosen() = Some((*link, credential));
                    return Ok(token);
                }
                Err(error) if self.links.len() > 1 && may_go_on(*link, &error) => {
                    let text = credential_text(&error).unwrap_or_else(|| error.to_string());
                    tried.push(format!("{name}: {text}"));
                }
                Err(error) => return Err(final_error(&tried, name, &error)),
            }
        }
        let text = format!("none of the identities can be used: {}", tried.join("; "));
        Err(Error::with_message(ErrorKind::Credential, text))
    }
}

/// A configured link is the last one, but for a metadata service that knows no identity and for
/// tools where nobody is logged in.
fn may_go_on(link: Identity, error: &Error) -> bool {
    match link {
        Identity::AzureCli | Identity::AzureDeveloperCli => true,
        Identity::ManagedIdentity => VaultError::sources(error)
            .filter_map(<dyn std::error::Error>::downcast_ref)
            .any(|error: &Error| {
                let status = match error.kind() {
                    ErrorKind::HttpResponse { status, .. } => u16::from(*status),
                    _ => 0,
                };
                status == 400
            }),
        _ => false,
    }
}

fn final_error(tried: &[String], name: &str, error: &Error) -> Error {
    let text = credential_text(error).unwrap_or_else(|| error.to_string());
    let before = if tried.is_empty() { String::new() } else { format!(" ({})", tried.join("; ")) };
    Error::with_message(ErrorKind::Credential, format!("{name}: {text}{before}"))
}

async fn ask(
    link: Identity,
    credential: &dyn TokenCredential,
    scopes: &[&str],
    options: Option<TokenRequestOptions<'_>>,
    timeout: Duration,
) -> Result<AccessToken> {
    match tokio::time::timeout(timeout, credential.get_token(scopes, options)).await {
        Ok(result) => result,
        Err(_) => {
            let text = format!("{} gave no token within {timeout:?}", link.name());
            Err(Error::with_message(ErrorKind::Credential, text))
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
        for link in Identity::Chain.links(None).unwrap() {
            let error = ask(link, &Silent, &["scope"], None, link.timeout()).await.unwrap_err();
            let text = format!("{} gave no token within {:?}", link.name(), link.timeout());
            assert_eq!(credential_text(&error), Some(text));
        }
    }
}
