//! Tokens: given, or got by a login.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod stub;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mstr_cloud_stub::{contract::Mood, leak};
use mstr_credentials::{
    CachedSecret, Credential, CredentialError, SecretProvider as _, VaultErrorKind as Kind,
};
use mstr_credentials_vault::{VaultSecret, kv};
use stub::{JWT, ROLE_ID, ROOT, SECRET_ID, Stub};

const VALUE: &str = r#"{"password":"p1"}"#;

async fn text(credential: impl Into<Credential>) -> Result<String, CredentialError> {
    credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

/// Fetched anew.
async fn fetched(secret: &VaultSecret) -> Result<String, CredentialError> {
    secret.invalidate();
    text(secret.field("password")).await
}

fn stub() -> Stub {
    let stub = Stub::start();
    stub.put("mstr", VALUE);
    stub
}

#[tokio::test]
async fn the_token_of_a_login_is_kept() {
    let stub = stub();
    let secret = stub.app_role("mstr");
    for _ in 0..3 {
        assert_eq!(fetched(&secret).await.unwrap(), "p1");
    }
    assert_eq!((stub.logins(), stub.fetches()), (1, 3));
    let login = &stub.server.requests()[0];
    assert_eq!((login.method.as_str(), login.path.as_str()), ("POST", "/v1/auth/approle/login"));
    assert_eq!(login.header("x-vault-token"), "");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let stub = stub();
    let secret = stub.app_role("mstr");
    fetched(&secret).await.unwrap();
    stub.revoke();
    assert_eq!(fetched(&secret).await.unwrap(), "p1");
    assert_eq!((stub.logins(), stub.fetches()), (2, 3));
    // the policy says no, whatever the token
    stub.set(Mood::Denies);
    let error = fetched(&secret).await.unwrap_err();
    assert_eq!(error.vault_error().unwrap().kind(), Kind::Denied);
    assert_eq!((stub.logins(), stub.fetches()), (3, 5));
    stub.set(Mood::Answers);
    assert_eq!(fetched(&secret).await.unwrap(), "p1");
}

#[tokio::test]
async fn a_token_serves_as_long_as_the_vault_says() {
    let stub = stub();
    // one that never expires, and one that does so after everything else
    for lease in [0, u64::MAX] {
        stub.tokens_last(u64::MAX, lease);
        let (secret, before) = (stub.app_role("mstr"), stub.logins());
        fetched(&secret).await.unwrap();
        fetched(&secret).await.unwrap();
        assert_eq!(stub.logins() - before, 1);
    }
    // used up
    stub.tokens_last(1, 3600);
    let (secret, before) = (stub.app_role("mstr"), stub.logins());
    fetched(&secret).await.unwrap();
    fetched(&secret).await.unwrap();
    assert_eq!(stub.logins() - before, 2);
}

#[tokio::test]
async fn a_service_account_logs_in() {
    let stub = stub();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "expired").unwrap();
    let secret = kv("secret", "mstr")
        .address(stub.server.url())
        .kubernetes("mstr")
        .service_account_token(file.path());
    assert!(fetched(&secret).await.is_err());
    // Kubernetes writes a new one: it is read at each login
    std::fs::write(file.path(), format!("{JWT}\n")).unwrap();
    assert_eq!(fetched(&secret).await.unwrap(), "p1");

    let gone = secret.service_account_token("/no/such/token");
    let error = fetched(&gone).await.unwrap_err();
    let why = error.vault_error().unwrap();
    assert_eq!(why.kind(), Kind::NoCredentials);
    assert!(why.message().contains("secret file /no/such/token does not exist"), "{why}");
}

#[tokio::test]
async fn a_login_that_fails_says_where_and_holds_no_secret() {
    let stub = stub();
    let at = |secret: VaultSecret| secret.address(stub.server.url());
    let wrong = "cAnArYwRoNg-77aa";
    for (secret, kind, says) in [
        (
            at(kv("secret", "mstr").app_role(ROLE_ID, wrong)),
            Kind::Denied,
            "400: login at auth/approle: invalid role or secret ID ***",
        ),
        (
            at(kv("secret", "mstr").app_role(ROLE_ID, SECRET_ID).auth_mount("nowhere")),
            Kind::NoCredentials,
            "404: login at auth/nowhere: no handler for route",
        ),
        (
            at(kv("secret", "mstr").app_role(ROLE_ID, Credential::env("SURELY_NOT_SET_1234"))),
            Kind::NoCredentials,
            "the secret id: environment variable SURELY_NOT_SET_1234 is not set",
        ),
        (
            at(kv("secret", "mstr").token(format!("{wrong}\u{e9}\n\nx"))),
            Kind::NoCredentials,
            "the token holds characters that no token has",
        ),
        (at(kv("secret", "mstr").token(" ")), Kind::NoCredentials, "the token: it is empty"),
        (
            at(kv("secret", "mstr").token(wrong)),
            Kind::Denied,
            "403: permission denied; invalid token",
        ),
    ] {
        let shown = format!("{secret:?}");
        let error = fetched(&secret).await.unwrap_err();
        let why = error.vault_error().unwrap();
        assert_eq!((why.kind(), why.to_string().as_str()), (kind, says));
        let shown = format!("{shown}{}", leak::printed(&error));
        assert_eq!(leak::find(wrong, &shown), None, "{shown}");
    }
    let mounted = at(kv("secret", "mstr").app_role(ROLE_ID, SECRET_ID).auth_mount("team/approle"));
    assert_eq!(fetched(&mounted).await.unwrap(), "p1");
}

#[tokio::test]
async fn a_given_token_is_asked_for_again_when_it_is_refused() {
    let stub = stub();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let token = CachedSecret::new("token", move || {
        let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
        async move { Ok::<_, CredentialError>(if first { "old" } else { ROOT }) }
    });
    let secret = kv("secret", "mstr").address(stub.server.url()).token(token);
    assert_eq!(fetched(&secret).await.unwrap(), "p1");
    assert_eq!((asked.load(Ordering::Relaxed), stub.fetches()), (2, 2));
    // one that stays the same is sent once
    stub.set(Mood::Denies);
    fetched(&secret).await.unwrap_err();
    assert_eq!((asked.load(Ordering::Relaxed), stub.fetches()), (3, 3));
}
