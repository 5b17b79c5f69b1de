//! Bodies that are streamed, both ways, and HTTP itself: TLS, HTTP/2, compression.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mstr_rest_core::{Auth, Body, Credential, ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Reply, Version};

use crate::support::{auth, builder};

type Chunk = Result<Bytes, std::io::Error>;

fn chunks(number: usize) -> impl futures_util::Stream<Item = Chunk> {
    stream::iter((0..number).map(|_| Ok(Bytes::from_static(&[b'x'; 1000]))))
}

#[tokio::test]
async fn uploads() {
    let server = LibraryServer::builder()
        .route(Method::POST, "/count", |request| {
            Reply::json(200, &serde_json::json!(request.body().len()))
        })
        .start()
        .await
        .unwrap();
    let session = builder(&server).connect().await.unwrap();
    let count = async |body: Body| session.post("count").body(body).decode::<usize>().await;
    assert_eq!(count(Body::stream(chunks(300))).await.unwrap(), 300_000);
    assert_eq!(count(Body::stream_fn(|| chunks(3))).await.unwrap(), 3000);
    assert_eq!(count(Body::default()).await.unwrap(), 0);
    assert_eq!(count("".into()).await.unwrap(), 0);
    assert_eq!(count(vec![1u8; 1_000_000].into()).await.unwrap(), 1_000_000);
    // in memory, its length is said whatever its size; without a body it is 0
    let lengths: Vec<_> = server
        .requests(Method::POST, "/count")
        .iter()
        .map(|request| request.header("content-length").map(str::to_owned))
        .collect();
    assert_eq!(
        lengths,
        [None, None, Some("0".to_owned()), Some("0".to_owned()), Some("1000000".to_owned())]
    );
    // once is once
    let once = Body::stream(chunks(1));
    assert_eq!(count(once.clone()).await.unwrap(), 1000);
    let error = count(once).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    // a source that fails ends the request
    let failing = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("disk"))]);
    let error = session.post("count").stream_body(failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    // a slow one is no stall as long as it moves
    let slow = stream::iter(0..12).then(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, std::io::Error>(Bytes::from("x"))
    });
    let call = session.post("count").read_timeout(Duration::from_secs(1)).stream_body(slow);
    assert_eq!(call.decode::<usize>().await.unwrap(), 12);
    session.close().await.unwrap();
}

#[tokio::test]
async fn downloads() {
    let server = LibraryServer::builder()
        .route(Method::GET, "/big", |_| {
            Reply::new(200).with_body("application/octet-stream", vec![7u8; 5_000_000])
        })
        .start()
        .await
        .unwrap();
    for gzip in [true, false] {
        let session = builder(&server).gzip(gzip).connect().await.unwrap();
        let reply = session.get("big").stream().await.unwrap();
        let pieces: Vec<Bytes> = reply.bytes_stream().try_collect().await.unwrap();
        assert!(pieces.len() > 1);
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 5_000_000);
        let sent = server.requests(Method::GET, "/big").pop().unwrap();
        assert_eq!(sent.header("accept-encoding").is_some(), gzip);
        // one that is given up takes nothing else down
        let mut stream = std::pin::pin!(session.get("big").stream().await.unwrap().bytes_stream());
        assert!(stream.next().await.unwrap().is_ok());
        assert!(session.get("sessions").await.is_ok());
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn tls_with_a_private_ca() {
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
async fn client_certificates() {
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

#[tokio::test]
async fn http2_without_asking() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let builder = builder(&server).root_certificates_pem(server.ca_pem().unwrap());
    let session = builder.http2_prior_knowledge(true).connect().await.unwrap();
    session.get("sessions").await.unwrap();
    let sent = server.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.version(), Version::HTTP_2);
    session.close().await.unwrap();
}

/// A forward proxy is a server that gets whole URLs.
#[tokio::test]
async fn proxies() {
    let proxy = LibraryServer::start().await.unwrap();
    let builder = Session::builder("http://library.example/MicroStrategyLibrary/api/").auth(auth());
    let proxied = builder.clone().proxy(proxy.origin().replace("http://", "http://u:canary@"));
    let session = proxied.connect().await.unwrap();
    session.get("sessions").await.unwrap();
    let sent = proxy.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.header("host"), Some("library.example"));
    assert!(sent.header("proxy-authorization").is_some());
    assert!(!format!("{session:?}").contains("canary"));
    session.close().await.unwrap();
    let direct = builder.clone().proxy(proxy.origin()).no_proxy("library.example");
    let sent = proxy.journal().len();
    assert_eq!(direct.connect().await.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(proxy.journal().len(), sent);
    let error = builder.proxy("can ary").build().unwrap_err();
    assert!(error.kind() == ErrorKind::Config && !format!("{error:?}").contains("ary"));
}

#[cfg(feature = "reqwest-hook")]
#[tokio::test]
async fn the_hook_cannot_switch_off_what_the_road_relies_on() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(Fault::redirect(302, "/landed").on(Method::POST, "/auth/login").times(1));
    let session = builder(&server)
        .configure_http(|http| http.tcp_nodelay(false).user_agent("not this"))
        .build()
        .unwrap();
    let error = session.login(auth()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    let sent = server.journal().pop().unwrap();
    assert!(sent.header("user-agent").unwrap().starts_with("mstr-rest/"));
    session.login(Auth::anonymous()).await.unwrap();
    session.logout().await.unwrap();
}

/// A load balancer refuses the stream of a request whose node broke off after it had done the work.
#[tokio::test]
async fn a_refused_stream_is_not_sent_again_without_a_policy() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let executed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executed);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                }
            });
        }
    });
    let session = mstr_rest_core::Session::builder(base)
        .environment_proxies(false)
        .http2_prior_knowledge(true)
        .build()
        .unwrap();
    for sent in [1, 2] {
        let error = session.post("rows").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
        assert_eq!((executed.load(Ordering::SeqCst), error.attempts()), (sent, 1));
    }
    let error = session.login(auth()).await.unwrap_err();
    assert_eq!((error.kind(), executed.load(Ordering::SeqCst)), (ErrorKind::Transport, 3));
}
