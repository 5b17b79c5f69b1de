//! `cargo xtask conformance`: the language-neutral cases, through the public API; then the corpus of
//! replies, through the library and the real command.

use std::{ffi::OsString, process::Command};

use lexopt::prelude::Long;

use crate::{
    programs,
    sh::{self, Result},
    workspace::Workspace,
};

const RUNNER: &str = "mstr-conformance";
const COMMAND: &str = "mstr";
/// Where the cases of the corpus are: one file each.
const CORPUS: &str = "crates/mstr-conformance/replies";
/// Both programs in one build, so that they share their dependencies.
const BUILD: &[&str] = &["-p", RUNNER, "-p", "mstr-cli", "--bins"];

fn runner(ws: &Workspace) -> Result<Command> {
    let program = programs::program(&ws.root, BUILD, RUNNER)?;
    Ok(sh::command(program, &ws.root))
}

fn corpus(ws: &Workspace) -> Result<Command> {
    let mut runner = runner(ws)?;
    runner.arg("--corpus").arg(ws.root.join(CORPUS));
    runner.arg("--mstr").arg(programs::program(&ws.root, BUILD, COMMAND)?);
    Ok(runner)
}

/// In CI: first whether the runner notices when an expectation is wrong, then the project's own
/// cases, then the corpus.
pub(crate) fn run(ws: &Workspace) -> Result {
    sh::run(runner(ws)?.arg("--mutate"))?;
    sh::run(&mut runner(ws)?)?;
    sh::run(&mut corpus(ws)?)
}

/// The same with options for the runner. Files are found from where the command was typed.
/// `--corpus` runs the corpus alone, with `--only` the cases whose names begin so. Without options
/// it is the cases and the corpus.
pub(crate) fn with_options(ws: &Workspace, args: &mut lexopt::Parser) -> Result {
    let (mut with_options, mut corpus_alone) = (Vec::<OsString>::new(), false);
    while let Some(arg) = args.next()? {
        match arg {
            Long("cases") => {
                let file = std::path::absolute(args.value()?)?;
                with_options.extend(["--cases".into(), file.into()]);
            }
            Long("only") => {
                with_options.extend(["--only".into(), args.value()?]);
            }
            Long("mutate") => {
                with_options.push("--mutate".into());
            }
            Long("corpus") => corpus_alone = true,
            arg => return Err(arg.unexpected().into()),
        }
    }
    if corpus_alone {
        return sh::run(corpus(ws)?.args(with_options));
    }
    let whole = with_options.is_empty();
    sh::run(runner(ws)?.args(with_options))?;
    if whole { sh::run(&mut corpus(ws)?) } else { Ok(()) }
}
