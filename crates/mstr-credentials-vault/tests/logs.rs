//! What is logged. A program of its own: a subscriber of one test alone misses what another test
//! met first.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod stub;

use std::time::Duration;

use mstr_cloud_stub::{
    contract::Mood,
    leak::{self, Log},
    tls::TlsFront,
};
use mstr_credentials::SecretProvider as _;
use mstr_credentials_vault::kv;
use stub::{JWT, ROLE_ID, SECRET_ID, Stub};

#[tokio::test]
async fn no_secret_token_or_login_is_logged() {
    const CANARY: &str = "cAnArY-7f3a91d2";
    let log = Log::start();

    let stub = Stub::start();
    stub.put("mstr", &format!(r#"{{"password":"{CANARY}"}}"#));
    let front = TlsFront::start(stub.server.address());
    let dir = tempfile::tempdir().unwrap();
    let (ca, jwt) = (dir.path().join("ca.pem"), dir.path().join("jwt"));
    std::fs::write(&ca, front.ca_pem()).unwrap();
    std::fs::write(&jwt, JWT).unwrap();
    let secret = || kv("secret", "mstr").ca_file(&ca).with_timeout(Duration::from_secs(60));
    for address in [stub.server.url(), front.url()] {
        for secret in [
            secret().app_role(ROLE_ID, SECRET_ID),
            secret().kubernetes("mstr").service_account_token(&jwt),
            secret().token("cAnArYtOkEn-given"),
        ] {
            let secret = secret.address(&address);
            for mood in [Mood::Answers, Mood::Garbles, Mood::Denies] {
                stub.set(mood);
                secret.invalidate();
                let _ = secret.secret().await;
            }
        }
    }
    assert!(stub.fetches() >= 18 && stub.logins() >= 4);
    let logged = log.text();
    for canary in [CANARY, SECRET_ID, JWT, "cAnArYtOkEn-1", "cAnArYtOkEn-given"] {
        assert_eq!(leak::find(canary, &logged), None, "{canary}");
    }
}
