//! One fetch.

use std::{
    panic::AssertUnwindSafe,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use google_cloud_secretmanager_v1::{
    client::SecretManagerService, model::AccessSecretVersionResponse,
};
use mstr_credentials::{CredentialError, SecretValue, VaultError, VaultErrorKind as Kind};
use tokio::{runtime::Handle, time::Instant};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{
    connection::Connection,
    failure::{Again, again, explain, explain_login},
    options::Options,
};

/// How long a metadata server is looked for where nothing answers.
const LOOKING: Duration = Duration::from_secs(10);

/// A secret and the client that gets it.
#[derive(Debug)]
pub(crate) struct Manager {
    options: Options,
    connection: Connection,
}

/// How far a fetch has come: what an error at its timeout tells.
#[derive(Default)]
struct Progress {
    waiting_for: String,
    /// Why the last token was not to be had.
    failure: Option<VaultError>,
}

impl Manager {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, connection: Connection::default() }
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
        let progress = Mutex::default();
        // Without a subscriber: with GOOGLE_CLOUD_RUST_LOGGING=true the SDK logs the whole reply.
        let get = self.get(&progress).with_subscriber(NoSubscriber::default());
        // credentials panic when the runtime that they were made in is gone
        let get = AssertUnwindSafe(get).catch_unwind();
        let outcome = match tokio::time::timeout(timeout, get).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(other("the SDK panicked: is the runtime of the credentials gone?")),
            Err(_) => Err(late(timeout, &lock(&progress))),
        };
        let broken = [Kind::NoCredentials, Kind::Unreachable, Kind::Throttled];
        if outcome.as_ref().is_err_and(|why| broken.contains(&why.kind())) {
            // credentials that failed stay broken, and those that hang may hang for good
            self.connection.forget().await;
        }
        value(outcome?)
    }

    async fn get(
        &self,
        progress: &Mutex<Progress>,
    ) -> Result<AccessSecretVersionResponse, VaultError> {
        let client = self.client(progress).await?;
        let at = self.options.endpoint().map(|url| format!(" at {url}")).unwrap_or_default();
        *lock(progress) = Progress { waiting_for: format!("Secret Manager{at}"), failure: None };
        let request = client.access_secret_version().set_name(self.options.resource());
        request.send().await.map_err(|error| explain(&error))
    }

    /// A client whose credentials have a token. The SDK asks for one only once, so that a single
    /// failure of a metadata server or a token endpoint would fail the login.
    async fn client(&self, progress: &Mutex<Progress>) -> Result<SecretManagerService, VaultError> {
        let started = Instant::now();
        for pause in pauses() {
            let made = self.connection.made(&self.options).await?;
            let Some(credentials) = made.credentials else { return Ok(made.client) };
            lock(progress).waiting_for = format!("a token of {}", made.login);
            // one that hangs is asked twice
            let headers = credentials.headers(http::Extensions::new());
            let failure = match tokio::time::timeout(self.options.timeout / 2, headers).await {
                Ok(Ok(_)) => return Ok(made.client),
                Ok(Err(error)) => {
                    let failure = explain_login(&error);
                    match again(&error) {
                        Again::Never => return Err(failure),
                        Again::ForAWhile if started.elapsed() >= LOOKING => return Err(failure),
                        Again::ForAWhile | Again::Always => Some(failure),
                    }
                }
                Err(_) => None,
            };
            lock(progress).failure = failure;
            self.connection.forget().await;
            tokio::time::sleep(pause).await;
        }
        // `pauses` has no end
        Err(other("no token"))
    }
}

/// How long to wait before the next token is asked for: half a second, then twice as long each time,
/// up to four seconds.
fn pauses() -> impl Iterator<Item = Duration> {
    std::iter::successors(Some(Duration::from_millis(500)), |pause| {
        Some((*pause * 2).min(Duration::from_secs(4)))
    })
}

fn late(timeout: Duration, progress: &Progress) -> VaultError {
    let kind = progress.failure.as_ref().map_or(Kind::Unreachable, VaultError::kind);
    let failure = progress.failure.as_ref().map(|failure| format!(": {failure}"));
    let waiting_for = match progress.waiting_for.as_str() {
        "" => String::new(),
        what => format!(", waiting for {what}{}", failure.unwrap_or_default()),
    };
    VaultError::new(kind, format!("no answer within {timeout:?}{waiting_for}"))
}

fn lock(progress: &Mutex<Progress>) -> std::sync::MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
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
