//! `mstr sim`: the simulated server, alone or around a command.

use std::{process::ExitStatus, time::Duration};

use clap::Args;
use mstr_sim::{Cube, DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Report};
use tokio::process::Command;

use crate::{
    failure::{Failure, Result, code},
    output,
    signals::{self, Signal},
};

/// Start a simulated server: for trying, for tests
///
/// With a command, the command runs with MSTR_BASE_URL, MSTR_USERNAME, MSTR_PASSWORD and
/// MSTR_PROJECT set, so that every program of this project finds the server; when it ends, so does
/// the server. Without one it runs until ctrl-c. All that it holds is made up. The program mstr-sim
/// has more options
///
/// Examples:
///   mstr sim -- sh
///   mstr sim --report Big:1000000 -- mstr export Big -o big.parquet
///   mstr sim --port 8080
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Sim {
    /// The port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A report with so many rows besides the samples
    #[arg(long, value_name = "NAME:ROWS", value_parser = sized)]
    report: Vec<(String, u64)>,
    /// A cube with so many rows besides the samples
    #[arg(long, value_name = "NAME:ROWS", value_parser = sized)]
    cube: Vec<(String, u64)>,
    /// Delay every reply
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// The command to run
    #[arg(last = true)]
    command: Vec<String>,
}

fn sized(text: &str) -> Result<(String, u64), String> {
    let parsed = text.rsplit_once(':').and_then(|(name, rows)| Some((name, rows.parse().ok()?)));
    let (name, rows) = parsed.ok_or("it looks like NAME:ROWS")?;
    Ok((name.to_owned(), rows))
}

/// The project of the samples.
pub(super) const PROJECT: &str = "MicroStrategy Tutorial";

impl Sim {
    pub(crate) async fn run(self) -> Result {
        let mut builder = LibraryServer::builder()
            .port(self.port)
            .real_time(true)
            .samples()
            .latency(Duration::from_millis(self.latency));
        for (name, rows) in &self.report {
            builder = builder.report(Report::sample(name, *rows));
        }
        for (name, rows) in &self.cube {
            builder = builder.cube(Cube::sample(name, *rows));
        }
        let server = start(builder).await?;
        let Some((program, arguments)) = self.command.split_first() else {
            output::print_line(&format!("listening on {}", server.base_url()))?;
            eprintln!("user {DEFAULT_USER}, password {DEFAULT_PASSWORD}; ctrl-c stops it");
            signals::stopped().await;
            server.stop().await;
            return Ok(());
        };
        // before the command runs: a signal in between would leave it behind
        drop(signals::listen());
        let mut command = Command::new(program);
        let child = at(command.args(arguments), &server).spawn();
        let mut child = child
            .map_err(|error| Failure::new(code::OTHER, format!("cannot run {program}: {error}")))?;
        // ctrl-c reaches the command as well: it decides, and the server outlives it. What is sent
        // to this process alone is passed on
        let mut signals = 1;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                signal = signals::nth(signals) => {
                    signals += 1;
                    if let (Some(id), true) = (child.id(), signal != Signal::Interrupt) {
                        signals::pass_on(signal, id).await;
                    }
                }
            }
        };
        server.stop().await;
        ended(program, status.map_err(|error| Failure::new(code::OTHER, error.to_string()))?)
    }
}

pub(super) async fn start(builder: mstr_sim::LibraryServerBuilder) -> Result<LibraryServer> {
    builder.start().await.map_err(|error| Failure::new(code::OTHER, error.to_string()))
}

/// The variables by which a program finds the server.
pub(super) fn at<'a>(command: &'a mut Command, server: &LibraryServer) -> &'a mut Command {
    command
        .env("MSTR_BASE_URL", server.base_url())
        .env("MSTR_USERNAME", DEFAULT_USER)
        .env("MSTR_PASSWORD", DEFAULT_PASSWORD)
        .env("MSTR_PROJECT", PROJECT)
        .env_remove("MSTR_API_KEY")
        .env_remove("MSTR_IDENTITY_TOKEN")
        .env_remove("MSTR_LOGIN_MODE")
        .env_remove("MSTR_PROFILE")
        // a proxy of the environment is not for this machine
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("no_proxy", "127.0.0.1,localhost")
}

/// The command's own exit code is ours.
fn ended(program: &str, status: ExitStatus) -> Result {
    match status.code() {
        Some(0) => Ok(()),
        Some(number) => {
            let code = u8::try_from(number).unwrap_or(code::OTHER);
            Err(Failure::new(code, format!("{program} ended with exit code {number}")))
        }
        None => Err(Failure::new(by_signal(status), format!("{program} was stopped"))),
    }
}

/// As shells have it for a program that a signal ended.
#[cfg(unix)]
fn by_signal(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let number = status.signal().and_then(|number| u8::try_from(number + 128).ok());
    number.unwrap_or(code::INTERRUPTED)
}

#[cfg(not(unix))]
fn by_signal(_status: ExitStatus) -> u8 {
    code::INTERRUPTED
}
