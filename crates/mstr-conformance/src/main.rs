//! Runs the language-neutral conformance cases through the public API of the client, against a
//! server that each case scripts.
//!
//! Cases come from `cases.json` (`parity`), and from `ours.json` in place of those of the Python
//! peer's weaknesses: same id, same format, our expectation. `--cases FILE`, as often as wanted,
//! runs other files instead; a weakness in them is run by the case of its id in `ours.json`.
//! `--only ID` runs one case. `--mutate` checks the runner: see `mutate.rs`. `--corpus FOLDER` runs
//! the corpus of replies instead (see `corpus.rs`), with the command that `--mstr PROGRAM` names.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]
#![allow(clippy::future_not_send, reason = "each case stays on one thread, for a log of its own")]

mod azure_gcp;
mod calls;
mod case;
mod check;
mod client;
mod clouds;
mod corpus;
mod drive;
mod environment;
mod failure;
mod functions;
mod log;
mod mutate;
mod pool;
mod report;
mod script;
mod select;
mod server;
mod snapshots;
mod tls;

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::{Long, ValueExt};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Default)]
struct Arguments {
    cases: Vec<PathBuf>,
    only: Vec<String>,
    mutate: bool,
    corpus: Option<PathBuf>,
    program: Option<PathBuf>,
    resolve: Option<String>,
}

fn arguments() -> Result<Arguments> {
    let mut arguments = Arguments::default();
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("cases") => arguments.cases.push(args.value()?.into()),
            Long("only") => arguments.only.push(args.value()?.string()?),
            Long("mutate") => arguments.mutate = true,
            Long("corpus") => arguments.corpus = Some(args.value()?.into()),
            Long("mstr") => arguments.program = Some(args.value()?.into()),
            Long(environment::ARGUMENT) => arguments.resolve = Some(args.value()?.string()?),
            arg => return Err(arg.unexpected().into()),
        }
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mstr-conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well.
fn run() -> Result<bool> {
    let arguments = arguments()?;
    if let Some(source) = arguments.resolve {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        println!("{}", runtime.block_on(environment::child(&source))?);
        return Ok(true);
    }
    if let Some(folder) = arguments.corpus {
        let (program, only) = (arguments.program, arguments.only);
        return Ok(corpus::run(&corpus::Options { folder, program, only })?);
    }
    log::install()?;
    let selection = select::Selection::read(&arguments.cases, &arguments.only)?;
    let ran = pool::run(selection.runnable);
    if arguments.mutate {
        return Ok(mutate::report(&ran));
    }
    Ok(report::print(&ran, &selection.deviations))
}
