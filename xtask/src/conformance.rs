//! `cargo xtask conformance`: the language-neutral cases, through the public API.

use lexopt::prelude::{Long, ValueExt as _};

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

const RUNNER: &[&str] = &["run", "--locked", "-q", "-p", "mstr-conformance", "--"];

/// In CI: first whether the runner notices when an expectation is wrong, then the project's own
/// cases.
pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(sh::cargo(&ws.root).args(RUNNER).arg("--mutate"))?;
    sh::run(sh::cargo(&ws.root).args(RUNNER))
}

/// The same with options for the runner. Files are found from where the command was typed.
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut runner = sh::cargo(&ws.root);
    runner.args(RUNNER);
    while let Some(arg) = args.next()? {
        match arg {
            Long("cases") => {
                let file = std::path::absolute(args.value()?)?;
                runner.arg("--cases").arg(file);
            }
            Long("only") => {
                runner.args(["--only", &args.value()?.string()?]);
            }
            Long("mutate") => {
                runner.arg("--mutate");
            }
            arg => return Err(arg.unexpected().into()),
        }
    }
    sh::run(&mut runner)
}
