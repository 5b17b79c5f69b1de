//! Core of a client for the MicroStrategy (Strategy) Library REST API: the session, how it logs
//! in, the road of every request, and the one error type.
//!
//! Most users want the crate `mstr-rest`, which adds typed endpoints, a prelude and a blocking
//! session. This one is for building on: it names no endpoint beyond those of the session itself.
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
//! [`Auth`] says the mode: user name and password, LDAP, API key, trusted, identity token,
//! anonymous, any other mode of the server, or a session that exists already.
//!
//! # Closing
//! [`with_session`] logs out whatever happens. [`AuthenticatedSession`] is the guard underneath.
//! [`settle`] waits for logouts in the background before a program ends. A process that is killed
//! leaves its session to the server's idle limit.
//!
//! # One road
//! Every request of every crate is a [`Call`]: inert until it is awaited, and sent by the same
//! code. Token, cookies and all `X-MSTR*` headers go to the origin of the base URL only, behind
//! redirects too.
//!
//! # Hours, not minutes
//! [`SessionBuilder::relogin`] logs an expired session in again, once for all who meet it;
//! [`SessionBuilder::keep_alive`] keeps an idle one; [`RetryPolicy`] says what is sent again.
//! None of them is on unless asked for.
//!
//! # Errors
//! [`Error`] keeps everything that the server sent; [`ErrorKind`] says what to do about it.
//!
//! # TLS
//! Feature `rustls` brings aws-lc-rs and the platform's certificate verifier;
//! `rustls-no-provider` uses the crypto provider that the application installs. Without either,
//! only `http` works.
//!
//! # Secrets
//! Tokens, passwords and cookies appear in no `Debug`, `Display`, log line or error. The memory of
//! the login body is wiped; the buffers of the HTTP and TLS stack are not.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod body;
mod builder;
mod call;
mod cookies;
mod defaults;
mod error;
mod exchange;
mod execute;
mod guard;
mod keep_alive;
mod login;
mod login_options;
mod projects;
mod renew;
mod request;
mod response;
mod retry;
mod saved;
mod session;
mod state;
mod time;
mod trace;
mod transport;
mod url;

pub use auth::Auth;
pub use body::Body;
pub use builder::SessionBuilder;
pub use call::{Call, CallFuture};
pub use cookies::{CookieInfo, Cookies};
pub use error::{Error, ErrorKind, Result};
pub use guard::{AuthenticatedSession, settle, try_with_session, with_session};
pub use login_options::Locale;
pub use projects::ProjectIndex;
pub use response::{Reply, Response};
pub use retry::RetryPolicy;
pub use saved::{SavedCookie, SavedSession};
pub use session::Session;

pub use mstr_credentials::{
    Credential, CredentialError, ExposeSecret, SecretProvider, SecretString,
};

/// The rules of the road as functions, for the conformance runner: what it checks is what requests
/// go through. No part of the public contract.
#[doc(hidden)]
pub mod __conformance {
    use std::time::{Duration, SystemTime};

    use crate::RetryPolicy;

    /// Scheme, host, and the port unless it is the scheme's own.
    pub fn origin(url: &str) -> Option<(String, String, Option<u16>)> {
        let url = ::url::Url::parse(url).ok()?;
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some((url.scheme().to_owned(), host, url.port()))
    }

    /// The URL as logs show it.
    pub fn redact_url(url: &str) -> Option<String> {
        Some(crate::url::redact(&::url::Url::parse(url).ok()?))
    }

    /// Whether it is an authentication endpoint.
    pub fn is_auth_url(url: &str) -> bool {
        // a request passes its path alone
        crate::url::is_auth_path(url.split(['?', '#']).next().unwrap_or_default())
    }

    /// The wait before a retry, counted from 1.
    pub fn retry_delay(
        policy: &RetryPolicy,
        retry: u32,
        retry_after: Option<&str>,
    ) -> Option<Duration> {
        let asked = retry_after.and_then(|text| crate::retry::retry_after(text, SystemTime::now()));
        policy.delay(retry, asked)
    }
}
