//! Credentials for the MicroStrategy (Strategy) REST client from Azure Key Vault.
//!
//! ```
//! use mstr_credentials::Credential;
//! use mstr_credentials_azure::{Identity, KeyVaultSecret};
//!
//! let login = KeyVaultSecret::new("https://prod.vault.azure.net", "mstr")
//!     .identity(Identity::ManagedIdentity);
//! let username = Credential::from(login.field("username"));
//! let password = Credential::from(login.field("password")); // one fetch for both
//! # let _ = (username, password);
//! ```
//!
//! [`key_vault`] fetches at every resolve; [`KeyVaultSecret`] once, until it is invalidated, which a
//! session does before it logs in again. Nothing is fetched when they are made.
//!
//! # Time
//!
//! One timeout, 30 seconds unless set, holds for everything that a fetch does. A request may take 3
//! seconds to connect and 10 between two packets; the SDK makes three of them.
//!
//! # Who asks: the chain
//!
//! Unless told otherwise, the identity is looked for in the order of Python's
//! `DefaultAzureCredential`. The Rust SDK has no such chain; this is ours. The first link that is
//! configured decides:
//!
//! | link | configured by | its failure | timeout |
//! | --- | --- | --- | --- |
//! | [`Identity::Environment`] | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET` | is the error | 15 s |
//! | [`Identity::WorkloadIdentity`] | `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_FEDERATED_TOKEN_FILE` | is the error | 15 s |
//! | [`Identity::ManagedIdentity`] | `IDENTITY_ENDPOINT` (App Service), or a metadata service (IMDS) that answers within 1 s | is the error, unless the machine has no identity | 15 s |
//! | [`Identity::AzureCli`] | `az` logged in | next | 13 s |
//! | [`Identity::AzureDeveloperCli`] | `azd` logged in | next | 13 s |
//!
//! The link that gave a token serves from then on. `AZURE_TOKEN_CREDENTIALS` narrows the chain as it
//! does in Python: `prod` (the first three), `dev` (the last two), or one name such as
//! `ManagedIdentityCredential`. A link that is the only one is not looked for first: it is asked, and
//! its failure is the error.
//!
//! [`client_id`](KeyVaultSecret::client_id) takes the place of `AZURE_CLIENT_ID` in all links, and
//! [`tenant_id`](KeyVaultSecret::tenant_id) that of `AZURE_TENANT_ID`. `az` and `azd` are asked for a
//! token of the vault's tenant, as its challenge names it, unless `tenant_id` is set. A variable that
//! is not valid Unicode is an error.
//!
//! The chain differs from `DefaultAzureCredential` in these points:
//!
//! * A managed identity that is there and gives no token ends the chain. Falling from a managed
//!   identity to a developer's login changes who you are.
//! * The managed identities of Cloud Shell, Azure ML, Azure Arc and Service Fabric are not supported
//!   by the Rust SDK. There, the chain goes on to `az`.
//! * `AZURE_CLIENT_CERTIFICATE_PATH` is an error; `AZURE_USERNAME` and `AZURE_PASSWORD` are ignored.
//! * There is no Azure PowerShell, no Visual Studio Code, no shared token cache and no broker.
//!
//! A service should demand its link: [`identity`](KeyVaultSecret::identity). Any other credential of
//! the SDK can be handed in: [`credential`](KeyVaultSecret::credential).
//!
//! Requests to loopback and link-local addresses, where metadata services are, go to no proxy.
//!
//! # Clouds
//!
//! The vault's host tells the cloud, and so where tokens come from: `vault.azure.net`,
//! `vault.azure.cn`, `vault.usgovcloudapi.net`. `AZURE_AUTHORITY_HOST` has the last word. A vault
//! whose challenge asks for a token of another domain than its own gets none.
//!
//! # References
//!
//! ```text
//! azure-kv:https://VAULT-HOST/NAME [?OPTIONS] [#FIELD]
//! azure-kv:https://VAULT-HOST/secrets/NAME[/VERSION] [?OPTIONS] [#FIELD]
//! ```
//!
//! The second form is a secret identifier as the portal copies it.
//!
//! | option | meaning |
//! | --- | --- |
//! | `version` | one version; else the newest |
//! | `identity` | one link: `environment`, `workload-identity`, `managed-identity`, `azure-cli`, `azure-developer-cli` |
//! | `client_id` | instead of `AZURE_CLIENT_ID` |
//! | `tenant_id` | instead of `AZURE_TENANT_ID`, and of the vault's tenant for `az` and `azd` |
//! | `endpoint` | where the vault is asked: `https`, or `http` on loopback |
//! | `authority` | where tokens come from: the same |
//! | `ttl` | after which time it is fetched anew: `15m`; else not until it is invalidated |
//!
//! [`register`] adds the scheme to a registry. Two references with the same vault, name and options
//! share one fetch.
//!
//! # Errors
//!
//! They name the secret; [`CredentialError::vault_error`](mstr_credentials::CredentialError::vault_error)
//! has the kind, and the code and message of the service. A secret that is disabled counts as
//! denied. Replies that cannot be read, what token endpoints answer, and the output of programs are
//! never quoted; Entra's codes (`AADSTS..`) are told. The SDK logs nothing while a secret is fetched.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod chain;
mod cloud;
mod environment;
mod failure;
mod identity;
mod links;
mod login_failure;
mod options;
mod reference;
mod secret;
mod vault;
mod wire;

/// The SDK's `TokenCredential`, which [`credential`](KeyVaultSecret::credential) takes.
pub use azure_core;
/// The SDK's credentials.
pub use azure_identity;
/// The SDK whose client [`KeyVaultSecret::client`] takes.
pub use azure_security_keyvault_secrets as sdk;

pub use identity::Identity;
pub use reference::register;
pub use secret::{KeyVaultSecret, KeyVaultValue, key_vault};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
