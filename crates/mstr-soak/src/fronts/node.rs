//! The nodes of the cluster: `mstr-sim` processes that know nothing of each other.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::http::ask;
use super::{PROJECTS, STATUS};
use crate::Result;
use crate::chaos::{PASSWORD, USER};
use crate::process::Process;

/// How often a node is asked whether it is there, and with which pause.
const TRIES: usize = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// One node. Its sessions are its own, and end with its process.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    program: PathBuf,
    /// `None` while it is down.
    process: Option<Process>,
}

#[derive(Deserialize)]
struct Session {
    user: String,
}

#[derive(Deserialize)]
struct Expired {
    expired: usize,
}

impl Node {
    pub(crate) async fn start(name: &'static str, port: u16, program: &Path) -> Result<Self> {
        let mut node = Self { name, port, program: program.to_owned(), process: None };
        node.restart().await?;
        Ok(node)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Starts a process on the port that the node always has, and waits until it answers.
    pub(crate) async fn restart(&mut self) -> Result {
        let mut command = Command::new(&self.program);
        command.args(["--port", &self.port.to_string(), "--control", "--require-cookies"]);
        // so long that a kill always meets requests on their way
        command.args(["--latency", "10"]);
        command.args(["--user", &format!("{USER}:{PASSWORD}")]);
        for number in 0..PROJECTS {
            command.args(["--project", &format!("Project {number}")]);
        }
        let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()))?;
        for _ in 0..TRIES {
            if let Some(status) = process.ended() {
                return Err(format!("{} ended when it was started: {status}", self.name).into());
            }
            if ask(self.port, STATUS, "").await.is_ok_and(|reply| reply.is_ok()) {
                self.process = Some(process);
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{} does not answer on port {}", self.name, self.port).into())
    }

    /// `kill -9`: its sessions are gone, and its connections break.
    pub(crate) fn kill(&mut self) -> Result {
        self.process.take().map_or(Ok(()), |process| process.kill())
    }

    /// How many sessions of ours it holds.
    pub(crate) async fn sessions(&self) -> Result<usize> {
        if !self.is_up() {
            return Ok(0);
        }
        let reply = ask(self.port, "GET /__sim__/sessions", "").await?;
        let sessions: Vec<Session> = serde_json::from_str(&reply.body)?;
        Ok(sessions.iter().filter(|session| session.user == USER).count())
    }

    /// Ends all sessions, and says how many there were.
    pub(crate) async fn expire(&self) -> Result<usize> {
        if !self.is_up() {
            return Ok(0);
        }
        let reply = ask(self.port, "POST /__sim__/expire", "").await?;
        Ok(serde_json::from_str::<Expired>(&reply.body)?.expired)
    }

    /// A node that remembers every request grows.
    pub(crate) async fn forget_requests(&self) -> Result {
        if self.is_up() {
            ask(self.port, "POST /__sim__/clear-journal", "").await?;
        }
        Ok(())
    }
}
