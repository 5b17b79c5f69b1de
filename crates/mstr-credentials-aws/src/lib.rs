//! Credentials for the MicroStrategy (Strategy) REST client from AWS Secrets Manager and Systems
//! Manager Parameter Store.
//!
//! ```no_run
//! # #[cfg(feature = "secrets-manager")] {
//! use mstr_credentials::Credential;
//! use mstr_credentials_aws::SecretsManagerSecret;
//!
//! let login = SecretsManagerSecret::new("prod/mstr").region("eu-west-1");
//! let username = Credential::from(login.field("username"));
//! let password = Credential::from(login.field("password")); // one fetch for both
//! # }
//! ```
//!
//! # What is asked
//!
//! | | at every resolve | once, until invalidated |
//! | --- | --- | --- |
//! | Secrets Manager | `secrets_manager` | `SecretsManagerSecret` |
//! | Parameter Store | `parameter_store` | `ParameterStoreValues`, `ParameterStoreValues::path`, `ParameterStoreValue::cached` |
//!
//! Credentials of AWS, region, profiles and roles are found by the SDK's default chain, or come in a
//! configuration or a client of your own. The SDK's client is made when the first secret is fetched,
//! and kept. A secret whose id is an ARN is asked for in the region of the ARN.
//!
//! # Time
//!
//! One timeout, 30 seconds unless set, holds for everything that a fetch does: metadata services,
//! credential processes, all attempts. An attempt may take 3 seconds to connect and 8 to answer; the
//! SDK makes three of them.
//!
//! # Errors
//!
//! They name the secret; [`CredentialError::vault_error`](mstr_credentials::CredentialError::vault_error)
//! has the kind, and the code and message that AWS gave. The SDK's own errors hold the raw reply,
//! which can be the secret: they are neither printed nor chained, and the SDK's log is silenced
//! while a secret is fetched.
//!
//! Where AWS credentials failed, the error says why: the code and message of `AssumeRole`,
//! `AssumeRoleWithWebIdentity` or `GetRoleCredentials`, the exit status of a process, the path of a
//! token file, the status of a container endpoint or metadata service, `aws sso login` with the
//! profile. What a process printed, a body and a token are never told. A token service that cannot
//! be reached is [`Unreachable`](mstr_credentials::VaultErrorKind::Unreachable).
//!
//! Region and credentials that were not found, or were not accepted, are looked for again by the
//! next fetch, files and profiles too.
//!
//! # Network
//!
//! AWS is asked through the proxy of `HTTPS_PROXY`. Metadata services, container endpoints and
//! loopback are asked without one. HTTP without TLS to anything but those is an error, by whatever
//! option, variable or profile it was named: the secret would cross the network in clear.
//!
//! `AWS_CA_BUNDLE`, or `ca_bundle` of the profile, is a file with the certificate authorities to
//! trust instead of those of the system. Without any CA certificates the SDK would panic; here it is
//! an error. A profile's `services` section may be spelled as AWS spells it (`secrets_manager =`).
//!
//! None of this holds for a configuration or a client that you bring.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod arn;
#[cfg(feature = "ssm")]
mod batch;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod classify;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod connection;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod http;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod login;
#[cfg(feature = "ssm")]
mod parameter_path;
#[cfg(feature = "ssm")]
mod parameter_store;
#[cfg(feature = "ssm")]
mod parameter_values;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod reference;
#[cfg(feature = "secrets-manager")]
mod secrets_manager;

/// The AWS SDK's configuration: what [`sdk_config`](SecretsManagerSecret::sdk_config) takes.
pub use aws_config;
#[cfg(feature = "secrets-manager")]
#[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
pub use aws_sdk_secretsmanager;
#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use aws_sdk_ssm;

#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use parameter_path::ParameterStorePath;
#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use parameter_store::{ParameterStoreValue, parameter_store};
#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use parameter_values::{ParameterStoreField, ParameterStoreValues};
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
pub use reference::register;
#[cfg(feature = "secrets-manager")]
#[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
pub use secrets_manager::{SecretsManagerSecret, SecretsManagerValue, secrets_manager};

#[cfg(all(doctest, feature = "secrets-manager", feature = "ssm"))]
#[doc = include_str!("../README.md")]
struct Readme;
