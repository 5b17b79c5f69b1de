//! One fetch: the client, made once, and what it said.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azure_core::{
    cloud::CloudConfiguration,
    credentials::TokenCredential,
    http::{ClientOptions, Url},
};
use azure_security_keyvault_secrets::{
    SecretClient, SecretClientOptions,
    models::{Secret, SecretClientGetSecretOptions},
};
use mstr_credentials::{CredentialError, SecretValue, VaultError, VaultErrorKind as Kind};
use tokio::runtime::Handle;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{
    chain::Chain,
    cloud,
    environment::variable,
    failure::explain,
    links::{IMDS, IMDS_OVERRIDE, Surroundings, imds},
    options::{Options, Urls},
    wire::Wire,
};

/// A secret in its vault.
#[derive(Debug)]
pub(crate) struct Vault {
    options: Options,
    made: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    client: Arc<SecretClient>,
    /// None for a client that was handed in.
    wire: Option<Arc<Wire>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl Vault {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, made: Mutex::default() }
    }

    pub(crate) async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let secret = self.secret().await;
        let name = self.options.name();
        match secret.map_err(|why| CredentialError::vault(&name, why))?.value {
            Some(value) => Ok(value.into()),
            None => Err(CredentialError::new(format!("{name} has no value"))),
        }
    }

    async fn secret(&self) -> Result<Secret, VaultError> {
        let urls = self.options.check().map_err(|what| VaultError::new(Kind::Other, what))?;
        if Handle::try_current().is_err() {
            let what = "it is not resolved inside of a tokio runtime";
            return Err(VaultError::new(Kind::Other, what));
        }
        let connection = self.connect(&urls)?;
        let timeout = self.options.timeout;
        // Without a subscriber: the SDK logs requests and errors, and what it leaves out of them is up
        // to its version.
        let get = self.get(&connection).with_subscriber(NoSubscriber::default());
        match tokio::time::timeout(timeout, get).await {
            Ok(outcome) => outcome.map_err(explain),
            Err(_) => Err(late(timeout, connection.wire.as_deref(), &urls)),
        }
    }

    async fn get(&self, connection: &Connection) -> azure_core::Result<Secret> {
        let options = SecretClientGetSecretOptions {
            secret_version: self.options.version.clone(),
            ..SecretClientGetSecretOptions::default()
        };
        connection.client.get_secret(&self.options.name, Some(options)).await?.into_model()
    }

    fn connect(&self, urls: &Urls) -> Result<Connection, VaultError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*made {
            return Ok(connection.clone());
        }
        let connection = match &self.options.client {
            Some(client) => Connection { client: Arc::clone(client), wire: None },
            None => connection(&self.options, urls)?,
        };
        *made = Some(connection.clone());
        Ok(connection)
    }
}

/// What an error at the timeout tells: what was waited for.
fn late(timeout: Duration, wire: Option<&Wire>, urls: &Urls) -> VaultError {
    if wire.and_then(Wire::last_status) == Some(429) {
        return VaultError::new(Kind::Throttled, format!("no other answer within {timeout:?}"));
    }
    let waiting_for = match wire.and_then(Wire::waiting_for) {
        Some(link) => format!("a token of {}", link.name()),
        None => {
            let url = urls.endpoint.as_ref().unwrap_or(&urls.vault);
            format!("the vault at {}", url.as_str().trim_end_matches('/'))
        }
    };
    let text = format!("no answer within {timeout:?}, waiting for {waiting_for}");
    VaultError::new(Kind::Unreachable, text)
}

fn connection(options: &Options, urls: &Urls) -> Result<Connection, VaultError> {
    let variable = |name| variable(name).map_err(explain);
    let host = urls.vault.host_str().unwrap_or_default();
    let (cloud, authority) = authority(urls, host, variable("AZURE_AUTHORITY_HOST")?)?;
    let mut elsewhere = Vec::new();
    if let Some(endpoint) = &urls.endpoint {
        elsewhere.push((urls.vault.clone(), endpoint.clone()));
    }
    if let Some(authority) = authority.filter(|url| url.scheme() == "http") {
        elsewhere.push((cloud::secure(&authority), authority));
    }
    if let (Some(url), Ok(meant)) = (imds(variable(IMDS_OVERRIDE)?), Url::parse(IMDS)) {
        elsewhere.push((meant, url));
    }
    let wire = Wire::new(elsewhere).map_err(|error| {
        let why: Vec<String> =
            VaultError::sources(&error).skip(1).map(ToString::to_string).collect();
        let text = format!("no HTTPS client (are there CA certificates?): {}", why.join(": "));
        VaultError::new(Kind::Other, text)
    })?;
    let credential: Arc<dyn TokenCredential> = match &options.credential {
        Some(credential) => Arc::clone(credential),
        None => {
            let around = Surroundings {
                wire: Arc::clone(&wire),
                cloud: Arc::clone(&cloud),
                client_id: options.client_id.clone(),
                tenant_id: options.tenant_id.clone(),
            };
            Arc::new(Chain::new(options.identity, around).map_err(explain)?)
        }
    };
    let client_options = ClientOptions { cloud: Some(cloud), ..wire.options() };
    let client = SecretClient::new(
        urls.vault.as_str(),
        credential,
        Some(SecretClientOptions { client_options, ..SecretClientOptions::default() }),
    );
    Ok(Connection { client: Arc::new(client.map_err(explain)?), wire: Some(wire) })
}

/// Where tokens come from: the option, else the environment, else what the vault's host tells.
fn authority(
    urls: &Urls,
    host: &str,
    variable: Option<String>,
) -> Result<(Arc<CloudConfiguration>, Option<Url>), VaultError> {
    let url = match (&urls.authority, variable) {
        (Some(url), _) => url.clone(),
        (None, None) => return Ok((Arc::new(cloud::of_vault(host)), None)),
        (None, Some(text)) => {
            // Python takes a bare host too
            let text = if text.contains("://") { text } else { format!("https://{text}") };
            cloud::endpoint(&text).ok_or_else(|| {
                VaultError::new(Kind::Other, "AZURE_AUTHORITY_HOST is no https URL")
            })?
        }
    };
    Ok((cloud::with_authority(&url), Some(url)))
}
