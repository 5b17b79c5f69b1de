//! Connect errors: they tell whether server or proxy failed, and whether a retry can help.

use std::error::Error as StdError;
use std::{fmt, io};

use http::{StatusCode, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::options::{TransportOptions, TransportSecrets};
use super::tls::{self, Rejected};
use crate::{Error, ErrorKind};

/// Finds the proxy of a request. reqwest chooses the proxy and does not report it, so this uses the
/// same matcher with the same settings.
pub(super) struct Proxies(Option<ProxyMatcher>);

struct ProxyMatcher {
    matcher: Matcher,
    from_environment: bool,
}

impl Proxies {
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// The proxy that is set explicitly. The proxy variables of the environment are ignored.
    pub(super) fn explicit(options: &TransportOptions, secrets: &TransportSecrets) -> Self {
        Self::if_used(secrets.proxy.as_ref().map(|url| {
            ProxyMatcher {
                matcher: Matcher::builder()
                    .all(url.expose_secret())
                    .no(options.no_proxy.as_deref().unwrap_or_default())
                    .build(),
                from_environment: false,
            }
        }))
    }

    pub(super) fn new(options: &TransportOptions, secrets: &TransportSecrets) -> Self {
        if secrets.proxy.is_some() || !options.environment_proxies {
            return Self::explicit(options, secrets);
        }
        Self::if_used(Some(ProxyMatcher {
            matcher: Matcher::from_system(),
            from_environment: true,
        }))
    }

    fn if_used(known: Option<ProxyMatcher>) -> Self {
        // most programs have no proxy: then requests need no look-up
        let used = |known: &ProxyMatcher| {
            ["http://probe.invalid", "https://probe.invalid"]
                .iter()
                .any(|url| known.matcher.intercept(&Uri::from_static(url)).is_some())
        };
        Self(known.filter(used))
    }

    pub(super) fn of(&self, url: &Url) -> Option<Proxy> {
        let known = self.0.as_ref()?;
        let target = crate::url::origin(url).parse::<Uri>().ok()?;
        let uri = known.matcher.intercept(&target)?.uri().to_string();
        let url = Url::parse(&uri).ok()?;
        Some(Proxy { url, from_environment: known.from_environment })
    }
}

/// A proxy. Errors name it without its user name and password.
pub(super) struct Proxy {
    url: Url,
    from_environment: bool,
}

impl Proxy {
    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The error for a proxy that rejected user name or password.
    pub(super) fn rejected_login(&self) -> Error {
        rejected_login(Some(self))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::url::origin(&self.url))?;
        if self.from_environment { f.write_str(" of the environment") } else { Ok(()) }
    }
}

fn rejected_login(proxy: Option<&Proxy>) -> Error {
    let proxy = named(proxy);
    let message = format!(
        "{proxy} rejected the login (407): check the user name and password in the proxy URL"
    );
    Error::new(ErrorKind::Connect, message)
        .with_status(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
        .into_final()
}

fn named(proxy: Option<&Proxy>) -> String {
    proxy.map_or_else(|| "the proxy".to_owned(), |proxy| format!("the proxy {proxy}"))
}

/// The cause of a failed connection, as far as reqwest reports it.
pub(super) struct Failed {
    pub(super) is_dns: bool,
    pub(super) is_timeout: bool,
    pub(super) is_https: bool,
}

/// Makes the error of a request that could not connect to `origin` through `proxy`. `error` becomes
/// the source.
pub(super) fn connect_error(
    error: impl StdError + Send + Sync + 'static,
    failed: &Failed,
    origin: &str,
    proxy: Option<&Proxy>,
) -> Error {
    let tunnel = causes(&error).find_map(|cause| {
        let text = cause.to_string();
        text.strip_prefix("tunnel error: ").map(str::to_owned)
    });
    let target = match (tunnel.as_deref(), proxy) {
        (Some("proxy authorization required"), proxy) => return rejected_login(proxy),
        (Some("unsuccessful"), proxy) => {
            let message = format!(
                "{} did not connect to {origin}: the proxy does not allow this host, or cannot \
                 reach it",
                named(proxy)
            );
            return Error::with_source(ErrorKind::Connect, message, error);
        }
        // a request to an http server is sent to the proxy itself
        (Some(_), proxy) => named(proxy),
        (None, Some(proxy)) if !failed.is_https => named(Some(proxy)),
        (None, Some(proxy)) if failed.is_timeout => format!("{origin} through the proxy {proxy}"),
        (None, _) => origin.to_owned(),
    };
    let failure = |why: &str, error| {
        Error::with_source(ErrorKind::Connect, format!("cannot connect to {target}{why}"), error)
    };
    if failed.is_dns {
        return failure(": the host name cannot be resolved", error);
    }
    if failed.is_timeout {
        return failure(": the connect timeout has passed", error);
    }
    let rejected = causes(&error).find_map(tls::rejected);
    match rejected {
        Some(Rejected::NoRoots(error)) => return error,
        Some(Rejected::Because { why, hint }) => {
            let error = failure(&format!(": {why}"), error).into_final();
            return match hint {
                Some(hint) => error.with_note(hint),
                None => error,
            };
        }
        None => {}
    }
    let refused = causes(&error).any(is_refused);
    failure(if refused { ": the connection was refused" } else { "" }, error)
}

fn is_refused(cause: &(dyn StdError + 'static)) -> bool {
    let error = cause.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The chain of an error and its sources. [`io::Error::source`] skips the error inside the
/// `io::Error`; this chain includes it.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => error.source(),
        }
    })
}
