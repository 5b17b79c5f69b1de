//! One link of the chain: whether it is configured, and its credential.

use std::{path::PathBuf, sync::Arc, time::Duration};

use azure_core::{
    Error, Result,
    cloud::CloudConfiguration,
    credentials::{Secret, TokenCredential},
    error::ErrorKind,
    http::{ClientOptions, Url},
};
use azure_identity::{
    AzureCliCredential, AzureDeveloperCliCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};

use crate::{Identity, cloud, wire::Wire};

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What the links are made of.
pub(crate) struct Surroundings {
    /// Environment variables.
    pub(crate) variable: Box<Lookup>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) cloud: Arc<CloudConfiguration>,
    pub(crate) client_id: Option<String>,
}

/// Where the metadata service is, unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` says otherwise, as it
/// does for the Python peer.
pub(crate) const IMDS: &str = "http://169.254.169.254";
pub(crate) const IMDS_OVERRIDE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

const PROBE: Duration = Duration::from_secs(1);

impl Surroundings {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn all<const N: usize>(&self, names: [&str; N]) -> Option<[String; N]> {
        let values: Option<Vec<_>> = names.into_iter().map(|name| self.get(name)).collect();
        values?.try_into().ok()
    }

    fn options(&self) -> ClientOptions {
        ClientOptions { cloud: Some(Arc::clone(&self.cloud)), ..self.wire.options() }
    }
}

impl Identity {
    /// Timeout of one request for a token. The SDK has 99 s for a managed identity, and no timeout
    /// for the command line tools.
    pub(crate) fn timeout(self) -> Duration {
        match self {
            Self::AzureCli | Self::AzureDeveloperCli => Duration::from_secs(13),
            _ => Duration::from_secs(15),
        }
    }

    /// Makes its credential.
    pub(crate) async fn credential(self, around: &Surroundings) -> Made {
        match self {
            Self::Environment | Self::Chain => environment(around),
            Self::WorkloadIdentity => workload(around),
            Self::ManagedIdentity => managed(around).await,
            Self::AzureCli => made(AzureCliCredential::new(None)),
            Self::AzureDeveloperCli => made(AzureDeveloperCliCredential::new(None)),
        }
    }
}

/// Why a link has no credential.
pub(crate) enum Unusable {
    /// Nothing says that it should: what is missing.
    NotConfigured(String),
    Broken(Error),
}

type Made = std::result::Result<Arc<dyn TokenCredential>, Unusable>;

fn made<T: TokenCredential + 'static>(credential: Result<Arc<T>>) -> Made {
    match credential {
        Ok(credential) => Ok(credential),
        Err(error) => Err(Unusable::Broken(error)),
    }
}

fn environment(around: &Surroundings) -> Made {
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];
    let Some([tenant, client, secret]) = around.all(names) else {
        // Python would take it, and so not go on to the next link
        if around.all(["AZURE_TENANT_ID", "AZURE_CLIENT_ID"]).is_some()
            && around.get("AZURE_CLIENT_CERTIFICATE_PATH").is_some()
        {
            let what = "AZURE_CLIENT_CERTIFICATE_PATH is set: for a certificate hand in a \
                        credential of the SDK";
            return Err(Unusable::Broken(Error::with_message(ErrorKind::Credential, what)));
        }
        return Err(Unusable::NotConfigured(format!("{} are not all set", names.join(", "))));
    };
    let options = ClientSecretCredentialOptions { client_options: around.options() };
    made(ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options)))
}

fn workload(around: &Surroundings) -> Made {
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"];
    let Some([tenant, client, file]) = around.all(names) else {
        return Err(Unusable::NotConfigured(format!("{} are not all set", names.join(", "))));
    };
    let options = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions { client_options: around.options() },
        client_id: Some(client),
        tenant_id: Some(tenant),
        token_file_path: Some(PathBuf::from(file)),
    };
    made(WorkloadIdentityCredential::new(Some(options)))
}

async fn managed(around: &Surroundings) -> Made {
    let platform =
        ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"].iter().any(|name| around.get(name).is_some());
    if !platform && !imds_answers(around).await {
        let what = "no IDENTITY_ENDPOINT, and no metadata service answers";
        return Err(Unusable::NotConfigured(what.to_owned()));
    }
    let client_id = around.client_id.clone().or_else(|| around.get("AZURE_CLIENT_ID"));
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: client_id.map(UserAssignedId::ClientId),
        client_options: around.options(),
    };
    made(ManagedIdentityCredential::new(Some(options)))
}

/// Asks without the header that would get a token: a metadata service refuses that. That something
/// takes connections at its address proves nothing.
async fn imds_answers(around: &Surroundings) -> bool {
    let Some(base) = imds(around.get(IMDS_OVERRIDE)) else { return false };
    let Ok(url) = base.join("/metadata/identity/oauth2/token") else { return false };
    let status = tokio::time::timeout(PROBE, around.wire.probe(&url)).await;
    matches!(status, Ok(Some(400 | 410 | 429)))
}

/// Where the metadata service is.
pub(crate) fn imds(instead: Option<String>) -> Option<Url> {
    let url = Url::parse(&instead.unwrap_or_else(|| IMDS.to_owned())).ok()?;
    // it is asked in clear, for tokens
    cloud::is_local(&url).then_some(url)
}
