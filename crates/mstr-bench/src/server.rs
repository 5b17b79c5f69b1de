//! The simulated server in a process of its own, over HTTP and HTTPS, with the reports that are
//! measured. It obeys commands on standard input, a line each, and ends with it.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use mstr_sim::{
    DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, LibraryServerBuilder, Method, Project, Reply,
    Report,
};
use serde_json::json;

use crate::Result;

/// How many projects there are: their list is about 4 KB.
const PROJECTS: usize = 24;

/// Rows of the reports.
const REPORTS: [u64; 3] = [100_000, 1_000_000, 10_000_000];

pub(crate) fn run() -> Result {
    let http = configured(true).start_blocking()?;
    let https = configured(false).tls().start_blocking()?;
    let ids = REPORTS.map(|rows| (rows.to_string(), json!(report(rows).object_id())));
    say(&json!({
        "http": http.base_url(),
        "https": https.base_url(),
        "ca": https.ca_pem(),
        "user": DEFAULT_USER,
        "password": DEFAULT_PASSWORD,
        "project": project(0).name(),
        "project_id": project(0).project_id(),
        "reports": serde_json::Map::from_iter(ids),
    }))?;
    for line in std::io::stdin().lock().lines() {
        say(&obey(line?.trim(), &http, &https)?)?;
    }
    Ok(())
}

/// `latency MS`, `expire`, or `forget`: the journal, which says how many logins there were.
fn obey(command: &str, http: &LibraryServer, https: &LibraryServer) -> Result<serde_json::Value> {
    match command.split_once(' ').unwrap_or((command, "")) {
        ("latency", milliseconds) => {
            http.set_latency(Duration::from_millis(milliseconds.parse()?));
            Ok(json!({}))
        }
        ("forget", _) => {
            let logins = http.count(Method::POST, "auth/login");
            let requests = http.journal().len();
            http.clear_journal();
            https.clear_journal();
            Ok(json!({ "logins": logins, "requests": requests }))
        }
        _ => Err(format!("no command {command:?}").into()),
    }
}

fn say(value: &serde_json::Value) -> Result {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

fn configured(with_data: bool) -> LibraryServerBuilder {
    let kilobyte = json!({ "id": "B7CA92F04B9FAE8D941C3E9B7E0CD754", "text": "x".repeat(970) });
    let mut server = LibraryServer::builder().control(true).keep_pages(true).session_route(
        Method::GET,
        "bench/kilobyte",
        move |_| Reply::json(200, &kilobyte),
    );
    for number in 0..PROJECTS {
        server = server.project(project(number));
    }
    if with_data {
        for rows in REPORTS {
            server = server.report(report(rows));
        }
    }
    server
}

fn project(number: usize) -> Project {
    Project::new(format!("MicroStrategy Tutorial {number:02}"))
        .description(format!("The project number {number:02} of the list"))
}

/// Three attributes in four columns, and three metrics.
fn report(rows: u64) -> Report {
    Report::sample(&format!("{rows} rows"), rows)
}
