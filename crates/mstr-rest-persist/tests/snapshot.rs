//! The two forms of a snapshot: what is read, what is written, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use mstr_rest_core::{Error, ErrorKind, Session};
use mstr_rest_persist::{SessionSnapshot, SnapshotExt};
use proptest::prelude::*;
use serde_json::{Value, json};

const FULL: &str = r#"{
    "version": 1,
    "base_url": "https://h.example/Lib/api",
    "token": "canary-token",
    "cookies": [
        {"name": "JSESSIONID", "value": "canary-app", "path": "/Lib", "http_only": true,
         "secure": true, "priority": {"later": [1, 2]}},
        {"name": "JSESSIONID", "value": "canary-root"},
        {"name": "AWSALB", "value": "canary-alb", "path": "/", "expires": 4000000000,
         "same_site": "None", "domain": "h.example"},
        {"name": "narrow", "value": "canary-narrow", "path": "/Lib/api/auth"}
    ],
    "headers": {"x-mstr-foo": "canary-header"},
    "project": "MicroStrategy Tutorial",
    "user": "dave",
    "login_mode": 16,
    "principal": "salt:hash",
    "created_at": 1700000000,
    "last_used_at": 1700000100,
    "idle_timeout": 1800,
    "later": {"big": 123456789012345678901234567890.5, "a": null}
}"#;

fn full() -> SessionSnapshot {
    SessionSnapshot::from_json(FULL).unwrap()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The error, after making sure that it holds nothing of what was read.
fn refused(result: Result<SessionSnapshot, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Snapshot);
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text} {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!text.contains("canary"), "{text}");
    text
}

#[test]
fn every_member_is_read_and_written() {
    let snapshot = full();
    assert_eq!(snapshot.base_url().as_str(), "https://h.example/Lib/api/");
    assert_eq!(snapshot.project.as_deref(), Some("MicroStrategy Tutorial"));
    assert_eq!((snapshot.user.as_deref(), snapshot.login_mode), (Some("dave"), Some(16)));
    assert_eq!(snapshot.created_at, Some(at(1_700_000_000)));
    assert_eq!(snapshot.last_used_at, Some(at(1_700_000_100)));
    assert_eq!(snapshot.idle_timeout, Some(Duration::from_secs(1800)));
    let json = snapshot.to_json().unwrap();
    let (written, mut read) = (value(json.expose_secret()), value(FULL));
    // headers of replies and members that are not known are not written again
    for name in ["headers", "later"] {
        read.as_object_mut().unwrap().remove(name);
    }
    read["cookies"][0].as_object_mut().unwrap().remove("priority");
    // what was left out is written out
    read["base_url"] = json!("https://h.example/Lib/api/");
    for cookie in read["cookies"].as_array_mut().unwrap() {
        for (name, default) in
            [("path", json!("/")), ("secure", json!(false)), ("http_only", json!(false))]
        {
            cookie.as_object_mut().unwrap().entry(name).or_insert(default);
        }
    }
    assert_eq!(written, read);
    // and once more the same
    let again = SessionSnapshot::from_json(json.expose_secret()).unwrap().to_json().unwrap();
    assert_eq!(again.expose_secret(), json.expose_secret());
}

/// What an earlier version wrote.
#[test]
fn idle_limit_of_earlier_versions_is_read_as_idle_timeout() {
    let text = r#"{"version": 1, "base_url": "https://h/api", "idle_limit": 1800}"#;
    let snapshot = SessionSnapshot::from_json(text).unwrap();
    assert_eq!(snapshot.idle_timeout, Some(Duration::from_secs(1800)));
}

#[test]
fn optional_members_may_be_missing() {
    let text = r#"{"version": 1, "base_url": "https://h/api"}"#;
    let snapshot = SessionSnapshot::from_json(text).unwrap();
    assert!(!snapshot.has_session());
    assert!(!Session::from_snapshot(&snapshot).unwrap().has_session());
}

#[test]
fn restored_cookies_are_sent_to_the_host_only() {
    let session = Session::from_snapshot(&full()).unwrap();
    assert!(session.has_session());
    assert!(session.cookies().iter().all(|cookie| cookie.secure));
    let again = session.snapshot();
    let written = value(again.to_json().unwrap().expose_secret());
    assert!(written["cookies"].as_array().unwrap().iter().all(|c| c.get("domain").is_none()));
    assert_eq!(written["cookies"][0]["expires"], 4_000_000_000_u64);
    assert_eq!((again.user.as_deref(), again.created_at), (Some("dave"), Some(at(1_700_000_000))));
    assert_eq!(again.idle_timeout, Some(Duration::from_secs(1800)));
    assert_eq!(again.project.as_deref(), Some("MicroStrategy Tutorial"));
    let used = again.last_used_at.unwrap();
    assert!(used >= at(1_700_000_090) && used <= at(1_700_000_110), "nobody used it meanwhile");
}

#[test]
fn a_snapshot_is_restored_for_the_same_origin_only() {
    let here = Session::builder("https://H.example:443/Other/api").build().unwrap();
    here.restore(&full()).unwrap();
    assert!(here.has_session());
    for base in ["http://h.example/Lib/api", "https://h.example:8443/", "https://sub.h.example/"] {
        let elsewhere = Session::builder(base).build().unwrap();
        assert_eq!(elsewhere.restore(&full()).unwrap_err().kind(), ErrorKind::Snapshot);
        assert!(!elsewhere.has_session() && elsewhere.cookies().is_empty());
    }
}

#[test]
fn text_that_is_not_a_snapshot_is_an_error() {
    for (text, says) in [
        ("", "truncated"),
        ("canary", "not JSON"),
        ("[1]", "wrong type"),
        ("\"canary\"", "wrong type"),
        ("{\"version\": 1, \"base_url\": \"https://h/api\", \"token\": \"canary", "truncated"),
        ("{\"version\": 1, \"token\": \"canary\"}", "`base_url`"),
        ("{\"version\": 1, \"base_url\": null}", "`base_url`"),
        ("{\"version\": 2, \"cookies\": \"canary\"}", "version 2"),
        ("{\"version\": \"canary\"}", "`version`"),
        ("{\"version\": -1}", "`version`"),
        ("{\"version\": 0}", "`version`"),
        ("{\"base_url\": \"https://h/api\"}", "from_python_json"),
    ] {
        let error = refused(SessionSnapshot::from_json(text));
        assert!(error.contains(says), "{text}: {error}");
    }
    let mut cut = String::new();
    for letter in FULL.trim_end_matches('}').chars() {
        cut.push(letter);
        refused(SessionSnapshot::from_json(&cut));
    }
    for (member, bad) in [
        ("token", json!(["canary"])),
        ("token", json!({"canary": 1})),
        ("cookies", json!("canary")),
        ("cookies", json!([{"name": "canary"}])),
        ("cookies", json!([{"name": "a", "value": {"canary": 1}}])),
        ("created_at", json!("canary")),
        ("created_at", json!(u64::MAX)),
        ("login_mode", json!("canary")),
        ("base_url", json!("https://user:canary@h/api")),
        ("base_url", json!("https://h/api?canary")),
        ("base_url", json!("canary")),
    ] {
        let mut snapshot = value(FULL);
        snapshot[member] = bad.clone();
        refused(SessionSnapshot::from_json(&snapshot.to_string()));
    }
    let twice = FULL.replacen("\"version\"", "\"token\": \"canary\", \"version\"", 1);
    refused(SessionSnapshot::from_json(&twice));
}

#[test]
fn values_that_cannot_be_sent_change_nothing() {
    for (pointer, bad) in [
        ("/token", json!("canary\r\nX: y")),
        ("/cookies/0/value", json!("canary; other=1")),
        ("/cookies/0/name", json!("canary=")),
        ("/cookies/0/path", json!("/; Domain=canary")),
        ("/cookies/0/path", json!("canary")),
    ] {
        let mut snapshot = value(FULL);
        *snapshot.pointer_mut(pointer).unwrap() = bad;
        let snapshot = SessionSnapshot::from_json(&snapshot.to_string()).unwrap();
        let session = Session::builder("https://h.example/Lib/api").build().unwrap();
        let error = session.restore(&snapshot).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot, "{pointer}");
        assert!(!format!("{error:?}").contains("canary"));
        assert!(!session.has_session() && session.cookies().is_empty());
    }
}

// what the packages wrote: httpx flavours, and the deprecated requests flavour
const HTTPX: &str = r#"{"base_url": "https://h.example/Lib/api/", "cookies": {"JSESSIONID": "abc"},
    "headers": {"accept": "*/*", "accept-encoding": "gzip, deflate", "connection": "keep-alive",
    "user-agent": "python-httpx/0.28.1", "x-mstr-authtoken": "tok", "x-mstr-foo": "1"}}"#;
const REQUESTS: &str = r#"{"base_url": "https://h.example/Lib/api/",
    "cookies": {"JSESSIONID": "abc", "odd": null}, "headers": {"User-Agent": "python-requests/2.34.2",
    "Accept-Encoding": "gzip, deflate", "Accept": "*/*", "Connection": "keep-alive",
    "X-MSTR-AuthToken": "tok", "X-MSTR-Foo": "1"}}"#;

#[test]
fn both_header_spellings_of_python_are_read() {
    for text in [HTTPX, REQUESTS] {
        let snapshot = SessionSnapshot::from_python_json(text).unwrap();
        assert!((snapshot.user.as_deref(), snapshot.created_at) == (None, None));
        let session = Session::from_snapshot(&snapshot).unwrap();
        assert_eq!(session.cookies().len(), 1);
        let written = value(session.snapshot().to_python_json().unwrap().expose_secret());
        assert_eq!(
            written,
            json!({
                "base_url": "https://h.example/Lib/api/",
                "cookies": {"JSESSIONID": "abc"},
                "headers": {"X-MSTR-AuthToken": "tok"}
            })
        );
    }
}

#[test]
fn the_python_form_has_the_cookies_of_the_base_url() {
    let written = value(full().to_python_json().unwrap().expose_secret());
    assert_eq!(written["cookies"], json!({"JSESSIONID": "canary-app", "AWSALB": "canary-alb"}));
    assert_eq!(written.as_object().unwrap().len(), 3);
}

#[test]
fn text_that_python_did_not_write_is_an_error() {
    for (text, says) in [
        ("42", "`base_url`"),
        ("\"canary\"", "`base_url`"),
        ("not canary", "`base_url`"),
        ("{}", "`base_url`"),
        ("{\"base_url\": null, \"cookies\": {}, \"headers\": {}}", "`base_url`"),
        ("{\"base_url\": \"https://h/\", \"headers\": {}}", "`cookies`"),
        ("{\"base_url\": \"https://h/\", \"cookies\": {}}", "`headers`"),
        ("{\"base_url\": \"https://h/\", \"cookies\": {}, \"headers\": null}", "`headers`"),
        ("{\"base_url\": \"https://u:canary@h/\", \"cookies\": {}, \"headers\": {}}", "user info"),
        (
            "{\"base_url\": \"https://h/\", \"cookies\": [\"canary\"], \"headers\": {}}",
            "wrong type",
        ),
        (
            "{\"base_url\": \"https://h/\", \"cookies\": {}, \"headers\": {\"canary\": 1}}",
            "wrong type",
        ),
        (
            "{\"base_url\": \"https://h/\", \"cookies\": {}, \"headers\": \
             {\"x-mstr-authtoken\": \"canary1\", \"X-MSTR-AuthToken\": \"canary2\"}}",
            "two different tokens",
        ),
    ] {
        let error = refused(SessionSnapshot::from_python_json(text));
        assert!(error.contains(says), "{text}: {error}");
    }
}

/// Any JSON, with members that matter among others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("http://h/api")),
        Just(json!(1)),
        "\\PC{0,12}".prop_map(Value::from),
        "[ -~\r\n\t]{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        proptest::sample::select(vec![
            "version",
            "base_url",
            "token",
            "cookies",
            "headers",
            "name",
            "value",
            "path",
            "expires",
            "created_at",
            "idle_timeout",
            "x-mstr-authtoken",
            "X-MSTR-AuthToken",
            "project",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One for all: without TLS, whose set-up takes a while.
static SESSION: LazyLock<Session> =
    LazyLock::new(|| Session::builder("http://h/api").build().unwrap());

/// Nothing panics, and what is read can be written, read again, and restored or refused.
fn survives(text: &str) {
    for snapshot in [SessionSnapshot::from_json(text), SessionSnapshot::from_python_json(text)]
        .into_iter()
        .flatten()
    {
        let _ = SESSION.restore(&snapshot);
        let json = snapshot.to_json().unwrap();
        let again = SessionSnapshot::from_json(json.expose_secret()).unwrap();
        assert_eq!(again.to_json().unwrap().expose_secret(), json.expose_secret());
        let python = snapshot.to_python_json().unwrap();
        SessionSnapshot::from_python_json(python.expose_secret()).unwrap();
    }
}

proptest! {
    #[test]
    fn reading_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn reading_any_json_never_panics(json in any_json()) {
        survives(&json.to_string());
    }

    #[test]
    fn reading_changed_snapshots_never_panics(member in any_json(), at in 0usize..13, cut in 0usize..800) {
        let mut snapshot = value(FULL);
        let name = snapshot.as_object().unwrap().keys().nth(at).cloned();
        if let Some(name) = name {
            snapshot[name] = member;
        }
        let text = snapshot.to_string();
        survives(&text);
        survives(text.get(..cut).unwrap_or(&text));
    }

    #[test]
    fn snapshots_of_a_session_are_read_unchanged(token in "[!-~]{1,40}", value in "[!-:<-~]{0,40}",
        path in "/[a-z/]{0,10}", seconds in 0u64..300_000_000_000)
    {
        let text = json!({"version": 1, "base_url": "http://h/api", "token": token, "cookies":
            [{"name": "n", "value": value, "path": path, "expires": seconds}]}).to_string();
        SESSION.restore(&SessionSnapshot::from_json(&text).unwrap()).unwrap();
        let first = SESSION.snapshot();
        let json = first.to_json().unwrap();
        let read: Value = serde_json::from_str(json.expose_secret()).unwrap();
        prop_assert_eq!(&read["token"], &json!(token));
        if seconds > 4_000_000_000 {
            prop_assert_eq!(&read["cookies"][0]["value"], &json!(value));
            prop_assert_eq!(&read["cookies"][0]["path"], &json!(path));
            prop_assert_eq!(&read["cookies"][0]["expires"], &json!(seconds.min(253_402_300_799)));
        }
    }
}
