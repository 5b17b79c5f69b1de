//! `cargo xtask conformance`: the language-neutral cases, through the public API.

use std::process::Command;

use lexopt::prelude::{Long, ValueExt as _};

use crate::{
    programs,
    sh::{self, Result},
    workspace::Workspace,
};

const RUNNER: &str = "mstr-conformance";

fn runner(ws: &Workspace) -> Result<Command> {
    let program = programs::program(&ws.root, &["-p", RUNNER], RUNNER)?;
    Ok(sh::command(program, &ws.root))
}

/// In CI: first whether the runner notices when an expectation is wrong, then the project's own
/// cases.
pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(runner(ws)?.arg("--mutate"))?;
    sh::run(&mut runner(ws)?)
}

/// The same with options for the runner. Files are found from where the command was typed.
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let mut runner = runner(ws)?;
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
