//! Credentials for the MicroStrategy (Strategy) REST client from Google Secret Manager.
//!
//! ```
//! use mstr_credentials::Credential;
//! use mstr_credentials_gcp::SecretManagerSecret;
//!
//! let login = SecretManagerSecret::new("my-project", "mstr");
//! let username = Credential::from(login.field("username"));
//! let password = Credential::from(login.field("password")); // one fetch for both
//! # let _ = (username, password);
//! ```
//!
//! [`secret_manager`] fetches at every resolve; [`SecretManagerSecret`] once, until it is
//! invalidated, which a session does before it logs in again. Nothing is fetched when they are made.
//!
//! # Who asks
//!
//! Application Default Credentials, as Google's libraries find them: the file that
//! `GOOGLE_APPLICATION_CREDENTIALS` names, else what `gcloud auth application-default login` left,
//! else the metadata server of the machine. Or one of these, by methods:
//! [`credentials_file`](SecretManagerSecret::credentials_file),
//! [`credentials`](SecretManagerSecret::credentials), [`client`](SecretManagerSecret::client).
//!
//! The file of `gcloud` is `application_default_credentials.json` in `CLOUDSDK_CONFIG`, else in its
//! usual folder. Google's SDK for Rust supports service accounts, users, impersonation and workload
//! identity federation (`external_account`). It does not support `external_account_authorized_user`
//! (`gcloud` with workforce identity federation).
//!
//! # Time
//!
//! One timeout, 30 seconds unless set, holds for everything that a fetch does:
//! [`with_timeout`](SecretManagerSecret::with_timeout). When a metadata server or a token endpoint
//! fails (status 5xx, 408 or 429, a closed connection) or does not answer within half of that time, it
//! is asked again while there is time, after 0.5, 1, 2 and then every 4 seconds. Where no metadata
//! server answers at all and nothing else is set up, the search ends after 10 seconds. The service
//! gets 10 seconds for an answer, three times.
//!
//! # Proxies
//!
//! Google's SDK sends requests to the metadata server to `HTTP_PROXY` as well. With that variable,
//! set `NO_PROXY=metadata.google.internal,169.254.169.254` too.
//!
//! # References
//!
//! ```text
//! gcp-sm:projects/PROJECT[/locations/LOCATION]/secrets/ID[/versions/VERSION] [?OPTIONS] [#FIELD]
//! ```
//!
//! `//secretmanager.googleapis.com/` may stand before `projects`, as in full resource names.
//!
//! | option | meaning |
//! | --- | --- |
//! | `version` | a number or an alias; `latest` unless given here or in the path |
//! | `credentials_file` | the path of a key file or a login |
//! | `quota_project` | the project that is billed for a user's login |
//! | `endpoint` | where the service is asked: `https`, or `http` on loopback |
//! | `ttl` | after which time it is fetched anew: `15m`; else not until it is invalidated |
//!
//! [`register`] adds the scheme to a registry. Two references with the same path and options share
//! one fetch.
//!
//! # Runtimes
//!
//! Credentials of Google's SDK live with the tokio runtime that they were made in. A provider that
//! is resolved in another one makes its client anew. What was handed in cannot be made anew: when
//! its runtime is gone, resolving gives an error.
//!
//! # Errors
//!
//! They name the secret; [`CredentialError::vault_error`](mstr_credentials::CredentialError::vault_error)
//! has the kind, and the code and message of the service. A version that is disabled counts as
//! denied. Replies, files and the output of programs are never quoted. Google's SDK logs nothing
//! while a secret is fetched, also with `GOOGLE_CLOUD_RUST_LOGGING=true`. The checksum of a payload is verified.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
mod failure;
mod login;
mod manager;
mod options;
mod reference;
mod secret;
mod words;

/// Google's credentials: what [`credentials`](SecretManagerSecret::credentials) takes.
pub use google_cloud_auth;
/// The SDK whose client [`SecretManagerSecret::client`] takes.
pub use google_cloud_secretmanager_v1 as sdk;

pub use reference::register;
pub use secret::{SecretManagerSecret, SecretManagerValue, secret_manager};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
