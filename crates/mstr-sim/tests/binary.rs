//! The program, as a shell sees it.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mstr-sim");

struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
fn start(arguments: &[&str]) -> (Running, String) {
    let mut child = Command::new(PROGRAM)
        .args(["--port", "0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    (Running { child, lines }, url)
}

#[allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

#[test]
fn it_says_where_it_listens_and_prints_the_journal_redactings() {
    use std::io::{Read, Write};

    let (mut running, url) = start(&["--user", "dave:canary:pw", "--journal"]);
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let body = r#"{"loginMode":1,"username":"dave","password":"canary:pw"}"#;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /MicroStrategyLibrary/api/auth/login HTTP/1.1\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let line = running.lines.next().unwrap().unwrap();
    assert_eq!(line, "POST /auth/login -> 204");
}

/// The answer to a request without a body, whole.
#[allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
fn ask(url: &str, path: &str) -> String {
    use std::io::{Read, Write};

    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_shows_the_tables_of_named_reports_and_cubes() {
    let id = mstr_sim::Report::sample("My Sales", 12).object_id().to_owned();
    let (_running, url) = start(&["--report", "My Sales:12", "--cube", "C:3", "--control"]);
    let answer = ask(&url, &format!("/__sim__/table?id={id}&offset=10&limit=5"));
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let table: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(table["total"], 12);
    assert_eq!(table["columns"][1], "Customer@ID");
    assert_eq!(table["rows"].as_array().unwrap().len(), 2);
    assert!(ask(&url, "/__sim__/table?id=unknown").starts_with("HTTP/1.1 404 "));
}

#[test]
fn it_writes_its_ca() {
    let file = std::env::temp_dir().join(format!("mstr-sim-ca-{}.pem", std::process::id()));
    let (running, url) = start(&["--ca-out", file.to_str().unwrap()]);
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let pem = std::fs::read_to_string(&file).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    drop(running);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn help_teaches() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["administrator", "mstr-sim --port 8080", "B7CA92F04B9FAE8D941C3E9B7E0CD754"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn mistakes_are_named_and_other_machines_kept_out() {
    for (arguments, message) in [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 lets other machines in: that needs --allow-remote"),
        (["--user", "canary-password"], "--user wants NAME:PASSWORD"),
        (["--port", "high"], "cannot parse argument \"high\""),
        (["--report", "Sales:many"], "--report wants NAME:ROWS"),
        (["--nonsense", "1"], "invalid option '--nonsense'"),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(message), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
