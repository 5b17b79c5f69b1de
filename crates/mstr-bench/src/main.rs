//! The programs that `cargo xtask bench` runs: a simulated server, and clients that do one task
//! after another and say what each took. Started by hand they are of little use.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "programs talk to who started them")]

mod clients;
mod data;
mod decode;
mod drive;
mod fixed;
mod options;
mod server;
mod storm;
mod typed;
mod usage;
mod worker;

use std::process::ExitCode;

pub(crate) type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> =
    std::result::Result<T, E>;

const HELP: &str = "\
usage: mstr-bench server                    a simulated server; commands on standard input
       mstr-bench worker --client NAME ..   a client; tasks on standard input
       mstr-bench fixed --client NAME --calls N ..   so many calls on one thread, for callgrind
       mstr-bench decode --report ID --rows N ..     pages into columns, without a network
Each prints lines of JSON. `cargo xtask bench` starts them.
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mstr-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(lexopt::Arg::Value(command)) => command,
        Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => {
            print!("{HELP}");
            return Ok(());
        }
        _ => return Err(HELP.into()),
    };
    match command.to_str() {
        Some("server") => server::run(),
        Some("worker") => worker::run(&options::Options::parse(args)?),
        Some("fixed") => fixed::run(&options::Options::parse(args)?),
        Some("decode") => decode::run(&options::Options::parse(args)?),
        _ => Err(HELP.into()),
    }
}
