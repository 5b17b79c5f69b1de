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
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use crate::{
    Identity, cloud,
    environment::variable,
    wire::{Wire, is_tenant},
};

/// What the links are made of, besides the environment.
pub(crate) struct Surroundings {
    pub(crate) wire: Arc<Wire>,
    pub(crate) cloud: Arc<CloudConfiguration>,
    /// Instead of `AZURE_CLIENT_ID`.
    pub(crate) client_id: Option<String>,
    /// Instead of `AZURE_TENANT_ID`.
    pub(crate) tenant_id: Option<String>,
}

/// Where the metadata service is, unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` says otherwise, as it
/// does for the Python peer.
pub(crate) const IMDS: &str = "http://169.254.169.254";
pub(crate) const IMDS_OVERRIDE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

const PROBE: Duration = Duration::from_secs(1);

impl Surroundings {
    fn client(&self) -> Result<Option<String>> {
        self.client_id.clone().map_or_else(|| variable("AZURE_CLIENT_ID"), |id| Ok(Some(id)))
    }

    /// Whose token endpoint is asked.
    fn tenant(&self) -> Result<Option<String>> {
        self.tenant_id.clone().map_or_else(tenant_variable, |id| Ok(Some(id)))
    }

    /// The tenant for a tool where somebody is logged in: the vault takes tokens of its own tenant
    /// only, and a guest's home tenant is another one.
    fn tenant_for_tools(&self) -> Result<Option<String>> {
        match self.tenant_id.clone().or_else(|| self.wire.challenge_tenant()) {
            Some(tenant) => Ok(Some(tenant)),
            None => tenant_variable(),
        }
    }

    fn options(&self) -> ClientOptions {
        ClientOptions { cloud: Some(Arc::clone(&self.cloud)), ..self.wire.options() }
    }
}

/// The SDK's own errors would repeat what it is.
fn tenant_variable() -> Result<Option<String>> {
    match variable("AZURE_TENANT_ID")? {
        Some(tenant) if !is_tenant(&tenant) => {
            let what = "AZURE_TENANT_ID is neither an id nor a domain";
            Err(Error::with_message(ErrorKind::Credential, what))
        }
        tenant => Ok(tenant),
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

    /// Makes its credential. One that is `demanded` is the only one: there is no other link to go on
    /// to, so nothing has to find out whether this one is there.
    pub(crate) async fn credential(self, around: &Surroundings, demanded: bool) -> Made {
        match self {
            Self::Environment | Self::Chain => by_secret(around),
            Self::WorkloadIdentity => workload(around),
            Self::ManagedIdentity => managed(around, demanded).await,
            Self::AzureCli => {
                let tenant_id = around.tenant_for_tools()?;
                let options = AzureCliCredentialOptions { tenant_id, ..Default::default() };
                made(AzureCliCredential::new(Some(options)))
            }
            Self::AzureDeveloperCli => {
                let tenant_id = around.tenant_for_tools()?;
                let options =
                    AzureDeveloperCliCredentialOptions { tenant_id, ..Default::default() };
                made(AzureDeveloperCliCredential::new(Some(options)))
            }
        }
    }
}

/// Why a link has no credential.
pub(crate) enum Unusable {
    /// Nothing says that it should, or the SDK cannot: why.
    NotConfigured(String),
    Broken(Error),
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

type Made = std::result::Result<Arc<dyn TokenCredential>, Unusable>;

fn made<T: TokenCredential + 'static>(credential: Result<Arc<T>>) -> Made {
    Ok(credential?)
}

fn not_all_set(last: &str) -> Unusable {
    Unusable::NotConfigured(format!("AZURE_TENANT_ID, AZURE_CLIENT_ID, {last} are not all set"))
}

fn by_secret(around: &Surroundings) -> Made {
    let (tenant, client) = (around.tenant()?, around.client()?);
    let secret = variable("AZURE_CLIENT_SECRET")?;
    let (Some(tenant), Some(client)) = (tenant, client) else {
        return Err(not_all_set("AZURE_CLIENT_SECRET"));
    };
    let Some(secret) = secret else {
        // Python would take it, and so not go on to the next link
        if variable("AZURE_CLIENT_CERTIFICATE_PATH")?.is_some() {
            let what = "AZURE_CLIENT_CERTIFICATE_PATH is set: for a certificate hand in a \
                        credential of the SDK";
            return Err(Unusable::Broken(Error::with_message(ErrorKind::Credential, what)));
        }
        return Err(not_all_set("AZURE_CLIENT_SECRET"));
    };
    let options = ClientSecretCredentialOptions { client_options: around.options() };
    made(ClientSecretCredential::new(&tenant, client, Secret::new(secret), Some(options)))
}

fn workload(around: &Surroundings) -> Made {
    let (tenant, client) = (around.tenant()?, around.client()?);
    let file = variable("AZURE_FEDERATED_TOKEN_FILE")?;
    let (Some(tenant), Some(client), Some(file)) = (tenant, client, file) else {
        return Err(not_all_set("AZURE_FEDERATED_TOKEN_FILE"));
    };
    let options = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions { client_options: around.options() },
        client_id: Some(client),
        tenant_id: Some(tenant),
        token_file_path: Some(PathBuf::from(file)),
    };
    made(WorkloadIdentityCredential::new(Some(options)))
}

async fn managed(around: &Surroundings, demanded: bool) -> Made {
    if let Some(platform) = unsupported()? {
        let what = format!("Azure's SDK for Rust does not support that of {platform}");
        return Err(Unusable::NotConfigured(what));
    }
    let app_service = variable("IDENTITY_ENDPOINT")?;
    if app_service.as_ref().is_some_and(|url| Url::parse(url).is_err()) {
        // the SDK's error would repeat it
        let what = "IDENTITY_ENDPOINT is no URL";
        return Err(Unusable::Broken(Error::with_message(ErrorKind::Credential, what)));
    }
    if app_service.is_none() && !demanded && !imds_answers(around).await? {
        let what = "no IDENTITY_ENDPOINT, and no metadata service answers";
        return Err(Unusable::NotConfigured(what.to_owned()));
    }
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: around.client()?.map(UserAssignedId::ClientId),
        client_options: around.options(),
    };
    made(ManagedIdentityCredential::new(Some(options)))
}

/// The platform, if the SDK has no managed identity for it. It tells them apart by these variables.
fn unsupported() -> Result<Option<&'static str>> {
    let set = |name| Ok::<_, Error>(variable(name)?.is_some());
    Ok(if set("IDENTITY_ENDPOINT")? {
        match (set("IDENTITY_HEADER")?, set("IDENTITY_SERVER_THUMBPRINT")?, set("IMDS_ENDPOINT")?) {
            (true, true, _) => Some("Service Fabric"),
            (false, _, true) => Some("Azure Arc"),
            _ => None,
        }
    } else if set("MSI_ENDPOINT")? {
        Some(if set("MSI_SECRET")? { "Azure ML" } else { "Cloud Shell" })
    } else {
        None
    })
}

/// Asks without the header that would get a token: a metadata service refuses that. That something
/// takes connections at its address proves nothing. One that is in trouble is there.
async fn imds_answers(around: &Surroundings) -> Result<bool> {
    let Some(base) = imds(variable(IMDS_OVERRIDE)?) else { return Ok(false) };
    let Ok(url) = base.join("/metadata/identity/oauth2/token") else { return Ok(false) };
    let status = tokio::time::timeout(PROBE, around.wire.probe(&url)).await;
    Ok(matches!(status, Ok(Some(400 | 410 | 429 | 500..=599))))
}

/// Where the metadata service is.
pub(crate) fn imds(instead: Option<String>) -> Option<Url> {
    let url = Url::parse(&instead.unwrap_or_else(|| IMDS.to_owned())).ok()?;
    // it is asked in clear, for tokens
    cloud::is_local(&url).then_some(url)
}
