//! The contract of all providers, against the stub.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod stub;

use std::time::Duration;

use mstr_cloud_stub::contract::{self, Mood, Vault};
use mstr_credentials::Credential;
use mstr_credentials_vault::VaultSecret;
use stub::Stub;

impl Vault for Stub {
    type Provider = VaultSecret;

    fn name(&self) -> String {
        "secret/prod/mstr".to_owned()
    }

    fn put(&self, text: &str) {
        Self::put(self, "prod/mstr", text);
    }

    fn set(&self, mood: Mood) {
        Self::set(self, mood);
    }

    fn fetches(&self) -> usize {
        Self::fetches(self)
    }

    fn provider(&self, limit: Duration) -> VaultSecret {
        self.secret("prod/mstr").with_timeout(limit)
    }

    fn field(provider: &VaultSecret, field: &str) -> Credential {
        provider.field(field).into()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_but_for_texts_that_are_no_json() {
    let violations = contract::violations(Stub::start).await;
    // an engine holds objects: text without a field is that object
    let others: Vec<_> = violations
        .iter()
        .filter(|violation| violation.check != "the_whole_is_the_text_as_it_is")
        .collect();
    assert!(others.is_empty(), "{others:#?}");
}
