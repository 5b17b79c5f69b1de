//! HTTPS: the CA, ALPN, client certificates.

mod support;

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mstr_sim::{Fault, LibraryServer, Version};
use support::{Call, login};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A client that trusts the CA and, if told so, shows the server's client certificate.
#[allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
async fn connect(
    server: &LibraryServer,
    ca: Option<&str>,
    with_identity: bool,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ca {
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    }
    let setup = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = if with_identity {
        let (certificate, key) = server.client_identity_pem().unwrap();
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        setup.with_client_auth_cert(vec![certificate], key).unwrap()
    } else {
        setup.with_no_client_auth()
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let tcp = TcpStream::connect(server.address()).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

#[tokio::test]
async fn https_with_the_ca_and_not_without() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    assert!(server.base_url().starts_with("https://127.0.0.1:"));
    assert!(connect(&server, None, false, &[]).await.is_err());

    let mut stream = connect(&server, server.ca_pem(), false, &[]).await.unwrap();
    let answer = login("administrator", "mstr").send_over(&server, &mut stream).await.unwrap();
    assert_eq!(answer.status, 204);
    let secure =
        format!("iSession={}; Path=/MicroStrategyLibrary; Secure; HttpOnly", answer.token());
    assert!(answer.all("set-cookie").contains(&secure.as_str()));
}

#[tokio::test]
async fn http_2_by_alpn() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let stream = connect(&server, server.ca_pem(), false, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let get = |path: &str| {
        let uri = format!("{}{path}", server.base_url());
        http::Request::get(uri).body(Empty::<bytes::Bytes>::new()).unwrap()
    };
    let response = sender.send_request(get("sessions")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (401, Version::HTTP_2));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(br#"{"code":"ERR009""#));
    let request = server.journal().pop().unwrap();
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.header("host"), Some(server.address().to_string().as_str()));

    server.inject(Fault::cut_body(3).times(1));
    let cut = sender.send_request(get("status")).await.unwrap();
    assert!(cut.into_body().collect().await.is_err());
    server.inject(Fault::reset());
    assert!(sender.send_request(get("status")).await.is_err());
    let _ = connection.await.unwrap();
}

#[tokio::test]
async fn http_2_can_be_withheld() {
    let server = LibraryServer::builder().tls().http2(false).start().await.unwrap();
    let stream = connect(&server, server.ca_pem(), false, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
}

#[tokio::test]
async fn client_certificates() {
    let server = LibraryServer::builder().require_client_certificate().start().await.unwrap();
    let mut stream = connect(&server, server.ca_pem(), true, &[]).await.unwrap();
    let answer = Call::get("/status").send_over(&server, &mut stream).await.unwrap();
    assert_eq!(answer.status, 200);

    // With TLS 1.3 the client hears of the refusal only after its side of the handshake.
    let without = async {
        let mut stream = connect(&server, server.ca_pem(), false, &[]).await?;
        Call::get("/status").send_over(&server, &mut stream).await
    };
    assert!(without.await.is_err());
    assert_eq!(server.journal().len(), 1);
}

#[tokio::test]
async fn resets_work_over_tls() {
    let server = LibraryServer::builder().tls().fault(Fault::reset()).start().await.unwrap();
    let mut stream = connect(&server, server.ca_pem(), false, &[]).await.unwrap();
    let error = Call::get("/status").send_over(&server, &mut stream).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_restart_keeps_the_ca() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let ca = server.ca_pem().unwrap().to_owned();
    server.restart().await.unwrap();
    assert!(connect(&server, Some(&ca), false, &[]).await.is_ok());
}
