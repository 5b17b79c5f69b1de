//! Unstable options of rustdoc, with the stable one.
//!
//! Cargo takes this program for rustdoc, and it runs the real one with the variable that allows
//! them. Set for cargo, that variable would reach the build scripts too, some of which look for
//! unstable features; and everything would be compiled anew.

use std::{env, process::Command};

use crate::{sh::Result, workspace::Workspace};

/// Names the real rustdoc.
const REAL: &str = "XTASK_RUSTDOC";

/// Lets a command of cargo use unstable options of rustdoc.
pub(crate) fn unstable<'a>(cargo: &'a mut Command, ws: &Workspace) -> &'a mut Command {
    let real = env::var_os("RUSTDOC").unwrap_or_else(|| "rustdoc".into());
    cargo.env("RUSTDOC", &ws.program).env(REAL, real)
}

/// Runs rustdoc, if this program is called in its place.
pub(crate) fn in_its_place() -> Option<Result> {
    let mut rustdoc = Command::new(env::var_os(REAL)?);
    rustdoc.args(env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1");
    Some(match rustdoc.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("rustdoc: {status}").into()),
        Err(error) => Err(format!("rustdoc: {error}").into()),
    })
}
