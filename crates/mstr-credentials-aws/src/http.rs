//! The HTTP client of the configurations that are loaded here.
//!
//! It differs from the SDK's default in three things:
//!
//! * Metadata services and container endpoints on this machine or its link are asked without a proxy.
//!   A proxy cannot reach them, and would see their keys.
//! * HTTP without TLS to any other host is an error, whether an option, a variable or a profile names
//!   the endpoint.
//! * The CA bundle of `AWS_CA_BUNDLE` or of the profile is used.

use std::{
    collections::HashMap,
    env, error, fmt, fs,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use http::Uri;
use mstr_credentials::VaultError;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{connection::other, login::Login};

/// Connectors by their timeouts: of connecting, of reading.
type Connectors = HashMap<(Option<Duration>, Option<Duration>), SharedHttpConnector>;

#[derive(Debug)]
pub(crate) struct Client {
    tls: TlsContext,
    connectors: Mutex<Connectors>,
}

impl Client {
    /// # Errors
    /// A CA bundle that cannot be used, or no CA certificates at all: the SDK would panic.
    pub(crate) fn new(login: &Login) -> Result<Self, VaultError> {
        let tls = TlsContext::builder().with_trust_store(trusted(login)?).build();
        let tls = tls.map_err(|_| other("the CA certificates cannot be used"))?;
        Ok(Self { tls, connectors: Mutex::default() })
    }

    fn connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
        proxies: ProxyConfig,
    ) -> Connector {
        let mut builder = Connector::builder()
            .connector_settings(settings.clone())
            .proxy_config(proxies)
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(self.tls.clone());
        builder.set_sleep_impl(components.sleep_impl());
        builder.build()
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let key = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let made = connectors.entry(key).or_insert_with(|| {
            SharedHttpConnector::new(Choice {
                direct: self.connector(settings, components, ProxyConfig::disabled()),
                by_environment: self.connector(settings, components, ProxyConfig::from_env()),
            })
        });
        made.clone()
    }
}

/// A request goes to the server itself, or to the proxy of the environment.
#[derive(Debug)]
struct Choice {
    direct: Connector,
    by_environment: Connector,
}

impl HttpConnector for Choice {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match Place::of(request.uri()) {
            Place::Here => self.direct.call(request),
            Place::Network => self.by_environment.call(request),
            Place::InClear(host) => {
                let refused = ConnectorError::user(Box::new(InClear(host)));
                HttpConnectorFuture::ready(Err(refused))
            }
        }
    }
}

/// Where a URL leads.
#[derive(Debug, PartialEq)]
enum Place {
    /// This machine, or its link.
    Here,
    Network,
    /// The network, without TLS: this host.
    InClear(String),
}

impl Place {
    fn of(url: &str) -> Self {
        let Ok(url) = url.parse::<Uri>() else { return Self::Network };
        let host = url.host().unwrap_or_default();
        if is_here(host) {
            return Self::Here;
        }
        match url.scheme_str() {
            Some("http") => Self::InClear(host.to_owned()),
            _ => Self::Network,
        }
    }
}

/// Loopback; IPv4 link-local, where metadata services and container endpoints are
/// (169.254.169.254, 169.254.170.2, 169.254.170.23); and their IPv6 addresses, in `fd00:ec2::/32`.
fn is_here(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments()[..2] == [0xfd00, 0xec2],
        Err(_) => false,
    }
}

/// A request that was not sent, because anyone on the way could read the secret.
#[derive(Debug)]
pub(crate) struct InClear(String);

impl InClear {
    /// If an endpoint is HTTP without TLS that leads into the network.
    pub(crate) fn of(endpoint: &str) -> Option<Self> {
        match Place::of(endpoint) {
            Place::InClear(host) => Some(Self(host)),
            _ => None,
        }
    }
}

impl fmt::Display for InClear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host) = self;
        write!(
            f,
            "http to {host} would send the secret in clear: name an endpoint with https (http is for \
             loopback)"
        )
    }
}

impl error::Error for InClear {}

/// The certificate authorities: those of the bundle, and no other, or those of the system.
fn trusted(login: &Login) -> Result<TrustStore, VaultError> {
    let variable = env::var("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty());
    let (path, by) = match (variable, login.setting("ca_bundle")) {
        (Some(path), _) => (path, "AWS_CA_BUNDLE"),
        (None, Some(path)) => (path.to_owned(), "ca_bundle of the profile"),
        (None, None) => return of_system(),
    };
    let wrong = |why: &str| other(&format!("the CA bundle {path} ({by}) {why}"));
    let pem = fs::read_to_string(&path).map_err(|why| wrong(&format!("cannot be read: {why}")))?;
    let usable = usable(&pem);
    if usable.is_empty() {
        return Err(wrong("holds no certificate that can be used"));
    }
    Ok(TrustStore::empty().with_pem_certificate(usable))
}

fn of_system() -> Result<TrustStore, VaultError> {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(other(
            "the system has no CA certificates: install the package ca-certificates, or set \
             SSL_CERT_FILE or AWS_CA_BUNDLE",
        ));
    }
    Ok(TrustStore::default())
}

/// The certificates of a bundle that the TLS stack can use. At another one the SDK would panic.
fn usable(pem: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    let mut usable = String::new();
    for block in pem.split_inclusive(END) {
        let Some(at) = block.find("-----BEGIN CERTIFICATE-----") else { continue };
        let block = &block[at..];
        let certificate = CertificateDer::from_pem_slice(block.as_bytes());
        if certificate.is_ok_and(|it| RootCertStore::empty().add(it).is_ok()) {
            usable.push_str(block);
            usable.push('\n');
        }
    }
    usable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_needs_no_proxy_and_the_rest_needs_tls() {
        for url in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::254]/latest/api/token",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:4566/",
            "http://localhost:4566",
            "https://localhost:4566",
            "http://[::1]:4566/",
        ] {
            assert_eq!(Place::of(url), Place::Here, "{url}");
        }
        for url in ["https://ssm.eu-west-1.amazonaws.com/", "https://10.0.0.1", "https://[fd00::1]"]
        {
            assert_eq!(Place::of(url), Place::Network, "{url}");
        }
        for (url, host) in [
            ("http://vault.example:4566/", "vault.example"),
            ("http://10.0.0.1", "10.0.0.1"),
            ("HTTP://localhost.example", "localhost.example"),
            ("http://[fd00::1]/", "[fd00::1]"),
        ] {
            assert_eq!(Place::of(url), Place::InClear(host.to_owned()), "{url}");
        }
    }
}
