//! Application Default Credentials. Each case is a child process with an environment of its own,
//! since that of a process cannot be changed safely.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{env, ffi::OsStr, fs, process::Command, time::Duration};

use mstr_cloud_stub::{Reply, Responder, closed_port, gcp::REFRESH_TOKEN, leak};
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
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (*name, OsStr::new(value))).collect();
    run_with(stub, &environment)
}

fn run_with(stub: &Stub, environment: &[(&str, &OsStr)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child", "--ignored", "--nocapture"]).env_clear();
    child.env("ENDPOINT", stub.server.url()).env("HOME", "/nonexistent");
    child.env("GCE_METADATA_HOST", closed_port().to_string());
    child.envs(environment.iter().copied());
    if environment.iter().any(|(name, _)| *name == "NO_METADATA_HOST") {
        child.env_remove("GCE_METADATA_HOST");
    }
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
fn a_metadata_server_in_trouble_is_asked_again() {
    for status in [500, 503, 429] {
        let stub = place();
        let (gcp, mut first) = (stub.gcp.clone(), true);
        let metadata = Responder::start(move |request| {
            if std::mem::take(&mut first) {
                return Reply::status(status).body(CANARY);
            }
            gcp.answer(request).unwrap_or_else(|| Reply::status(404))
        });
        let host = metadata.address().to_string();
        assert_eq!(run(&stub, &[("GCE_METADATA_HOST", &host)]), "GIVEN value", "{status}");
        assert_eq!(metadata.count(), 2);
    }
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
    // which file it is, and what names it
    let says = format!("{path} (GOOGLE_APPLICATION_CREDENTIALS) is not JSON");
    fails(&stub, &[named], &["NoCredentials", &says]);
    fs::remove_file(file.path()).unwrap();
    let says = format!("{path} (GOOGLE_APPLICATION_CREDENTIALS) cannot be read");
    fails(&stub, &[named], &["NoCredentials", &says]);
}

#[test]
fn a_login_where_gcloud_keeps_it() {
    let stub = place();
    let folder = tempfile::tempdir().unwrap();
    let login = json!({"type": "authorized_user", "client_id": "c", "client_secret": CANARY,
        "refresh_token": REFRESH_TOKEN, "token_uri": format!("{}/token", stub.server.url())});
    fs::write(folder.path().join("application_default_credentials.json"), login.to_string())
        .unwrap();
    let config = folder.path().display().to_string();
    assert_eq!(run(&stub, &[("CLOUDSDK_CONFIG", &config)]), "GIVEN value");
    assert_eq!(stub.gcp.identities(), ["refresh"]);
}

#[test]
fn without_credentials_the_error_tells_how_to_log_in() {
    let stub = place();
    // where the metadata server of Google would be, nobody answers
    let proxy = format!("http://{}", closed_port());
    let nowhere = [("NO_METADATA_HOST", "1"), ("http_proxy", proxy.as_str()), ("LIMIT", "900")];
    fails(
        &stub,
        &[&nowhere[..], &[("no_proxy", "127.0.0.1")]].concat(),
        &[
            "NoCredentials",
            "waiting for a token of the metadata server metadata.google.internal",
            "run `gcloud auth application-default login`, or name a file",
        ],
    );
}

#[test]
fn at_the_timeout_the_error_tells_what_was_waited_for() {
    let stub = place();
    let hole = Responder::black_hole();
    let host = hole.address().to_string();
    let hangs = [("GCE_METADATA_HOST", host.as_str()), ("LIMIT", "600")];
    let waiting = format!("waiting for a token of the metadata server {host}");
    fails(&stub, &hangs, &["Unreachable", "no answer within 600ms", &waiting]);
    // nothing listens
    fails(&stub, &[("LIMIT", "600")], &["Unreachable", "no answer within 600ms", "refused"]);
}

#[test]
#[cfg(unix)]
fn a_program_that_gives_subject_tokens_is_not_quoted() {
    let stub = place();
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let script = folder.path().join("script");
    let login = folder.path().join("login.json");
    let config = json!({"type": "external_account", "audience": "a",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/token", stub.server.url()),
        "credential_source": {"executable": {"command": format!("sh {}", script.display())}}});
    fs::write(&login, config.to_string()).unwrap();
    let named = login.display().to_string();
    let environment = [
        ("GOOGLE_APPLICATION_CREDENTIALS", named.as_str()),
        ("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"),
        ("PATH", "/usr/bin:/bin"),
    ];
    let refused = json!({"version": 1, "success": false, "token_type": "t", "code": CANARY,
        "message": CANARY});
    for (program, says) in [
        (format!("echo {CANARY} >&2; exit 3"), "command execution failed (exit status 3)"),
        (format!("echo '{refused}'"), "contains unsuccessful response"),
        (format!("echo '{CANARY}'"), "cannot be read"),
    ] {
        fs::write(&script, format!("echo >> {}\n{program}\n", runs.display())).unwrap();
        fails(&stub, &environment, &["NoCredentials", says]);
    }
    assert_eq!(fs::read_to_string(&runs).unwrap().len(), 3, "each ran once");
}

#[test]
#[cfg(unix)]
fn variables_that_are_not_unicode_are_errors() {
    use std::os::unix::ffi::OsStrExt as _;
    let stub = place();
    for name in ["GOOGLE_CLOUD_UNIVERSE_DOMAIN", "GOOGLE_CLOUD_QUOTA_PROJECT", "GCE_METADATA_HOST"]
    {
        let said = run_with(&stub, &[(name, OsStr::from_bytes(b"\xff"))]);
        assert!(said.contains(&format!("{name} is not valid Unicode")), "{said}");
    }
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
