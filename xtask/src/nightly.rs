//! `cargo xtask nightly`: what takes too long for every change.

mod openbao;

use crate::{
    sh::{self, Result},
    soak,
    steps::{Selection, Step},
    workspace::Workspace,
};

/// About 20 minutes on 2 cores.
const STEPS: &[Step] = &[
    Step { name: "model", rerun: "cargo xtask nightly --only model", run: model },
    Step { name: "openbao", rerun: "cargo xtask nightly --only openbao", run: openbao::run },
    Step {
        name: "fronts",
        rerun: "cargo xtask soak --fronts",
        run: |ws| soak::run(ws, ["--fronts"]),
    },
    Step {
        name: "soak",
        rerun: "cargo xtask soak --minutes 10",
        run: |ws| soak::run(ws, ["--minutes", "10"]),
    },
];

/// `[--from STEP] [--only STEP,..] [--skip STEP,..]`
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    Selection::parse("nightly", STEPS, args)?.run(ws)
}

/// Random interleavings of all that changes the login: more of them than the tests run.
fn model(ws: &Workspace) -> Result {
    let test = ["test", "--locked", "-p", "mstr-rest-core", "--lib", "model"];
    sh::run(sh::cargo(&ws.root).args(test).env("MSTR_MODEL_RUNS", "10000"))
}
