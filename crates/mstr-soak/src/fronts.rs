//! One session of many tasks behind a real load balancer with two nodes. Nodes are killed
//! (`kill -9`) and restarted, sessions expire. No idempotent call may fail, and no session may be
//! left behind. Run it with `cargo xtask soak --fronts`.

mod certificate;
mod configuration;
mod driver;
mod front;
mod http;
mod load;
mod node;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use fastrand::Rng;
use mstr_rest_core::{Auth, AuthenticatedSession, RetryPolicy, Session, settle};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::chaos::{PASSWORD, USER};
use crate::tally::{Ear, Tally};
use crate::{Result, process};
use certificate::Certificate;
use driver::{Diary, Driver};
use front::{Front, Log, Program, Setup};
use load::Load;
use node::Node;

const TASKS: usize = 30;
const IN_FLIGHT: usize = 12;
const PROJECTS: usize = 60;

/// Needs no session.
const STATUS: &str = "GET /MicroStrategyLibrary/api/status";

/// Program, HTTP/2 over TLS or HTTP/1.1, and its share of the calls in percent.
const FRONTS: [(Program, bool, usize); 4] = [
    (Program::Haproxy, false, 50),
    (Program::Haproxy, true, 20),
    (Program::Nginx, false, 20),
    (Program::Nginx, true, 10),
];

/// How a run is to be.
pub(crate) struct Options {
    pub(crate) calls: usize,
    pub(crate) seed: u64,
    /// The program `mstr-sim`: beside this one unless named.
    pub(crate) sim: Option<PathBuf>,
    /// Keep logs and configurations. Those of a run that failed are kept anyway.
    pub(crate) keep: bool,
}

/// What one front brought.
struct Round {
    name: String,
    load: Arc<Load>,
    diary: Diary,
    retries: usize,
    relogins: usize,
    log: Log,
    /// Sessions of ours on each node after the session was closed.
    left: [usize; 2],
}

/// Works behind each front; says whether all was well.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let sim = match &options.sim {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("mstr-sim"),
    };
    for program in [Program::Haproxy, Program::Nginx] {
        println!("{}: {}", program.name(), program.version()?);
    }
    let tally = Arc::new(Tally::default());
    let ear = Ear(Arc::clone(&tally));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(ear))?;
    let folder = tempfile::Builder::new().prefix("mstr-soak-").tempdir()?;
    let budget =
        Duration::from_secs(120) + Duration::from_millis(10) * u32::try_from(options.calls)?;
    let within_budget = watch(budget);

    let mut well = true;
    let mut rounds = Vec::new();
    for (number, (program, tls, percent)) in FRONTS.into_iter().enumerate() {
        let folder = folder.path().join(number.to_string());
        let calls = options.calls * percent / 100;
        let mut rng = Rng::with_seed(options.seed.wrapping_add(number as u64));
        let round = behind(program, tls, calls, &folder, &sim, &mut rng, &tally).await?;
        let problems = round.problems(calls);
        well &= problems.is_empty();
        for problem in problems {
            println!("FAILED: {}: {problem}", round.name);
        }
        rounds.push(round);
    }
    drop(within_budget);
    print_table(&rounds);
    if options.keep || !well {
        println!("logs and configurations: {}", folder.keep().display());
    }
    Ok(well)
}

/// Ends this program when it takes longer, until the result is dropped.
fn watch(budget: Duration) -> impl Sized {
    let (running, ended) = channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(budget) == Err(RecvTimeoutError::Timeout) {
            println!("FAILED: not done within {budget:?}: something hangs");
            process::end_all();
            std::process::exit(1);
        }
    });
    running
}

async fn behind(
    program: Program,
    tls: bool,
    calls: usize,
    folder: &Path,
    sim: &Path,
    rng: &mut Rng,
    tally: &Tally,
) -> Result<Round> {
    let name = format!("{} {}", program.name(), if tls { "h2 + TLS" } else { "h1" });
    println!("{name}: {calls} calls of {TASKS} tasks");
    fs::create_dir_all(folder)?;
    let [public, probe, first, second] = front::free_ports(rng)?;
    let setup =
        Setup { program, tls, folder: folder.to_owned(), public, probe, nodes: [first, second] };
    let certificate = Certificate::generate()?;
    fs::write(setup.certificate(), &certificate.server_pem)?;
    let base_url = setup.base_url();
    let mut nodes = [Node::start("n1", first, sim).await?, Node::start("n2", second, sim).await?];
    let front = Front::start(setup)?;
    for node in &nodes {
        front.reaches(node.name).await?;
    }

    let before = tally.repeated();
    let session = connect(&base_url, tls.then_some(&*certificate.ca_pem)).await?;
    let load = Load::new(calls, TASKS);
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let work = Arc::clone(&load).work(task, Session::clone(&session), rng.fork());
        tasks.push(tokio::spawn(work));
    }
    let driver = Driver {
        front: &front,
        nodes: &mut nodes,
        load: &load,
        rng: rng.fork(),
        diary: Diary::default(),
    };
    let mut diary = driver.run().await?;
    for task in tasks {
        task.await?;
    }
    if let Err(error) = session.close().await {
        diary.wrong.push(format!("the session was not closed: {error}"));
    }
    settle().await;
    let left = [nodes[0].sessions().await?, nodes[1].sessions().await?];
    let after = tally.repeated();
    let log = front.end()?;
    let (retries, relogins) = (after.0 - before.0, after.1 - before.1);
    Ok(Round { name, load, diary, retries, relogins, log, left })
}

async fn connect(base_url: &str, ca_pem: Option<&str>) -> Result<AuthenticatedSession> {
    let retry = RetryPolicy::default().max_retries(6).base_delay(Duration::from_millis(50));
    let mut builder = Session::builder(base_url)
        .environment_proxies(false)
        .auth(Auth::standard(USER, PASSWORD))
        .relogin(true)
        .retry(retry)
        .keep_alive(Duration::from_secs(1))
        .max_in_flight(IN_FLIGHT)
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(5));
    if let Some(pem) = ca_pem {
        builder = builder.root_certificates_pem(pem).only_these_roots(true);
    }
    Ok(builder.connect().await?)
}

impl Round {
    fn problems(&self, calls: usize) -> Vec<String> {
        let Self { load, diary, log, .. } = self;
        let mut problems = diary.wrong.clone();
        for failure in load.failures().iter() {
            let what = if failure.is_second_expiry() { "expired twice" } else { "failed" };
            let lines = log.of_call(failure.number).join("\n        ");
            problems.push(format!("{what}: {failure}\n    the front logged:\n        {lines}"));
        }
        let mut expect = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        let (ended, logins, cut) = (load.ended(), log.logins(), load.cut());
        expect(ended == calls, format!("{ended} calls ended, of {calls}"));
        let most = diary.ended + 1;
        expect(logins <= most, format!("{logins} logins, where {most} are enough"));
        expect(self.left == [0, 0], format!("{:?} sessions left on the nodes", self.left));
        let most = diary.kills * TASKS;
        expect(cut <= most, format!("{cut} streams were cut, by {} kills", diary.kills));
        let strays = log.strays();
        expect(strays == 0, format!("{strays} requests came in another protocol"));
        problems
    }
}

fn print_table(rounds: &[Round]) {
    println!();
    println!(
        "{:<17} {:>7} {:>6} {:>9} {:>6} {:>6} {:>7} {:>6} {:>6} {:>12}",
        "front",
        "calls",
        "errors",
        "re-logins",
        "logins",
        "kills",
        "storms",
        "retries",
        "cut",
        "longest call"
    );
    for round in rounds {
        let Round { name, load, diary, retries, relogins, log, .. } = round;
        println!(
            "{name:<17} {:>7} {:>6} {relogins:>9} {:>6} {:>6} {:>7} {retries:>6} {:>6} {:>12}",
            load.ended(),
            load.failures().len(),
            log.logins(),
            diary.kills,
            diary.storms,
            load.cut(),
            format!("{:.2} s", load.longest().as_secs_f64()),
        );
    }
    println!("logins: as the front logged them. cut: streams that a kill broke off.");
}
