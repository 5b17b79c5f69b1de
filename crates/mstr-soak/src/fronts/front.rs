//! The load balancer: a real haproxy or nginx with a configuration that is made here.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;

use super::http::ask;
use super::{STATUS, configuration};
use crate::Result;
use crate::process::Process;

/// How often a front is asked whether it reaches a node, and with which pause.
const TRIES: usize = 1000;
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Haproxy,
    Nginx,
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    /// Where it is. Users other than root often do not have its folder in their path.
    fn path(self) -> PathBuf {
        let folder = Path::new("/usr/sbin").join(self.name());
        if folder.exists() { folder } else { self.name().into() }
    }

    /// The first line of what it says about itself.
    pub(crate) fn version(self) -> Result<String> {
        let output = Command::new(self.path()).arg("-v").output().map_err(|error| {
            format!("cannot run {name}: {error}. Install the package {name}.", name = self.name())
        })?;
        // nginx writes it to standard error
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().next().unwrap_or("no version").trim().to_owned())
    }
}

/// What a configuration needs to know.
pub(crate) struct Setup {
    pub(crate) program: Program,
    /// HTTP/2 over TLS, or HTTP/1.1 without TLS.
    pub(crate) tls: bool,
    pub(crate) folder: PathBuf,
    /// Where clients connect to.
    pub(crate) public: u16,
    /// The same without TLS and without a log, for the driver.
    pub(crate) probe: u16,
    pub(crate) nodes: [u16; 2],
}

impl Setup {
    pub(crate) fn base_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/MicroStrategyLibrary/api/", self.public)
    }

    /// The protocol of every request, as the log names it.
    pub(crate) fn protocol(&self) -> &'static str {
        if self.tls { "HTTP/2.0" } else { "HTTP/1.1" }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("front.pem")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("access.log")
    }
}

/// A running front.
pub(crate) struct Front {
    setup: Setup,
    process: Process,
}

impl Front {
    pub(crate) fn start(setup: Setup) -> Result<Self> {
        let (folder, program) = (&setup.folder, setup.program);
        let file = folder.join("front.conf");
        let mut command = Command::new(program.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir(folder);
        match program {
            Program::Haproxy => {
                fs::write(&file, configuration::haproxy(&setup))?;
                command.args(["-db", "-f"]).arg(&file).stdout(File::create(setup.log())?);
                command.stderr(File::create(folder.join("error.log"))?);
            }
            Program::Nginx => {
                fs::write(&file, configuration::nginx(&setup))?;
                command.arg("-p").arg(folder).arg("-c").arg(&file);
                command.args(["-e", "error.log"]);
            }
        }
        let process = Process::start(&mut command)?;
        Ok(Self { setup, process })
    }

    /// Waits until requests get to this node, those whose cookie names it and those that have none:
    /// the front has noticed that the node is up. nginx notices it for each of the two by itself.
    /// When the other node ends before it has, no node is left for it, and all requests get 502.
    pub(crate) async fn reaches(&self, node: &str) -> Result {
        for cookie in [&*format!("NODE={node}"), "none=1"] {
            self.reaches_with(node, cookie).await?;
        }
        Ok(())
    }

    async fn reaches_with(&self, node: &str, cookie: &str) -> Result {
        for _ in 0..TRIES {
            if let Some(status) = self.process.ended() {
                return Err(format!("{} ended: {status}", self.setup.program.name()).into());
            }
            let reply = ask(self.setup.probe, STATUS, cookie).await;
            if reply.is_ok_and(|reply| reply.is_ok() && reply.header("x-node") == Some(node)) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{} does not reach {node}", self.setup.program.name()).into())
    }

    /// Ends it; what it has logged.
    pub(crate) fn end(self) -> Result<Log> {
        drop(self.process);
        let text = fs::read_to_string(self.setup.log())?;
        Ok(Log { text, protocol: self.setup.protocol() })
    }
}

/// What the front has logged: what reached it, whatever clients and nodes say. The fields of a line
/// are in [`configuration`].
pub(crate) struct Log {
    text: String,
    protocol: &'static str,
}

impl Log {
    fn requests(&self) -> impl Iterator<Item = Vec<&str>> {
        let lines = self.text.lines().filter(|line| line.starts_with("LOG "));
        lines.map(|line| line.split_whitespace().collect())
    }

    /// Logins that brought a session.
    pub(crate) fn logins(&self) -> usize {
        self.requests()
            .filter(|fields| matches!(fields[..], [_, _, "POST", path, "204", ..] if path.ends_with("/auth/login")))
            .count()
    }

    /// Requests that came in another protocol than they should.
    pub(crate) fn strays(&self) -> usize {
        // a connection that ended before a request has no protocol
        let is_stray = |version: &&str| version.starts_with("HTTP/") && *version != self.protocol;
        self.requests().filter(|fields| fields.get(1).is_some_and(is_stray)).count()
    }

    /// The lines of one call.
    pub(crate) fn of_call(&self, number: usize) -> Vec<String> {
        let number = number.to_string();
        let is_of_call = |fields: &Vec<&str>| fields.get(5) == Some(&number.as_str());
        self.requests().filter(is_of_call).map(|fields| fields.join(" ")).collect()
    }
}

/// Free ports below those that the system lends to outgoing connections: while a node is down,
/// nothing else must get its port, and no connection to it may be given that very port and so
/// connect to itself.
pub(crate) fn free_ports<const N: usize>(rng: &mut Rng) -> Result<[u16; N]> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let lent = range.split_whitespace().next().and_then(|first| first.parse().ok());
    let lent: u16 = lent.filter(|first| *first > 4096).unwrap_or(32768);
    let mut listeners = Vec::new();
    for _ in 0..1000 {
        listeners.extend(TcpListener::bind(("127.0.0.1", rng.u16(lent / 2..lent))));
        if listeners.len() == N {
            break;
        }
    }
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port()));
    let ports: Vec<u16> = ports.collect::<Result<_>>()?;
    ports.try_into().map_err(|_| "no free ports".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of haproxy and of nginx.
    const LOGGED: &str = "\
Server nodes/n1 is UP
LOG HTTP/1.1 POST /MicroStrategyLibrary/api/auth/login 204 - n1 -- 12
LOG HTTP/1.1 POST /MicroStrategyLibrary/api/auth/login 502 - 0.000 any 502
LOG HTTP/1.1 POST /MicroStrategyLibrary/api/auth/logout 204 - n1 -- 12
LOG HTTP/1.1 GET /MicroStrategyLibrary/api/projects 401 71 0.02 127.0.0.1:1, 127.0.0.1:2 502, 401
LOG HTTP/2.0 GET /MicroStrategyLibrary/api/projects 200 71 n2 -- 12
LOG HTTP/1.1 GET /MicroStrategyLibrary/api/projects 200 7 n2 -- 71
LOG <BADREQ> <BADREQ> <BADREQ> 400 - <NOSRV> CR 0
";

    #[test]
    fn logs_of_both_fronts_are_read() {
        let mut log = Log { text: LOGGED.to_owned(), protocol: "HTTP/1.1" };
        assert_eq!(log.logins(), 1);
        assert_eq!(log.of_call(71).len(), 2);
        assert_eq!(log.strays(), 1);
        log.protocol = "HTTP/2.0";
        assert_eq!(log.strays(), 5);
    }

    #[test]
    fn free_ports_differ() {
        let ports: [u16; 8] = free_ports(&mut Rng::new()).unwrap();
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len());
    }
}
