//! A test CA, and a certificate of it for whatever host is asked for.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
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
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Arc::new(config))
    }
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
