//! One fetch.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use google_cloud_secretmanager_v1::model::AccessSecretVersionResponse;
use mstr_credentials::{CredentialError, SecretValue, VaultError, VaultErrorKind as Kind};
use tokio::runtime::Handle;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{connection::Connection, failure::explain, options::Options};

/// A secret and the client that gets it.
#[derive(Debug)]
pub(crate) struct Manager {
    options: Options,
    connection: Connection,
}

impl Manager {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { options, connection: Connection::default() })
    }

    pub(crate) async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let value = self.value().await;
        value.map_err(|why| CredentialError::vault(&self.options.name(), why))
    }

    async fn value(&self) -> Result<SecretValue, VaultError> {
        self.options.check().map_err(other)?;
        if Handle::try_current().is_err() {
            return Err(other("it is not resolved inside of a tokio runtime"));
        }
        let timeout = self.options.timeout;
        // Without a subscriber: with GOOGLE_CLOUD_RUST_LOGGING=true the SDK logs the whole reply.
        let get = self.get().with_subscriber(NoSubscriber::default());
        // credentials panic when the runtime that they were made in is gone
        let get = AssertUnwindSafe(get).catch_unwind();
        let outcome = match tokio::time::timeout(timeout, get).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(other("the SDK panicked: is the runtime of the credentials gone?")),
            Err(_) => {
                Err(VaultError::new(Kind::Unreachable, format!("no answer within {timeout:?}")))
            }
        };
        if outcome.as_ref().is_err_and(|why| why.kind() == Kind::NoCredentials) {
            self.connection.forget().await;
        }
        value(outcome?)
    }

    async fn get(&self) -> Result<AccessSecretVersionResponse, VaultError> {
        let client = self.connection.client(&self.options).await?;
        let request = client.access_secret_version().set_name(self.options.resource());
        request.send().await.map_err(|error| explain(&error))
    }
}

/// The reply is never formatted: its `Debug` shows the secret.
fn value(reply: AccessSecretVersionResponse) -> Result<SecretValue, VaultError> {
    let payload = reply.payload.ok_or_else(|| other("the reply has no payload"))?;
    // the SDK does not look at it
    let checksum = payload.data_crc32c;
    if checksum.is_some_and(|sum| sum != i64::from(crc32c::crc32c(&payload.data))) {
        return Err(other("the payload does not match its checksum"));
    }
    Ok(SecretValue::from(&*payload.data))
}

fn other(text: &str) -> VaultError {
    VaultError::new(Kind::Other, text)
}
