//! AWS: moto, from PyPI, in the place of the cloud.
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
use crate::sh::{self, Result};

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
    let requirements = root.join("xtask/interop/requirements-moto.txt");
    let environment = Environment::prepare(root, "interop-moto", &requirements)?;
    let moto = Moto::start(&environment)?;
    let outside = outside(root)?;
    moto.run(
        sh::command(sh::cargo(root).get_program(), &outside)
            .args(["run", "--quiet"])
            .env("CARGO_TARGET_DIR", target(root)),
    )?;
    let server = Server::start(simulator, &ROUNDS[0], Path::new(""))?;
    for (example, variables) in EXAMPLES {
        let mut cargo = sh::cargo(root);
        cargo.args(["run", "--locked", "--quiet", "-p", "mstr-examples", "--features", "aws"]);
        cargo.args(["--example", example]).env("MSTR_BASE_URL", &server.base_url);
        moto.run(cargo.envs(variables.iter().copied()))?;
    }
    Ok(())
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
    fs::copy(from.join("main.rs"), folder.join("src/main.rs"))?;
    Ok(folder)
}

fn target(root: &Path) -> std::path::PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").map(Into::into);
    chosen.unwrap_or_else(|| root.join("target"))
}

/// A running emulator. It is killed when it is dropped.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start(environment: &Environment) -> Result<Self> {
        // free a moment ago; moto cannot say which one it took
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = environment.python();
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p"])
            .arg(address.port().to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut moto = Self { child, url: format!("http://{address}") };
        let begun = Instant::now();
        while !answers(address) {
            if moto.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err("moto did not start".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(moto)
    }

    /// Runs a program that takes it for AWS.
    fn run(&self, command: &mut Command) -> Result {
        sh::run(
            command
                .env("AWS_ENDPOINT_URL", &self.url)
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_ACCESS_KEY_ID", "interop")
                .env("AWS_SECRET_ACCESS_KEY", "interop")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("NO_PROXY", "127.0.0.1")
                .env("INTEROP_USERNAME", "dave")
                .env("INTEROP_PASSWORD", "interop-password"),
        )
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may be gone already; nothing more can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /moto-api/ HTTP/1.0\r\n\r\n")?;
        stream.read(&mut [0; 16])
    };
    ask().is_ok_and(|read| read > 0)
}
