//! A test CA, and a certificate of it for whatever host is asked for.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    hosts: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

static AUTHORITY: LazyLock<Result<Authority, String>> =
    LazyLock::new(|| Authority::new().map_err(|error| error.to_string()));

impl Authority {
    fn new() -> Result<Self, Failure> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "mstr-conformance CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key), hosts: Mutex::default() })
    }

    fn config(&self, host: &str) -> Result<Arc<ServerConfig>, Failure> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &self.issuer)?;
        serving(&certificate, &key)
    }
}

fn serving(certificate: &Certificate, key: &KeyPair) -> Result<Arc<ServerConfig>, Failure> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(Arc::new(config))
}

/// What a client is told to trust (PEM), and what a server on `127.0.0.1` needs.
pub(crate) type Trusted = (String, Arc<ServerConfig>);

/// A certificate signed by its own key and marked as a CA, as `openssl req -x509` makes it.
pub(crate) fn self_signed() -> Result<Trusted, Failure> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "library.example.com");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), serving(&certificate, &key)?))
}

/// A certificate of a private CA that names no key usage.
pub(crate) fn of_ca_without_key_usage() -> Result<Trusted, Failure> {
    let (key, ca_key) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Company CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(params, ca_key);
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    Ok((pem, serving(&certificate, &key)?))
}

/// The certificate of the CA.
pub(crate) fn authority_pem() -> Result<&'static str, String> {
    AUTHORITY.as_ref().map(|authority| authority.pem.as_str()).map_err(Clone::clone)
}

/// What a server of that host needs.
pub(crate) fn config(host: &str) -> Result<Arc<ServerConfig>, String> {
    let authority = AUTHORITY.as_ref().map_err(Clone::clone)?;
    let mut hosts = authority.hosts.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = hosts.get(host) {
        return Ok(Arc::clone(config));
    }
    let config = authority.config(host).map_err(|error| error.to_string())?;
    hosts.insert(host.to_owned(), Arc::clone(&config));
    Ok(config)
}
