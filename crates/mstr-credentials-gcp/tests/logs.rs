//! What is logged at level TRACE. The fetches run in a child process, where Google's SDK is told to
//! log as well.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{env, fs, process::Command, time::Duration};

use mstr_cloud_stub::{
    Reply, Responder,
    contract::Mood,
    gcp::REFRESH_TOKEN,
    leak::{self, Log},
};
use mstr_credentials::Credential;
use mstr_credentials_gcp::{SecretManagerSecret, SecretManagerValue, secret_manager};
use serde_json::json;
use stub::Stub;
use tempfile::TempDir;

const CANARY: &str = "cAnArY-7f3a91d2";

/// Every login of the SDK that needs no Google, against this server.
fn logins(folder: &TempDir, url: &str) -> Vec<SecretManagerValue> {
    let subject = folder.path().join("subject");
    fs::write(&subject, CANARY).unwrap();
    let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": CANARY,
        "refresh_token": REFRESH_TOKEN, "token_uri": format!("{url}/token")});
    let federated = json!({"type": "external_account", "audience": "a",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{url}/sts"), "credential_source": {"file": subject}});
    let impersonated = json!({"type": "impersonated_service_account", "source_credentials": user,
        "service_account_impersonation_url": format!("{url}/v1/projects/-/serviceAccounts/me:generateAccessToken")});
    let logins = [("user", &user), ("federated", &federated), ("impersonated", &impersonated)];
    let file = |(name, login): (&str, &serde_json::Value)| {
        let path = folder.path().join(name);
        fs::write(&path, login.to_string()).unwrap();
        secret_manager("p", "s").endpoint(url).credentials_file(path)
    };
    let mut all: Vec<_> = logins.into_iter().map(file).collect();
    // the metadata server
    all.push(secret_manager("p", "s").endpoint(url));
    all
}

/// Tokens that hold the canary; where the tokens fail, errors that do.
fn answering(stub: &Stub, tokens: u16) -> Responder {
    let gcp = stub.gcp.clone();
    Responder::start(move |request| {
        let token = format!("google-token-{CANARY}");
        let path = request.path.split('?').next().unwrap_or_default();
        let reply = match path {
            "/token" | "/computeMetadata/v1/instance/service-accounts/default/token" => {
                json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
            }
            "/sts" => json!({"access_token": token, "issued_token_type": "t", "expires_in": 3599,
                "token_type": "Bearer"}),
            "/v1/projects/-/serviceAccounts/me:generateAccessToken" => {
                json!({"accessToken": token, "expireTime": "2100-01-01T00:00:00Z"})
            }
            _ => return gcp.answer(request).unwrap_or_else(|| Reply::status(404)),
        };
        match tokens {
            200 => Reply::json(200, reply.to_string()),
            status => Reply::json(status, json!({"error": CANARY}).to_string()),
        }
    })
}

/// Not a test of its own: what runs in the child.
#[test]
#[ignore = "the other test runs it in a child process"]
fn child() {
    let log = Log::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (url, good) = (env::var("URL").unwrap(), env::var("GOOD").is_ok());
    let folder = tempfile::tempdir().unwrap();
    for login in logins(&folder, &url) {
        let login = if good { login } else { login.with_timeout(Duration::from_millis(500)) };
        let outcome = runtime.block_on(Credential::from(login).resolve());
        assert_eq!(outcome.is_ok(), good, "{outcome:?}");
    }
    let cached =
        SecretManagerSecret::new("p", "s").endpoint(url).with_timeout(Duration::from_millis(500));
    let _ = runtime.block_on(Credential::from(cached.field("password")).resolve());
    let logged = log.text();
    let found = leak::find(CANARY, &logged);
    assert!(found.is_none(), "{found:?} in {logged}");
    // these parts of it show requests and whole replies
    assert!(!logged.contains("google_cloud"), "the SDK logs: {logged}");
}

#[test]
fn the_sdk_logs_no_secret_token_or_reply() {
    let stub = Stub::default();
    stub.gcp.put("projects/p/secrets/s", CANARY);
    for (mood, tokens) in
        [(Mood::Answers, 200), (Mood::Garbles, 200), (Mood::Answers, 400), (Mood::Answers, 500)]
    {
        stub.gcp.set(mood);
        let server = answering(&stub, tokens);
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "child", "--ignored", "--nocapture"]).env_clear();
        child.env("GOOGLE_CLOUD_RUST_LOGGING", "true").env("RUST_LOG", "trace");
        child.env("GCE_METADATA_HOST", server.address().to_string()).env("HOME", "/nonexistent");
        child.env("URL", server.url());
        if (mood, tokens) == (Mood::Answers, 200) {
            child.env("GOOD", "1");
        }
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mood:?} {tokens}: {printed}{errors}");
    }
}
