//! Functions of the request pipeline for the conformance runner and the fuzz targets.
//!
//! They call the code that requests use. They are not part of the public API.
#![allow(missing_docs, reason = "hidden: only for the tests of this workspace")]

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use crate::login::TOKEN;
use crate::login_machine::LoginMachine;
use crate::{CookieInfo, Error, Result, RetryPolicy};

/// Scheme, host, and the port unless it is the default port of the scheme.
pub fn origin(url: &str) -> Option<(String, String, Option<u16>)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((url.scheme().to_owned(), host, url.port()))
}

/// The URL in the form for logs.
pub fn redact_url(url: &str) -> Option<String> {
    Some(crate::url::redact(&Url::parse(url).ok()?))
}

/// Returns `true` for the URL of an authentication endpoint.
pub fn is_auth_url(url: &str) -> bool {
    // the pipeline passes only the path
    crate::url::is_auth_path(url.split(['?', '#']).next().unwrap_or_default())
}

/// The delay before a retry, counted from 1.
pub fn retry_delay(
    policy: &RetryPolicy,
    retry: u32,
    retry_after: Option<&str>,
) -> Option<Duration> {
    let asked = retry_after.and_then(|text| crate::retry::retry_after(text, SystemTime::now()));
    policy.delay(retry, asked)
}

/// The URL of a call.
pub fn join(base_url: &str, path: &str) -> Result<Url> {
    let base = crate::url::parse_base(base_url)?;
    Ok(crate::url::join(&base, path)?.url)
}

/// The error for an error reply.
pub fn error_of_reply(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    crate::error::from_reply(status, headers, body)
}

/// The token and cookies of a new session after one reply.
#[derive(Debug)]
#[non_exhaustive]
pub struct Learnt {
    pub token: Option<HeaderValue>,
    pub cookies: Vec<CookieInfo>,
    /// The `Cookie` header of a request to `next`.
    pub cookie_header: Option<HeaderValue>,
}

/// Processes a reply of `url`. Returns the data that the session keeps, and the `Cookie` header
/// that it sends to `next`, a URL of the same origin.
pub fn learn(url: &Url, headers: &HeaderMap, next: &Url) -> Learnt {
    let machine = LoginMachine::default();
    let login = machine.current();
    login.jar.store(url, headers);
    if let Some(token) = headers.get(&TOKEN) {
        machine.rotate(&login, token);
    }
    let login = machine.current();
    Learnt {
        token: login.token.clone(),
        cookies: login.jar.list(),
        cookie_header: login.jar.header(next),
    }
}
