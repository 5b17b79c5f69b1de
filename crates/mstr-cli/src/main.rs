//! `mstr`: MicroStrategy (Strategy) from the command line. `mstr --help` teaches it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]
#![allow(clippy::doc_markdown, clippy::doc_link_with_quotes, reason = "clap shows them as help")]

mod args;
mod cell;
mod commands;
mod config;
mod context;
mod duration;
mod failure;
mod grid;
mod hints;
mod output;
mod progress;
mod requests;
mod secret;
mod select;
mod signals;

use std::{process::ExitCode, time::Duration};

use clap::Parser as _;
use tokio::runtime::Runtime;

use crate::{
    args::Cli,
    failure::{Failure, code},
};

/// For what cannot be stopped, the look-up of a host say, when all is said; files that are given up
/// are removed within it.
const LAST: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    trace(cli.global.verbose);
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            Failure::new(code::OTHER, format!("cannot start: {error}")).report();
            return ExitCode::from(code::OTHER);
        }
    };
    let result = runtime.block_on(async {
        let result = commands::run(cli).await;
        // logouts of sessions that were opened for one command
        let settled = signals::wind_down(async {
            mstr_rest::settle().await;
            Ok(())
        });
        let settled = settled.await;
        result.and(settled)
    });
    runtime.shutdown_timeout(LAST);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if output::Stdout::is_unread() => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            if let Some(signal) = signals::received()
                && failure.is_of_a_signal()
            {
                signals::end_by(signal);
            }
            ExitCode::from(failure.code())
        }
    }
}

/// `-v` shows what the client does, `-vv` in detail. It holds no secrets: the client sees to that,
/// and the libraries below it, which do not, are left out. Errors name the request that failed.
fn trace(verbose: u8) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

    let level = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let ours = |level| Targets::new().with_target("mstr", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_writer(std::io::stderr)
        .with_filter(ours(level));
    let failed = requests::Failed.with_filter(ours(LevelFilter::DEBUG));
    tracing_subscriber::registry().with(lines).with(failed).init();
}
