//! The protocol stub, and providers that speak to it.
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::Arc;

use azure_core::{
    Result,
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    time::{Duration, OffsetDateTime},
};
use mstr_cloud_stub::{Azure, Reply, Responder};
use mstr_credentials_azure::{KeyVaultSecret, KeyVaultValue, key_vault};

/// A vault that goes by this name is served on loopback.
pub(crate) const VAULT: &str = "https://v.vault.azure.net";

pub(crate) struct Stub {
    pub(crate) azure: Azure,
    pub(crate) server: Responder,
}

impl Default for Stub {
    fn default() -> Self {
        let azure = Azure::default();
        let answering = azure.clone();
        let server = Responder::start(move |request| {
            answering.answer(request).unwrap_or_else(|| Reply::status(404))
        });
        Self { azure, server }
    }
}

impl Stub {
    pub(crate) fn secret(&self, name: &str) -> KeyVaultSecret {
        KeyVaultSecret::new(VAULT, name)
            .credential(Arc::new(Token(self.azure.token())))
            .endpoint(self.server.url())
    }

    pub(crate) fn value(&self, name: &str) -> KeyVaultValue {
        key_vault(VAULT, name)
            .credential(Arc::new(Token(self.azure.token())))
            .endpoint(self.server.url())
    }
}

/// A token that is there already.
#[derive(Debug)]
pub(crate) struct Token(pub(crate) String);

#[async_trait::async_trait]
impl TokenCredential for Token {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        let expires = OffsetDateTime::now_utc() + Duration::hours(1);
        Ok(AccessToken::new(Secret::new(self.0.clone()), expires))
    }
}
