//! AWS: moto and ministack, from PyPI, in the place of the cloud. moto takes any keys; ministack
//! enforces IAM and checks signatures.
//!
//! A package outside of the workspace checks the providers and a rotation, then the examples log in
//! to the simulated server with secrets that it left in moto.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Environment, ROUNDS, Server};
use crate::{
    programs,
    sh::{self, Result},
};

/// Starting Python on a busy machine takes a while.
const PATIENCE: Duration = Duration::from_secs(120);

const EXAMPLES: &[(&str, &[(&str, &str)])] = &[
    ("aws_secrets_manager", &[("MSTR_SECRET_ID", "prod/mstr")]),
    ("aws_ssm", &[("MSTR_PARAMETERS", "/prod/mstr")]),
    (
        "references",
        &[
            ("MSTR_USERNAME", "aws-sm:prod/mstr#username"),
            ("MSTR_PASSWORD", "aws-ssm:/prod/mstr/password"),
        ],
    ),
];

pub(super) fn run(root: &Path, simulator: &Path) -> Result {
    println!("\n== AWS: moto");
    let moto = Emulator::moto(root)?;
    let outside = outside(root)?;
    moto.run_with_keys(program(root, &outside).env("CARGO_TARGET_DIR", target(root)))?;
    let server = Server::start(simulator, &ROUNDS[0], Path::new(""))?;
    for (example, variables) in EXAMPLES {
        let alone = ["-p", "mstr-examples", "--features", "aws", "--example", *example];
        let mut program = sh::command(programs::program(root, &alone, example)?, root);
        program.env("MSTR_BASE_URL", &server.base_url);
        moto.run_with_keys(program.envs(variables.iter().copied()))?;
    }
    iam(root, &outside)
}

/// What IAM lets pass and what not.
fn iam(root: &Path, outside: &Path) -> Result {
    println!("\n== AWS: ministack, with IAM");
    let requirements = root.join("xtask/interop/requirements-ministack.txt");
    let environment = Environment::prepare(root, "interop-ministack", &requirements)?;
    let ministack = Emulator::start("/_ministack/health", |port| {
        // by its server: its own start listens on every interface
        let mut command = environment.python();
        command.args(["-m", "hypercorn", "ministack.app:app", "--bind"]);
        command.arg(format!("127.0.0.1:{port}")).env("AUTH", "true");
        command.env("GATEWAY_PORT", port.to_string());
        command
    })?;
    let profiles = outside.join("profiles");
    let mut identities = environment.python();
    identities.arg(root.join("xtask/interop/aws/identities.py")).arg(&ministack.url);
    sh::run(identities.arg(&profiles))?;
    let mut program = program(root, outside);
    program.args(["--", "iam"]).env("CARGO_TARGET_DIR", target(root));
    // keys of the environment would count more than the profiles
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        program.env_remove(name);
    }
    ministack.run(program.env("AWS_CONFIG_FILE", profiles))
}

/// The program of the package.
fn program(root: &Path, outside: &Path) -> Command {
    let mut program = sh::command(sh::cargo(root).get_program(), outside);
    program.args(["run", "--quiet"]);
    program
}

/// Makes the package. With the workspace's lock file, so that nothing is built twice.
fn outside(root: &Path) -> Result<std::path::PathBuf> {
    let from = root.join("xtask/interop/aws");
    let folder = target(root).join("interop-aws");
    fs::create_dir_all(folder.join("src"))?;
    let manifest = fs::read_to_string(from.join("Cargo.toml.in"))?;
    let root_text = root.to_string_lossy().replace('\\', "/");
    fs::write(folder.join("Cargo.toml"), manifest.replace("@ROOT@", &root_text))?;
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for source in ["main.rs", "iam.rs"] {
        fs::copy(from.join(source), folder.join("src").join(source))?;
    }
    Ok(folder)
}

fn target(root: &Path) -> std::path::PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").map(Into::into);
    chosen.unwrap_or_else(|| root.join("target"))
}

/// A running emulator. It is killed when it is dropped.
pub(super) struct Emulator {
    child: Child,
    pub(super) url: String,
}

impl Emulator {
    /// A new moto, without anything in it.
    pub(super) fn moto(root: &Path) -> Result<Self> {
        let requirements = root.join("xtask/interop/requirements-moto.txt");
        let environment = Environment::prepare(root, "interop-moto", &requirements)?;
        Self::start("/moto-api/", |port| {
            let mut command = environment.python();
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p"]).arg(port.to_string());
            command
        })
    }

    /// Starts the command for a port, and waits until it answers a request of `probe`.
    fn start(probe: &str, command: impl Fn(u16) -> Command) -> Result<Self> {
        // free a moment ago; the emulators cannot say which one they took
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = command(address.port());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut emulator = Self { child, url: format!("http://{address}") };
        let begun = Instant::now();
        while !answers(address, probe) {
            if emulator.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(format!("the emulator did not start: {command:?}").into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(emulator)
    }

    /// Runs a program that takes it for AWS.
    fn run(&self, command: &mut Command) -> Result {
        sh::run(
            command
                .env("AWS_ENDPOINT_URL", &self.url)
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("NO_PROXY", "127.0.0.1"),
        )
    }

    /// The same with access keys, and with what the examples log in with.
    pub(super) fn run_with_keys(&self, command: &mut Command) -> Result {
        self.run(
            command
                .env("AWS_ACCESS_KEY_ID", "interop")
                .env("AWS_SECRET_ACCESS_KEY", "interop")
                .env("INTEROP_USERNAME", "dave")
                .env("INTEROP_PASSWORD", "interop-password"),
        )
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may be gone already; nothing more can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n")?;
        stream.read(&mut [0; 16])
    };
    ask().is_ok_and(|read| read > 0)
}
