//! Core of a client for the MicroStrategy (Strategy) Library REST API: the session, how it logs
//! in, how requests are sent, and the error type.
//!
//! Most programs use the crate `mstr-rest`, which adds typed endpoints, a prelude and a blocking
//! session. Build on this crate to write a client of your own: it contains no endpoints except
//! those of the session itself.
//!
//! # Quick start
//!
//! ```no_run
//! use mstr_rest_core::{Auth, Credential, Session, with_session};
//!
//! # async fn example() -> mstr_rest_core::Result<()> {
//! let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
//!     .auth(Auth::standard("dave", Credential::env("MSTR_PASSWORD")));
//! let user: serde_json::Value = with_session(builder, async |session| {
//!     session.get("sessions/userInfo").decode().await
//! })
//! .await?;
//! println!("{}", user["fullName"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Authentication
//! [`Auth`] selects the login mode: user name and password, LDAP, API key, trusted, identity token,
//! anonymous, any other mode of the server, or an existing session.
//!
//! # Closing
//! [`with_session`] logs out when its work ends, with or without an error. [`AuthenticatedSession`]
//! is the guard that it uses. [`settle`] waits for logouts in the background before a program ends.
//!
//! | end of the work | session |
//! | --- | --- |
//! | [`with_session`]: `Ok`, `Err`, a panic that unwinds | logged out, awaited |
//! | its future is dropped: a timeout, `select!`, an aborted task | logged out in the background: call [`settle`] before the runtime ends |
//! | [`AuthenticatedSession::close`] | logged out, awaited |
//! | the guard is dropped inside a runtime | logged out in the background: call [`settle`] before the runtime ends |
//! | the guard is dropped outside a runtime, or the runtime ends first | not logged out: it ends at the server's idle timeout (default: 30 minutes) |
//! | `std::process::exit`, `panic = "abort"`, a signal without a handler | not logged out: it ends at the server's idle timeout |
//!
//! A service that is stopped by a signal handles the signal and drops its work. The example handles
//! ctrl-c. Schedulers and containers send `SIGTERM`: add a branch with `tokio::signal::unix`.
//!
//! ```no_run
//! use mstr_rest_core::{Auth, Credential, Session, settle, with_session};
//!
//! # async fn work(_: Session) -> mstr_rest_core::Result<()> { Ok(()) }
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> mstr_rest_core::Result<()> {
//!     let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
//!         .auth(Auth::standard("dave", Credential::env("MSTR_PASSWORD")));
//!     let outcome = tokio::select! {
//!         outcome = with_session(builder, work) => outcome,
//!         _ = tokio::signal::ctrl_c() => Ok(()),
//!     };
//!     settle().await;
//!     outcome
//! }
//! ```
//!
//! # Errors
//! [`Error`] keeps everything that the server sent. [`ErrorKind`] is the value to match on.
//!
//! # Retries and long-running sessions
//! - [`SessionBuilder::relogin`] logs in again when the session has expired. One login serves all
//!   calls that receive the error.
//! - [`SessionBuilder::keep_alive`] keeps an idle session alive.
//! - [`RetryPolicy`] decides which requests are repeated.
//!
//! All three are off by default.
//!
//! # Credentials
//! Every parameter for a secret accepts a [`Credential`]: a text, or a secret provider that is
//! called when a login needs the secret. Tokens, passwords and cookies appear in no `Debug`,
//! `Display`, log line or error. The memory of the login body is wiped; the buffers of the HTTP and
//! TLS stack are not.
//!
//! # Features
//! | feature | adds |
//! | --- | --- |
//! | `rustls` | TLS with aws-lc-rs and the platform's certificate verifier |
//! | `rustls-no-provider` | TLS with the crypto provider that the application installs |
//! | `iserver-codes` | [`Error::iserver_name`], from a table of 9,441 names |
//! | `reqwest-hook` | `SessionBuilder::configure_http`, outside semver |
//!
//! All are off by default. Without a TLS feature, only `http` URLs work.
//!
//! # Testing
//! A [`Call`] can be inspected before it is sent: [`Call::method`], [`Call::url`], [`Call::curl`].
//! The crate `mstr-sim` is a server for tests.
//!
//! # The request pipeline
//! Every request of every crate is a [`Call`]. A call does nothing until it is awaited, and all
//! calls are sent by the same code. Token, cookies and all `X-MSTR*` headers are sent to the base
//! origin (the origin of the base URL) only, also after redirects. The session keeps the token of a
//! reply and its cookies; it keeps no other header.
#![cfg_attr(docsrs, feature(doc_cfg))]

// The layers, lowest first. A file imports from its own layer and from lower ones only, and no two
// files import each other (except `error` and its `classify`): `cargo xtask tidy` checks it. The
// first line of each file says what it contains.

// Layer 1, values that the other layers use. No file of this layer sends a request.
mod auth;
mod background;
mod body;
mod cookies;
mod decode;
mod error;
mod idle_clock;
mod login;
mod login_options;
mod login_store;
mod multipart;
mod nesting;
mod principal;
mod projects;
mod retry;
mod secrets;
mod signal;
mod single_flight;
mod snapshot;
mod timeouts;
mod url;

// Layer 2, the wire: one request, one exchange, one reply.
mod attempts;
mod defaults;
mod request;
mod response;
mod trace;
mod transport;

// Layer 3, the engine: the login machine and the request pipeline.
mod authenticate;
mod client;
mod exchange;
mod execute;
mod keep_alive;
mod login_machine;
mod relogin;
mod send;
mod transition;

// Layer 4, the handles: the public types that users hold.
mod builder;
mod call;
mod call_future;
mod guard;
mod scope;
mod session;

// For the tests of this workspace.
#[cfg(test)]
mod model;
mod testing;
#[cfg(test)]
mod tests;

pub use auth::Auth;
pub use background::settle;
pub use body::Body;
pub use builder::SessionBuilder;
pub use call::Call;
pub use call_future::CallFuture;
pub use cookies::{CookieInfo, Cookies, SavedCookie};
pub use error::{Error, ErrorKind, Result};
pub use guard::AuthenticatedSession;
pub use login_options::Locale;
pub use login_store::{LoginStore, LoginStoreFuture};
pub use multipart::{Multipart, Part};
pub use projects::{ProjectIndex, ProjectIndexIter};
pub use response::{Response, StreamingResponse};
pub use retry::RetryPolicy;
pub use scope::{try_with_session, with_session};
pub use session::Session;
pub use snapshot::SessionSnapshot;

pub use mstr_credentials::{Credential, CredentialError, SecretProvider, SecretString};

#[doc(hidden)]
pub mod __testing {
    pub use crate::testing::*;
}
