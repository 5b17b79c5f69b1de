//! Spelling, with [typos](https://github.com/crate-ci/typos): it knows the usual mistakes, in code
//! as well. `typos.toml` says what is none.

use crate::{
    interop::Environment,
    sh::{self, Result},
    workspace::Workspace,
};

/// The registry of Python has it built; compiling it takes minutes.
const REQUIREMENTS: &str = "xtask/requirements-typos.txt";

pub(crate) fn run(ws: &Workspace) -> Result {
    let tool = Environment::prepare(&ws.root, "typos-venv", &ws.root.join(REQUIREMENTS))?;
    sh::run(tool.program("typos").current_dir(&ws.root).args(["--format", "brief"]))
}
