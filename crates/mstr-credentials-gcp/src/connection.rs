//! The client of the SDK, and the runtime that it lives with.

use std::{fmt, time::Duration};

use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_secretmanager_v1::client::SecretManagerService;
use mstr_credentials::VaultError;
use tokio::{runtime, sync::Mutex};

use crate::{failure::explain_build, login, options::Options};

/// Makes a client when there is none, when the one that there is belongs to another runtime, and
/// after it was forgotten.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<(runtime::Id, SecretManagerService)>>);

impl Connection {
    pub(crate) async fn client(
        &self,
        options: &Options,
    ) -> Result<SecretManagerService, VaultError> {
        if let Some(client) = &options.client {
            return Ok(client.clone());
        }
        // held while it is made: others wait for that
        let mut made = self.0.lock().await;
        let here = runtime::Handle::current().id();
        if let Some((runtime, client)) = &*made
            && *runtime == here
        {
            return Ok(client.clone());
        }
        let client = build(options).await?;
        *made = Some((here, client.clone()));
        Ok(client)
    }

    /// Credentials that failed once stay broken: the next client gets new ones.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

async fn build(options: &Options) -> Result<SecretManagerService, VaultError> {
    let retry = Aip194Strict.with_attempt_limit(3).with_time_limit(Duration::from_secs(10));
    let mut builder = SecretManagerService::builder()
        .with_credentials(login::credentials(options)?)
        .with_attempt_timeout(Duration::from_secs(5))
        .with_retry_policy(retry);
    if let Some(endpoint) = options.endpoint() {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().await.map_err(|error| explain_build(&error))
}
