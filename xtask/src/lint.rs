//! `cargo xtask lint`

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(sh::cargo(&ws.root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}
