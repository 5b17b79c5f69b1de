//! Kills the writer between any two steps, and checks which files are left.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::*;

const KILL_AT: &str = "MSTR_TEST_KILL_AT";
const FOLDER: &str = "MSTR_TEST_FOLDER";

const STEPS: [&str; 8] =
    ["begun", "created", "half written", "written", "synced", "renamed", "done", "never"];

/// Kills the process with a signal, so that no destructor runs.
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
    Directory { path: path.to_owned(), allow_others: false }
}

fn content(fill: u8) -> Vec<u8> {
    vec![fill; 20_000]
}

#[test]
#[ignore = "the child process of the test below"]
fn child() {
    let Some(path) = std::env::var_os(FOLDER) else { return };
    folder(Path::new(&path)).replace("p", &content(b'n')).unwrap();
}

fn replace_in_child(path: &Path, kill_at: &str) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "directory::tests::child", "--ignored"])
        .env(KILL_AT, kill_at)
        .env(FOLDER, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn a_writer_killed_at_any_step_loses_no_snapshot() {
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
            let stored = folder.read("p").unwrap().map(|bytes| bytes.to_vec());
            assert!(stored == expected, "{kill_at}: neither the old nor the new snapshot");
            // files that were left do not prevent the next write
            folder.replace("p", &content(b'x')).unwrap();
            assert_eq!(*folder.read("p").unwrap().unwrap(), content(b'x'));
            let tmp = folder.hidden("p", "tmp");
            assert!(!tmp.exists(), "{kill_at}: {}", tmp.display());
        }
    }
}

#[test]
fn removing_a_profile_removes_files_of_a_killed_writer() {
    let directory = tempfile::tempdir().unwrap();
    let folder = folder(&directory.path().join("store"));
    folder.remove("p").unwrap();
    assert_eq!(replace_in_child(&folder.path, "written").signal(), Some(9));
    assert!(folder.hidden("p", "tmp").exists());
    folder.remove("p").unwrap();
    let left: Vec<_> =
        fs::read_dir(&folder.path).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [".p.write"], "only lock files are left");
}

#[test]
fn a_file_that_replaced_a_damaged_one_is_not_moved_aside() {
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
