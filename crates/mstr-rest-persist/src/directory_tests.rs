//! Killing the writer between any two steps, and what is left then.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::*;

const KILL_AT: &str = "MSTR_TEST_KILL_AT";
const FOLDER: &str = "MSTR_TEST_FOLDER";

const STEPS: [&str; 8] =
    ["begun", "created", "half written", "written", "synced", "renamed", "done", "never"];

/// Really killed: no destructor runs.
pub(super) fn step(name: &str) {
    if std::env::var(KILL_AT).is_ok_and(|at| at == name) {
        let pid = std::process::id().to_string();
        Command::new("kill").args(["-9", &pid]).status().unwrap();
        loop {
            std::thread::park();
        }
    }
}

fn folder(path: &Path) -> Directory {
    Directory { path: path.to_owned(), open: false }
}

fn content(fill: u8) -> Vec<u8> {
    vec![fill; 20_000]
}

#[test]
#[ignore = "the child of the test below"]
fn child() {
    let Some(path) = std::env::var_os(FOLDER) else { return };
    folder(Path::new(&path)).replace("p", &content(b'n')).unwrap();
}

fn replace_in_child(path: &Path, kill_at: &str) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "steps::tests::child", "--ignored"])
        .env(KILL_AT, kill_at)
        .env(FOLDER, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn killed_between_any_two_steps_nothing_is_lost() {
    let at = |name: &str| STEPS.iter().position(|step| *step == name).unwrap();
    for (number, kill_at) in STEPS.into_iter().enumerate() {
        for first in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let folder = folder(&directory.path().join("store"));
            if !first {
                folder.replace("p", &content(b'o')).unwrap();
            }
            let status = replace_in_child(&folder.path, kill_at);
            let killed = kill_at != "never";
            assert_eq!(status.signal(), killed.then_some(9), "{kill_at}: the step is gone");
            assert_eq!(status.success(), !killed);
            let expected = if number >= at("renamed") {
                Some(content(b'n'))
            } else {
                (!first).then(|| content(b'o'))
            };
            let kept = folder.read("p").unwrap().map(|bytes| bytes.to_vec());
            assert!(kept == expected, "{kill_at}: neither the old nor the new one");
            // who comes next is not disturbed by what was left
            folder.replace("p", &content(b'x')).unwrap();
            assert_eq!(*folder.read("p").unwrap().unwrap(), content(b'x'));
            let tmp = folder.hidden("p", "tmp");
            assert!(!tmp.exists(), "{kill_at}: {}", tmp.display());
        }
    }
}

#[test]
fn a_deletion_takes_what_a_killed_writer_left() {
    let directory = tempfile::tempdir().unwrap();
    let folder = folder(&directory.path().join("store"));
    folder.remove("p").unwrap();
    assert_eq!(replace_in_child(&folder.path, "written").signal(), Some(9));
    assert!(folder.hidden("p", "tmp").exists());
    folder.remove("p").unwrap();
    let left: Vec<_> =
        fs::read_dir(&folder.path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [".p.write"], "locks alone");
}

#[test]
fn another_in_the_place_of_a_damaged_one_stays() {
    let directory = tempfile::tempdir().unwrap();
    let folder = folder(&directory.path().join("store"));
    folder.replace("p", b"new").unwrap();
    assert!(folder.set_aside("p", b"old").unwrap().is_none());
    assert_eq!(**folder.read("p").unwrap().unwrap(), *b"new");
    let first = folder.set_aside("p", b"new").unwrap().unwrap();
    folder.replace("p", b"new").unwrap();
    let second = folder.set_aside("p", b"new").unwrap().unwrap();
    assert_ne!(first, second);
    assert!(first.exists() && second.exists() && folder.read("p").unwrap().is_none());
}
