//! Programs of the workspace, built and ready to run.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

use crate::sh::{self, Result};

/// Whether all targets with all features are built, as the README's test command does. Then every
/// program comes from that build: one package alone has other features of its dependencies, and
/// would compile the SDKs of the clouds once more.
static ALL_BUILT: AtomicBool = AtomicBool::new(false);

/// After the README's test command.
pub(crate) fn all_are_built() {
    ALL_BUILT.store(true, Ordering::Relaxed);
}

/// Where the program is. `alone` says how to build it when not everything is built anyway.
pub(crate) fn program(root: &Path, alone: &[&str], name: &str) -> Result<PathBuf> {
    static ALL: OnceLock<HashMap<String, PathBuf>> = OnceLock::new();
    let found = if ALL_BUILT.load(Ordering::Relaxed) {
        let all = match ALL.get() {
            Some(all) => all,
            None => {
                let built = build(root, &["--workspace", "--all-features", "--all-targets"])?;
                ALL.get_or_init(|| built)
            }
        };
        all.get(name).cloned()
    } else {
        build(root, alone)?.remove(name)
    };
    found.ok_or_else(|| format!("cargo did not say where {name} is").into())
}

/// Programs and examples, not tests, by name.
pub(crate) fn build(root: &Path, what: &[&str]) -> Result<HashMap<String, PathBuf>> {
    let messages = sh::output(
        sh::cargo(root)
            .args(["build", "--locked", "--message-format=json-render-diagnostics"])
            .args(what),
    )?;
    let programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["profile"]["test"] == true {
            return None;
        }
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    });
    Ok(programs.collect())
}
