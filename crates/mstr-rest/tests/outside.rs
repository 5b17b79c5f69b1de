//! A package outside the workspace builds with our crates as path dependencies, and logs in: with
//! the core alone, and with the umbrella. What this finds: features that only the unification of
//! the workspace turns on, and names that are not re-exported.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::path::Path;
use std::process::Command;

use mstr_sim::{LibraryServer, Method};

const CORE: &str = r#"
use mstr_rest_core::{Auth, Session, with_session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> mstr_rest_core::Result<()> {
    let error = Session::builder("https://h/api").build().unwrap_err();
    assert!(error.to_string().contains("feature `rustls`"), "{error}");
    let base = std::env::var("BASE").expect("BASE");
    let builder = Session::builder(base)
        .environment_proxies(false)
        .auth(Auth::standard("administrator", "mstr"));
    let status = with_session(builder, async |session| {
        Ok(session.get("sessions").await?.status())
    })
    .await?;
    println!("status {status}");
    Ok(())
}
"#;

const UMBRELLA: &str = r#"
use mstr_rest::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> mstr_rest::Result<()> {
    let base = std::env::var("BASE").expect("BASE");
    let session = Session::builder(base)
        .environment_proxies(false)
        .auth(Auth::standard("administrator", "mstr"))
        .connect()
        .await?;
    let projects: Vec<mstr_rest::api::Project> = session.projects().list().await?;
    let token: mstr_rest::SecretString = session.identity_tokens().create().await?;
    session.identity_tokens().validate(&token).await?;
    session.close().await?;
    println!("projects {}", projects.len());
    Ok(())
}
"#;

/// Only this features set lacks a crypto provider; reqwest would panic.
const NO_PROVIDER: &str = r#"
use mstr_rest::prelude::*;

fn main() {
    let error = Session::builder("https://h/api").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    println!("{error}");
}
"#;

#[test]
fn packages_outside_build_and_log_in() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    for (name, dependency, main, says) in [
        ("with-core", ["mstr-rest-core", ""], CORE, "status 200 OK"),
        ("with-umbrella", ["mstr-rest", ""], UMBRELLA, "projects 2"),
    ] {
        server.clear_journal();
        let said = run(name, dependency, main, &server.base_url());
        assert!(said.contains(says), "{said}");
        assert_eq!(server.count(Method::POST, "/auth/logout"), 1);
        assert!(server.sessions().is_empty());
    }
    let bare = ["mstr-rest", r#", default-features = false, features = ["rustls-no-provider"]"#];
    let said = run("without-provider", bare, NO_PROVIDER, "");
    assert!(said.contains("no TLS crypto provider is installed"), "{said}");
}

/// Makes the package in a temporary folder, runs it, and gives what it printed.
fn run(name: &str, [krate, options]: [&str; 2], main: &str, base: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = root.join("crates").join(krate);
    let path = path.display();
    // the profiles of the workspace, so that dependencies need not be built again
    let manifest = format!(
        r#"
        [package]
        name = "{name}"
        version = "0.0.0"
        edition = "2024"
        rust-version = "1.88"

        [dependencies]
        {krate} = {{ path = '{path}'{options} }}
        tokio = {{ version = "1", features = ["rt", "macros", "net", "time"] }}

        [workspace]

        [profile.dev]
        debug = "line-tables-only"

        [profile.dev.package."*"]
        debug = 0
        "#
    );
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), main).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet"])
        .current_dir(folder.path())
        .env("CARGO_TARGET_DIR", target)
        .env("BASE", base)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}
