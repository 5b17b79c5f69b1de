//! The protocol stub, and providers that speak to it.
#![allow(dead_code, reason = "each test uses a part")]

use google_cloud_auth::{
    credentials::{CacheableResource, Credentials, CredentialsProvider, EntityTag},
    errors::CredentialsError,
};
use mstr_cloud_stub::{Gcp, Reply, Responder};
use mstr_credentials_gcp::{SecretManagerSecret, SecretManagerValue, secret_manager};

pub(crate) struct Stub {
    pub(crate) gcp: Gcp,
    pub(crate) server: Responder,
}

impl Default for Stub {
    fn default() -> Self {
        let gcp = Gcp::default();
        let answering = gcp.clone();
        let server = Responder::start(move |request| {
            answering.answer(request).unwrap_or_else(|| Reply::status(404))
        });
        Self { gcp, server }
    }
}

impl Stub {
    pub(crate) fn secret(&self, id: &str) -> SecretManagerSecret {
        SecretManagerSecret::new("p", id)
            .credentials(Credentials::from(Token))
            .endpoint(self.server.url())
    }

    pub(crate) fn value(&self, id: &str) -> SecretManagerValue {
        secret_manager("p", id).credentials(Credentials::from(Token)).endpoint(self.server.url())
    }
}

/// A token that is there already.
#[derive(Debug)]
pub(crate) struct Token;

impl CredentialsProvider for Token {
    async fn headers(
        &self,
        _: http::Extensions,
    ) -> Result<CacheableResource<http::HeaderMap>, CredentialsError> {
        let token = http::HeaderValue::from_static("Bearer google-token-0");
        let data = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, token)]);
        Ok(CacheableResource::New { entity_tag: EntityTag::new(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
