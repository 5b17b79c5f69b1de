//! The lowest versions that the manifests allow: do they compile?
//!
//! Only of what the crates name themselves. The lowest of everything is others' affair, and rarely
//! compiles.

use std::{fmt::Write as _, fs};

use super::{build_folder, packages};
use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

pub(super) fn run(ws: &Workspace) -> Result {
    let folder = packages::unpacked(ws);
    let patches = packages::patches(ws, "")?;
    // a workspace of the packages, as they would be published
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\n");
    for package in ws.published() {
        writeln!(manifest, "    \"{}\",", packages::name_of(package))?;
    }
    fs::write(folder.join("Cargo.toml"), manifest + "]\n" + &patches)?;
    if folder.join("Cargo.lock").exists() {
        fs::remove_file(folder.join("Cargo.lock"))?;
    }
    // `-Z` asks for an unstable toolchain, or this; only cargo runs here, no compiler
    let mut resolve = sh::cargo(&folder);
    resolve
        .args(["generate-lockfile", "-Z", "direct-minimal-versions"])
        .env("RUSTC_BOOTSTRAP", "1");
    sh::run(&mut resolve)?;
    let mut check = sh::cargo(&folder);
    check.args(["check", "--quiet", "--workspace", "--all-features", "--locked"]);
    check.env("CARGO_TARGET_DIR", build_folder(ws)).env("CARGO_PROFILE_DEV_DEBUG", "0");
    sh::run(&mut check)
}
