//! One fetch.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use google_cloud_secretmanager_v1::model::AccessSecretVersionResponse;
use mstr_credentials::{CredentialError, SecretValue};
use tokio::runtime::Handle;

use crate::{Failure, connection::Connection, failure::explain, options::Options};

/// A secret and the client that gets it.
#[derive(Debug)]
pub(crate) struct Manager {
    options: Options,
    connection: Connection,
}

type Refused = (Failure, String);

impl Manager {
    pub(crate) fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { options, connection: Connection::default() })
    }

    pub(crate) async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        self.refused_or_value().await.map_err(|(failure, text)| {
            failure.error(&self.options.name(), &text)
        })
    }

    async fn refused_or_value(&self) -> Result<SecretValue, Refused> {
        self.options.check().map_err(|what| (Failure::Other, what.to_owned()))?;
        if Handle::try_current().is_err() {
            return Err(other("it is not resolved inside of a tokio runtime"));
        }
        let limit = self.options.time_limit;
        // credentials panic when the runtime that they were made in is gone
        let get = AssertUnwindSafe(self.get()).catch_unwind();
        let outcome = match tokio::time::timeout(limit, get).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(other("the SDK panicked: is the runtime of the credentials gone?")),
            Err(_) => Err((Failure::Unreachable, format!("no answer within {limit:?}"))),
        };
        if outcome.as_ref().is_err_and(|(failure, _)| *failure == Failure::NoCredentials) {
            self.connection.forget().await;
        }
        value(outcome?)
    }

    async fn get(&self) -> Result<AccessSecretVersionResponse, Refused> {
        let client = self.connection.client(&self.options).await?;
        let request = client.access_secret_version().set_name(self.options.resource());
        request.send().await.map_err(|error| explain(&error))
    }
}

/// The reply is never formatted: its `Debug` shows the secret.
fn value(reply: AccessSecretVersionResponse) -> Result<SecretValue, Refused> {
    let payload = reply.payload.ok_or_else(|| other("the reply has no payload"))?;
    // the SDK does not look at it
    let checksum = payload.data_crc32c;
    if checksum.is_some_and(|sum| sum != i64::from(crc32c::crc32c(&payload.data))) {
        return Err(other("the payload does not match its checksum"));
    }
    Ok(SecretValue::from(&*payload.data))
}

fn other(text: &str) -> Refused {
    (Failure::Other, text.to_owned())
}
