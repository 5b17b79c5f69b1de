//! The simulated server in a process of its own, over HTTP and HTTPS, with the reports that are
//! measured. It obeys commands on standard input, a line each, and ends with it.

use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use mstr_sim::{
    Attribute, DEFAULT_PASSWORD, DEFAULT_USER, DataType, Form, LibraryServer, LibraryServerBuilder,
    Method, Metric, Project, Reply, Report,
};
use serde_json::json;

use crate::Result;

/// How many projects there are: their list is about 4 KB.
const PROJECTS: usize = 24;

/// Rows of the reports.
const REPORTS: [u64; 3] = [100_000, 1_000_000, 10_000_000];

/// Rows of the reports with an attribute that is unique in each row.
const UNIQUE: [u64; 3] = [250_000, 1_000_000, 4_000_000];

/// Metrics of the wide report, and its rows.
const WIDE: (u64, u64) = (30, 100_000);

pub(crate) fn run() -> Result {
    let http = configured(true).start_blocking()?;
    let https = configured(false).tls().start_blocking()?;
    let ids = data_reports().into_iter().map(|(name, report)| (name, json!(report.object_id())));
    say(&json!({
        "http": http.base_url(),
        "https": https.base_url(),
        "ca": https.ca_pem(),
        "user": DEFAULT_USER,
        "password": DEFAULT_PASSWORD,
        "project": project(0).name(),
        "project_id": project(0).project_id(),
        "reports": ids.collect::<serde_json::Map<_, _>>(),
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
        for (_, report) in data_reports() {
            server = server.report(report);
        }
    }
    server
}

fn project(number: usize) -> Project {
    Project::new(format!("MicroStrategy Tutorial {number:02}"))
        .description(format!("The project number {number:02} of the list"))
}

/// The reports that are read, by the name that the bench asks for.
fn data_reports() -> Vec<(String, Report)> {
    let plain = REPORTS.iter().map(|rows| (rows.to_string(), report(*rows)));
    let unique = UNIQUE.iter().map(|rows| (format!("unique {rows}"), unique_keys(*rows)));
    plain.chain(unique).chain([("wide".to_owned(), wide())]).collect()
}

/// Three attributes in four columns, and three metrics.
fn report(rows: u64) -> Report {
    Report::sample(&format!("{rows} rows"), rows)
}

/// An attribute of two forms that is another in each row (an order number), and a metric.
fn unique_keys(rows: u64) -> Report {
    Report::new(&format!("{rows} unique keys"))
        .rows(rows)
        .attribute(
            Attribute::new("Order", rows)
                .forms([Form::new("ID", DataType::VarChar), Form::new("DESC", DataType::VarChar)]),
        )
        .attribute(Attribute::new("Region", 1))
        .metric(Metric::new("Revenue", DataType::Double))
}

/// Two attributes and many metrics.
fn wide() -> Report {
    let (metrics, rows) = WIDE;
    let report = Report::new("Many metrics")
        .rows(rows)
        .attribute(Attribute::new("Region", 8))
        .attribute(Attribute::new("Customer", 50_000));
    let metric = |number| Metric::new(&format!("Metric {number:02}"), DataType::Double);
    (0..metrics).map(metric).fold(report, Report::metric)
}
