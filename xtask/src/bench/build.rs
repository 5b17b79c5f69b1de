//! Clean builds of a small program with each set of features: how long, how many crates, how big.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Instant};

use super::{Bench, process, report::Part, stats::number};
use crate::sh::{self, Result};

/// What it is called, and its dependency.
const SETS: &[(&str, &str)] = &[
    ("core", "mstr-rest = { path = \"..\", default-features = false, features = [\"rustls\"] }"),
    ("default", "mstr-rest = { path = \"..\" }"),
    ("aws", "mstr-rest = { path = \"..\", features = [\"aws\"] }"),
    ("azure", "mstr-rest = { path = \"..\", features = [\"azure\"] }"),
    ("gcp", "mstr-rest = { path = \"..\", features = [\"gcp\"] }"),
    ("data", "mstr-rest = { path = \"..\", features = [\"data\"] }"),
    (
        "all",
        "mstr-rest = { path = \"..\", features = [\"aws\", \"azure\", \"gcp\", \"data\", \"blocking\", \
         \"persist-encryption\", \"persist-keyring\"] }",
    ),
];

/// Logs in and asks something: what every program does.
const PROGRAM: &str = r#"
#[tokio::main(flavor = "current_thread")]
async fn main() -> mstr_rest::Result<()> {
    let session = mstr_rest::from_env()?.connect().await?;
    println!("{}", session.get("projects").await?.text().await?);
    session.close().await
}
"#;

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let mut rows = Vec::new();
    for (name, dependency) in SETS {
        let folder = bench.folder.join("build").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        prepare(&bench.root, &folder, dependency)?;
        // what the network costs is not ours
        sh::run(cargo(&folder).args(["fetch", "--quiet"]))?;
        let start = Instant::now();
        sh::run(cargo(&folder).args(["build", "--release", "--quiet"]))?;
        let seconds = start.elapsed().as_secs_f64();
        let tree = ["tree", "--quiet", "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
        let tree = sh::output(cargo(&folder).args(tree))?;
        let crates: BTreeSet<_> = tree
            .lines()
            .map(|line| line.trim_end_matches(" (*)"))
            .filter(|line| !line.is_empty() && !line.starts_with("size-of"))
            .collect();
        let program = folder.join("target/release").join(format!("size-of-{name}"));
        let stripped = folder.join("stripped");
        let stripped = match Command::new("strip").arg("-o").arg(&stripped).arg(&program).status() {
            Ok(status) if status.success() => process::megabytes(&stripped)?,
            _ => "-".to_owned(),
        };
        let size = process::megabytes(&program)?;
        println!("{name}: {} s, {} crates, {size} MB", number(seconds), crates.len());
        rows.push(vec![
            (*name).to_owned(),
            number(seconds),
            crates.len().to_string(),
            size,
            stripped,
        ]);
        // half a gigabyte each
        fs::remove_dir_all(&folder)?;
    }
    part.table(
        "Clean release builds of a small program, downloads aside",
        &["features", "s", "crates", "MB", "MB stripped"],
        rows,
    );
    Ok(())
}

/// A package of its own, with the versions of the workspace.
fn prepare(root: &Path, folder: &Path, dependency: &str) -> Result {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let umbrella = root.join("crates/mstr-rest").display().to_string();
    let dependency = dependency.replace("\"..\"", &format!("{umbrella:?}"));
    let manifest = format!(
        "[package]\nname = \"size-of-{name}\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependency}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\"] }}\n"
    );
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/main.rs"), PROGRAM)?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(())
}

/// Its own target directory, whatever this shell says: nothing is built yet.
fn cargo(folder: &Path) -> Command {
    let mut cargo = sh::cargo(folder);
    cargo.env("CARGO_TARGET_DIR", folder.join("target"));
    cargo
}
