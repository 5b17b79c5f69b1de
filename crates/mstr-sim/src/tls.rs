//! A CA, a server certificate and a client certificate, made anew for each server.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::Error;
use crate::builder::{Config, TlsMode};

/// Everything that a server over TLS and its clients need.
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    pub(crate) client_pem: String,
    pub(crate) client_key_pem: String,
    acceptor: TlsAcceptor,
}

impl Certificates {
    /// What this configuration needs: nothing without TLS.
    pub(crate) fn for_mode(config: &Config) -> Result<Option<Self>, Error> {
        match config.tls {
            TlsMode::Off => Ok(None),
            TlsMode::On { client_certificate } => {
                Self::generate(config, client_certificate).map(Some)
            }
        }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    fn generate(config: &Config, client_certificate: bool) -> Result<Self, Error> {
        let ca_key = KeyPair::generate().map_err(Error::tls)?;
        let mut ca = named("mstr-sim CA");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key).map_err(Error::tls)?;
        let issuer = Issuer::new(ca, ca_key);

        let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        if !hosts.contains(&config.host) {
            hosts.push(config.host.clone());
        }
        let mut server = CertificateParams::new(hosts).map_err(Error::tls)?;
        server.distinguished_name = named("mstr-sim").distinguished_name;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate().map_err(Error::tls)?;
        let server = server.signed_by(&server_key, &issuer).map_err(Error::tls)?;

        let mut client = named("mstr-sim client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate().map_err(Error::tls)?;
        let client = client.signed_by(&client_key, &issuer).map_err(Error::tls)?;

        let provider = Arc::new(aws_lc_rs::default_provider());
        let setup = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(Error::tls)?;
        let setup = if client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(ca_certificate.der().clone()).map_err(Error::tls)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(Error::tls)?;
            setup.with_client_cert_verifier(verifier)
        } else {
            setup.with_no_client_auth()
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let mut tls =
            setup.with_single_cert(vec![server.der().clone()], key).map_err(Error::tls)?;
        tls.alpn_protocols = if config.http2 { vec![b"h2".to_vec()] } else { Vec::new() };
        tls.alpn_protocols.push(b"http/1.1".to_vec());
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            client_pem: client.pem(),
            client_key_pem: client_key.serialize_pem(),
            acceptor: TlsAcceptor::from(Arc::new(tls)),
        })
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    params.distinguished_name = distinguished;
    params
}
