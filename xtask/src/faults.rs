//! `cargo xtask faults`: the fault matrix, every fault times every operation.

use crate::{
    programs,
    sh::{self, Result},
    workspace::Workspace,
};

pub(crate) fn run(ws: &Workspace) -> Result {
    let program = programs::program(&ws.root, &["-p", "mstr-faults"], "mstr-faults")?;
    sh::run(&mut sh::command(program, &ws.root))
}
