//! `mstr tour`: the commands at work, on a simulated server.

use std::{env, process::Stdio};

use clap::Args;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer};
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::sim::{PROJECT, start};
use crate::{
    failure::{Failure, Result, code},
    output,
};

/// See it all work, on a simulated server
///
/// Runs the commands that it shows, each as a program of its own, with configuration and sessions
/// in a folder that is removed afterwards.
#[derive(Args, Debug)]
pub(crate) struct Tour {}

/// What is shown: why, and the arguments of `mstr`. `URL` and `FOLDER` stand for the server and a
/// folder for files.
const STOPS: &[(&str, &[&str])] = &[
    (
        "Log in once. The password comes from standard input, a prompt or a vault: never as an \
         argument.",
        &["login", "URL", "--username", DEFAULT_USER, "--secret-stdin", "--project", PROJECT],
    ),
    ("Whose session is it, and is it alive?", &["status"]),
    ("Who is that?", &["whoami"]),
    ("The projects; as JSON for a script.", &["projects"]),
    ("", &["projects", "--json"]),
    (
        "Any request of the REST API, in the session; --jq selects.",
        &["api", "GET", "projects", "--jq", ".[] | .name"],
    ),
    (
        "What it would send, as a line of curl without secrets.",
        &["api", "GET", "projects", "--curl"],
    ),
    ("A report as a Parquet file.", &["export", "Sample Report", "-o", "FOLDER/report.parquet"]),
    (
        "Some columns of it, filtered, as CSV.",
        &[
            "export",
            "Sample Report",
            "-o",
            "FOLDER/report.csv",
            "--columns",
            "Region,Revenue",
            "--filter",
            "Revenue > 9900",
        ],
    ),
    ("A cube.", &["export", "Sample Cube", "-o", "FOLDER/cube.jsonl"]),
    ("End the session on the server.", &["logout"]),
];

impl Tour {
    pub(crate) async fn run(self) -> Result {
        let cannot = |error: std::io::Error| Failure::new(code::OTHER, error.to_string());
        let folder = tempfile::tempdir().map_err(cannot)?;
        let program = env::current_exe().map_err(cannot)?;
        let server = start(LibraryServer::builder().samples()).await?;
        output::print_line(&format!("A simulated server runs at {}.", server.base_url()))?;
        for (why, arguments) in STOPS {
            if !why.is_empty() {
                output::print_line(&format!("\n{why}"))?;
            }
            let files = folder.path().display().to_string();
            let arguments: Vec<String> = arguments
                .iter()
                .map(|it| it.replace("URL", &server.base_url()).replace("FOLDER", &files))
                .collect();
            output::print_line(&format!("$ mstr {}", shown(&arguments)))?;
            let mut command = Command::new(&program);
            command
                .args(&arguments)
                .env("MSTR_CONFIG_DIR", folder.path().join("config"))
                .env("MSTR_STATE_DIR", folder.path().join("state"))
                .env("NO_PROXY", "127.0.0.1")
                .env("no_proxy", "127.0.0.1")
                .stdin(Stdio::piped());
            for name in ["MSTR_BASE_URL", "MSTR_PROFILE", "MSTR_PROJECT"] {
                command.env_remove(name);
            }
            let mut child = command.spawn().map_err(cannot)?;
            if let Some(mut input) = child.stdin.take() {
                // a command that does not read it has gone already
                let _ = input.write_all(DEFAULT_PASSWORD.as_bytes()).await;
            }
            let status = child.wait().await.map_err(cannot)?;
            if !status.success() {
                let message = format!("mstr {} ended with {status}", arguments[0]);
                return Err(Failure::new(code::OTHER, message));
            }
        }
        server.stop().await;
        output::print_line("\nThat was the tour. `mstr --help` has the rest.")
    }
}

/// As one would type it.
fn shown(arguments: &[String]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=".contains(c);
        if argument.chars().all(plain) { argument.clone() } else { format!("'{argument}'") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
