//! The file store: access rights, damage, a full disk, locks between processes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mstr_rest_core::ErrorKind;
use mstr_rest_persist::{FileStore, SessionSnapshot, SnapshotExt, SnapshotStore};
use support::{child, names, snapshot, token};
use tempfile::TempDir;

const FOLDER: &str = "MSTR_TEST_FOLDER";

fn store() -> (TempDir, std::path::PathBuf, FileStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/store");
    let store = FileStore::new(&path);
    (directory, path, store)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn write_private(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

async fn kept(store: &FileStore, profile: &str) -> Option<String> {
    store.load(profile).await.unwrap().as_ref().map(token)
}

#[tokio::test]
async fn profiles_are_saved_loaded_and_deleted() {
    let (_directory, path, store) = store();
    assert_eq!(kept(&store, "one").await, None);
    store.delete("one").await.unwrap();
    assert!(!path.exists(), "nothing is made before it is needed");
    store.save("one", &snapshot("1")).await.unwrap();
    store.save("two", &snapshot("2")).await.unwrap();
    store.save("one", &snapshot("3")).await.unwrap();
    assert_eq!(kept(&store, "one").await.unwrap(), "3");
    assert_eq!(kept(&store, "two").await.unwrap(), "2");
    store.delete("one").await.unwrap();
    assert_eq!(kept(&store, "one").await, None);
    assert_eq!(names(&path), ["two.json"]);
    for bad in ["", "../x", "A", ".hidden"] {
        let refused = [
            store.load(bad).await.unwrap_err(),
            store.save(bad, &snapshot("1")).await.unwrap_err(),
            store.delete(bad).await.unwrap_err(),
            store.lock(bad).await.unwrap_err(),
        ];
        assert!(refused.iter().all(|error| error.kind() == ErrorKind::InvalidRequest));
    }
}

#[tokio::test]
async fn files_are_readable_by_their_owner_only() {
    let (_directory, path, store) = store();
    store.save("p", &snapshot("1")).await.unwrap();
    let _lock = store.lock("p").await.unwrap();
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
}

#[tokio::test]
async fn files_that_others_can_read_are_errors_unless_allowed() {
    let (_directory, path, store) = store();
    store.save("p", &snapshot("canary")).await.unwrap();
    let file = path.join("p.json");
    for bits in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&file, Permissions::from_mode(bits)).unwrap();
        let error = store.load("p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(error.message().contains(&format!("{bits:04o}")), "{error}");
        assert!(error.message().contains("0600") && !error.message().contains("canary"));
    }
    assert_eq!(names(&path), ["p.json"], "it is not damaged");
    let open = store.clone().allow_open_permissions(true);
    assert_eq!(kept(&open, "p").await.unwrap(), "canary");
    // what is saved anew is nobody else's again
    store.save("p", &snapshot("1")).await.unwrap();
    assert_eq!((mode(&file), kept(&store, "p").await.unwrap()), (0o600, "1".to_owned()));
    fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
    assert!(store.load("p").await.unwrap_err().message().contains("0700"));
    assert!(store.save("p", &snapshot("2")).await.is_err() && store.lock("p").await.is_err());
    open.save("p", &snapshot("2")).await.unwrap();
    assert_eq!(kept(&open, "p").await.unwrap(), "2");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_is_moved_aside() {
    let (_directory, path, store) = store();
    store.save("p", &snapshot("canary")).await.unwrap();
    let whole = fs::read(path.join("p.json")).unwrap();
    let end = whole.len();
    let mut broken = vec![Vec::new(), b"canary".to_vec(), vec![0; 100], b"\xff\xfe".to_vec()];
    broken.extend([1, 20, end / 2, end - 1].map(|length| whole[..length].to_vec()));
    for (number, content) in broken.iter().enumerate() {
        write_private(&path.join("p.json"), content);
        let error = store.load("p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        let source = std::error::Error::source(&error).unwrap().to_string();
        let text = format!("{error} {error:?} {source}");
        assert!(!text.contains("canary"), "{text}");
        assert!(error.message().contains("renamed to"), "{error}");
        assert_eq!(kept(&store, "p").await, None);
        let aside = names(&path);
        assert_eq!(aside.len(), number + 1, "{aside:?}");
        let same = |name: &String| {
            assert_eq!(mode(&path.join(name)), 0o600);
            fs::read(path.join(name)).unwrap() == *content
        };
        assert!(aside.iter().any(same));
    }
    store.save("p", &snapshot("1")).await.unwrap();
    assert_eq!(kept(&store, "p").await.unwrap(), "1");
}

#[tokio::test]
async fn files_that_are_newer_or_too_large_are_not_moved() {
    let (_directory, path, store) = store();
    store.save("p", &snapshot("1")).await.unwrap();
    let newer = br#"{"version": 7, "base_url": [1]}"#.to_vec();
    let large = vec![b' '; 1024 * 1024 + 1];
    for (content, says) in [(newer, "version 7"), (large, "too large")] {
        fs::write(path.join("p.json"), content).unwrap();
        for _ in 0..2 {
            let error = store.load("p").await.unwrap_err();
            assert!(error.message().contains(says), "{error}");
        }
        assert_eq!(names(&path), ["p.json"]);
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = FileStore::new(&path).save("p", &snapshot("canary")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("file") && !format!("{error:?}").contains("canary"));
    }
}

#[test]
fn outside_a_runtime_is_an_error() {
    let (_directory, _, store) = store();
    let mut load = store.load("p");
    let waker = std::task::Waker::noop();
    let polled = load.as_mut().poll(&mut std::task::Context::from_waker(waker));
    let std::task::Poll::Ready(Err(error)) = polled else { panic!("no error") };
    assert_eq!(error.kind(), ErrorKind::Config);
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

#[test]
#[ignore = "the child of the test below"]
fn child_saves() {
    let Some(path) = std::env::var_os(FOLDER) else { return };
    let saved = block_on(FileStore::new(path).save("p", &snapshot("new")));
    let error = saved.map_or_else(|error| error.to_string(), |()| "saved".to_owned());
    println!("\noutcome: {error}");
}

/// On a full disk: a write beyond the limit fails as one does there, or ends the process.
#[test]
fn a_full_disk_keeps_the_last_snapshot() {
    for (trap, blocks, dies) in
        [("trap '' XFSZ; ", 0, false), ("trap '' XFSZ; ", 1, false), ("", 0, true), ("", 1, true)]
    {
        let (_directory, path, store) = store();
        block_on(store.save("p", &snapshot("old"))).unwrap();
        let program = std::env::current_exe().unwrap();
        let script = format!("{trap}ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(program)
            .args(["--exact", "child_saves", "--ignored", "--nocapture"])
            .env(FOLDER, &path)
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        if dies {
            assert!(output.status.signal().is_some(), "{said}");
        } else {
            assert!(
                said.contains("cannot be written") && !said.contains("outcome: saved"),
                "{said}"
            );
            assert_eq!(names(&path), ["p.json"], "nothing is left of the new one");
        }
        assert_eq!(block_on(kept(&store, "p")).unwrap(), "old");
        block_on(store.save("p", &snapshot("next"))).unwrap();
        assert_eq!(block_on(kept(&store, "p")).unwrap(), "next");
        assert_eq!(names(&path), ["p.json"]);
    }
}

#[test]
#[ignore = "the child of the test below"]
fn child_holds_the_lock() {
    let Some(path) = std::env::var_os(FOLDER) else { return };
    block_on(async {
        let _lock = FileStore::new(path).lock("p").await.unwrap();
        println!("\nheld");
        // until the parent closes this
        let _ = std::io::stdin().read_line(&mut String::new());
    });
}

#[test]
fn a_lock_is_released_when_its_process_dies() {
    let (_directory, path, store) = store();
    let mut other = child("child_holds_the_lock")
        .env(FOLDER, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(other.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap() == "held"));
    block_on(async {
        let impatient = store.clone().lock_timeout(Duration::from_millis(100));
        let error = impatient.lock("p").await.unwrap_err();
        assert!(error.is_timeout() && error.is_transient(), "{error:?}");
        // another profile, and loading and saving, are free
        let _other = impatient.lock("q").await.unwrap();
        store.save("p", &snapshot("1")).await.unwrap();
        assert_eq!(kept(&store, "p").await.unwrap(), "1");
    });
    other.kill().unwrap();
    other.wait().unwrap();
    drop(block_on(store.lock("p")).unwrap());
}

#[tokio::test]
async fn tasks_hold_the_lock_one_at_a_time() {
    let (_directory, _, store) = store();
    let first = store.lock("p").await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.lock("p").await.map(drop) }
    });
    let impatient = store.clone().lock_timeout(Duration::ZERO);
    assert!(impatient.lock("p").await.is_err());
    assert!(!waiting.is_finished());
    drop(first);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_leave_one_complete_snapshot() {
    let (_directory, path, store) = store();
    let writers: Vec<_> = (0..24)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                store.save("p", &snapshot(&number.to_string())).await.unwrap();
                kept(&store, "p").await.unwrap()
            })
        })
        .collect();
    for writer in writers {
        assert!(writer.await.unwrap().parse::<u32>().unwrap() < 24);
    }
    assert_eq!(names(&path), ["p.json"]);
}

#[cfg(feature = "encryption")]
mod encrypted {
    use mstr_rest_core::Credential;

    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "//////////////////////////////////////////8=";

    #[tokio::test]
    async fn an_encrypted_file_shows_nothing_of_the_snapshot() {
        let (_directory, path, store) = store();
        let sealed = store.clone().encrypted(KEY);
        sealed.save("p", &snapshot("canary")).await.unwrap();
        let first = fs::read_to_string(path.join("p.json")).unwrap();
        assert!(!first.contains("canary") && !first.contains("h.example"));
        assert_eq!(mode(&path.join("p.json")), 0o600);
        assert_eq!(kept(&sealed, "p").await.unwrap(), "canary");
        sealed.save("p", &snapshot("canary")).await.unwrap();
        assert_ne!(fs::read_to_string(path.join("p.json")).unwrap(), first, "a new nonce");
    }

    #[tokio::test]
    async fn wrong_key_or_profile_is_an_error_and_the_file_is_not_moved() {
        let (_directory, path, store) = store();
        let sealed = store.clone().encrypted(format!(" {KEY}\n"));
        sealed.save("p", &snapshot("canary")).await.unwrap();
        fs::copy(path.join("p.json"), path.join("q.json")).unwrap();
        let whole = fs::read_to_string(path.join("p.json")).unwrap();
        for (store, profile, says) in [
            (store.clone().encrypted(OTHER), "p", "cannot be decrypted"),
            (sealed.clone(), "q", "cannot be decrypted"),
            (store.clone(), "p", "is encrypted"),
        ] {
            let error = store.load(profile).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Snapshot);
            assert!(error.message().contains(says), "{error}");
        }
        // every change of nonce and data is noticed
        let at = |name: &str| whole.find(name).unwrap() + name.len() + 3;
        for place in [at("nonce"), at("nonce") + 9, at("data"), at("data") + 700] {
            let mut bytes = whole.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            fs::write(path.join("p.json"), bytes).unwrap();
            let error = sealed.load("p").await.unwrap_err();
            assert!(error.message().contains("cannot be decrypted"), "{error}");
        }
        assert_eq!(names(&path), ["p.json", "q.json"]);
        fs::write(path.join("p.json"), &whole[..whole.len() / 2]).unwrap();
        let error = sealed.load("p").await.unwrap_err();
        assert!(error.message().contains("damaged"), "{error}");
        store.save("p", &snapshot("plain")).await.unwrap();
        let error = sealed.load("p").await.unwrap_err();
        assert!(error.message().contains("is not encrypted"), "{error}");
    }

    #[tokio::test]
    async fn an_invalid_key_is_an_error() {
        let (_directory, path, store) = store();
        for key in ["", "canary", "Y2FuYXJ5", &KEY[..43]] {
            let error = store.clone().encrypted(key).save("p", &snapshot("1")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credential);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        let missing = store.clone().encrypted(Credential::env("MSTR_TEST_NO_SUCH_KEY"));
        let error = missing.save("p", &snapshot("1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingCredential);
        assert!(!path.exists());
        assert!(!format!("{missing:?}").contains(KEY));
    }

    #[tokio::test]
    async fn an_encrypted_file_of_a_newer_version_is_an_error() {
        let (_directory, path, store) = store();
        let sealed = store.encrypted(KEY);
        sealed.save("p", &snapshot("1")).await.unwrap();
        fs::write(path.join("p.json"), r#"{"sealed": 2, "nonce": "", "data": ""}"#).unwrap();
        let error = sealed.load("p").await.unwrap_err();
        assert!(error.message().contains("does not know"), "{error}");
        assert_eq!(names(&path), ["p.json"]);
    }
}

#[tokio::test]
async fn an_encrypted_snapshot_is_read_unchanged() {
    let (_directory, path, store) = store();
    store.save("p", &snapshot("1")).await.unwrap();
    let text = fs::read_to_string(path.join("p.json")).unwrap();
    assert_eq!(token(&SessionSnapshot::from_json(&text).unwrap()), "1");
}
