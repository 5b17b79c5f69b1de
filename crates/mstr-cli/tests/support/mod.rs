//! The real binary, in a home of its own, against a simulated server.
#![allow(dead_code, clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path, time::Duration};

use assert_cmd::Command;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, LibraryServerBuilder};
use tempfile::TempDir;

/// Variables that a person may have set.
const OURS: &[&str] = &[
    "MSTR_BASE_URL",
    "MSTR_USERNAME",
    "MSTR_PASSWORD",
    "MSTR_API_KEY",
    "MSTR_IDENTITY_TOKEN",
    "MSTR_LOGIN_MODE",
    "MSTR_PROJECT",
    "MSTR_PROFILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// A simulated server and a folder for configuration, state and files.
pub(crate) struct Place {
    pub(crate) server: LibraryServer,
    pub(crate) home: TempDir,
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The error text of a command that ends with that code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self.err
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(LibraryServer::builder().samples())
    }

    pub(crate) fn with(builder: LibraryServerBuilder) -> Self {
        Self { server: builder.start_blocking().unwrap(), home: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_mstr"), arguments)
    }

    pub(crate) fn shell(&self, arguments: &[&str]) -> Command {
        self.program("sh", arguments)
    }

    /// A program that knows of no server, profile or proxy but this place's.
    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(name);
        for name in OURS {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("MSTR_CONFIG_DIR", self.home.path().join("config"))
            .env("MSTR_STATE_DIR", self.home.path().join("state"))
            // so that a command that hangs does not hang the test
            .timeout(Duration::from_secs(120));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// With what the environment says, each command logs in and out.
    pub(crate) fn in_environment(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command
            .env("MSTR_BASE_URL", self.server.base_url())
            .env("MSTR_USERNAME", DEFAULT_USER)
            .env("MSTR_PASSWORD", DEFAULT_PASSWORD)
            .env("MSTR_PROJECT", "MicroStrategy Tutorial");
        command
    }

    pub(crate) fn login(&self) {
        let url = self.server.base_url();
        let mut login = self.command(&["login", &url, "--username", DEFAULT_USER]);
        login.args(["--project", "MicroStrategy Tutorial", "--secret-stdin"]);
        ran(login.write_stdin(format!("{DEFAULT_PASSWORD}\n"))).ok();
    }

    /// Instances of reports and cubes that live on the server.
    pub(crate) fn instances(&self) -> usize {
        let sessions = self.server.sessions();
        sessions.iter().map(|session| self.server.instances(session.iserver_session())).sum()
    }

    pub(crate) fn sessions(&self) -> usize {
        self.server.sessions().len()
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// All files below, with what is in them.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}
