//! A real OpenBao server, from PyPI, for the tests of `mstr-credentials-vault` that a stub answers
//! otherwise.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Stdio},
    thread,
};

use crate::{
    interop::Environment,
    sh::{self, Result},
    workspace::Workspace,
};

const TOKEN: &str = "nightly-root";
/// The last line that the server prints when it is ready.
const READY: &str = "Development mode should NOT be used";

pub(super) fn run(ws: &Workspace) -> Result {
    let requirements = ws.root.join("xtask/interop/requirements-openbao.txt");
    let environment = Environment::prepare(&ws.root, "nightly-openbao", &requirements)?;
    let certificates = ws.root.join("target/nightly-openbao-tls");
    fs::create_dir_all(&certificates)?;
    let server = Server::start(&environment, &certificates)?;
    println!("OpenBao at {}", server.address);
    let tests = ["test", "--locked", "-p", "mstr-credentials-vault", "--all-features"];
    sh::run(
        sh::cargo(&ws.root)
            .args(tests)
            .args(["--test", "server"])
            .env("MSTR_OPENBAO_ADDR", &server.address)
            .env("MSTR_OPENBAO_TOKEN", TOKEN)
            .env("MSTR_OPENBAO_CA", certificates.join("vault-ca.pem")),
    )
}

/// A server in memory. It is killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(environment: &Environment, certificates: &Path) -> Result<Self> {
        // free a moment ago; the server cannot say which one it took
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = environment.program("bao");
        command
            .args(["server", "-dev", "-dev-no-store-token", "-dev-tls"])
            .arg(format!("-dev-root-token-id={TOKEN}"))
            .arg(format!("-dev-listen-address={address}"))
            .arg(format!("-dev-tls-cert-dir={}", certificates.display()))
            .env("HOME", certificates)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let server = Self { child, address: format!("https://{address}") };
        let mut lines = BufReader::new(stdout).lines();
        // ends with the server, should it not start
        for line in &mut lines {
            if line?.starts_with(READY) {
                // what it prints from now on is read, so that it is not held up
                thread::spawn(move || lines.count());
                return Ok(server);
            }
        }
        Err("the OpenBao server did not start".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; nothing more can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
