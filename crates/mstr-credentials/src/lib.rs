//! Credentials for the MicroStrategy (Strategy) REST client: secrets from literals, closures, the
//! environment, files, commands and vaults.
//!
//! A [`Credential`] is a secret, or where to get it. It is resolved when a session logs in, and
//! again at every later login, so that a rotated password is picked up. Nothing here ever prints a
//! secret: not in `Debug`, not in errors, not in logs.
//!
//! # Quick start
//!
//! ```
//! use mstr_credentials::{Credential, CredentialError};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), CredentialError> {
//! let username = Credential::env_or("MSTR_USERNAME", "guest"); // read when it is needed
//! let password = Credential::from("s3cret"); // text is a literal
//!
//! assert_eq!(password.resolve().await?.expose_secret(), "s3cret");
//! assert_eq!(format!("{password:?}"), "Credential(literal)");
//! # assert!(!username.resolve().await?.expose_secret().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Where secrets come from
//!
//! | from | write | read |
//! | --- | --- | --- |
//! | text | `"..".into()`, of any text type or [`SecretString`] | – |
//! | environment | [`Credential::env`], [`Credential::env_or`], [`EnvVar`] | at every resolve |
//! | a file | [`Credential::file`], [`SecretFile`] | at every resolve |
//! | a systemd unit | [`SystemdCredential`] | at every resolve |
//! | the operating system's keyring (feature `keyring`) | `SecretKeyring` | at every resolve |
//! | a command | [`Credential::command`], [`SecretCommand`] | at every resolve |
//! | a closure | [`Credential::from_fn`], [`Credential::from_async_fn`] | at every resolve |
//! | one secret with several fields | [`CachedSecret`] | once, until invalidated |
//! | a text that names one of these | [`References`] | as it says |
//! | your own type | [`SecretProvider`] | as you like |
//!
//! AWS, Azure and Google Cloud have crates of their own that build on this one.
//!
//! # References
//!
//! Settings, command lines and environment variables hold text. A reference is a text that says
//! where a secret is, so that the secret itself need not be there:
//!
//! ```
//! use mstr_credentials::References;
//!
//! let references = References::default();
//! for text in [
//!     "env:MSTR_PASSWORD",
//!     "file:/run/secrets/mstr.json#password",
//!     "cmd:op read op://prod/mstr/password",
//! ] {
//!     assert!(references.credential(text).is_ok());
//! }
//!
//! // a mistake is not repeated: it may be a password
//! let error = references.credential("hunter2").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "not a credential reference: known schemes: cmd, env, file, keyring, systemd",
//! );
//! ```
//!
//! The grammar is that of [`Reference`]; [`References::register`] and
//! [`References::register_secret`] add schemes.
//!
//! # Several fields in one secret
//!
//! Vaults like to keep user name and password together, as a JSON object. [`CachedSecret`] wraps any
//! fetch and hands out fields; however many are resolved at once, it fetches once. The rules for
//! fields are those of [`SecretValue::field`].
//!
//! ```
//! use mstr_credentials::{CachedSecret, Credential, CredentialError};
//!
//! let login = CachedSecret::new("vault secret prod/mstr", || async {
//!     Ok::<_, CredentialError>(r#"{"username": "dave", "password": "s3cret"}"#)
//! });
//! let username: Credential = login.field("username").into();
//! let password: Credential = login.field("password").into();
//! # let _ = (username, password);
//! ```
//!
//! # Rotation
//!
//! [`Credential::invalidate`] tells a source that what it has cached is not to be trusted; a session
//! calls it on all of its credentials before it logs in again. The next resolve then fetches. What
//! serves when the source happens to be down at that moment is told at [`CachedSecret`]. Sources
//! that read at every resolve need none of this.
//!
//! # Your own source
//!
//! Usually a closure will do. A type that implements [`SecretProvider`] has a `Debug` of its own and
//! can cache; see there for what it owes its callers.
//!
//! # What is wiped
//!
//! Secrets are kept in [`SecretString`], and buffers of this crate are wiped when they are dropped.
//! Not wiped is what this crate does not control: the environment of the process, the pages of files, the pipe to
//! a command, the buffers of a vault's client.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod blocking;
mod cached;
mod closure;
mod command;
mod credential;
mod env;
mod error;
mod fetched;
mod field;
mod file;
#[cfg(feature = "keyring")]
mod keyring;
mod provider;
mod reference;
mod registry;
mod secret_string;
mod systemd;
mod urls;
mod value;
mod vault;

pub use cached::{CachedSecret, SecretField};
pub use closure::IntoSecret;
pub use command::SecretCommand;
pub use credential::Credential;
pub use env::EnvVar;
pub use error::CredentialError;
pub use fetched::{FetchSecret, FetchedSecret, FetchedValue};
pub use file::SecretFile;
#[cfg(feature = "keyring")]
#[cfg_attr(docsrs, doc(cfg(feature = "keyring")))]
pub use keyring::SecretKeyring;
/// The stores that [`SecretKeyring::with`] takes.
#[cfg(feature = "keyring")]
#[cfg_attr(docsrs, doc(cfg(feature = "keyring")))]
pub use keyring_core;
pub use provider::SecretProvider;
pub use reference::Reference;
pub use registry::References;
pub use secret_string::SecretString;
pub use systemd::SystemdCredential;
pub use value::SecretValue;
pub use vault::{VaultError, VaultErrorKind};

/// The largest secret that is read from a file or a command: 64 KiB.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
