//! A user's package that has nothing but the packed crates: it is built, and logs in.

use std::fs;

use super::{build_folder, folder, packages, prepared};
use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

/// Examples of ours that become this package's: what logs in and out, without async, with
/// snapshots, with reports.
const EXAMPLES: &[(&str, &str)] = &[
    ("quickstart", "logged out"),
    ("blocking", "the tutorial is"),
    ("hand_over", "logged out"),
    ("report_to_parquet", "rows from"),
];

pub(super) fn run(ws: &Workspace) -> Result {
    let outside = folder(ws).join("outside");
    fs::create_dir_all(outside.join("src"))?;
    fs::create_dir_all(outside.join("examples"))?;
    let manifest =
        ws.read("xtask/release/outside.toml.in")?.replace("@VERSION@", prepared::version(ws)?)
            + &packages::patches(ws, "../packages/")?;
    fs::write(outside.join("Cargo.toml"), manifest)?;
    // the same versions of everything else: what is published is what was tested
    fs::copy(ws.root.join("Cargo.lock"), outside.join("Cargo.lock"))?;
    fs::copy(ws.root.join("examples/lib.rs"), outside.join("src/lib.rs"))?;
    for (example, _) in EXAMPLES {
        let file = format!("examples/{example}.rs");
        fs::copy(ws.root.join(&file), outside.join(&file))?;
    }
    for (example, says) in EXAMPLES {
        let mut cargo = sh::cargo(&outside);
        cargo.args(["run", "--quiet", "--example", example]);
        cargo.env("CARGO_TARGET_DIR", build_folder(ws)).env("CARGO_PROFILE_DEV_DEBUG", "0");
        sh::forget_servers(&mut cargo);
        let (output, result) = sh::tee(&mut cargo)?;
        result?;
        if !output.lines().any(|line| line.contains(says)) {
            return Err(format!("{example} printed no line with `{says}`").into());
        }
    }
    Ok(())
}
