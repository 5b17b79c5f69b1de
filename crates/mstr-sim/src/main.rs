//! The simulated Library server as a program: `mstr-sim --help`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use mstr_sim::{Cube, LibraryServer, LibraryServerBuilder, LogoutScope, Project, Report};

const HELP: &str = "\
A simulated MicroStrategy (Strategy) Library server, for testing what talks to one.

    mstr-sim --port 8080
    curl -i http://127.0.0.1:8080/MicroStrategyLibrary/api/auth/login \\
         -H 'Content-Type: application/json' \\
         -d '{\"loginMode\":1,\"username\":\"administrator\",\"password\":\"mstr\"}'

It knows the user `administrator` with the password `mstr`, lets anonymous users in, and has the
projects `MicroStrategy Tutorial` (B7CA92F04B9FAE8D941C3E9B7E0CD754) and `Platform Analytics`
(CE52831411E696C8BD2F0080EFD5AF44). Users or projects that you name take the place of these.
Reports and cubes: `Sample Report`, `Sample Cross-Tab`, `Sample Metrics in Rows`, `Sample
Subtotals`, `Sample Pages`, `Sample Prompts`, `Sample Cube`; those that you name come on top.
All that it holds is made up; passwords and keys on a command line are for tests only.

Where it listens
  --port PORT              port; 0 takes a free one and says which  [default: 8080]
  --host ADDRESS           address; only loopback without --allow-remote  [default: 127.0.0.1]
  --allow-remote           let other machines in: nothing here protects anything
  --tls                    HTTPS with a CA made for this run, HTTP/2 included
  --ca-out FILE            write the certificate of that CA to FILE (PEM); implies --tls

Whom it knows and what it has (each may be repeated)
  --user NAME:PASSWORD     standard login (loginMode 1)
  --ldap-user NAME:PASSWORD  LDAP login (loginMode 16)
  --trusted-user NAME      login by name alone (loginMode 4096)
  --api-key KEY[:USER]     login by key (loginMode 4096); without USER the key is its own user
  --project NAME[=ID]      project; without ID the id follows from the name
  --report NAME:ROWS       report with so many rows, of the shape of `Sample Report`
  --cube NAME:ROWS         cube with so many rows, of the shape of `Sample Cube`
  --no-anonymous           refuse anonymous logins (loginMode 8)

How it behaves
  --idle-timeout SECONDS   how long a session lives without a request  [default: 1800]
  --nodes N                nodes of the cluster  [default: 1]
  --sticky                 a load balancer with sticky cookies: without its cookie a request goes
                           to another node, which does not know the session (401 ERR009)
  --require-cookies        a token counts only with the cookies of its login
  --session-cap N          project sessions per user and project; above it 500 ERR001
  --lock-out N             lock an account after N failed logins in a row
  --logout-all             a logout ends all sessions of the user, as the vendor documents
  --latency MS             delay every request
  --row-governor N         refuse reports and cubes with more rows (-2147205488)
  --page-limit N           let pages of more rows time out on the server (-2147206497)

What it shows
  --journal                print a line per request: method, path, user, status
  --control                POST /__sim__/expire[?user=NAME], POST /__sim__/advance?seconds=N,
                           POST /__sim__/expire-instances, GET /__sim__/table?id=ID,
                           GET /__sim__/journal, GET /__sim__/sessions: for tests in any language
  --help                   this text
  --version                the version

It prints one line when it is ready, `listening on URL`, and stops on ctrl-c.
";

/// What the command line asks for.
struct Options {
    server: LibraryServerBuilder,
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    ca_out: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match parse(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mstr-sim: {error}\nTry `mstr-sim --help`.");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mstr-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let server = options.server.start().await?;
    #[cfg(feature = "tls")]
    if let (Some(file), Some(pem)) = (&options.ca_out, server.ca_pem()) {
        std::fs::write(file, pem)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    announce(&server)?;
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}

fn announce(server: &LibraryServer) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {}", server.base_url())?;
    stdout.flush()
}

/// `None` if the user only wanted to read.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut server = LibraryServer::builder().port(8080).real_time(true).samples();
    let mut host = "127.0.0.1".to_owned();
    let (mut allow_remote, mut ca_out) = (false, None);
    while let Some(argument) = parser.next()? {
        server = match argument {
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            Long("version") | Short('V') => {
                println!("mstr-sim {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            Long("host") => {
                host = parser.value()?.string()?;
                server.host(&host)
            }
            Long("allow-remote") => {
                allow_remote = true;
                server
            }
            Long("ca-out") => {
                ca_out = Some(PathBuf::from(parser.value()?));
                with_tls(server)?
            }
            Long("tls") => with_tls(server)?,
            Long(name) => {
                let name = name.to_owned();
                set(server, &name, &mut parser)?
            }
            other => return Err(other.unexpected()),
        };
    }
    if !allow_remote && !is_loopback(&host) {
        return Err(
            format!("--host {host} lets other machines in: that needs --allow-remote").into()
        );
    }
    Ok(Some(Options { server, ca_out }))
}

/// The options that only pass on what they are given.
fn set(
    server: LibraryServerBuilder,
    name: &str,
    parser: &mut lexopt::Parser,
) -> Result<LibraryServerBuilder, lexopt::Error> {
    Ok(match name {
        "port" => server.port(parser.value()?.parse()?),
        "user" => {
            let value = parser.value()?.string()?;
            let (user, password) = credentials(&value, "user")?;
            server.user(user, password)
        }
        "ldap-user" => {
            let value = parser.value()?.string()?;
            let (user, password) = credentials(&value, "ldap-user")?;
            server.ldap_user(user, password)
        }
        "trusted-user" => server.trusted_user(&parser.value()?.string()?),
        "api-key" => {
            let value = parser.value()?.string()?;
            let (key, user) = value.rsplit_once(':').unwrap_or((&value, &value));
            server.api_key(key, user)
        }
        "project" => {
            let value = parser.value()?.string()?;
            match value.rsplit_once('=') {
                Some((name, id)) => server.project(Project::new(name).id(id)),
                None => server.project(value),
            }
        }
        "report" => {
            let value = parser.value()?.string()?;
            let (name, rows) = sized(&value, "report")?;
            server.report(Report::sample(name, rows))
        }
        "cube" => {
            let value = parser.value()?.string()?;
            let (name, rows) = sized(&value, "cube")?;
            server.cube(Cube::sample(name, rows))
        }
        "row-governor" => server.row_governor(parser.value()?.parse()?),
        "page-limit" => server.page_limit(parser.value()?.parse()?),
        "no-anonymous" => server.anonymous(false),
        "idle-timeout" => server.idle_timeout(Duration::from_secs(parser.value()?.parse()?)),
        "nodes" => server.nodes(parser.value()?.parse()?),
        "sticky" => server.sticky(true),
        "require-cookies" => server.require_cookies(true),
        "session-cap" => server.session_cap(parser.value()?.parse()?),
        "lock-out" => server.lock_out_after(parser.value()?.parse()?),
        "logout-all" => server.logout_scope(LogoutScope::User),
        "latency" => server.latency(Duration::from_millis(parser.value()?.parse()?)),
        "journal" => server.print_journal(true),
        "control" => server.control(true),
        other => return Err(Long(other).unexpected()),
    })
}

/// The text itself stays out of the error: half of it is a password.
fn credentials<'a>(value: &'a str, option: &str) -> Result<(&'a str, &'a str), lexopt::Error> {
    value.split_once(':').ok_or_else(|| format!("--{option} wants NAME:PASSWORD").into())
}

fn sized<'a>(value: &'a str, option: &str) -> Result<(&'a str, u64), lexopt::Error> {
    let parsed = value.rsplit_once(':').and_then(|(name, rows)| Some((name, rows.parse().ok()?)));
    parsed.ok_or_else(|| format!("--{option} wants NAME:ROWS, not {value}").into())
}

#[cfg(feature = "tls")]
#[allow(clippy::unnecessary_wraps, reason = "has its sibling's signature")]
fn with_tls(server: LibraryServerBuilder) -> Result<LibraryServerBuilder, lexopt::Error> {
    Ok(server.tls())
}

#[cfg(not(feature = "tls"))]
fn with_tls(_: LibraryServerBuilder) -> Result<LibraryServerBuilder, lexopt::Error> {
    Err("this mstr-sim was built without the feature `tls`".into())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
