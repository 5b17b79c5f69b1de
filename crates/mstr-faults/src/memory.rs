//! How much memory a bomb takes: each goes off in a process of its own, whose peak is its own.

use std::process::Command;

use futures_util::TryStreamExt;
use mstr_rest_core::{Auth, ErrorKind, Session};
use mstr_sim::{Fault as Act, LibraryServer, Method, Reply};

use crate::bench::{PASSWORD, USER};
use crate::faults::{HUGE, gzip_bomb, huge_error};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// More than this above the start, and something keeps what it should not.
const BOUND_KB: u64 = 64 << 10;

/// The argument that makes a process the place of an explosion.
pub(crate) const ARGUMENT: &str = "--bomb";

const BOMBS: [&str; 3] = ["100-mb-error-body", "gzip-bomb-error", "gzip-bomb-download"];

/// Sets them all off and says which took too much.
pub(crate) fn check() -> Vec<std::result::Result<String, String>> {
    BOMBS.iter().map(|bomb| in_a_child(bomb).map_err(|error| format!("{bomb}: {error}"))).collect()
}

fn in_a_child(bomb: &str) -> Result<String> {
    let output = Command::new(std::env::current_exe()?).args([ARGUMENT, bomb]).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} {text}", output.status).into());
    }
    let kb: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    let line = format!("{bomb}: {kb} kB above the start (at most {BOUND_KB})");
    if kb <= BOUND_KB { Ok(line) } else { Err(line.into()) }
}

/// In the child: how many kB the peak was above what there was before.
pub(crate) async fn explode(bomb: &str) -> Result<u64> {
    let reply: Reply = match bomb {
        "100-mb-error-body" => huge_error(),
        "gzip-bomb-error" => gzip_bomb().with_status(500),
        "gzip-bomb-download" => gzip_bomb(),
        _ => return Err("no such bomb".into()),
    };
    let server = LibraryServer::builder().user(USER, PASSWORD).gzip(false).start().await?;
    server.inject(Act::reply(reply).on(Method::GET, "/big"));
    let builder = Session::builder(server.base_url()).environment_proxies(false);
    let session = builder.auth(Auth::standard(USER, PASSWORD)).connect().await?;
    let before = status("VmRSS:")?;
    match (bomb, session.get("big").stream().await) {
        ("gzip-bomb-download", Ok(reply)) => {
            let count = |sum, chunk: bytes::Bytes| std::future::ready(Ok(sum + chunk.len()));
            let bytes = reply.bytes_stream().try_fold(0, count).await?;
            if bytes != HUGE {
                return Err(format!("{bytes} bytes came").into());
            }
        }
        (_, Err(error)) if error.kind() == ErrorKind::Http => {}
        (_, other) => return Err(format!("not what was expected: {other:?}").into()),
    }
    let peak = status("VmHWM:")?;
    session.close().await?;
    Ok(peak.saturating_sub(before))
}

/// A line of `/proc/self/status`, in kB.
fn status(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("no {name} in /proc/self/status"))?.parse()?)
}
