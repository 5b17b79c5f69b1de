//! `cargo xtask interop`: real clients of others, pinned, against the simulated server.
//!
//! The peers come from PyPI into a virtual environment under `target/`, which is made anew when
//! `interop/requirements.txt` changes. Each round starts a server of its own and runs every peer
//! against it: what a real client accepts is what the simulated server may claim to be. Before that
//! the guide's tables of Python names are held against the packages. The providers of secrets are run
//! against emulators of their clouds, and beside the clients of others.

mod aws;
mod azure_gcp;
mod porting;
mod side_by_side;

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    programs,
    sh::{self, Result},
};

const PROJECT: &str = "MicroStrategy Tutorial";
const PROJECT_ID: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
const IDLE_TIMEOUT: &str = "1200";

/// What a server is told, whatever the round. All of it is made up.
const SERVER: &[&str] = &[
    "--port",
    "0",
    "--control",
    "--user",
    "dave:interop-password",
    "--ldap-user",
    "lena:ldap-password",
    "--trusted-user",
    "tina",
    "--api-key",
    "interop-key:dave",
    "--project",
    "MicroStrategy Tutorial=B7CA92F04B9FAE8D941C3E9B7E0CD754",
    "--project",
    "Platform Analytics",
    "--report",
    "Witness:2500",
    "--cube",
    "Witness Cube:2500",
    "--idle-timeout",
    IDLE_TIMEOUT,
];

/// What every peer is told.
const CLIENT: &[&str] = &[
    "--username",
    "dave",
    "--password",
    "interop-password",
    "--api-key",
    "interop-key",
    "--project",
    PROJECT,
    "--project-id",
    PROJECT_ID,
    "--idle-timeout",
    IDLE_TIMEOUT,
];

/// The Rust side of snapshots that are handed over.
const OURS: &str = "from_python";

/// The Rust side of datasets that are handed over.
const UPLOAD: &str = "upload";

/// A script and what only it is told.
const PEERS: &[(&str, &[&str])] = &[
    ("peer_mstr_rest_requests.py", &["--trusted-user", "tina"]),
    ("peer_snapshots.py", &[]),
    ("peer_mstrio.py", &["--ldap-user", "lena", "--ldap-password", "ldap-password"]),
    ("mstrio_data.py", &["--report", "Witness", "--cube", "Witness Cube"]),
    ("mstrio_documents.py", &[]),
    ("mstrio_browse.py", &["--report", "Witness"]),
];

/// One configuration of the server that all peers meet.
struct Round {
    name: &'static str,
    options: &'static [&'static str],
    tls: bool,
}

const ROUNDS: &[Round] = &[
    Round { name: "one node, HTTP", options: &[], tls: false },
    Round {
        name: "three nodes behind a balancer, HTTPS",
        options: &["--nodes", "3", "--sticky"],
        tls: true,
    },
    Round {
        name: "two nodes behind a balancer, cookies required, HTTP",
        options: &["--nodes", "2", "--sticky", "--require-cookies"],
        tls: false,
    },
];

/// Runs all rounds; fails at the end if any peer failed, and at once if one cannot be installed.
pub(crate) fn run(root: &Path) -> Result {
    let scripts = root.join("xtask/interop");
    let environment =
        Environment::prepare(root, "interop-venv", &scripts.join("requirements.txt"))?;
    let mut failed = Vec::new();
    if let Err(error) = porting::run(root, &environment) {
        failed.push(format!("porting tables ({error})"));
    }
    let program = programs::program(root, &["-p", "mstr-sim"], "mstr-sim")?;
    let ours = programs::program(root, &["-p", "mstr-examples", "--example", OURS], OURS)?;
    let upload = ["-p", "mstr-examples", "--features", "data", "--example", UPLOAD];
    let upload = programs::program(root, &upload, UPLOAD)?;
    let ca = environment.folder.join("ca.pem");
    for round in ROUNDS {
        let server = Server::start(&program, round, &ca)?;
        for (script, arguments) in PEERS {
            println!("\n== {script}: {}", round.name);
            let mut peer = environment.python();
            peer.arg(scripts.join(script)).args(["--base-url", &server.base_url]);
            peer.args(CLIENT).args(*arguments).env("MSTR_SNAPSHOT_PROGRAM", &ours);
            peer.env("MSTR_UPLOAD_PROGRAM", &upload);
            if round.tls {
                peer.env("SSL_CERT_FILE", &ca).env("REQUESTS_CA_BUNDLE", &ca);
            }
            if !peer.status()?.success() {
                failed.push(format!("{script} ({})", round.name));
            }
        }
    }
    if let Err(error) = aws::run(root, &program) {
        failed.push(format!("AWS ({error})"));
    }
    failed.extend(azure_gcp::run(root, &program)?);
    if let Err(error) = side_by_side::run(root) {
        failed.push(format!("{} ({error})", side_by_side::SCRIPT));
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

/// Runs the table of our providers of secrets beside those in Python, and nothing else.
pub(crate) fn secrets(root: &Path) -> Result {
    side_by_side::run(root)
}

/// A virtual environment with the pinned peers.
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Reuses what is there if it was made from the same requirements.
    pub(crate) fn prepare(root: &Path, name: &str, requirements: &Path) -> Result<Self> {
        let environment = Self { folder: root.join("target").join(name) };
        let wanted = fs::read_to_string(requirements)?;
        let stamp = environment.folder.join("requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(environment);
        }
        if environment.folder.exists() {
            fs::remove_dir_all(&environment.folder)?;
        }
        println!("installing the peers into {}", environment.folder.display());
        sh::run(Command::new(python()?).args(["-m", "venv"]).arg(&environment.folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        sh::run(environment.python().args(pip).args(["--no-deps", "-r"]).arg(requirements))?;
        // Last: a half-made environment is not taken for a whole one.
        fs::write(stamp, wanted)?;
        Ok(environment)
    }

    /// A program that a package brought.
    pub(crate) fn program(&self, name: &str) -> Command {
        let folder = self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
        Command::new(folder.join(name).with_extension(env::consts::EXE_EXTENSION))
    }

    /// Its Python, away from files that a peer might pick up: `mstrio` takes any certificate in
    /// the current directory for a CA.
    pub(crate) fn python(&self) -> Command {
        let mut command = self.program("python");
        command
            .current_dir(self.folder.join(if cfg!(windows) { "Scripts" } else { "bin" }))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            .env("NO_PROXY", "127.0.0.1");
        command
    }
}

/// The Python that the pins were made with, or the one that there is.
fn python() -> Result<&'static str> {
    let works = |name: &&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    ["python3.11", "python3", "python"]
        .into_iter()
        .find(works)
        .ok_or_else(|| "no Python found: the peers need Python 3.11 or later".into())
}

/// A running simulator. It is killed when it is dropped.
struct Server {
    child: Child,
    base_url: String,
}

impl Server {
    fn start(program: &Path, round: &Round, ca: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(SERVER).args(round.options).stdout(Stdio::piped());
        if round.tls {
            command.arg("--ca-out").arg(ca);
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the simulator has no output")?;
        let mut server = Self { child, base_url: String::new() };
        BufReader::new(stdout).read_line(&mut line)?;
        line.trim_end()
            .strip_prefix("listening on ")
            .ok_or("the simulator did not start")?
            .clone_into(&mut server.base_url);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; nothing more can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
