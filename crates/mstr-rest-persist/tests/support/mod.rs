//! What the tests share.
#![allow(dead_code)] // each test program uses a part of it

use std::path::Path;
use std::process::Command;

use mstr_rest_core::{Auth, Session, SessionBuilder};
use mstr_rest_persist::{SessionSnapshot, SnapshotExt};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Method};

pub(crate) fn builder(server: &LibraryServer) -> SessionBuilder {
    at(&server.base_url())
}

pub(crate) fn at(base_url: &str) -> SessionBuilder {
    Session::builder(base_url)
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

pub(crate) fn logins(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/login")
}

pub(crate) fn logouts(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/logout")
}

/// A snapshot with that token, about 1.5 kB.
pub(crate) fn snapshot(token: &str) -> SessionSnapshot {
    let filler = "f".repeat(1300);
    SessionSnapshot::from_json(&format!(
        r#"{{"version": 1, "base_url": "https://h.example/api", "token": "{token}",
            "cookies": [{{"name": "JSESSIONID", "value": "{token}-c"}}], "project": "{filler}"}}"#
    ))
    .unwrap()
}

pub(crate) fn token(snapshot: &SessionSnapshot) -> String {
    let json: serde_json::Value =
        serde_json::from_str(snapshot.to_json().unwrap().expose_secret()).unwrap();
    json["token"].as_str().unwrap().to_owned()
}

/// This test program again, running one of its tests that is otherwise ignored.
pub(crate) fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

/// Names in a directory, locks left out.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !matches!(name.rsplit_once('.'), Some((_, "lock" | "write"))))
        .collect();
    names.sort();
    names
}
