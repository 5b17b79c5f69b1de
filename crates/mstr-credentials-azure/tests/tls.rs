//! The vault over TLS, as the SDK wants it; a child process trusts the stub's CA.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(target_os = "linux")]

mod stub;

use std::{env, process::Command, sync::Arc};

use mstr_cloud_stub::tls::TlsFront;
use mstr_credentials::Credential;
use mstr_credentials_azure::{KeyVaultSecret, key_vault};
use stub::{Stub, Token, VAULT};

/// Not a test of its own: what runs in the child.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    let token = Arc::new(Token(env::var("TOKEN").unwrap()));
    let secret = key_vault(VAULT, "mstr").credential(token).endpoint(env::var("ENDPOINT").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(Credential::from(secret).resolve()) {
        Ok(secret) => println!("\nGIVEN {}", secret.expose_secret()),
        Err(error) => println!("\nFAILED {:?}", error.vault_error()),
    }
}

#[test]
fn certificates_are_verified() {
    let stub = Stub::default();
    stub.azure.put("mstr", Some("value"));
    let front = TlsFront::start(stub.server.address());
    let other = TlsFront::start(stub.server.address());
    for (trusted, expected) in [(&front, "GIVEN value"), (&other, "FAILED")] {
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), trusted.ca_pem()).unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "child", "--ignored", "--nocapture"]);
        child.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", ca.path());
        child.env("ENDPOINT", front.url()).env("TOKEN", stub.azure.token());
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains(expected), "{printed}");
    }
}

#[test]
fn making_one_needs_no_runtime() {
    let secret = KeyVaultSecret::new(VAULT, "mstr");
    assert!(format!("{:?}", secret.field("x")).contains("mstr"));
}
