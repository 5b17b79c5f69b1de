//! TLS: which server certificates are trusted, and the certificate of the client.
//!
//! The root certificates of the platform are read once for each process, by the first https
//! exchange that may need them; `build()` reads no certificate file. All sessions share one
//! verifier for them. Reading fails if there are none (for example in a container image without the
//! package `ca-certificates`). The exchange then fails with that error, and the next exchange reads
//! again.
//!
//! A certificate is checked with the roots of the session first, then with those of the platform.
//! The two sets are not merged, so that a session with a private CA does not read the files again.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

use super::options::{TransportOptions, TransportSecrets};
use crate::{Error, ErrorKind, Result};

pub(super) const AVAILABLE: bool = true;

/// The crypto provider. It is passed explicitly: rustls would panic if none is installed.
#[allow(clippy::unnecessary_wraps)] // depends on the features
fn provider() -> Result<Arc<CryptoProvider>> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    #[cfg(feature = "rustls")]
    {
        Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
    }
    #[cfg(not(feature = "rustls"))]
    {
        Err(Error::new(
            ErrorKind::Config,
            "no TLS crypto provider is installed: call install_default() of a rustls \
             CryptoProvider first, or turn on the feature `rustls`",
        ))
    }
}

/// Makes the TLS configuration of a session. It reads no file.
pub(super) fn config(
    options: &TransportOptions,
    secrets: &TransportSecrets,
) -> Result<ClientConfig> {
    let provider = provider()?;
    let verifier = Verifier::new(options, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Error::with_source(ErrorKind::Config, "the TLS crypto provider cannot be used", error)
        })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &secrets.identity {
        None => config.with_no_client_auth(),
        Some(pem) => {
            let pem = pem.expose_secret().as_bytes();
            let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).flatten().collect();
            let key = PrivateKeyDer::from_pem_slice(pem).ok();
            // no source: its text may contain parts of the private key
            key.filter(|_| !chain.is_empty())
                .and_then(|key| config.with_client_auth_cert(chain, key).ok())
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Config,
                        "the client identity must be PEM with a certificate and its private key",
                    )
                })?
        }
    };
    let protocols: &[&[u8]] = match options {
        TransportOptions { http2_prior_knowledge: true, .. } => &[b"h2"],
        TransportOptions { http1_only: true, .. } => &[b"http/1.1"],
        _ => &[b"h2", b"http/1.1"],
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// The verifier that all sessions share, with the root certificates of the platform.
static PLATFORM: OnceLock<Arc<rustls_platform_verifier::Verifier>> = OnceLock::new();

/// Reads the root certificates of the platform. It blocks, and reads once for each process unless
/// reading fails. No other function reads them.
fn platform() -> Result<Arc<rustls_platform_verifier::Verifier>> {
    static READING: Mutex<()> = Mutex::new(());
    if let Some(verifier) = PLATFORM.get() {
        return Ok(Arc::clone(verifier));
    }
    let _reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verifier) = PLATFORM.get() {
        return Ok(Arc::clone(verifier));
    }
    let verifier = rustls_platform_verifier::Verifier::new(provider()?).map_err(no_roots)?;
    Ok(Arc::clone(PLATFORM.get_or_init(|| Arc::new(verifier))))
}

fn no_roots(error: rustls::Error) -> Error {
    let what = "the system has no root certificates, so no https server can be trusted";
    Error::with_source(ErrorKind::Config, what, error).with_note(
        "Install the package `ca-certificates`, set SSL_CERT_FILE, or pass the roots with \
         `SessionBuilder::root_certificates_pem`.",
    )
}

/// How a session uses the roots of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlatformRoots {
    /// The session trusts only its own roots, or any certificate.
    Unused,
    /// The session trusts its own roots and those of the platform.
    Additional,
    /// The session has no roots of its own.
    Required,
}

impl PlatformRoots {
    pub(super) fn of(options: &TransportOptions) -> Self {
        if options.only_these_roots || options.accept_invalid_certs {
            Self::Unused
        } else if options.roots.is_empty() {
            Self::Required
        } else {
            Self::Additional
        }
    }

    /// Reads the roots on a thread where blocking is allowed, unless they were read before.
    pub(super) async fn load(self) -> Result<()> {
        if self == Self::Unused || PLATFORM.get().is_some() {
            return Ok(());
        }
        match tokio::task::spawn_blocking(|| platform().map(drop)).await {
            Ok(Err(error)) if self == Self::Required => Err(error),
            // a runtime that shuts down starts no thread: the handshake reads the roots
            _ => Ok(()),
        }
    }
}

/// Verifies the certificates of servers.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    accept_any: bool,
    /// The roots of the session, if it has any.
    own: Option<OwnRoots>,
    platform: PlatformRoots,
}

#[derive(Debug)]
struct OwnRoots {
    verifier: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(options: &TransportOptions, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let own = if options.roots.is_empty() {
            None
        } else {
            Some(OwnRoots::new(&options.roots, provider)?)
        };
        Ok(Self {
            provider: Arc::clone(provider),
            accept_any: options.accept_invalid_certs,
            own,
            platform: PlatformRoots::of(options),
        })
    }
}

impl OwnRoots {
    fn new(pems: &[Vec<u8>], provider: &Arc<CryptoProvider>) -> Result<Self> {
        const INVALID: &str = "a root certificate is not valid PEM";
        let mut certificates = Vec::new();
        let mut store = RootCertStore::empty();
        for pem in pems {
            let before = certificates.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate
                    .map_err(|error| Error::with_source(ErrorKind::Config, INVALID, error))?;
                store
                    .add(certificate.clone())
                    .map_err(|error| Error::with_source(ErrorKind::Config, INVALID, error))?;
                certificates.push(certificate);
            }
            if certificates.len() == before {
                return Err(Error::new(
                    ErrorKind::Config,
                    "the root certificates contain no `-----BEGIN CERTIFICATE-----`",
                ));
            }
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                .build()
                .map_err(|error| Error::with_source(ErrorKind::Config, INVALID, error))?;
        Ok(Self { verifier, certificates })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.verifier.verify_server_cert(end_entity, intermediates, server_name, &[], now) {
            // A self-signed certificate of `openssl req -x509` is marked as a CA. If it is one of
            // the roots, it is also trusted as the certificate of its server, as in OpenSSL. Its
            // period of validity was checked before this error.
            Err(error)
                if self.certificates.iter().any(|root| root == end_entity)
                    && is_ca_error(&error) =>
            {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            outcome => outcome,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        const UNKNOWN: rustls::Error =
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        if self.accept_any {
            return Ok(ServerCertVerified::assertion());
        }
        let own = match &self.own {
            Some(own) => own.verify(end_entity, intermediates, server_name, now),
            None => Err(UNKNOWN),
        };
        if own.is_ok() || self.platform == PlatformRoots::Unused {
            return own;
        }
        // The exchange has loaded the roots, except for a TLS connection to a proxy that the
        // session does not know.
        let platform = match platform() {
            Ok(platform) => platform,
            Err(_) if self.platform == PlatformRoots::Additional => return own,
            Err(error) => {
                return Err(rustls::Error::Other(OtherError(Arc::new(NoRoots(error)))));
            }
        };
        let outcome =
            platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match (own, outcome) {
            // an error of the session's roots tells more than an unknown issuer
            (Err(own), Err(_)) if own != UNKNOWN => Err(own),
            (_, outcome) => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.accept_any {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.accept_any {
            return Ok(HandshakeSignatureValid::assertion());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        if self.accept_any {
            // signatures are not checked, so offer also schemes that the provider does not support
            schemes.extend([
                SignatureScheme::RSA_PKCS1_SHA1,
                SignatureScheme::ECDSA_SHA1_Legacy,
                SignatureScheme::ED448,
            ]);
        }
        schemes
    }
}

/// The error of a handshake without roots of the platform.
#[derive(Debug)]
struct NoRoots(Error);

impl fmt::Display for NoRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl StdError for NoRoots {}

/// Why a certificate was not accepted.
pub(super) enum Rejected {
    /// The platform has no roots. The exchange fails with this error.
    NoRoots(Error),
    Because {
        why: &'static str,
        hint: Option<&'static str>,
    },
}

/// Returns `true` if the certificate of the server is marked as a CA. rustls returns the error of a
/// crate that is not a dependency, so this compares its text.
fn is_ca_error(error: &impl fmt::Debug) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

/// The reason why a certificate was rejected. `None` if `cause` is another error.
pub(super) fn rejected(cause: &(dyn StdError + 'static)) -> Option<Rejected> {
    let because = |why| Rejected::Because { why, hint: None };
    match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::Other(OtherError(other)) => {
            let no_roots = other.downcast_ref::<NoRoots>()?;
            Some(Rejected::NoRoots(no_roots.0.clone()))
        }
        rustls::Error::InvalidCertificate(error) => Some(match error {
            unknown if *unknown == CertificateError::UnknownIssuer || is_ca_error(unknown) => {
                Rejected::Because {
                    why: "its certificate is not trusted",
                    hint: Some("Add a private CA with `SessionBuilder::root_certificates_pem`."),
                }
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                because("its certificate has expired")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                because("its certificate is not valid yet, by the clock of this machine")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                because("its certificate is for another host name")
            }
            CertificateError::Revoked => because("its certificate is revoked"),
            _ => because("its certificate is not accepted"),
        }),
        _ => None,
    }
}
