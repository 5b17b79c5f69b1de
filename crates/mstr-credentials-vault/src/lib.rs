//! Credentials for the MicroStrategy (Strategy) REST client from HashiCorp Vault and OpenBao.
//!
//! ```
//! use mstr_credentials::Credential;
//! use mstr_credentials_vault::kv;
//!
//! let login = kv("secret", "prod/mstr");
//! let username = Credential::from(login.field("username"));
//! let password = Credential::from(login.field("password")); // one fetch for both
//! # let _ = (username, password);
//! ```
//!
//! A secret of a KV version 2 engine (`GET /v1/MOUNT/data/PATH`) is fetched once, and again after it
//! was invalidated, which a session does before it logs in again. Nothing is fetched when it is
//! made. The HTTP requests are made here: there is no SDK below.
//!
//! # Who asks
//!
//! A [token](VaultSecret::token), an [AppRole](VaultSecret::app_role) or the
//! [service account](VaultSecret::kubernetes) of a Kubernetes pod. Unless one of them is set, the
//! first of these that is there:
//!
//! 1. `VAULT_TOKEN`
//! 2. `VAULT_ROLE_ID` and `VAULT_SECRET_ID`, a login by AppRole
//! 3. the file `.vault-token` in the home directory, where `vault login` and `bao login` leave a token
//!
//! With none of them, a vault on loopback is asked without a token: a Vault Agent that has logged in adds
//! its own (`use_auto_auth_token`).
//!
//! The token of a login is kept and used until nine tenths of its time are over. A token that the
//! vault refuses before that (it was revoked, or used up) is replaced by one new login. Tokens are
//! not renewed, and not revoked at the end: give the role a short time to live.
//!
//! # Environment
//!
//! Read at every fetch, as the commands `vault` and `bao` read it. An option goes before its variable,
//! and a variable that begins with `BAO_` before the one that begins with `VAULT_`. Empty counts as
//! not set.
//!
//! | variable | option |
//! | --- | --- |
//! | `VAULT_ADDR` | [`address`](VaultSecret::address); there is no default |
//! | `VAULT_NAMESPACE` | [`namespace`](VaultSecret::namespace) |
//! | `VAULT_TOKEN` | [`token`](VaultSecret::token) |
//! | `VAULT_ROLE_ID`, `VAULT_SECRET_ID` | [`app_role`](VaultSecret::app_role); the commands do not know these |
//! | `VAULT_CACERT_BYTES`, `VAULT_CACERT` | [`ca_file`](VaultSecret::ca_file) |
//!
//! Not read: `VAULT_SKIP_VERIFY`, `VAULT_CAPATH`, `VAULT_CLIENT_CERT`, `VAULT_TLS_SERVER_NAME`,
//! `VAULT_AGENT_ADDR` and token helpers. `HTTPS_PROXY` and `NO_PROXY` are; on loopback there is no
//! proxy.
//!
//! # Time
//!
//! One timeout, 30 seconds unless set, holds for everything that a fetch does. A request that fails
//! to connect, or that gets 412, 429 or 5xx (a sealed vault too), is sent up to two more times, after
//! about 0.2 and 0.4 s or the time that `Retry-After` says, if that is within the timeout.
//!
//! # The network
//!
//! * http is refused unless the vault is on loopback, as a Vault Agent is; see
//!   [`allow_plain_http`](VaultSecret::allow_plain_http).
//! * A standby node answers 307 with the address of the active one. That is followed once, and only
//!   to the very same path, and to https (or to http on loopback, where http was asked). The active
//!   node gets the token, and its certificate is checked like the first. No other redirect is
//!   followed.
//!
//! # References
//!
//! ```text
//! vault:MOUNT/PATH [?OPTIONS] [#FIELD]
//! ```
//!
//! `MOUNT` is the first segment. The path of the API, `secret/data/prod/mstr`, is understood as well:
//! everything before the first `/data/` is the mount then.
//!
//! | option | meaning |
//! | --- | --- |
//! | `mount` | the mount, where it has several segments; the body is the path alone |
//! | `version` | a version, counted from 1; else the newest |
//! | `address` | the address of the vault |
//! | `namespace` | the namespace |
//! | `kubernetes_role` | a login with the service account of the pod, under this role |
//! | `service_account_token` | the file with the token of the service account |
//! | `auth_mount` | where the auth method is mounted, without `auth/` |
//! | `ca_file` | a PEM file of CA certificates |
//! | `allow_plain_http` | `true`: http is allowed off loopback |
//! | `ttl` | after which time it is fetched anew: `15m`; else not until it is invalidated |
//!
//! [`register`] adds the scheme to a registry. Two references with the same path and options share one
//! fetch.
//!
//! # Errors
//!
//! They name the secret; [`CredentialError::vault_error`](mstr_credentials::CredentialError::vault_error)
//! has the kind, the HTTP status as code, and what the vault said (`errors` of its reply, which holds
//! no secret). A version that is deleted or destroyed counts as not found. Bodies are never quoted.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod failure;
mod fetch;
mod login;
mod options;
mod reference;
mod secret;
mod settings;
mod wire;

pub use reference::register;
pub use secret::{VaultSecret, kv};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
