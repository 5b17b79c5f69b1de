//! `cargo xtask features`: every feature alone, every two together, and none.
//!
//! By clippy, which takes `-D warnings` without a rebuild of all dependencies (`RUSTFLAGS` would):
//! an import that only one feature uses is a warning. Without `--no-dev-deps`, which rewrites
//! manifests while it runs: resolver 3 leaves the features of dev-dependencies out anyway where
//! only libraries are checked.

use crate::{
    sh::{self, Result},
    tools::CARGO_HACK,
    workspace::Workspace,
};

/// Crates that get a powerset of depth 2, and groups of features to be taken as one.
/// `cargo hack .. --print-command-list` shows the combinations.
const POWERSETS: &[(&str, &[&str])] = &[
    // 4 features: 11 combinations
    ("mstr-rest-core", &[]),
    // 6 features and groups: 22 combinations. What core and persist tell apart is grouped here.
    ("mstr-rest", &["iserver-codes,reqwest-hook", "persist,persist-encryption,persist-keyring"]),
    // 2 features: 4 combinations
    ("mstr-rest-persist", &[]),
    // 2 features: 4 combinations
    ("mstr-sim", &[]),
];

pub(crate) fn run(ws: &Workspace) -> Result {
    for (package, groups) in POWERSETS {
        ws.package(package)?;
        let mut hack = CARGO_HACK.cargo(ws)?;
        hack.args(["hack", "clippy", "--locked", "--quiet", "--package", package]);
        hack.args(["--feature-powerset", "--depth", "2", "--exclude-features", "default"]);
        for group in *groups {
            hack.args(["--group-features", group]);
        }
        sh::run(hack.args(["--", "-D", "warnings"]))?;
    }
    for package in &ws.packages {
        if package.is_library && package.published {
            sh::run(sh::cargo(&ws.root).args([
                "clippy",
                "--locked",
                "--quiet",
                "--no-default-features",
                "--package",
                &package.name,
                "--",
                "-D",
                "warnings",
            ]))?;
        }
    }
    Ok(())
}
