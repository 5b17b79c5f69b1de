//! A place where an identity is looked for: the protocol stub, programs that would log in, and a child
//! process with an environment of its own, since that of a process cannot be changed safely.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    env, ffi::OsStr, fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration,
};

use mstr_cloud_stub::{closed_port, leak};
use mstr_credentials::{Credential, References, VaultError};
use mstr_credentials_azure::{Identity, KeyVaultSecret, register};
use tempfile::TempDir;

use crate::stub::{Stub, VAULT};

pub(crate) const CANARY: &str = "cAnArY-7f3a91d2";

pub(crate) const TENANT: [(&str, &str); 2] =
    [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "me")];

/// What runs in the children: resolves a secret as the environment says.
pub(crate) fn resolve() {
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
    let mut credential = Credential::from(secret);
    // its options: `identity=azure-cli&client_id=me`
    if let Ok(options) = env::var("REFERENCE") {
        let (endpoint, authority) = (set("ENDPOINT"), set("AUTHORITY"));
        let mut references = References::default();
        register(&mut references);
        let text =
            format!("azure-kv:{VAULT}/mstr?endpoint={endpoint}&authority={authority}&{options}");
        credential = references.credential(&text).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(credential.resolve()) {
        Ok(secret) => println!("\nGIVEN {}", secret.expose_secret()),
        Err(error) => {
            let kind = error.vault_error().map(VaultError::kind);
            println!("\nFAILED {kind:?} {}", leak::printed(&error).replace('\n', " | "));
        }
    }
}

pub(crate) struct Place {
    pub(crate) stub: Stub,
    /// Where `az` would be.
    pub(crate) tools: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let stub = Stub::default();
        stub.azure.put("mstr", Some("value"));
        Self { stub, tools: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.tools.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    }

    /// An `az` with somebody logged in.
    pub(crate) fn az(&self) {
        let reply = serde_json::json!({"accessToken": self.stub.azure.token(),
            "expires_on": 4_102_444_800_i64, "tokenType": "Bearer"});
        self.file("az", &format!("#!/bin/sh\necho '{reply}'\n"));
    }

    /// Runs the child with this environment and no other; there is no metadata service unless it
    /// says so.
    pub(crate) fn run(&self, environment: &[(&str, &str)]) -> String {
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (*name, OsStr::new(value))).collect();
        self.run_with(&environment)
    }

    pub(crate) fn run_with(&self, environment: &[(&str, &OsStr)]) -> String {
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

    pub(crate) fn fails(&self, environment: &[(&str, &str)], with: &[&str]) {
        let said = self.run(environment);
        for text in with {
            assert!(said.starts_with("FAILED") && said.contains(text), "no {text}: {said}");
        }
        assert_eq!(leak::find(CANARY, &said), None, "{said}");
    }
}
