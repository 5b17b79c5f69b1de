//! `cargo xtask fmt`

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(sh::cargo(&ws.root).args(["fmt", "--all", "--", "--check"]))
}
