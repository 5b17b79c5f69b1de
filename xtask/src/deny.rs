//! `cargo xtask deny` and `cargo xtask advisories`: what `deny.toml` says.

use crate::{
    sh::{self, Result},
    tools::CARGO_DENY,
    workspace::Workspace,
};

pub(crate) fn run(ws: &Workspace) -> Result {
    check(ws, &["bans", "licenses", "sources"])
}

/// Apart, because the database of advisories is no package of a registry.
pub(crate) fn advisories(ws: &Workspace) -> Result {
    check(ws, &["advisories"])
}

fn check(ws: &Workspace, what: &[&str]) -> Result {
    let mut cargo = CARGO_DENY.cargo(ws)?;
    // `cargo tree --invert` shows who brings a crate
    cargo.args(["deny", "--locked", "--all-features", "check", "--hide-inclusion-graph"]);
    sh::run(cargo.args(what))
}
