//! A nightly job in a pod that has just started: the metadata server fails for the first five seconds,
//! then the job logs in with a secret of the cloud and logs out.
//!
//! The job is a child process with an environment of its own, as a pod has it. Its clock does not run by
//! itself: it is moved while the job waits to ask the metadata server again.
#![cfg(feature = "gcp")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

use std::{
    env,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    thread,
    time::Duration,
};

use mstr_cloud_stub::{Gcp, Reply, Request, Responder};
use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Method};

/// For how long the metadata server fails, in milliseconds of the job's clock.
const STARTING: u64 = 5000;

/// The services of the cloud: the metadata server, Secret Manager, and `/clock/MS`, by which the job tells
/// what its clock shows and hears whether it was refused since.
#[derive(Default)]
struct Cloud {
    gcp: Gcp,
    clock: u64,
    refused: bool,
    refusals: usize,
}

impl Cloud {
    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(clock) = request.path.strip_prefix("/clock/") {
            self.clock = clock.parse().unwrap();
            return Reply::status(200).body(if self.refused { "refused" } else { "busy" });
        }
        if request.path == "/refusals" {
            return Reply::status(200).body(self.refusals.to_string());
        }
        if request.path.starts_with("/computeMetadata/") {
            self.refused = self.clock < STARTING;
            if self.refused {
                self.refusals += 1;
                return Reply::status(503);
            }
        }
        self.gcp.answer(request).unwrap_or_else(|| Reply::status(404))
    }
}

#[tokio::test]
async fn a_nightly_job_in_a_new_pod_logs_in_and_out() {
    let library = LibraryServer::builder().user(DEFAULT_USER, DEFAULT_PASSWORD).start();
    let library = library.await.unwrap();
    let gcp = Gcp::default();
    let login = format!(r#"{{"username": "{DEFAULT_USER}", "password": "{DEFAULT_PASSWORD}"}}"#);
    gcp.put("projects/p/secrets/mstr", login);
    let mut services = Cloud { gcp: gcp.clone(), ..Cloud::default() };
    let cloud = Responder::start(move |request| services.answer(request));

    let reference = format!("gcp-sm:projects/p/secrets/mstr?endpoint={}", cloud.url());
    let mut pod = Command::new(env::current_exe().unwrap());
    pod.args(["--exact", "job", "--ignored", "--nocapture"]).env_clear();
    pod.env("GCE_METADATA_HOST", cloud.address().to_string()).env("HOME", "/nonexistent");
    pod.env("MSTR_BASE_URL", library.base_url());
    pod.env("MSTR_USERNAME", format!("{reference}#username"));
    pod.env("MSTR_PASSWORD", format!("{reference}#password"));
    let output = tokio::task::spawn_blocking(move || pod.output()).await.unwrap().unwrap();

    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    // both fields come from one fetch, and the time of a fetch is 30 seconds
    assert_eq!((gcp.fetches(), gcp.identities()), (1, vec!["metadata".to_owned()]));
    let refusals: usize = ask(&cloud.address().to_string(), "/refusals").parse().unwrap();
    assert!(refusals > 1, "it was asked again while it failed: {refusals}");
    assert_eq!(library.requests(Method::POST, "/auth/login").len(), 1);
    assert_eq!(library.requests(Method::POST, "/auth/logout").len(), 1);
    assert_eq!(library.sessions().len(), 0);
}

/// Not a test of its own: what runs in the pod.
#[tokio::test(start_paused = true)]
#[ignore = "the other test runs it in a child process"]
async fn job() {
    let cloud = env::var("GCE_METADATA_HOST").unwrap();
    let clock = tokio::spawn(clock(cloud));
    let builder = mstr_rest::from_env().unwrap();
    let user = with_session(builder, async |session| session.user_info().await).await.unwrap();
    clock.abort();
    println!("logged in as {}, and out again", user.full_name);
}

/// Moves the clock while the metadata server has said no and was not asked again.
async fn clock(cloud: String) {
    for clock in (0..).step_by(100) {
        loop {
            let cloud = cloud.clone();
            // the clock of a runtime does not move by itself while a thread like this is at work
            let said = tokio::task::spawn_blocking(move || {
                thread::sleep(Duration::from_millis(5));
                ask(&cloud, &format!("/clock/{clock}"))
            });
            if said.await.unwrap() == "refused" {
                break;
            }
        }
        tokio::time::advance(Duration::from_millis(100)).await;
    }
}

/// The body of what a path of that server answers.
fn ask(server: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {server}\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply.split_once("\r\n\r\n").unwrap().1.to_owned()
}
