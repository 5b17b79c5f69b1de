//! Every flow with secrets that nothing else holds: none of them may come out, but in the one text
//! that is asked for and in files that nobody else can read.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::error::Error as _;
use std::fmt::{Debug, Write as _};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use mstr_rest_core::{Auth, Error, Session};
use mstr_rest_persist::{
    ConnectExt, FileStore, MemoryStore, SessionSnapshot, SnapshotExt, SnapshotStore,
};
use mstr_sim::{Fault, LibraryServer, Method};
use serde_json::{Value, json};
use support::builder;
use tracing_subscriber::fmt::MakeWriter;

const CANARY: &str = "cAnArY-5b1c77e0";
const PASSWORD: &str = "cAnArY-pass-91d2";

/// All that was logged or printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn debug(&self, thing: &impl Debug) {
        let mut out = self.0.lock().unwrap();
        out.extend_from_slice(format!("{thing:?}\n{thing:#?}\n").as_bytes());
    }

    fn error(&self, error: &Error) {
        let mut text = format!("{error} {error:?} {error:#?}\n");
        let mut source = error.source();
        while let Some(cause) = source {
            write!(text, "{cause} {cause:?}").unwrap();
            source = cause.source();
        }
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn outcome<T: Debug>(&self, outcome: Result<T, Error>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.debug(&value);
                Some(value)
            }
            Err(error) => {
                self.error(&error);
                None
            }
        }
    }

    /// Which of the secrets came out.
    fn leaks(&self, secrets: &[String]) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        secrets.iter().filter(|secret| text.contains(*secret)).cloned().collect()
    }
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Printed {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Token and values of cookies and headers.
fn secrets_of(snapshot: &SessionSnapshot) -> Vec<String> {
    let json: Value = serde_json::from_str(snapshot.to_json().unwrap().expose_secret()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut secrets = vec![text(&json["token"])];
    secrets.extend(json["cookies"].as_array().unwrap().iter().map(|cookie| text(&cookie["value"])));
    // the number of a node is no secret
    secrets.retain(|secret| secret.len() >= 8);
    assert!(secrets.len() >= 2);
    secrets
}

fn tampered(pointer: &str, value: Value) -> SessionSnapshot {
    let mut snapshot = json!({"version": 1, "base_url": "https://h.example/api",
        "token": CANARY, "headers": {"x-mstr-a": CANARY}, "later": CANARY,
        "cookies": [{"name": "JSESSIONID", "value": CANARY, "path": "/", "later": CANARY}]});
    *snapshot.pointer_mut(pointer).unwrap() = value;
    SessionSnapshot::from_json(&snapshot.to_string()).unwrap()
}

/// What may be read of each file below: nothing by others.
fn private(directory: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o177, 0, "{}: {mode:04o}", path.display());
        files += 1;
    }
    let mode = fs::metadata(directory).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "{}", directory.display());
    files
}

async fn live_flow(printed: &Printed, server: &LibraryServer, directory: &Path) -> Vec<String> {
    let store = FileStore::new(directory);
    printed.debug(&store);
    let build = || builder(server).auth(Auth::standard("dave", PASSWORD)).relogin(true);
    let session = printed.outcome(build().connect_or_restore(&store, "p").await).unwrap();
    let snapshot = session.snapshot();
    printed.debug(&snapshot);
    let mut secrets = secrets_of(&snapshot);
    let restored = printed.outcome(build().connect_or_restore(&store, "p").await).unwrap();
    printed.debug(&restored.cookies());
    printed.debug(&store.lock("p").await.unwrap());
    printed.outcome(restored.is_alive().await);
    server.inject(Fault::html(502).on(Method::GET, "/sessions").times(1));
    printed.outcome(restored.is_alive().await);
    server.expire_all();
    printed.outcome(restored.is_alive().await);
    printed.outcome(restored.get("sessions").await.map(drop));
    secrets.extend(secrets_of(&restored.snapshot()));
    let wrong = Auth::standard("dave", format!("{PASSWORD}x"));
    printed.outcome(builder(server).auth(wrong).connect_or_restore(&store, "q").await);
    let other = Auth::standard(format!("{CANARY}-user"), PASSWORD);
    printed.outcome(builder(server).auth(other).connect_or_restore(&store, "p").await);
    let memory = MemoryStore::new();
    memory.save("p", &snapshot).await.unwrap();
    printed.debug(&memory);
    printed.debug(&memory.load("p").await.unwrap());
    secrets
}

async fn broken_flow(printed: &Printed, directory: &Path) {
    let store = FileStore::new(directory);
    let session = Session::builder("https://h.example/api").build().unwrap();
    for (pointer, value) in [
        ("/token", json!(format!("{CANARY}\n"))),
        ("/cookies/0/value", json!(format!("{CANARY}; x"))),
        ("/cookies/0/name", json!(format!("{CANARY}="))),
        ("/cookies/0/path", json!(CANARY)),
        ("/base_url", json!("https://other.example/api")),
    ] {
        let snapshot = tampered(pointer, value);
        printed.debug(&snapshot);
        assert!(printed.outcome(session.restore(&snapshot)).is_none(), "{pointer}");
    }
    let good = tampered("/later", json!(CANARY));
    session.restore(&good).unwrap();
    printed.debug(&session);
    let whole = good.to_json().unwrap().expose_secret().to_owned();
    for text in [
        whole.clone() + CANARY,
        whole[..whole.find(CANARY).unwrap() + CANARY.len()].to_owned(),
        whole.replace("\"secure\":", &format!("\"secure\":\"{CANARY}\",\"x\":")),
        whole.replace("\"token\":", &format!("\"token\":[\"{CANARY}\"],\"x\":")),
        whole.replace("https://h.example", &format!("https://u:{CANARY}@h.example")),
        whole.replace("https://h.example/api", CANARY),
        format!("\"{CANARY}\""),
    ] {
        assert!(printed.outcome(SessionSnapshot::from_json(&text)).is_none());
        assert!(printed.outcome(SessionSnapshot::from_python_json(&text)).is_none());
        store.save("broken", &good).await.unwrap();
        fs::write(directory.join("broken.json"), &text).unwrap();
        assert!(printed.outcome(store.load("broken").await).is_none());
    }
    #[cfg(feature = "encryption")]
    for key in [CANARY, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="] {
        let sealed = FileStore::new(directory).encrypted(key);
        printed.debug(&sealed);
        printed.outcome(sealed.save("sealed", &good).await);
        printed.outcome(sealed.load("sealed").await);
        printed.outcome(store.load("sealed").await);
    }
}

#[test]
fn no_secret_appears_in_any_output() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(printed.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut secrets = runtime.block_on(async {
        let server = LibraryServer::builder()
            .user("dave", PASSWORD)
            .nodes(2)
            .sticky(true)
            .require_cookies(true)
            .start()
            .await
            .unwrap();
        let secrets = live_flow(&printed, &server, &path).await;
        broken_flow(&printed, &path).await;
        secrets
    });
    assert!(private(&path) >= 6, "snapshots, locks, and what was kept aside");
    secrets.extend([CANARY.to_owned(), PASSWORD.to_owned()]);
    let text = String::from_utf8_lossy(&printed.0.lock().unwrap()).into_owned();
    assert!(text.contains("mstr_rest"), "nothing was traced");
    assert_eq!(printed.leaks(&secrets), Vec::<String>::new());
    // the search finds what is there
    printed.debug(&secrets[0]);
    assert!(printed.leaks(&secrets).contains(&secrets[0]));
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn no_secret_is_in_an_encrypted_file() {
    let server = LibraryServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = FileStore::new(&path).encrypted("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let session = builder(&server).connect_or_restore(&store, "p").await.unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for secret in secrets_of(&session.snapshot()) {
            assert!(!text.contains(&secret));
        }
    }
    private(&path);
}
