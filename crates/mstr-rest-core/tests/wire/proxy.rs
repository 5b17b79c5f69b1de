//! Proxies, and what an error names when a connection fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mstr_rest_core::{Error, ErrorKind, RetryPolicy, Session, SessionBuilder};
use mstr_sim::{LibraryServer, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::auth;

/// No host has this name.
const HOST: &str = "library.invalid";

fn targets() -> [String; 2] {
    ["http", "https"].map(|scheme| format!("{scheme}://{HOST}/api/"))
}

/// A proxy that answers every request with the same reply, or leads it to a server.
struct Proxy {
    address: String,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Answer {
    Reply(String),
    Tunnel(String),
}

impl Proxy {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, answer.clone()));
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://user:canary@{}", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

async fn serve(mut client: TcpStream, answer: Answer) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    match answer {
        Answer::Reply(reply) => {
            let _ = client.write_all(reply.as_bytes()).await;
        }
        Answer::Tunnel(to) => {
            let mut server = TcpStream::connect(to).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    }
}

fn reply(status: &str) -> Answer {
    let body = "<html>canary</html>";
    Answer::Reply(format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// Two retries, without a wait. A name server may take its time.
fn retrying(base_url: &str) -> SessionBuilder {
    let policy = RetryPolicy::default().max_retries(2).base_delay(Duration::ZERO);
    Session::builder(base_url).environment_proxies(false).connect_timeout(None).retry(policy)
}

async fn failure(builder: SessionBuilder) -> Error {
    let error = builder.build().unwrap().get("x").await.unwrap_err();
    assert!(!format!("{error}{error:?}").contains("canary"), "{error:?}");
    error
}

#[tokio::test]
async fn rejected_proxy_login_names_the_proxy_and_is_not_retried() {
    let mut stood = Vec::new();
    for target in targets() {
        let proxy = Proxy::start(reply("407 Proxy Authentication Required")).await;
        let error = failure(retrying(&target).proxy(proxy.url())).await;
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 1), "{target}");
        assert_eq!(proxy.requests(), 1, "{target}");
        assert!(!error.is_transient());
        assert_eq!(error.status().map(|status| status.as_u16()), Some(407));
        stood.push(error.to_string().replace(&proxy.address, "proxy:3128"));
    }
    assert_eq!(
        stood,
        ["the proxy http://proxy:3128 rejected the login (407): check the user name and password \
          in the proxy URL"; 2]
    );
}

#[tokio::test]
async fn status_407_of_a_server_is_an_http_error() {
    let server = Proxy::start(reply("407 Proxy Authentication Required")).await;
    let error = failure(retrying(&format!("http://{}/api/", server.address))).await;
    assert_eq!(error.kind(), ErrorKind::Http);
}

#[tokio::test]
async fn proxy_that_does_not_listen_is_named_and_retried() {
    // bound and not listening: nobody else gets the port
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    for target in targets() {
        let proxied = retrying(&target).proxy(format!("http://user:canary@{address}"));
        let error = failure(proxied.clone()).await;
        assert_eq!(
            error.to_string(),
            format!("cannot connect to the proxy http://{address}: the connection was refused")
        );
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3));
        assert!(error.is_transient());
        // where it does not count, it is not named
        let error = failure(proxied.no_proxy(HOST)).await;
        assert!(error.to_string().ends_with("the host name cannot be resolved"), "{error}");
    }
}

#[tokio::test]
async fn proxy_that_cannot_reach_the_server_is_named_and_retried() {
    let proxy = Proxy::start(reply("503 Service Unavailable")).await;
    let error = failure(retrying(&targets()[1]).proxy(proxy.url())).await;
    let expected =
        format!("the proxy http://{} did not connect to https://{HOST}: ", proxy.address);
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!((error.kind(), error.attempts(), proxy.requests()), (ErrorKind::Connect, 3, 3));
    assert!(error.is_transient());
}

#[tokio::test]
async fn untrusted_certificate_names_the_server_and_is_not_retried() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let address = server.origin().replace("https://", "");
    let proxy = Proxy::start(Answer::Tunnel(address.clone())).await;
    let direct = retrying(&server.base_url());
    for (builder, expected) in [(direct.clone(), 0), (direct.proxy(proxy.url()), 1)] {
        let error = failure(builder).await;
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to https://{address}: its certificate is not trusted. Add a \
                 private CA with `SessionBuilder::root_certificates_pem`."
            )
        );
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 1));
        assert_eq!(proxy.requests(), expected);
        assert!(!error.is_transient());
    }
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn host_name_that_is_not_resolved_is_retried() {
    for target in targets() {
        let error = failure(retrying(&target)).await;
        let origin = target.trim_end_matches("/api/");
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {origin}: the host name cannot be resolved")
        );
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 3));
        assert!(error.is_transient());
    }
}

/// A forward proxy is a server that gets whole URLs.
#[tokio::test]
async fn requests_go_through_the_proxy_except_to_hosts_of_no_proxy() {
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
