//! The providers.

use std::{sync::Arc, time::Duration};

use azure_core::credentials::TokenCredential;
use azure_security_keyvault_secrets::SecretClient;
use mstr_credentials::{CredentialError, FetchSecret, FetchedSecret, FetchedValue, SecretValue};

use crate::{Identity, options::Options, vault::Vault};

/// A secret of a vault, fetched at every resolve: `key_vault("https://prod.vault.azure.net", "mstr")`.
///
/// For one that is fetched once for several fields use [`KeyVaultSecret`].
///
/// ```
/// use mstr_credentials::Credential;
/// use mstr_credentials_azure::key_vault;
///
/// let password: Credential = key_vault("https://prod.vault.azure.net", "mstr-password").into();
/// let secret = key_vault("https://prod.vault.azure.net", "mstr");
/// let field: Credential = secret.field("password").into();
/// # let _ = (password, field);
/// ```
pub fn key_vault(vault: impl Into<String>, name: impl Into<String>) -> KeyVaultValue {
    KeyVaultValue::from(Options::new(vault.into(), name.into()))
}

/// A secret that is fetched at every resolve: made by [`key_vault`].
///
/// Nothing is fetched or checked when it is made. The client of the SDK is made at the first resolve
/// and kept; clones share it.
#[derive(Clone, Debug)]
pub struct KeyVaultValue(FetchedValue<Options>);

/// A secret that is fetched once for all of its fields, and again when it is
/// [invalidated](mstr_credentials::SecretProvider::invalidate).
///
/// Nothing is fetched or checked when it is made. The client of the SDK is made at the first fetch
/// and kept; clones share it, and the value. What serves when the vault is down is told at
/// [`CachedSecret`](mstr_credentials::CachedSecret).
///
/// ```
/// use mstr_credentials::Credential;
/// use mstr_credentials_azure::KeyVaultSecret;
///
/// let login = KeyVaultSecret::new("https://prod.vault.azure.net", "mstr");
/// let username: Credential = login.field("username").into();
/// let password: Credential = login.field("password").into();
/// # let _ = (username, password);
/// ```
///
/// # Errors
///
/// Resolving gives a [`CredentialError`] that names the secret; [`CredentialError::vault_error`]
/// tells why.
#[derive(Clone, Debug)]
pub struct KeyVaultSecret(FetchedSecret<Options>);

impl KeyVaultSecret {
    /// The secret `name` of a vault such as `https://prod.vault.azure.net`.
    pub fn new(vault: impl Into<String>, name: impl Into<String>) -> Self {
        Self::from(Options::new(vault.into(), name.into()))
    }

    /// A secret by its identifier, as the portal copies it:
    /// `https://prod.vault.azure.net/secrets/NAME`, with `/VERSION` for one version.
    pub fn from_id(id: impl AsRef<str>) -> Self {
        Self::from(Options::from_id(id.as_ref()))
    }
}

impl KeyVaultValue {
    /// A secret by its identifier, as the portal copies it
    /// ([`KeyVaultSecret::from_id`]).
    pub fn from_id(id: impl AsRef<str>) -> Self {
        Self::from(Options::from_id(id.as_ref()))
    }
}

mstr_credentials::fetched_providers!(KeyVaultSecret, KeyVaultValue, Options);

macro_rules! options {
    ($provider:ident) => {
        impl $provider {
            /// One version, instead of the newest.
            #[must_use]
            pub fn version(self, version: impl Into<String>) -> Self {
                self.with(|options| options.version = Some(version.into()))
            }

            /// One link of the chain, instead of the first that is configured. A service should
            /// say so: see [`Identity`].
            #[must_use]
            pub fn identity(self, identity: Identity) -> Self {
                self.with(|options| options.identity = identity)
            }

            /// The client id: of a user-assigned managed identity, of the application of a
            /// workload identity or of a service principal. Default: `AZURE_CLIENT_ID`.
            #[must_use]
            pub fn client_id(self, id: impl Into<String>) -> Self {
                self.with(|options| options.client_id = Some(id.into()))
            }

            /// The tenant that tokens come from, by its id or domain. Default: `AZURE_TENANT_ID`;
            /// for `az` and `azd` the tenant of the vault.
            #[must_use]
            pub fn tenant_id(self, id: impl Into<String>) -> Self {
                self.with(|options| options.tenant_id = Some(id.into()))
            }

            /// Any credential of the SDK, instead of the chain. It brings its own timeouts;
            /// the overall one holds in any case.
            #[must_use]
            pub fn credential(self, credential: Arc<dyn TokenCredential>) -> Self {
                self.with(|options| options.credential = Some(credential))
            }

            /// A client of the SDK, with all that it was made with: vault, identity and endpoint
            /// of this provider are not used.
            #[must_use]
            pub fn client(self, client: Arc<SecretClient>) -> Self {
                self.with(|options| options.client = Some(client))
            }

            /// Where the vault is asked, while it goes by its own name: a private gateway, an
            /// emulator. An https URL, or http on loopback.
            #[must_use]
            pub fn endpoint(self, url: impl Into<String>) -> Self {
                self.with(|options| options.endpoint = Some(url.into()))
            }

            /// Where tokens come from; else `AZURE_AUTHORITY_HOST`, else what the vault's host
            /// tells. An https URL, or http on loopback.
            #[must_use]
            pub fn authority(self, url: impl Into<String>) -> Self {
                self.with(|options| options.authority = Some(url.into()))
            }

            /// Timeout of one fetch with all that it needs, tokens and retries too.
            /// Default: 30 s.
            #[must_use]
            pub fn with_timeout(self, timeout: Duration) -> Self {
                self.with(|options| options.timeout = timeout)
            }
        }
    };
}

options!(KeyVaultSecret);
options!(KeyVaultValue);

impl FetchSecret for Options {
    type Client = Vault;

    fn name(&self) -> String {
        Self::name(self)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn client(&self) -> Vault {
        Vault::new(self.clone())
    }

    async fn fetch(&self, vault: &Vault) -> Result<SecretValue, CredentialError> {
        vault.fetch().await
    }
}
