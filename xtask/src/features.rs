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
    // What core and persist tell apart is grouped here; the vaults are taken apart below.
    (
        "mstr-rest",
        &[
            "iserver-codes,reqwest-hook",
            "persist,persist-encryption,persist-keyring",
            "aws,aws-secrets-manager,aws-ssm,azure,gcp",
        ],
    ),
    // 2 features: 4 combinations
    ("mstr-credentials-aws", &[]),
    ("mstr-rest-persist", &[]),
    // 2 features: 4 combinations
    ("mstr-sim", &[]),
];

/// One feature alone.
const ALONE: &[(&str, &str)] = &[
    ("mstr-rest", "aws-secrets-manager"),
    ("mstr-rest", "aws-ssm"),
    ("mstr-rest", "azure"),
    ("mstr-rest", "gcp"),
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
    let clippy = |package: &str, options: &[&str]| {
        let mut clippy = sh::cargo(&ws.root);
        clippy.args(["clippy", "--locked", "--quiet", "--no-default-features", "--package"]);
        sh::run(clippy.arg(package).args(options).args(["--", "-D", "warnings"]))
    };
    for (package, feature) in ALONE {
        clippy(package, &["--features", feature])?;
    }
    for package in &ws.packages {
        if package.is_library && package.published {
            clippy(&package.name, &[])?;
        }
    }
    Ok(())
}
