//! Snapshots of sessions, in both forms: what is read is written and read again the same, an error
//! repeats nothing, and a session takes up all of it or nothing.

use std::sync::LazyLock;

use mstr_rest_core::{ErrorKind, Session};
use mstr_rest_persist::{SessionSnapshot, SnapshotExt};

use crate::CANARY;

/// Where most inputs are of.
static SESSION: LazyLock<Session> =
    LazyLock::new(|| Session::builder("http://h.example/api").build().expect("a session"));

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // an error repeats nothing of the text, wherever the secret stands
    let secret = text.replace("\":\"", &format!("\":\"{CANARY}"));
    for read in [SessionSnapshot::from_json(&secret), SessionSnapshot::from_python_json(&secret)] {
        if let Err(error) = read {
            assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        }
    }
    for read in [SessionSnapshot::from_json(text), SessionSnapshot::from_python_json(text)] {
        match read {
            Ok(snapshot) => written_and_restored(&snapshot),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Snapshot);
            }
        }
    }
}

fn written_and_restored(snapshot: &SessionSnapshot) {
    let json = snapshot.to_json().expect("written");
    let again = SessionSnapshot::from_json(json.expose_secret()).expect("read again");
    assert_eq!(again.to_json().expect("written").expose_secret(), json.expose_secret());
    let python = snapshot.to_python_json().expect("written for Python");
    let again = SessionSnapshot::from_python_json(python.expose_secret()).expect("read again");
    assert_eq!(again.base_url(), snapshot.base_url());
    assert_eq!(again.has_session(), snapshot.has_session());
    let before = SESSION.snapshot().to_json().expect("written");
    match SESSION.restore(snapshot) {
        Ok(()) => {
            assert_eq!(SESSION.has_session(), snapshot.has_session());
            assert!(snapshot.base_url().as_str().starts_with("http://h.example/"), "another origin");
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Snapshot);
            let after = SESSION.snapshot().to_json().expect("written");
            let cut = |json: &str| json.split("last_used_at").next().map(str::to_owned);
            assert_eq!(cut(after.expose_secret()), cut(before.expose_secret()), "half restored");
        }
    }
}
