//! A metadata server or a token endpoint that fails for a moment does not fail the login.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use google_cloud_auth::{
    credentials::{CacheableResource, Credentials, CredentialsProvider, EntityTag},
    errors::CredentialsError,
};
use mstr_cloud_stub::{Reply, Responder, gcp::REFRESH_TOKEN};
use mstr_credentials::{Credential, SecretProvider as _, VaultErrorKind as Kind};
use mstr_credentials_gcp::{SecretManagerValue, secret_manager};
use serde_json::json;
use stub::Stub;
use tempfile::NamedTempFile;

/// A user's login at that token endpoint.
fn user(stub: &Stub, token_uri: &str) -> (NamedTempFile, SecretManagerValue) {
    let file = NamedTempFile::new().unwrap();
    let login = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
        "refresh_token": REFRESH_TOKEN, "token_uri": token_uri});
    std::fs::write(file.path(), login.to_string()).unwrap();
    let secret = secret_manager("p", "s").endpoint(stub.server.url());
    let secret = secret.credentials_file(file.path());
    (file, secret)
}

fn place() -> Stub {
    let stub = Stub::default();
    stub.gcp.put("projects/p/secrets/s", "value");
    stub
}

/// Fails the first requests of that path in this way.
fn failing_first(stub: &Stub, path: &'static str, failures: usize, failure: Reply) -> Responder {
    let (gcp, mut seen) = (stub.gcp.clone(), 0);
    Responder::start(move |request| {
        if request.path.starts_with(path) {
            seen += 1;
            if seen <= failures {
                return failure.clone();
            }
        }
        gcp.answer(request).unwrap_or_else(|| Reply::status(404))
    })
}

#[tokio::test]
async fn a_token_endpoint_that_has_trouble_is_asked_again() {
    for status in [500, 503, 429] {
        let stub = place();
        let tokens = failing_first(&stub, "/token", 1, Reply::json(status, "trouble"));
        let (_file, secret) = user(&stub, &format!("{}/token", tokens.url()));
        let secret = secret.secret().await;
        assert_eq!(secret.unwrap().expose_secret(), "value", "{status}");
        assert_eq!(tokens.count(), 2);
    }
}

#[tokio::test]
async fn a_token_endpoint_that_closes_the_connection_is_asked_again() {
    let stub = place();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        drop(listener.accept().unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let body = r#"{"access_token":"google-token-9","expires_in":3599,"token_type":"Bearer"}"#;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
        write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
        // until the client has closed it
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (_file, secret) = user(&stub, &format!("http://{address}/token"));
    assert_eq!(secret.secret().await.unwrap().expose_secret(), "value");
    server.join().unwrap();
}

#[tokio::test]
async fn a_token_endpoint_that_hangs_is_asked_again() {
    let stub = place();
    let tokens = failing_first(&stub, "/token", 1, Reply::never());
    let (_file, secret) = user(&stub, &format!("{}/token", tokens.url()));
    let secret = secret.with_timeout(Duration::from_secs(4)).secret().await;
    assert_eq!(secret.unwrap().expose_secret(), "value");
}

#[tokio::test]
async fn a_secret_that_takes_its_time_is_waited_for() {
    let stub = place();
    // Google's SDK gives an attempt five seconds
    let gcp = stub.gcp.clone();
    let slow = Responder::start(move |request| {
        gcp.answer(request).unwrap().delay(Duration::from_millis(5500))
    });
    let secret = stub.value("s").endpoint(slow.url());
    assert_eq!(secret.secret().await.unwrap().expose_secret(), "value");
    assert_eq!(slow.count(), 1);
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_asked_again() {
    let stub = place();
    let tokens = failing_first(&stub, "/token", 9, Reply::json(400, "{}"));
    let (_file, secret) = user(&stub, &format!("{}/token", tokens.url()));
    let error = Credential::from(secret).resolve().await.unwrap_err();
    assert_eq!(error.vault_error().unwrap().kind(), Kind::NoCredentials);
    assert_eq!(tokens.count(), 1);
}

#[tokio::test]
async fn at_the_timeout_the_trouble_is_told() {
    let stub = place();
    let tokens = failing_first(&stub, "/token", 99, Reply::json(503, "trouble"));
    let (file, secret) = user(&stub, &format!("{}/token", tokens.url()));
    let secret = secret.with_timeout(Duration::from_millis(900));
    let error = Credential::from(secret).resolve().await.unwrap_err();
    let why = error.vault_error().unwrap();
    assert_eq!(why.kind(), Kind::Unreachable);
    let waiting = format!("waiting for a token of the credentials file {}", file.path().display());
    for text in ["no answer within 900ms", &waiting, "a reply with status 503"] {
        assert!(why.message().contains(text), "no {text}: {why}");
    }
}

/// The metadata server of a pod that has just started.
#[derive(Debug)]
struct NewPod {
    started: tokio::time::Instant,
    asked: Arc<AtomicUsize>,
    up: AtomicBool,
}

impl CredentialsProvider for NewPod {
    async fn headers(
        &self,
        _: http::Extensions,
    ) -> Result<CacheableResource<http::HeaderMap>, CredentialsError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.started.elapsed() < Duration::from_secs(5) {
            let reply =
                google_cloud_gax::error::Error::http(503, http::HeaderMap::new(), "".into());
            return Err(CredentialsError::new(true, "failed to fetch token", reply));
        }
        // the secret comes from a real server, whose time does not stand still
        if !self.up.swap(true, Ordering::Relaxed) {
            tokio::time::resume();
        }
        let token = http::HeaderValue::from_static("Bearer google-token-0");
        let data = http::HeaderMap::from_iter([(http::header::AUTHORIZATION, token)]);
        Ok(CacheableResource::New { entity_tag: EntityTag::new(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_pod_logs_in_when_its_metadata_server_is_up() {
    let stub = place();
    let asked = Arc::new(AtomicUsize::new(0));
    let started = tokio::time::Instant::now();
    let pod = NewPod { started, asked: Arc::clone(&asked), up: AtomicBool::new(false) };
    let secret = secret_manager("p", "s").endpoint(stub.server.url());
    let secret = secret.credentials(Credentials::from(pod));
    assert_eq!(secret.secret().await.unwrap().expose_secret(), "value");
    // at 0, 0.5, 1.5, 3.5 and 7.5 s, and once more by the client
    assert_eq!(asked.load(Ordering::Relaxed), 6);
}
