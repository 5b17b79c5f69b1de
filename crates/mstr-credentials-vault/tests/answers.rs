//! What a vault may answer, and what is sent to it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod stub;

use std::time::Duration;

use mstr_cloud_stub::{Reply, Responder, closed_port, leak, tls::TlsFront};
use mstr_credentials::{Credential, CredentialError, References, VaultErrorKind as Kind};
use mstr_credentials_vault::{VaultSecret, kv, register};
use stub::{ROOT, Stub};

const CANARY: &str = "cAnArY-7f3a91d2";
const SHORT: Duration = Duration::from_millis(300);

async fn text(credential: impl Into<Credential>) -> String {
    credential.into().resolve().await.unwrap().expose_secret().to_owned()
}

/// The error, its kind, and what the vault said.
async fn fails(credential: impl Into<Credential>) -> (CredentialError, Kind, String) {
    let error = credential.into().resolve().await.unwrap_err();
    let why = error.vault_error().unwrap_or_else(|| panic!("{error:?}")).clone();
    (error, why.kind(), why.to_string())
}

fn secret_of(server: &Responder) -> VaultSecret {
    kv("secret", "mstr").address(server.url()).token(ROOT)
}

fn answering(replies: impl IntoIterator<Item = Reply>) -> (Responder, VaultSecret) {
    let server = Responder::scripted(replies);
    let secret = secret_of(&server);
    (server, secret)
}

fn good() -> Reply {
    Reply::json(200, r#"{"data":{"data":{"password":"s3cret"},"metadata":{"version":1}}}"#)
}

#[tokio::test]
async fn the_request_is_that_of_the_api() {
    let stub = Stub::start();
    stub.put("prod/my%20login", r#"{"port": 1.10, "password": "p1"}"#);
    let secret = stub.secret("prod/my login");
    assert_eq!(text(secret.field("port")).await, "1.10");
    assert_eq!(text(secret.clone()).await, r#"{"port": 1.10, "password": "p1"}"#);
    assert_eq!(text(stub.secret("prod/my login").version(1).field("password")).await, "p1");
    // nothing is there
    let elsewhere = stub.secret("prod/my login").namespace("admin/team/");
    assert_eq!(fails(elsewhere).await.1, Kind::NotFound);
    let requests = stub.server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].method, "GET");
    assert_eq!(requests[0].path, "/v1/secret/data/prod/my%20login");
    assert_eq!(requests[0].header("x-vault-token"), ROOT);
    assert_eq!(requests[0].header("x-vault-namespace"), "");
    assert_eq!(requests[1].path, "/v1/secret/data/prod/my%20login?version=1");
    assert_eq!(requests[2].header("x-vault-namespace"), "admin/team");
}

#[tokio::test]
async fn refusals_have_the_words_of_the_vault() {
    for (status, body, kind, said) in [
        (403, r#"{"errors":["permission denied"]}"#, Kind::Denied, "403: permission denied"),
        (404, r#"{"errors":[]}"#, Kind::NotFound, "404"),
        (
            400,
            r#"{"errors":["missing client token"]}"#,
            Kind::NoCredentials,
            "400: missing client token",
        ),
        (405, r#"{"errors":["unsupported operation"]}"#, Kind::Other, "405: unsupported operation"),
    ] {
        let (server, secret) = answering([Reply::json(status, body)]);
        let (error, found, text) = fails(secret).await;
        assert_eq!((found, text.as_str()), (kind, said));
        assert!(error.to_string().starts_with("Vault secret secret/mstr: "), "{error}");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    for status in [412, 429, 500, 502, 503] {
        let (server, secret) = answering([Reply::status(status), Reply::status(status), good()]);
        assert_eq!(text(secret.field("password")).await, "s3cret", "{status}");
        assert_eq!(server.count(), 3);
    }
    let sealed = Reply::json(503, r#"{"errors":["Vault is sealed"]}"#);
    let (server, secret) = answering([sealed]);
    let (_, kind, said) = fails(secret).await;
    assert_eq!((kind, said.as_str()), (Kind::Unreachable, "503: Vault is sealed"));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_pause_that_is_too_long_ends_at_once() {
    let quota = Reply::json(429, r#"{"errors":["request path: rate limit quota exceeded"]}"#);
    let (server, secret) = answering([quota.header("Retry-After", "3600")]);
    let (_, kind, said) = fails(secret).await;
    assert_eq!(kind, Kind::Throttled);
    assert_eq!(said, "429: request path: rate limit quota exceeded");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_vault_that_cannot_be_reached() {
    let closed = format!("http://{}", closed_port());
    let (_, kind, said) = fails(kv("secret", "mstr").address(&closed).token(ROOT)).await;
    assert_eq!(kind, Kind::Unreachable);
    assert!(said.starts_with(&format!("{closed}: ")), "{said}");
    let hole = Responder::black_hole();
    let (_, kind, said) = fails(secret_of(&hole).with_timeout(SHORT)).await;
    assert_eq!((kind, said.as_str()), (Kind::Unreachable, "no answer within 300ms"));
}

#[tokio::test]
async fn a_standby_node_leads_to_the_active_one_and_nowhere_else() {
    let stub = Stub::start();
    stub.put("mstr", r#"{"password":"p1"}"#);
    let path = "/v1/secret/data/mstr";
    let to = |location: String| Reply::status(307).header("Location", location);
    let (standby, secret) = answering([to(format!("{}{path}", stub.server.url()))]);
    assert_eq!(text(secret.field("password")).await, "p1");
    assert_eq!((standby.count(), stub.server.count()), (1, 1));
    assert_eq!(stub.server.requests()[0].header("x-vault-token"), ROOT);

    // elsewhere: the token stays here
    let other = Responder::scripted([good()]);
    for reply in [
        to(format!("{}/login?next={path}", other.url())),
        to(format!("{}/other{path}", other.url())),
        to(other.url()),
        Reply::status(302).header("Location", format!("{}{path}", other.url())),
        Reply::status(307),
    ] {
        let (_standby, secret) = answering([reply]);
        let (_, kind, said) = fails(secret).await;
        assert_eq!(kind, Kind::Other);
        assert!(said.ends_with("pass the address of the vault itself"), "{said}");
    }
    assert_eq!(other.count(), 0);
    // once
    let (again, secret) = answering([to(format!("{}{path}", other.url()))]);
    other.answer(move |_| Reply::status(307).header("Location", "/v1/secret/data/mstr"));
    assert_eq!(fails(secret).await.1, Kind::Other);
    assert_eq!((again.count(), other.count()), (1, 1));
}

#[tokio::test]
async fn http_is_for_loopback_unless_it_is_allowed() {
    let secret = || kv("secret", "mstr").address("http://vault.invalid:8200").token(ROOT);
    let (_, kind, said) = fails(secret()).await;
    assert_eq!(kind, Kind::Other);
    assert!(said.contains("allow_plain_http"), "{said}");
    let allowed = secret().allow_plain_http(true).with_timeout(SHORT);
    assert_eq!(fails(allowed).await.1, Kind::Unreachable);
}

#[tokio::test]
async fn replies_that_cannot_be_read_are_not_quoted() {
    for reply in [
        Reply::json(200, format!(r#"{{"data":"{CANARY}"}}"#)),
        Reply::json(200, format!(r#"{{"data":{{"data":{{"p":"{CANARY}"}}}}}}"#)),
        Reply::json(200, format!(r#"{{"data":{{"p":"{CANARY}"}}}}"#)),
        Reply::json(200, format!(r#"{{"data":{{"data":{{"p":"{CANARY}"#)),
        Reply::json(200, format!("<html>{CANARY}")),
        Reply::json(400, format!("<html>{CANARY}")),
        Reply::json(404, format!(r#"{{"errors":"{CANARY}"}}"#)),
        Reply::json(403, format!(r#"{{"data":"{CANARY}"}}"#)),
        Reply::json(307, CANARY).header("Location", format!("http://127.0.0.1:1/{CANARY}")),
        Reply::json(200, "x".repeat(1024 * 1024 + 1)),
    ] {
        let (_server, secret) = answering([reply]);
        let shown = format!("{secret:?}{secret:#?}");
        let (error, ..) = fails(secret).await;
        let shown = format!("{shown}{}", leak::printed(&error));
        assert_eq!(leak::find(CANARY, &shown), None, "{shown}");
    }
}

#[tokio::test]
async fn certificates_of_a_private_ca() {
    let stub = Stub::start();
    stub.put("mstr", r#"{"password":"p1"}"#);
    let front = TlsFront::start(stub.server.address());
    let secret = || kv("secret", "mstr").address(front.url()).token(ROOT);
    let (_, kind, said) = fails(secret()).await;
    assert_eq!(kind, Kind::Unreachable);
    assert!(said.contains("VAULT_CACERT"), "{said}");
    assert_eq!(stub.server.count(), 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    let (_, kind, said) = fails(secret().ca_file(file.path())).await;
    assert_eq!(
        (kind, said.as_str()),
        (Kind::Other, "the CA file holds no certificates in PEM form")
    );
    std::fs::write(file.path(), front.ca_pem()).unwrap();
    assert_eq!(text(secret().ca_file(file.path()).field("password")).await, "p1");
}

#[tokio::test]
async fn references_share_one_fetch() {
    let stub = Stub::start();
    stub.put("prod/mstr", r#"{"username":"dave","password":"p1"}"#);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), stub::JWT).unwrap();
    let mut references = References::default();
    register(&mut references);
    let options = format!(
        "address={}&kubernetes_role=mstr&service_account_token={}&ttl=15m",
        stub.server.url(),
        token.path().display(),
    );
    let reference = |path: &str, field: &str| {
        references.credential(&format!("vault:{path}?{options}#{field}")).unwrap()
    };
    let (username, password) =
        (reference("secret/prod/mstr", "username"), reference("secret/prod/mstr", "password"));
    assert_eq!((text(&username).await, text(&password).await), ("dave".into(), "p1".into()));
    assert_eq!(stub.fetches(), 1);
    // the path of the API
    assert_eq!(text(&reference("secret/data/prod/mstr", "password")).await, "p1");
    let error = references.credential("vault:secret/mstr?hunter2=1").unwrap_err().to_string();
    assert!(error.ends_with("ca_file, allow_plain_http, ttl"), "{error}");
}
