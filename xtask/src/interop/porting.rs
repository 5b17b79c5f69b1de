//! The guide's porting tables against the Python packages: every public name has a row, and no row
//! names what is not there. (That our own names are there is checked by `codegen` and `docs`.)

use std::{fs, path::Path};

use super::Environment;
use crate::sh::{self, Result};

const SCRIPT: &str = "porting_names.py";

/// `newer` holds the packages of the rounds.
pub(super) fn run(root: &Path, newer: &Environment) -> Result {
    println!("\n== {SCRIPT}");
    let scripts = root.join("xtask/interop");
    let script = scripts.join(SCRIPT);
    let older =
        Environment::prepare(root, "interop-venv-1x", &scripts.join("requirements-1x.txt"))?;
    let names = older.folder.join("names.json");
    fs::write(&names, sh::output(older.python().arg(&script).arg("list"))?)?;
    let mut check = newer.python();
    check.arg(&script).args(["check", "--guide"]).arg(root.join("docs/guide/src"));
    sh::run(check.arg("--older").arg(names))
}
