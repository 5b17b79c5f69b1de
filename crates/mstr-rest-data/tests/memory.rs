//! Memory does not grow with the rows: a process of its own for each table, whose peak is its own,
//! and the server in this one.
#![cfg(target_os = "linux")] // the peak is read from /proc
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
#![allow(clippy::print_stdout)] // the child tells its parent

mod upload_support;

use std::process::Command;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use futures_util::stream;
use mstr_rest_api::{DatasetsExt, ReportsExt};
use mstr_rest_core::{Auth, Error, Session};
use mstr_rest_data::{DataExt, UploadExt};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Report};
use upload_support::batch;

const FEW: u64 = 20_000;
const MANY: u64 = 300_000;

/// What one run takes more than another by chance is about 1 MB; the batches of the many rows are
/// more than 10 MB, and their JSON is more than that.
const BOUND_KB: u64 = 4 << 10;

/// What the child is told: the URL, what to do, and how many rows.
const TASK: &str = "MSTR_MEMORY_TEST_TASK";

#[test]
#[ignore = "is run by the other tests, as a process of its own"]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let task: Vec<_> = task.split(' ').collect();
    let [url, what, rows] = task[..] else { panic!("{task:?}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let auth = Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD);
        let builder = Session::builder(url).environment_proxies(false).auth(auth);
        let session = builder.project("MicroStrategy Tutorial").connect().await.unwrap();
        match what {
            "csv" | "parquet" => read(&session, what, rows).await,
            _ => upload(&session, rows.parse().unwrap()).await,
        }
        session.close().await.unwrap();
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("\npeak {}", peak.trim().strip_suffix(" kB").unwrap());
}

async fn read(session: &Session, format: &str, rows: &str) {
    let id = Report::sample(&format!("Rows {rows}"), 0).object_id().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (session.reports().data(id), folder.path().join("table"));
    let data = data.page_size(2_000).fetch_ahead(2);
    let written = match format {
        "csv" => data.to_csv(file).await.unwrap(),
        _ => data.to_parquet(file).await.unwrap(),
    };
    assert_eq!(written.rows.to_string(), rows);
}

async fn upload(session: &Session, rows: u64) {
    let step = 1_000;
    let batches = (0..rows / step).map(move |at| {
        let numbers = at * step..(at + 1) * step;
        let texts = numbers.clone().map(|n| format!("a text that takes its place {n}"));
        #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
        let halves = numbers.clone().map(|n| n as f64 / 2.0);
        Ok::<_, Error>(batch([
            ("text", Arc::new(StringArray::from_iter_values(texts)) as ArrayRef),
            ("half", Arc::new(Float64Array::from_iter_values(halves))),
            ("number", Arc::new(Int64Array::from_iter_values(numbers.map(u64::cast_signed)))),
        ]))
    });
    let new = session.datasets().create("Rows").chunk_bytes(1 << 18);
    assert_eq!(new.send(stream::iter(batches)).await.unwrap().rows, rows);
}

/// The peak of a process that does this, in kB.
fn peak(url: &str, what: &str, rows: u64) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture"]);
    let output = command.env(TASK, format!("{url} {what} {rows}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text.lines().find_map(|line| line.strip_prefix("peak ")).unwrap().parse().unwrap()
}

async fn compare(server: LibraryServer, what: &'static str, sizes: [u64; 2]) {
    let url = server.base_url().clone();
    let peaks = tokio::task::spawn_blocking(move || sizes.map(|rows| peak(&url, what, rows)));
    let peaks = peaks.await.unwrap();
    println!("{what}: {peaks:?} kB for {sizes:?} rows");
    assert!(peaks[1] < peaks[0] + BOUND_KB, "{what}: {peaks:?} kB for {sizes:?} rows");
}

async fn with_reports(sizes: [u64; 2]) -> LibraryServer {
    let builder = sizes.into_iter().fold(LibraryServer::builder(), |server, rows| {
        server.report(Report::sample(&format!("Rows {rows}"), rows))
    });
    builder.start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_a_report_into_a_csv_file() {
    compare(with_reports([FEW, MANY]).await, "csv", [FEW, MANY]).await;
}

/// A row group of Parquet, 131,072 rows, waits in memory: the few rows are more than one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(debug_assertions, ignore = "takes a minute unless it is compiled with --release")]
async fn reading_a_report_into_a_parquet_file() {
    let sizes = [300_000, 1_500_000];
    compare(with_reports(sizes).await, "parquet", sizes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploading_a_stream() {
    compare(upload_support::server().start().await.unwrap(), "upload", [FEW, MANY]).await;
}
