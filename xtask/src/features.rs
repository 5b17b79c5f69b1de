//! `cargo xtask features`: every feature alone, every two together, and none. `--alone`, as in CI,
//! leaves out the pairs: all together are what `lint` looks at.
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

/// A crate that gets a powerset: of depth 2, or 1 without pairs. `cargo hack ..
/// --print-command-list` shows the combinations.
struct Powerset {
    package: &'static str,
    /// Features to be taken as one.
    groups: &'static [&'static str],
    /// Features that only pass a crate on: each is checked alone, and all together by `lint`. Every
    /// combination would build their SDKs with other features of what these share.
    alone: &'static [&'static str],
    /// Features that are checked elsewhere: by the powerset of the crate that they pass on.
    elsewhere: &'static [&'static str],
}

const POWERSETS: &[Powerset] = &[
    // 4 features: 11 combinations, 5 without pairs
    Powerset { package: "mstr-rest-core", groups: &[], alone: &[], elsewhere: &[] },
    // 1 feature: 2 combinations
    Powerset { package: "mstr-credentials", groups: &[], alone: &[], elsewhere: &[] },
    // 6 features and groups: 22 combinations, 7 without pairs. What core and persist tell apart is
    // grouped here.
    Powerset {
        package: "mstr-rest",
        groups: &["iserver-codes,reqwest-hook", "persist,persist-encryption,persist-keyring"],
        alone: &["azure", "gcp", "vault", "keyring", "data"],
        elsewhere: &["aws", "aws-secrets-manager", "aws-ssm"],
    },
    // 2 features: 4 combinations each
    Powerset { package: "mstr-credentials-vault", groups: &[], alone: &[], elsewhere: &[] },
    Powerset { package: "mstr-credentials-aws", groups: &[], alone: &[], elsewhere: &[] },
    Powerset { package: "mstr-rest-persist", groups: &[], alone: &[], elsewhere: &[] },
    Powerset { package: "mstr-sim", groups: &[], alone: &[], elsewhere: &[] },
];

/// Pairs as well, for nights and releases: they take some minutes.
pub(crate) fn run(ws: &Workspace) -> Result {
    check(ws, "2")
}

pub(crate) fn alone(ws: &Workspace) -> Result {
    check(ws, "1")
}

fn check(ws: &Workspace, depth: &str) -> Result {
    let clippy = |package: &str, options: &[&str]| {
        let mut clippy = sh::cargo(&ws.root);
        clippy.args(["clippy", "--locked", "--quiet", "--no-default-features", "--package"]);
        sh::run(clippy.arg(package).args(options).args(["--", "-D", "warnings"]))
    };
    for Powerset { package, groups, alone, elsewhere } in POWERSETS {
        ws.package(package)?;
        let mut hack = CARGO_HACK.cargo(ws)?;
        hack.args(["hack", "clippy", "--locked", "--quiet", "--package", package]);
        hack.args(["--feature-powerset", "--depth", depth, "--exclude-features", "default"]);
        for feature in alone.iter().chain(*elsewhere) {
            hack.args(["--exclude-features", feature]);
        }
        for group in *groups {
            hack.args(["--group-features", group]);
        }
        sh::run(hack.args(["--", "-D", "warnings"]))?;
        for feature in *alone {
            clippy(package, &["--features", feature])?;
        }
    }
    for package in &ws.packages {
        if package.is_library && package.published {
            clippy(&package.name, &[])?;
        }
    }
    Ok(())
}
