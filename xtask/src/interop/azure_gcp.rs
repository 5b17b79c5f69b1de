//! The SDKs of Azure and Google for Python against our stub of their services, and then our examples,
//! which log in with the secrets that Python wrote.
//!
//! What a vault says has no other witness here: there is no emulator of either that could be
//! installed.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{CLIENT, Environment, ROUNDS, Server};
use crate::{programs, sh::Result};

const SECRET: &str = "mstr-login";

/// Runs all; gives what failed.
pub(super) fn run(root: &Path, simulator: &Path) -> Result<Vec<String>> {
    let scripts = root.join("xtask/interop");
    let environment = sdks(root)?;
    let stub = Stub::start(root, &environment)?;
    let ca = &stub.ca;
    let library = Server::start(simulator, &ROUNDS[0], &environment.folder.join("ca.pem"))?;
    let metadata = stub.http.trim_start_matches("http://");
    // of all that the peers are told: `--username NAME --password TEXT`
    let login = &CLIENT[..4];
    let mut failed = Vec::new();

    let mut azure = environment.python();
    azure.arg(scripts.join("peer_azure.py")).args(["--url", &stub.https, "--secret", SECRET]);
    azure.args(login).env("REQUESTS_CA_BUNDLE", ca).env("NO_PROXY", "localhost");
    let mut google = environment.python();
    google.arg(scripts.join("peer_gcp.py")).args(["--url", &stub.http, "--secret", SECRET]);
    google.args(login).env("GCE_METADATA_HOST", metadata).env("GCE_METADATA_IP", metadata);
    for (name, peer) in [("peer_azure.py", &mut azure), ("peer_gcp.py", &mut google)] {
        println!("\n== {name}: the stub of its service");
        if !peer.status()?.success() {
            failed.push(name.to_owned());
        }
    }

    let azure = [
        ("MSTR_VAULT_URL", "https://interop.vault.azure.net"),
        ("MSTR_VAULT_ENDPOINT", &stub.https),
        ("AZURE_AUTHORITY_HOST", &stub.https),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "me"),
        ("AZURE_CLIENT_SECRET", "entra-client-secret"),
    ];
    let google = [
        ("GOOGLE_CLOUD_PROJECT", "p"),
        ("MSTR_VAULT_ENDPOINT", &stub.http),
        ("GCE_METADATA_HOST", metadata),
        ("HOME", "/nonexistent"),
    ];
    for (example, feature, settings) in
        [("azure_key_vault", "azure", &azure[..]), ("gcp_secret_manager", "gcp", &google[..])]
    {
        println!("\n== examples/{example}.rs: the secret that Python wrote");
        let what = ["-p", "mstr-examples", "--example", example, "--features", feature];
        let program = programs::program(root, &what, example)?;
        // with nothing of this machine
        let mut without = Command::new(&program);
        without.env_clear();
        let mut with = Command::new(&program);
        with.env_clear().env("SSL_CERT_FILE", ca).env("NO_PROXY", "127.0.0.1,localhost");
        with.env("MSTR_BASE_URL", &library.base_url).env("MSTR_SECRET_ID", SECRET);
        with.envs(settings.iter().copied());
        for (command, says) in [(&mut without, "Set "), (&mut with, "logged in as ")] {
            let output = command.stderr(Stdio::inherit()).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            print!("{said}");
            if !output.status.success() || !said.starts_with(says) {
                failed.push(format!("{example} (it should say {says:?})"));
            }
        }
    }
    Ok(failed)
}

/// The SDKs of all clouds for Python, and mstr-rest-requests, which uses them.
pub(super) fn sdks(root: &Path) -> Result<Environment> {
    let requirements = root.join("xtask/interop/requirements-azure-gcp.txt");
    Environment::prepare(root, "interop-venv-azure-gcp", &requirements)
}

/// The running stub. It is killed when it is dropped.
pub(super) struct Stub {
    child: Child,
    pub(super) https: String,
    pub(super) http: String,
    /// The file with its certificate authority.
    pub(super) ca: PathBuf,
}

impl Stub {
    pub(super) fn start(root: &Path, environment: &Environment) -> Result<Self> {
        let program = programs::program(root, &["-p", "mstr-cloud-stub"], "mstr-cloud-stub")?;
        let ca = environment.folder.join("stub-ca.pem");
        let mut child =
            Command::new(program).arg("--ca-out").arg(&ca).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the stub has no output")?;
        let mut stub = Self { child, https: String::new(), http: String::new(), ca };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let mut words = line.split_whitespace().skip(2).map(str::to_owned);
        stub.https = words.next().ok_or("the stub did not start")?;
        stub.http = words.next().ok_or("the stub did not start")?;
        Ok(stub)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // It may be gone already; nothing more can be done here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
