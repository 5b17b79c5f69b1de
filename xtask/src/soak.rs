//! `cargo xtask soak`: many tasks against simulated servers that fail all the time, or behind real
//! load balancers.

use std::ffi::OsString;

use crate::{
    packages, programs,
    sh::{self, Result},
    workspace::Workspace,
};

/// The options are those of the program.
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    run(ws, args.raw_args()?)
}

pub(crate) fn run<A: Into<OsString>>(
    ws: &Workspace,
    options: impl IntoIterator<Item = A>,
) -> Result {
    let options: Vec<OsString> = options.into_iter().map(Into::into).collect();
    if options.iter().any(|option| option == "--fronts") {
        packages::ensure(&ws.root, &["haproxy", "nginx"])?;
    }
    // both, always: alone, each would build its dependencies with other features
    let what = ["--release", "-p", "mstr-soak", "-p", "mstr-sim"];
    let program = programs::build(&ws.root, &what)?.remove("mstr-soak");
    let program = program.ok_or("cargo did not say where mstr-soak is")?;
    sh::run(sh::command(program, &ws.root).args(options))
}
