//! `cargo xtask soak`: many tasks against a simulated server that gives them no peace.

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

/// The options are those of the program.
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let options = args.raw_args()?;
    let program = ["run", "--release", "--locked", "-q", "-p", "mstr-soak", "--"];
    sh::run(sh::cargo(&ws.root).args(program).args(options))
}
