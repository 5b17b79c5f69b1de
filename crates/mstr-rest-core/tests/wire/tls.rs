//! TLS: certificates that are trusted, certificates that are not, and client certificates.

use std::sync::Arc;

use mstr_rest_core::{Credential, Error, ErrorKind, Response, Session};
use mstr_sim::{LibraryServer, Method, Version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::builder;

/// A server that answers every request with `{}`; gives its base URL.
async fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> String {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\nConnection: close\r\n\r\n{}";
            stream.write_all(reply).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    format!("https://127.0.0.1:{port}/api/")
}

async fn get(base_url: &str, roots: &str) -> Result<Response, Error> {
    let builder = Session::builder(base_url).environment_proxies(false);
    let builder = if roots.is_empty() { builder } else { builder.root_certificates_pem(roots) };
    builder.build().unwrap().get("x").await
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

/// As `openssl req -x509` makes it: it says of itself that it is a CA.
fn self_signed(mut params: CertificateParams, key: &KeyPair) -> rcgen::Certificate {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(key).unwrap()
}

#[tokio::test]
async fn self_signed_certificate_added_as_a_root_is_trusted() {
    let key = KeyPair::generate().unwrap();
    let certificate = self_signed(params("127.0.0.1"), &key);
    let url = serve(certificate.der().clone(), &key).await;
    assert_eq!(get(&url, &certificate.pem()).await.unwrap().status(), 200);

    // not given, or another one
    let another = self_signed(params("127.0.0.1"), &KeyPair::generate().unwrap());
    for roots in [String::new(), another.pem()] {
        let error = get(&url, &roots).await.unwrap_err();
        assert!(error.to_string().contains(": its certificate is not trusted."), "{error}");
        assert!(error.is_connect() && !error.is_transient());
    }
}

#[tokio::test]
async fn self_signed_certificate_must_be_valid_and_for_the_host() {
    let key = KeyPair::generate().unwrap();
    let mut expired = params("127.0.0.1");
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut early = params("127.0.0.1");
    early.not_before = date_time_ymd(3001, 1, 1);
    early.not_after = date_time_ymd(3002, 1, 1);
    for (params, why) in [
        (expired, "its certificate has expired"),
        (early, "its certificate is not valid yet, by the clock of this machine"),
        (params("library.example"), "its certificate is for another host name"),
    ] {
        let certificate = self_signed(params, &key);
        let url = serve(certificate.der().clone(), &key).await;
        let error = get(&url, &certificate.pem()).await.unwrap_err();
        assert!(error.to_string().ends_with(why), "{error}");
        assert!(error.is_connect() && !error.is_transient());
        let any = Session::builder(url).environment_proxies(false);
        let any = any.danger_accept_invalid_certs(true).build().unwrap();
        assert_eq!(any.get("x").await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn ca_without_the_key_usage_extension_is_trusted() {
    let mut ca = params("private CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(ca.key_usages.is_empty());
    let ca_key = KeyPair::generate().unwrap();
    let root = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let certificate = params("127.0.0.1").signed_by(&key, &issuer).unwrap();
    let url = serve(certificate.der().clone(), &key).await;
    assert_eq!(get(&url, &root.pem()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn private_ca_added_as_a_root_is_trusted() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let plain = builder(&server);
    let error = plain.clone().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("root_certificates_pem"), "{error}");
    assert!(server.journal().is_empty(), "no password went to a stranger");

    let ca = server.ca_pem().unwrap();
    for (builder, version) in [
        (plain.clone().root_certificates_pem(ca), Version::HTTP_2),
        (plain.clone().root_certificates_pem(ca).only_these_roots(true), Version::HTTP_2),
        (plain.clone().root_certificates_pem(ca).http1_only(true), Version::HTTP_11),
        (plain.clone().danger_accept_invalid_certs(true), Version::HTTP_2),
    ] {
        let session = builder.connect().await.unwrap();
        session.get("sessions").await.unwrap();
        assert_eq!(server.requests(Method::GET, "/sessions").pop().unwrap().version(), version);
        assert!(session.cookies().iter().any(|cookie| cookie.secure));
        session.close().await.unwrap();
    }
    for bad in ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = plain.clone().root_certificates_pem(bad).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{bad}");
    }
}

#[tokio::test]
async fn client_certificate_is_sent_to_a_server_that_requires_one() {
    let server = LibraryServer::builder().tls().require_client_certificate().start().await.unwrap();
    let (certificate, key) = server.client_identity_pem().unwrap();
    let identity = format!("{certificate}\n{key}");
    let base = builder(&server).root_certificates_pem(server.ca_pem().unwrap());
    assert!(base.clone().connect().await.is_err(), "the server wants a certificate");
    let session = base.clone().client_identity_pem(identity.as_str()).connect().await.unwrap();
    session.close().await.unwrap();
    // from a secret, by connect() alone
    let secret = Credential::from_fn(move || Ok(identity.clone()));
    let with_secret = base.clone().client_identity_pem(secret);
    assert_eq!(with_secret.clone().build().unwrap_err().kind(), ErrorKind::Config);
    with_secret.connect().await.unwrap().close().await.unwrap();
    let error = base.client_identity_pem("canary").build().unwrap_err();
    assert!(error.kind() == ErrorKind::Config && !format!("{error:?}").contains("canary"));
}
