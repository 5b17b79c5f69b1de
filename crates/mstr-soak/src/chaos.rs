//! The simulated server, in a process of its own, and what it does to its clients.

use std::io::Write as _;
use std::time::{Duration, Instant};

use fastrand::Rng;
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Result;

pub(crate) const USER: &str = "soak";
pub(crate) const PASSWORD: &str = "s04kp4ssword";
pub(crate) const DOWNLOAD: usize = 200_000;

const NODES: usize = 3;

/// Sessions live at least so long, longer than any reply takes: an expiry right behind a re-login
/// surfaces, and is meant to.
const PEACE: Duration = Duration::from_millis(1500);

/// What the server saw and did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Diary {
    pub(crate) requests: usize,
    pub(crate) logins: usize,
    pub(crate) refused_logins: usize,
    pub(crate) logouts: usize,
    pub(crate) expired_one: usize,
    pub(crate) expired_all: usize,
    pub(crate) nodes_lost: usize,
    pub(crate) restarts: usize,
    pub(crate) outages: usize,
    pub(crate) slow: usize,
    pub(crate) faults: usize,
    /// Sessions that are left when all clients have gone.
    pub(crate) left: usize,
}

/// Serves until its standard input ends, and prints first where, then the diary.
pub(crate) async fn serve(seed: u64) -> Result {
    let mut server = LibraryServer::builder()
        .user(USER, PASSWORD)
        .nodes(NODES)
        .sticky(true)
        .require_cookies(true)
        .session_route(Method::PUT, "/upload", |_| Reply::new(204))
        .session_route(Method::GET, "/download", |_| {
            Reply::new(200).with_body("application/octet-stream", vec![7; DOWNLOAD])
        });
    for method in [Method::GET, Method::POST] {
        let rows = |_: &_| Reply::json(200, &json!({ "rows": [1, 2, 3] }));
        server = server.session_route(method, "/rows", rows);
    }
    let mut server = server.start().await?;
    say(&server.base_url())?;

    let (quiet, mut end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // the first line: no more mischief; the end of the input: no more clients
        let mut lines = std::io::stdin().lines();
        let _ = lines.next();
        let _ = quiet.send(());
        lines.for_each(drop);
        std::process::exit(0);
    });

    let mut rng = Rng::with_seed(seed);
    let mut diary = Diary::default();
    let mut last = Instant::now();
    while end.try_recv().is_err() {
        tokio::time::sleep(Duration::from_millis(rng.u64(20..400))).await;
        if last.elapsed() > PEACE {
            end_sessions(&mut server, &mut rng, &mut diary).await?;
            last = Instant::now();
        } else {
            disturb(&server, &mut rng, &mut diary);
        }
        note(&server, &mut diary);
    }
    server.clear_faults();
    server.set_latency(Duration::ZERO);
    for node in 0..NODES {
        server.restore_node(node);
    }
    say("quiet")?;
    // until the clients have closed their sessions: then they end the input
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        note(&server, &mut diary);
        diary.left = server.sessions().len();
        say(&serde_json::to_string(&diary)?)?;
    }
}

fn say(line: &str) -> Result {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Counts what is in the journal and forgets it: the server must not grow either.
fn note(server: &LibraryServer, diary: &mut Diary) {
    let journal = server.journal();
    server.clear_journal();
    diary.requests += journal.len();
    for request in &journal {
        match request.endpoint() {
            "/auth/login" => {
                diary.logins += 1;
                diary.refused_logins += usize::from(request.status().is_some_and(|s| s == 401));
            }
            "/auth/logout" => diary.logouts += 1,
            _ => {}
        }
    }
}

async fn end_sessions(server: &mut LibraryServer, rng: &mut Rng, diary: &mut Diary) -> Result {
    match rng.u8(0..10) {
        0..4 => {
            let sessions = server.sessions();
            if let Some(victim) = rng.choice(&sessions) {
                server.expire(victim.token());
                diary.expired_one += 1;
            }
        }
        4..6 => {
            server.expire_all();
            diary.expired_all += 1;
        }
        6..8 => {
            let node = rng.usize(0..NODES);
            server.lose_node(node);
            diary.nodes_lost += 1;
            tokio::time::sleep(Duration::from_millis(rng.u64(50..1000))).await;
            server.restore_node(node);
        }
        8 => {
            server.restart().await?;
            diary.restarts += 1;
        }
        _ => {
            server.stop().await;
            tokio::time::sleep(Duration::from_millis(rng.u64(50..2000))).await;
            server.restart().await?;
            diary.outages += 1;
        }
    }
    Ok(())
}

fn disturb(server: &LibraryServer, rng: &mut Rng, diary: &mut Diary) {
    if rng.u8(0..3) == 0 {
        server.set_latency(Duration::from_millis(rng.u64(0..60)));
        diary.slow += 1;
    } else {
        let times = rng.usize(1..6);
        server.inject(fault(rng).times(times));
        diary.faults += 1;
    }
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.u8(0..10) {
        0 => Fault::status(503),
        1 => Fault::retry_after(503, "1"),
        2 => Fault::retry_after(429, "1"),
        3 => Fault::html(502),
        4 => Fault::status(504),
        5 => Fault::reset(),
        6 => Fault::reset_after_work(),
        7 => Fault::cut_body(rng.usize(0..40)),
        8 => Fault::stall().on_path("/projects"),
        _ => Fault::delay(Duration::from_millis(rng.u64(1..500))),
    }
}
