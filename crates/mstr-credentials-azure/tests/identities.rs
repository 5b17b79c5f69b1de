//! Who asks: the chain and its links. Each case is a child process with an environment of its own,
//! since that of a process cannot be changed safely.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(unix)]

mod stub;

use std::{env, fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use mstr_cloud_stub::{
    Responder,
    azure::{CLIENT_SECRET, FEDERATED_TOKEN, IDENTITY_HEADER},
    closed_port, leak,
};
use mstr_credentials::{Credential, VaultError};
use mstr_credentials_azure::{Identity, KeyVaultSecret};
use stub::{Stub, VAULT};
use tempfile::TempDir;

const CANARY: &str = "cAnArY-7f3a91d2";

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    let set = |name| env::var(name).unwrap_or_default();
    let mut secret = KeyVaultSecret::new(VAULT, "mstr").endpoint(set("ENDPOINT"));
    if let Ok(authority) = env::var("AUTHORITY") {
        secret = secret.authority(authority);
    }
    secret = match set("IDENTITY").as_str() {
        "managed" => secret.identity(Identity::ManagedIdentity),
        "az" => secret.identity(Identity::AzureCli),
        _ => secret,
    };
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

struct Place {
    stub: Stub,
    /// Where `az` would be.
    tools: TempDir,
}

impl Place {
    fn new() -> Self {
        let stub = Stub::default();
        stub.azure.put("mstr", Some("value"));
        Self { stub, tools: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.tools.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    /// An `az` with somebody logged in.
    fn az(&self) {
        let reply = serde_json::json!({"accessToken": self.stub.azure.token(),
            "expires_on": 4_102_444_800_i64, "tokenType": "Bearer"});
        self.file("az", &format!("#!/bin/sh\necho '{reply}'\n"));
    }

    /// Runs the child with this environment and no other; there is no metadata service unless it
    /// says so.
    fn run(&self, environment: &[(&str, &str)]) -> String {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "child", "--ignored", "--nocapture"]).env_clear();
        child.env("PATH", format!("{}:/usr/bin:/bin", self.tools.path().display()));
        child.env("ENDPOINT", self.stub.server.url()).env("AUTHORITY", self.stub.server.url());
        child.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", format!("http://{}", closed_port()));
        child.envs(environment.iter().copied());
        let output = child.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}{errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        let said =
            printed.lines().find(|line| line.starts_with("GIVEN") || line.starts_with("FAILED"));
        said.unwrap_or_else(|| panic!("{printed}{errors}")).to_owned()
    }

    fn fails(&self, environment: &[(&str, &str)], with: &[&str]) {
        let said = self.run(environment);
        for text in with {
            assert!(said.starts_with("FAILED") && said.contains(text), "no {text}: {said}");
        }
        assert_eq!(leak::find(CANARY, &said), None, "{said}");
    }
}

const TENANT: [(&str, &str); 2] = [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "me")];

#[test]
fn a_service_principal_of_the_environment() {
    let place = Place::new();
    let good = [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CLIENT_SECRET)];
    assert_eq!(place.run(&good), "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["secret me"]);
}

#[test]
fn a_configured_link_is_the_last() {
    let place = Place::new();
    place.az();
    let bad = [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CANARY)];
    // the code: what stands around it came through a parser, which quotes
    place.fails(&bad, &["NoCredentials", "environment: AADSTS7000215"]);
    let gone = [TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent/token")];
    place.fails(&gone, &["NoCredentials", "workload-identity: "]);
    let certificate = [TENANT[0], TENANT[1], ("AZURE_CLIENT_CERTIFICATE_PATH", "/cert.pem")];
    place.fails(&certificate, &["NoCredentials", "AZURE_CLIENT_CERTIFICATE_PATH"]);
    let endpoint = format!("{}/msi/token", place.stub.server.url());
    let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", CANARY)];
    place.fails(&app, &["NoCredentials", "managed-identity: "]);
    assert_eq!(place.stub.azure.identities(), [""; 0]);
    // and without all that it would have been the tool
    assert_eq!(place.run(&[]), "GIVEN value");
}

#[test]
fn a_workload_identity() {
    let place = Place::new();
    let file = place.file("token", FEDERATED_TOKEN);
    let said = place.run(&[TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", &file)]);
    assert_eq!(said, "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["federated me"]);
}

#[test]
fn managed_identities() {
    let place = Place::new();
    place.az();
    let url = place.stub.server.url();
    let endpoint = format!("{url}/msi/token");
    let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", IDENTITY_HEADER)];
    assert_eq!(place.run(&app), "GIVEN value");
    let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str());
    assert_eq!(place.run(&[machine]), "GIVEN value");
    assert_eq!(place.run(&[machine, ("AZURE_CLIENT_ID", "other")]), "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["app-service", "imds", "imds other"]);

    // a machine without an identity: the next link, unless this one is demanded
    place.stub.azure.assigned(false);
    assert_eq!(place.run(&[machine]), "GIVEN value");
    place.fails(&[machine, ("IDENTITY", "managed")], &["NoCredentials", "not been assigned"]);
    place.fails(
        &[machine, ("AZURE_TOKEN_CREDENTIALS", "prod")],
        &["NoCredentials", "environment: AZURE_TENANT_ID", "managed-identity: "],
    );
    assert_eq!(place.stub.azure.identities().len(), 3);
}

#[test]
fn what_answers_like_no_metadata_service_is_none() {
    let place = Place::new();
    // a captive portal, and something that takes connections
    let portal = Responder::scripted([mstr_cloud_stub::Reply::status(200).body("welcome")]);
    let hole = Responder::black_hole();
    for server in [portal.url(), hole.url()] {
        let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.as_str());
        place.fails(&[machine], &["NoCredentials", "no metadata service answers"]);
    }
    // nowhere else is asked in clear
    let elsewhere = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://metadata.example");
    place.fails(&[elsewhere], &["no metadata service answers"]);
}

#[test]
fn nothing_at_all() {
    let place = Place::new();
    place.fails(
        &[],
        &[
            "NoCredentials",
            "environment: AZURE_TENANT_ID",
            "workload-identity: ",
            "managed-identity: ",
            "azure-cli: ",
            "az not found on PATH",
            "azure-developer-cli: ",
        ],
    );
    place.fails(&[("AZURE_TOKEN_CREDENTIALS", "prodd")], &["neither prod nor dev"]);
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli: ", "az not found"]);
}

#[test]
fn what_hangs_ends_at_the_limit() {
    let place = Place::new();
    place.file("az", "#!/bin/sh\nexec sleep 600\n");
    let hole = Responder::black_hole();
    let app = [("IDENTITY_ENDPOINT", hole.url()), ("IDENTITY_HEADER", "x".to_owned())];
    let app = app.each_ref().map(|(name, value)| (*name, value.as_str()));
    for hangs in [
        // the SDK would try for 99 s
        app.as_slice(),
        // for ever
        &[("IDENTITY", "az")],
        &[TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", "x"), ("AUTHORITY", &hole.url())],
    ] {
        let environment = [hangs, &[("LIMIT", "600")]].concat();
        place.fails(&environment, &["Unreachable", "no answer within 600ms"]);
    }
}

#[test]
fn a_tool_that_says_too_much_is_not_quoted() {
    let place = Place::new();
    place.file("az", &format!("#!/bin/sh\necho '{{\"accessToken\":[\"{CANARY}\"]}}'\n"));
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli"]);
    place.file("az", &format!("#!/bin/sh\necho '\"{CANARY}\"'\n"));
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli"]);
}

#[test]
fn without_ca_certificates() {
    let place = Place::new();
    let none = [("SSL_CERT_FILE", "/nonexistent/ca.pem"), ("SSL_CERT_DIR", "/nonexistent")];
    place.fails(&none, &["Other", "CA certificates"]);
}
