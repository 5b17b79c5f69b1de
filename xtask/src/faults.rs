//! `cargo xtask faults`: the fault matrix, every fault times every operation.

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(sh::cargo(&ws.root).args(["run", "--locked", "-q", "-p", "mstr-faults"]))
}
