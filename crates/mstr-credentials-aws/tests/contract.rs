//! Both services hold to the contract of all providers.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::time::Duration;

use common::{NAME, Stub, sdk_config};
use mstr_cloud_stub::contract::{self, Mood, Vault};
use mstr_credentials::{CachedSecret, Credential};
use mstr_credentials_aws::{SecretsManagerSecret, parameter_store};

struct Secrets(Stub);

impl Vault for Secrets {
    type Provider = SecretsManagerSecret;

    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn put(&self, text: &str) {
        self.0.put(text);
    }

    fn set(&self, mood: Mood) {
        self.0.set(mood);
    }

    fn fetches(&self) -> usize {
        self.0.server.count()
    }

    fn provider(&self, limit: Duration) -> SecretsManagerSecret {
        SecretsManagerSecret::new(NAME)
            .sdk_config(sdk_config())
            .endpoint(self.0.server.url())
            .with_timeout(limit)
    }

    fn field(provider: &SecretsManagerSecret, field: &str) -> Credential {
        provider.field(field).into()
    }
}

struct Parameters(Stub);

impl Vault for Parameters {
    type Provider = CachedSecret;

    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn put(&self, text: &str) {
        self.0.put(text);
    }

    fn set(&self, mood: Mood) {
        self.0.set(mood);
    }

    fn fetches(&self) -> usize {
        self.0.server.count()
    }

    fn provider(&self, limit: Duration) -> CachedSecret {
        parameter_store(NAME)
            .sdk_config(sdk_config())
            .endpoint(self.0.server.url())
            .with_timeout(limit)
            .cached()
    }

    fn field(provider: &CachedSecret, field: &str) -> Credential {
        provider.field(field).into()
    }
}

#[tokio::test]
async fn secrets_manager_holds() {
    contract::assert_holds(|| Secrets(Stub::new())).await;
}

#[tokio::test]
async fn parameter_store_holds() {
    contract::assert_holds(|| Parameters(Stub::new())).await;
}
