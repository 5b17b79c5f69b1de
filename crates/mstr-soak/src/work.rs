//! The clients: a few sessions that many tasks share for the whole time, and some tasks that open
//! and close their own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use mstr_rest_api::{ProjectsExt as _, SessionsExt as _};
use mstr_rest_core::{
    Auth, Error, ErrorKind, RetryPolicy, Session, SessionBuilder, settle, with_session,
};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::Result;
use crate::chaos::{DOWNLOAD, Diary, PASSWORD, USER};
use crate::tally::{Ear, Tally};

const SESSIONS: usize = 4;
const TASKS: usize = 64;
/// Of these, so many open a session of their own over and over.
const VISITORS: usize = 8;

/// More than this above the start, and something keeps what it should not.
const GROWTH_KB: u64 = 32 << 10;

/// Operations that must not fail. The others may, and say how.
const IDEMPOTENT: [&str; 4] = ["projects", "user", "rows", "upload"];

fn builder(base_url: &str) -> SessionBuilder {
    // an outage lasts up to 2 s, and mischief goes on meanwhile
    let retry = RetryPolicy::default()
        .max_retries(30)
        .base_delay(Duration::from_millis(20))
        .max_delay(Duration::from_secs(1))
        .total_timeout(Duration::from_secs(60));
    Session::builder(base_url)
        .environment_proxies(false)
        .auth(Auth::standard(USER, PASSWORD))
        .relogin(true)
        .keep_alive(Duration::from_secs(1))
        .retry(retry)
        .read_timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_secs(2))
}

/// Works so long; says whether all was well.
pub(crate) async fn run(length: Duration, seed: u64) -> Result<bool> {
    let tally = Arc::new(Tally::default());
    let ear = Ear(Arc::clone(&tally));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(ear))?;
    let mut server = Server::start(seed)?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(connect(&server.base_url, &tally).await?);
    }
    let end = Instant::now() + length;
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let tally = Arc::clone(&tally);
        let rng = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
        tasks.push(if number < VISITORS {
            tokio::spawn(visit(server.base_url.clone(), tally, rng, end))
        } else {
            tokio::spawn(stay(sessions[number % SESSIONS].clone(), tally, rng, end))
        });
    }
    // buffers, connections and pools are there by now
    tokio::time::sleep(length.min(Duration::from_secs(20)) / 2).await;
    let start_kb = memory("VmRSS:")?;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(30).min(end - Instant::now())).await;
        println!("{} operations, {} MB", tally.done(), memory("VmRSS:")? >> 10);
    }
    for task in tasks {
        task.await?;
    }
    let end_kb = memory("VmRSS:")?;
    server.calm_down()?;
    for session in &sessions {
        session.logout().await?;
    }
    settle().await;
    let diary = server.end()?;

    println!("{}", tally.table());
    println!("server: {diary:?}");
    println!(
        "memory: {start_kb} kB at the start, {end_kb} kB at the end, {} kB at most",
        memory("VmHWM:")?
    );
    let mut well = true;
    for operation in IDEMPOTENT {
        if tally.failures(operation) > 0 {
            println!("FAILED: {operation} is idempotent and must not fail");
            well = false;
        }
    }
    if end_kb > start_kb + GROWTH_KB {
        println!("FAILED: memory grew by more than {GROWTH_KB} kB");
        well = false;
    }
    if diary.refused_logins > 0 {
        println!("FAILED: a login with the right password was refused");
        well = false;
    }
    Ok(well)
}

/// The server may be down just now.
async fn connect(base_url: &str, tally: &Tally) -> Result<Session> {
    loop {
        match builder(base_url).connect().await {
            Ok(session) => return Ok(session.detach()),
            Err(error) if error.is_transient() => tally.add("connect", Err(error)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Uses a session that others use as well.
async fn stay(session: Session, tally: Arc<Tally>, mut rng: fastrand::Rng, end: Instant) {
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..80))).await;
        let (operation, outcome) = one(&session, &mut rng).await;
        tally.add(operation, outcome);
    }
}

/// Opens a session, works a little, and closes it.
async fn visit(base_url: String, tally: Arc<Tally>, mut rng: fastrand::Rng, end: Instant) {
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..400))).await;
        let tally = &tally;
        let rng = &mut rng;
        let outcome = with_session(builder(&base_url), async |session| {
            for _ in 0..3 {
                let (operation, outcome) = one(&session, rng).await;
                tally.add(operation, outcome);
            }
            Ok(())
        });
        tally.add("with_session", outcome.await);
    }
}

async fn one(session: &Session, rng: &mut fastrand::Rng) -> (&'static str, Result<(), Error>) {
    match rng.u8(0..6) {
        0 => ("projects", session.projects().list().await.map(drop)),
        1 => ("user", session.user_info().await.map(drop)),
        2 => ("rows", session.get("rows").decode::<Value>().await.map(drop)),
        3 => {
            let body = Bytes::from(vec![1; 20_000]);
            ("upload", session.put("upload").body(body).await.map(drop))
        }
        4 => ("download", download(session).await),
        _ => ("post", session.post("rows").decode::<Value>().await.map(drop)),
    }
}

/// A streamed body is in the caller's hands: where it breaks off, nothing is sent again.
async fn download(session: &Session) -> Result<(), Error> {
    let reply = session.get("download").stream().await?;
    let count = |sum, chunk: Bytes| std::future::ready(Ok(sum + chunk.len()));
    let bytes = reply.bytes_stream().try_fold(0, count).await?;
    if bytes == DOWNLOAD {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unknown, format!("{bytes} bytes came and no error")))
}

/// The server's process.
struct Server {
    base_url: String,
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Server {
    fn start(seed: u64) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--server", "--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let base_url = lines.next().ok_or("the server did not start")??;
        Ok(Self { base_url, child, lines })
    }

    /// Ends the mischief.
    fn calm_down(&mut self) -> Result {
        let input = self.child.stdin.as_mut().ok_or("the server has no input")?;
        input.write_all(b"enough\n")?;
        match self.lines.next() {
            Some(Ok(line)) if line == "quiet" => Ok(()),
            other => Err(format!("the server did not calm down: {other:?}").into()),
        }
    }

    /// Ends the server once it has noted all that was sent; what it saw.
    fn end(mut self) -> Result<Diary> {
        // the line after the next was begun after all requests
        self.lines.next().ok_or("the server is gone")??;
        let diary = self.lines.next().ok_or("the server is gone")??;
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(serde_json::from_str(&diary)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A line of `/proc/self/status`, in kB.
fn memory(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or_else(|| format!("no {name} in /proc/self/status"))?.parse()?)
}
