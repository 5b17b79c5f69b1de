//! Processes that take lines and give lines: the server, and clients that do one task at a time.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::sh::{Result, Shown};

/// A process that answers each line with a line of JSON.
pub(super) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Its first line.
    pub(super) ready: Value,
}

impl Process {
    /// Starts it and waits until it says that it is ready.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let name = Shown(command).to_string();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        let mut process = Self { name, child, input, output, ready: Value::Null };
        process.ready = process.read()?;
        Ok(process)
    }

    pub(super) fn ask(&mut self, line: &str) -> Result<Value> {
        let input = self.input.as_mut().ok_or("it was stopped")?;
        writeln!(input, "{line}").and_then(|()| input.flush())?;
        self.read()
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line)
            .map_err(|_| format!("{} said {:?}", self.name, line.trim()).into())
    }
}

impl Drop for Process {
    /// Without input it ends, after it logged out.
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The simulated server.
pub(super) struct Server {
    process: std::cell::RefCell<Process>,
    pid: u32,
    ca: PathBuf,
    told: Value,
}

impl Server {
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let process = Process::start(Command::new(program).arg("server"))?;
        let told = process.ready.clone();
        let ca = folder.join("ca.pem");
        fs::write(&ca, told["ca"].as_str().unwrap_or_default())?;
        Ok(Self { pid: process.child.id(), process: process.into(), ca, told })
    }

    /// What it said of itself: URLs, names, ids.
    pub(super) fn told(&self, member: &str) -> Result<&str> {
        self.told[member].as_str().ok_or_else(|| format!("the server says no {member}").into())
    }

    pub(super) fn report(&self, rows: u64) -> Result<&str> {
        let id = self.told["reports"][rows.to_string()].as_str();
        id.ok_or_else(|| format!("the server has no report of {rows} rows").into())
    }

    pub(super) fn set_latency(&self, milliseconds: u32) -> Result {
        self.process.borrow_mut().ask(&format!("latency {milliseconds}"))?;
        Ok(())
    }

    /// Forgets its journal; says how many logins there were since the last time.
    pub(super) fn forget(&self) -> Result<u64> {
        let counts = self.process.borrow_mut().ask("forget")?;
        Ok(counts["logins"].as_u64().unwrap_or_default())
    }

    /// Processor time so far, in nanoseconds, where the system tells (Linux).
    pub(super) fn cpu(&self) -> Option<u64> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).ok()?;
        let times = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Some(times.sum())
    }

    /// Adds what every client is told, and lets it trust the server.
    pub(super) fn introduce(&self, command: &mut Command, scheme: &str) -> Result {
        command.args(["--base-url", self.told(scheme)?, "--user", self.told("user")?]);
        command.args(["--password", self.told("password")?, "--project", self.told("project")?]);
        if scheme == "https" {
            command.env("SSL_CERT_FILE", &self.ca).env("REQUESTS_CA_BUNDLE", &self.ca);
        }
        Ok(())
    }

    /// The file with the certificate of its CA.
    pub(super) fn ca(&self) -> &Path {
        &self.ca
    }
}

/// A client that waits for tasks.
pub(super) struct Worker(Process);

impl Worker {
    /// One of ours, or one that is written in Rust.
    pub(super) fn rust(
        program: &Path,
        server: &Server,
        client: &str,
        scheme: &str,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["worker", "--client", client]);
        server.introduce(&mut command, scheme)?;
        if scheme == "https" {
            command.arg("--ca").arg(server.ca());
        }
        Ok(Self(Process::start(&mut command)?))
    }

    /// A peer. `command` is its Python.
    pub(super) fn python(
        mut command: Command,
        script: &Path,
        server: &Server,
        client: &str,
        scheme: &str,
    ) -> Result<Self> {
        command.arg(script).args(["--client", client]);
        command.args(["--project-id", server.told("project_id")?]);
        server.introduce(&mut command, scheme)?;
        Ok(Self(Process::start(&mut command)?))
    }

    pub(super) fn ask(&mut self, task: &Value) -> Result<Value> {
        self.0.ask(&task.to_string())
    }
}

/// A task of making one request again and again.
pub(super) fn requests(request: &str, concurrency: usize, millis: u64) -> Value {
    json!({
        "task": "requests", "request": request, "concurrency": concurrency, "millis": millis,
    })
}

/// The size of a file.
pub(super) fn megabytes(file: &Path) -> Result<String> {
    #[allow(clippy::cast_precision_loss, reason = "a size")]
    let size = fs::metadata(file)?.len() as f64;
    Ok(format!("{:.1}", size / 1e6))
}
