//! The contract of all providers, against the protocol stub.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::time::Duration;

use mstr_cloud_stub::contract::{Mood, Vault, assert_holds};
use mstr_credentials::Credential;
use mstr_credentials_gcp::SecretManagerSecret;
use stub::Stub;

impl Vault for Stub {
    type Provider = SecretManagerSecret;

    fn name(&self) -> String {
        "mstr".to_owned()
    }

    fn put(&self, text: &str) {
        self.gcp.put("projects/p/secrets/mstr", text);
    }

    fn set(&self, mood: Mood) {
        self.gcp.set(mood);
    }

    fn fetches(&self) -> usize {
        self.gcp.fetches()
    }

    fn provider(&self, limit: Duration) -> SecretManagerSecret {
        self.secret("mstr").with_timeout(limit)
    }

    fn field(provider: &SecretManagerSecret, field: &str) -> Credential {
        provider.field(field).into()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds() {
    assert_holds(Stub::default).await;
}
