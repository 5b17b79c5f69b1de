//! What is logged: nothing of a reply, at TRACE and with every switch that the SDK documents for
//! debugging. The child is a program of its own, which has the variables and one subscriber.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::{env, process::Command};

use common::{Stub, amz, process::CANARY};
use mstr_cloud_stub::{
    Reply, Responder,
    contract::Mood,
    leak::{self, Log},
};
use mstr_credentials::{Credential, CredentialError};
use mstr_credentials_aws::{
    ParameterStoreValues, SecretsManagerSecret, parameter_store, secrets_manager,
};
use serde_json::json;

/// One credential of each kind.
fn credentials(url: &str) -> Vec<Credential> {
    let values = ParameterStoreValues::new().endpoint(url).prefetch(["/one", "/two"]);
    vec![
        secrets_manager("s").endpoint(url).into(),
        secrets_manager("binary:text").endpoint(url).into(),
        SecretsManagerSecret::new("s").endpoint(url).field("f").into(),
        parameter_store("/p").endpoint(url).into(),
        values.parameter("/one").into(),
        values.parameter("/three").into(),
        ParameterStoreValues::path("/").endpoint(url).field("f").into(),
    ]
}

/// Errors of AWS and of what stands between. Their canary is in no code and no message.
fn refusals() -> Vec<Reply> {
    let error = |status: u16, code: &str| {
        let body =
            json!({"__type": code, "message": "m", "Detail": CANARY, "Value": {"x": CANARY}});
        amz(status, body.to_string())
    };
    vec![
        error(400, "AccessDeniedException"),
        error(400, "ResourceNotFoundException"),
        error(400, "ExpiredTokenException"),
        error(400, "NoSuchCode"),
        amz(400, json!({"Detail": CANARY}).to_string()),
        Reply::status(403).header("content-type", "text/html").body(format!("<p>{CANARY}</p>")),
        amz(200, format!("{{\"SecretString\": \"{CANARY}")),
        amz(200, format!("{{\"SecretString\": {{\"{CANARY}\": 1}}}}")),
    ]
}

/// No part of the canary in an error and all that hangs on it.
fn clean(outcome: Result<(), CredentialError>) {
    if let Err(error) = outcome {
        assert_eq!(leak::find(CANARY, &leak::printed(&error)), None, "{error}");
    }
}

#[tokio::test]
#[ignore = "the other test runs it in a child process"]
async fn child() {
    let log = Log::start();
    for text in [CANARY.to_owned(), json!({"f": CANARY, "g": 1}).to_string()] {
        let stub = Stub::holding(&text);
        for mood in [Mood::Answers, Mood::Garbles, Mood::Denies] {
            stub.set(mood);
            for credential in credentials(&stub.server.url()) {
                clean(credential.resolve().await.map(drop));
            }
        }
        assert!(stub.server.count() >= 14);
    }
    for reply in refusals() {
        let server = Responder::scripted([reply]);
        for credential in credentials(&server.url()) {
            clean(credential.resolve().await.map(drop));
        }
    }
    let logged = log.text();
    assert_eq!(leak::find(CANARY, &logged), None);
    // this part of the SDK shows requests and, with LOG_SENSITIVE_BODIES, whole replies
    assert!(!logged.contains("orchestrator"), "the SDK logs");
}

/// The switches are worth the name: without the provider's silence the SDK does log the secret.
#[tokio::test]
#[ignore = "the other test runs it in a child process"]
async fn child_that_uses_the_sdk_itself() {
    use mstr_credentials_aws::aws_sdk_secretsmanager::Client;
    let log = Log::start();
    let stub = Stub::holding(CANARY);
    let config = common::sdk_config().into_builder().endpoint_url(stub.server.url()).build();
    Client::new(&config).get_secret_value().secret_id("s").send().await.unwrap();
    assert!(leak::find(CANARY, &log.text()).is_some());
}

#[test]
fn no_reply_is_logged_with_any_switch_of_the_sdk() {
    for name in ["child", "child_that_uses_the_sdk_itself"] {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", name, "--ignored", "--nocapture"]).env_clear();
        child.env("PATH", env::var_os("PATH").unwrap());
        let output = child
            .envs([
                ("RUST_LOG", "trace"),
                ("LOG_SENSITIVE_BODIES", "true"),
                ("LOG_SIGNABLE_BODY", "true"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("AWS_SECRET_ACCESS_KEY", CANARY),
                ("AWS_SESSION_TOKEN", CANARY),
                ("AWS_REGION", "eu-west-1"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_CONFIG_FILE", "/nonexistent/config"),
                ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials"),
            ])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {printed}{errors}");
        assert!(printed.contains("1 passed"), "{name}: {printed}");
    }
}
