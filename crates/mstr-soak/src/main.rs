//! Sixty-four tasks use a few sessions for minutes, while the simulated server expires sessions,
//! loses nodes, restarts, goes away, slows down and breaks replies. What is idempotent must not
//! fail once. Run it with `cargo xtask soak --minutes 20`.
//!
//! With `--fronts`, thirty tasks use one session behind haproxy and nginx with two nodes: see
//! `fronts.rs`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod chaos;
mod fronts;
mod process;
mod tally;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::{Long, ValueExt as _};

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mstr-soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let mut minutes = 1.0;
    let mut seed = fastrand::u64(..);
    let mut as_server = false;
    let mut behind_fronts = false;
    let mut calls = 100_000;
    let mut sim = None;
    let mut keep = false;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("minutes") => minutes = args.value()?.parse::<f64>()?,
            Long("seed") => seed = args.value()?.parse()?,
            Long("server") => as_server = true,
            Long("fronts") => behind_fronts = true,
            Long("calls") => calls = args.value()?.parse()?,
            Long("keep") => keep = true,
            Long("sim") => sim = Some(args.value()?.into()),
            arg => return Err(arg.unexpected().into()),
        }
    }
    let length = Duration::try_from_secs_f64(minutes * 60.0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if as_server {
        return runtime.block_on(chaos::serve(seed)).map(|()| true);
    }
    println!("seed {seed} (what happens to the servers; timing is not repeatable)");
    if behind_fronts {
        return runtime.block_on(fronts::run(&fronts::Options { calls, seed, sim, keep }));
    }
    runtime.block_on(work::run(length, seed))
}
