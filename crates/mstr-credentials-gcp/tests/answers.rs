//! What Secret Manager may answer, and what a secret may be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{fs, time::Duration};

use mstr_cloud_stub::{
    Reply, Responder, closed_port,
    contract::Mood,
    gcp::{Checksum, REFRESH_TOKEN},
    leak,
};
use mstr_credentials::{
    Credential, CredentialError, References, SecretProvider as _, VaultErrorKind as Kind,
};
use mstr_credentials_gcp::{
    SecretManagerSecret, google_cloud_auth::credentials::Credentials, register,
    sdk::client::SecretManagerService, secret_manager,
};
use serde_json::json;
use stub::{Stub, Token};
use tempfile::NamedTempFile;

const SECRET: &str = "projects/p/secrets/s";

async fn text(credential: impl Into<Credential>) -> String {
    credential.into().resolve().await.unwrap().expose_secret().to_owned()
}

/// The error, its kind and its code.
async fn fails(credential: impl Into<Credential>) -> (CredentialError, Kind, String) {
    let error = credential.into().resolve().await.unwrap_err();
    let why = error.vault_error().unwrap_or_else(|| panic!("{error:?}")).clone();
    (error, why.kind(), why.to_string())
}

fn answering(reply: Reply) -> (Responder, SecretManagerSecret) {
    let server = Responder::scripted([reply]);
    let secret = SecretManagerSecret::new("p", "s").credentials(Credentials::from(Token));
    let secret = secret.endpoint(server.url());
    (server, secret)
}

#[tokio::test]
async fn versions_members_and_regions() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, r#"{"a":"1"}"#);
    stub.gcp.put(SECRET, r#"{"a":"2"}"#);
    stub.gcp.put("projects/p/locations/europe-west3/secrets/s", "regional");
    assert_eq!(text(stub.value("s").field("a")).await, "2");
    assert_eq!(text(stub.value("s").version("1").field("a")).await, "1");
    assert_eq!(text(stub.secret("s").version("1").field("a")).await, "1");
    assert_eq!(text(stub.value("s").location("europe-west3")).await, "regional");
    assert_eq!(fails(stub.value("s").version("3")).await.1, Kind::NotFound);
}

#[tokio::test]
async fn a_single_value_is_fetched_at_every_resolve() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "one");
    let value = Credential::from(stub.value("s"));
    assert_eq!(text(&value).await, "one");
    stub.gcp.put(SECRET, "two");
    assert_eq!(text(&value).await, "two");
    assert_eq!(stub.gcp.fetches(), 2);
}

#[tokio::test]
async fn the_checksum_is_verified() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    stub.gcp.checksum(Checksum::Wrong);
    let (_, kind, said) = fails(stub.value("s")).await;
    assert_eq!((kind, said.as_str()), (Kind::Other, "the payload does not match its checksum"));
    stub.gcp.checksum(Checksum::Absent);
    assert_eq!(text(stub.value("s")).await, "value");
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, [0xff, 0xfe, 0]);
    let error = Credential::from(stub.value("s")).resolve().await.unwrap_err();
    assert_eq!(error.to_string(), r#"Google secret "s" of project p is not valid UTF-8"#);
}

#[tokio::test]
async fn refusals() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    stub.gcp.set(Mood::Denies);
    let (error, kind, said) = fails(stub.value("s")).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("PERMISSION_DENIED: Permission 'secretmanager"), "{said}");
    assert_eq!(error.to_string(), r#"Google secret "s" of project p: access denied"#);
    stub.gcp.set(Mood::Answers);
    stub.gcp.disable(SECRET);
    let (_, kind, said) = fails(stub.value("s")).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("FAILED_PRECONDITION: ") && said.contains("DISABLED"), "{said}");
    let (_, kind, said) = fails(stub.value("other")).await;
    assert_eq!(kind, Kind::NotFound);
    assert!(said.starts_with("NOT_FOUND: "), "{said}");
}

#[tokio::test]
async fn throttled() {
    let said = r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}"#;
    let (_server, secret) = answering(Reply::json(429, said));
    let (_, kind, said) = fails(secret).await;
    assert_eq!((kind, said.as_str()), (Kind::Throttled, "RESOURCE_EXHAUSTED: Quota exceeded"));
}

#[tokio::test]
async fn nobody_there() {
    let secret = |endpoint: String| {
        secret_manager("p", "s").credentials(Credentials::from(Token)).endpoint(endpoint)
    };
    let closed = secret(format!("http://{}", closed_port())).with_timeout(Duration::from_secs(20));
    assert_eq!(fails(closed).await.1, Kind::Unreachable);
    let hole = Responder::black_hole();
    // a handshake that never ends, too
    for endpoint in [hole.url(), hole.url().replace("http://", "https://")] {
        let (_, kind, said) =
            fails(secret(endpoint).with_timeout(Duration::from_millis(300))).await;
        let text = "no answer within 300ms, waiting for Secret Manager at http";
        assert_eq!(kind, Kind::Unreachable);
        assert!(said.starts_with(text), "{said}");
    }
}

#[tokio::test]
async fn replies_that_cannot_be_read_are_not_quoted() {
    let canary = "cAnArY-7f3a91d2";
    for reply in [
        Reply::json(200, format!(r#"{{"payload":"{canary}"}}"#)),
        Reply::json(200, format!(r#"{{"payload":{{"data":"{canary}!"}}}}"#)),
        Reply::json(200, format!(r#"{{"payload":{{"data":"","dataCrc32c":"{canary}"}}}}"#)),
        Reply::json(200, format!(r#"{{"name":"{canary}"}}"#)),
        Reply::json(200, format!(r#"{{"payload":{{"data":"{canary}"#)),
        Reply::json(400, format!("<html>{canary}")),
        Reply::json(404, format!(r#"{{"payload":"{canary}"}}"#)),
        Reply::json(302, canary).header("Location", format!("http://127.0.0.1:1/{canary}")),
    ] {
        let (_server, secret) = answering(reply);
        let shown = format!("{secret:?}{secret:#?}");
        let error = Credential::from(secret).resolve().await.unwrap_err();
        let shown = format!("{shown}{}", leak::printed(&error));
        assert_eq!(leak::find(canary, &shown), None, "{shown}");
    }
}

/// A user's login as `gcloud` leaves it.
fn login(refresh_token: &str, token_uri: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let login = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
        "refresh_token": refresh_token, "token_uri": token_uri});
    fs::write(file.path(), login.to_string()).unwrap();
    file
}

#[tokio::test]
async fn a_credentials_file() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    let file = login(REFRESH_TOKEN, &format!("{}/token", stub.server.url()));
    let secret = secret_manager("p", "s").endpoint(stub.server.url()).credentials_file(file.path());
    assert_eq!(text(&Credential::from(secret.clone())).await, "value");
    assert_eq!(stub.gcp.identities(), ["refresh"]);

    let canary = "cAnArY-7f3a91d2";
    for (content, says) in [
        (format!("{{\"private_key\": \"{canary}\""), "is not JSON"),
        (format!("{{\"type\": \"{canary}\"}}"), "is none of service_account"),
        (
            format!("{{\"type\": \"service_account\", \"private_key\": [\"{canary}\"]}}"),
            "is not complete, or a field of it has the wrong type",
        ),
        (
            format!("{{\"type\": \"authorized_user\", \"client_id\": [\"{canary}\"]}}"),
            "is not complete, or a field of it has the wrong type",
        ),
        (
            format!("{{\"type\": \"external_account_authorized_user\", \"x\": \"{canary}\"}}"),
            "external_account_authorized_user, which Google's SDK for Rust does not support",
        ),
    ] {
        fs::write(file.path(), content).unwrap();
        let broken = secret.clone().version("1");
        let (error, kind, said) = fails(broken).await;
        assert_eq!(kind, Kind::NoCredentials);
        assert!(said.contains(says), "{said}");
        assert_eq!(leak::find(canary, &leak::printed(&error)), None);
    }
    let gone = secret.credentials_file("/nonexistent/key.json");
    let (_, kind, said) = fails(gone).await;
    assert_eq!(kind, Kind::NoCredentials);
    assert!(said.contains("/nonexistent/key.json cannot be read"), "{said}");
}

#[tokio::test]
async fn broken_credentials_are_made_anew() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    let uri = format!("{}/token", stub.server.url());
    let file = login("revoked", &uri);
    let secret = secret_manager("p", "s").endpoint(stub.server.url()).credentials_file(file.path());
    let secret = Credential::from(secret);
    assert_eq!(fails(&secret).await.1, Kind::NoCredentials);
    // somebody logs in again; with the client of before that would not be noticed
    fs::copy(login(REFRESH_TOKEN, &uri).path(), file.path()).unwrap();
    assert_eq!(text(&secret).await, "value");
}

#[test]
fn credentials_of_a_runtime_that_is_gone() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
        "refresh_token": REFRESH_TOKEN, "token_uri": format!("{}/token", stub.server.url())});
    let first = runtime();
    let credentials = first.block_on(async {
        google_cloud_auth::credentials::user_account::Builder::new(config).build().unwrap()
    });
    let secret = secret_manager("p", "s").endpoint(stub.server.url()).credentials(credentials);
    // gone before it got a token
    drop(first);
    let error = runtime().block_on(secret.secret()).unwrap_err();
    let why = error.vault_error().unwrap();
    assert_eq!(why.kind(), Kind::Other);
    assert!(why.message().contains("runtime"), "{why}");
}

#[tokio::test]
async fn a_client_that_is_handed_in() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, "value");
    let client = SecretManagerService::builder()
        .with_endpoint(stub.server.url())
        .with_credentials(Credentials::from(Token))
        .build()
        .await
        .unwrap();
    // not the endpoint, then
    let secret = secret_manager("p", "s").endpoint("https://nowhere.invalid").client(client);
    assert_eq!(text(secret).await, "value");
}

#[tokio::test]
async fn references_share_one_fetch() {
    let stub = Stub::default();
    stub.gcp.put(SECRET, r#"{"username":"dave","password":"p"}"#);
    let file = login(REFRESH_TOKEN, &format!("{}/token", stub.server.url()));
    let mut references = References::default();
    register(&mut references);
    let reference = |field: &str| {
        let (file, endpoint) = (file.path().display(), stub.server.url());
        let text = format!("gcp-sm:{SECRET}?endpoint={endpoint}&credentials_file={file}#{field}");
        references.credential(&text).unwrap()
    };
    for fetches in [1, 2] {
        // those of the last round are gone, and nothing is kept of them
        let (username, password) = (reference("username"), reference("password"));
        assert_eq!(text(&username).await, "dave");
        assert_eq!(text(&password).await, "p");
        assert_eq!(stub.gcp.fetches(), fetches);
    }
}
