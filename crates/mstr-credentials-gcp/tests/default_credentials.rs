//! Application Default Credentials. Each case is a child process with an environment of its own,
//! since that of a process cannot be changed safely.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{env, fs, process::Command, time::Duration};

use mstr_cloud_stub::{Responder, closed_port, gcp::REFRESH_TOKEN, leak};
use mstr_credentials::{Credential, VaultError};
use mstr_credentials_gcp::SecretManagerSecret;
use serde_json::json;
use stub::Stub;
use tempfile::NamedTempFile;

const CANARY: &str = "cAnArY-7f3a91d2";

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    let set = |name| env::var(name).unwrap_or_default();
    let mut secret = SecretManagerSecret::new("p", "s").endpoint(set("ENDPOINT"));
    if let Ok(limit) = set("LIMIT").parse() {
        secret = secret.with_timeout(Duration::from_millis(limit));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(Credential::from(secret).resolve()) {
        Ok(secret) => println!("\nGIVEN {}", secret.expose_secret()),
        Err(error) => {
            let kind = error.vault_error().map(VaultError::kind);
            println!("\nFAILED {kind:?} {}", leak::printed(&error).replace('\n', " | "));
        }
    }
}

/// Runs the child with this environment and no other.
fn run(stub: &Stub, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child", "--ignored", "--nocapture"]).env_clear();
    child.env("ENDPOINT", stub.server.url()).env("HOME", "/nonexistent");
    child.env("GCE_METADATA_HOST", closed_port().to_string());
    child.envs(environment.iter().copied());
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    let said = printed.lines().find(|line| line.starts_with("GIVEN") || line.starts_with("FAILED"));
    let said = said.unwrap_or_else(|| panic!("{printed}{errors}")).to_owned();
    assert_eq!(leak::find(CANARY, &said), None, "{said}");
    said
}

fn fails(stub: &Stub, environment: &[(&str, &str)], with: &[&str]) {
    let said = run(stub, environment);
    for text in with {
        assert!(said.starts_with("FAILED") && said.contains(text), "no {text}: {said}");
    }
}

fn place() -> Stub {
    let stub = Stub::default();
    stub.gcp.put("projects/p/secrets/s", "value");
    stub
}

#[test]
fn the_metadata_server() {
    let stub = place();
    let host = stub.server.address().to_string();
    assert_eq!(run(&stub, &[("GCE_METADATA_HOST", &host)]), "GIVEN value");
    assert_eq!(stub.gcp.identities(), ["metadata"]);
}

#[test]
fn a_file_that_the_environment_names() {
    let stub = place();
    let file = NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let named = ("GOOGLE_APPLICATION_CREDENTIALS", path.as_str());
    let login = |token: &str| {
        json!({"type": "authorized_user", "client_id": "c", "client_secret": CANARY,
            "refresh_token": token, "token_uri": format!("{}/token", stub.server.url())})
    };
    fs::write(file.path(), login(REFRESH_TOKEN).to_string()).unwrap();
    assert_eq!(run(&stub, &[named]), "GIVEN value");
    assert_eq!(stub.gcp.identities(), ["refresh"]);
    fs::write(file.path(), login(CANARY).to_string()).unwrap();
    fails(&stub, &[named], &["NoCredentials"]);
    fs::write(file.path(), format!("{{\"private_key\":\"{CANARY}\"")).unwrap();
    fails(&stub, &[named], &["NoCredentials", "cannot be read"]);
    fs::remove_file(file.path()).unwrap();
    fails(&stub, &[named], &["NoCredentials", "GOOGLE_APPLICATION_CREDENTIALS"]);
}

#[test]
fn no_credentials_end_at_the_limit() {
    let stub = place();
    // the SDK would try for 45 s and longer, after 30 s for making the client
    fails(&stub, &[("LIMIT", "600")], &["no answer within 600ms"]);
    let hole = Responder::black_hole();
    let host = hole.address().to_string();
    let hangs = [("GCE_METADATA_HOST", host.as_str()), ("LIMIT", "600")];
    fails(&stub, &hangs, &["Unreachable", "no answer within 600ms"]);
}

#[test]
#[cfg(unix)]
fn without_ca_certificates() {
    let stub = place();
    let host = stub.server.address().to_string();
    let none = [
        ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
        ("SSL_CERT_DIR", "/nonexistent"),
        ("GCE_METADATA_HOST", host.as_str()),
    ];
    fails(&stub, &none, &["FAILED"]);
}
