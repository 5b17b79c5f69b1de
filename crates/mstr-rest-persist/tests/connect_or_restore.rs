//! Sessions that outlive a program: restored while they live, logged in once when they do not.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::sync::Arc;
use std::time::Duration;

use mstr_rest_core::{Auth, ErrorKind, Session};
use mstr_rest_persist::{
    ConnectExt, FileStore, MemoryStore, SessionSnapshot, SnapshotStore, StoreFuture, StoreLock,
};
use mstr_sim::{DEFAULT_PASSWORD, Fault, LibraryServer, Method};
use support::{at, builder, child, logins, logouts, names, token};

#[tokio::test]
async fn logs_in_once_and_then_restores() {
    let server = LibraryServer::builder()
        .nodes(2)
        .sticky(true)
        .require_cookies(true)
        .idle_timeout(Duration::from_secs(1200))
        .start()
        .await
        .unwrap();
    let store = MemoryStore::new();
    for run in 0..3 {
        let session = builder(&server).connect_or_restore(&store, "p").await.unwrap();
        session.get("sessions/userInfo").await.unwrap();
        drop(session);
        assert_eq!((logins(&server), logouts(&server)), (1, 0), "run {run}");
    }
    let kept = store.load("p").await.unwrap().unwrap();
    assert_eq!(kept.idle_timeout, Some(Duration::from_secs(1200)));
    assert_eq!((kept.user.as_deref(), kept.login_mode), (Some("administrator"), Some(1)));
    // another profile is another login
    builder(&server).connect_or_restore(&store, "q").await.unwrap();
    assert_eq!((logins(&server), server.sessions().len()), (2, 2));
}

#[tokio::test]
async fn an_unknown_session_is_logged_in_again_and_saved() {
    let server = LibraryServer::start().await.unwrap();
    // which store it is may be decided when the program runs
    let store: Arc<dyn SnapshotStore> = Arc::new(MemoryStore::new());
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    let before = token(&store.load("p").await.unwrap().unwrap());
    server.expire_all();
    // the session is found to be dead before anything is restored
    let session = builder(&server).relogin(true).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(logins(&server), 2);
    let after = token(&store.load("p").await.unwrap().unwrap());
    assert_ne!(before, after);
    assert_eq!(token(&session.snapshot()), after);
    session.logout().await.unwrap();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(logins(&server), 3);
}

#[tokio::test]
async fn a_relogin_is_saved() {
    let server =
        LibraryServer::builder().idle_timeout(Duration::from_secs(1200)).start().await.unwrap();
    let store = MemoryStore::new();
    for run in 1..=3 {
        let build = builder(&server).relogin(true);
        let session = build.connect_or_restore(&store, "p").await.unwrap();
        assert_eq!(logins(&server), run, "the one of the run before was restored");
        server.expire_all();
        session.get("sessions").await.unwrap();
        let kept = store.load("p").await.unwrap().unwrap();
        assert_eq!(token(&kept), token(&session.snapshot()));
        assert_eq!(kept.idle_timeout, Some(Duration::from_secs(1200)));
        assert_eq!((logins(&server), server.sessions().len()), (run + 1, 1));
    }
}

#[tokio::test]
async fn a_newer_login_of_another_process_is_restored_instead_of_logging_in() {
    let server = LibraryServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("store"));
    let build = || builder(&server).relogin(true);
    let first = build().connect_or_restore(&store, "p").await.unwrap();
    let second = build().connect_or_restore(&store, "p").await.unwrap();
    let third = build().connect_or_restore(&store, "p").await.unwrap();
    server.expire_all();
    first.get("sessions").await.unwrap();
    second.get("sessions").await.unwrap();
    assert_eq!(logins(&server), 2);
    assert_eq!(token(&first.snapshot()), token(&second.snapshot()));
    // one that the server no longer knows is of no use
    server.expire_all();
    third.get("sessions").await.unwrap();
    assert_eq!(logins(&server), 3);
    // at once, in any order
    server.expire_all();
    let calls =
        [&first, &second, &third].map(|session| tokio::spawn(session.get("sessions").send()));
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((logins(&server), server.sessions().len()), (4, 1));
}

/// What belongs to another key, or another mode, is not taken up: not even by a re-login.
#[tokio::test]
async fn a_profile_of_another_principal_is_not_restored() {
    let server = LibraryServer::builder()
        .api_key("alice-key", "administrator")
        .api_key("bob-key", "administrator")
        .start()
        .await
        .unwrap();
    let store = MemoryStore::new();
    let build = |auth| builder(&server).auth(auth).relogin(true);
    let alice = build(Auth::api_key("alice-key")).connect_or_restore(&store, "p").await.unwrap();
    let sent = server.journal().len();
    for auth in [Auth::api_key("bob-key"), Auth::anonymous(), Auth::standard("u", "p")] {
        let error = build(auth).connect_or_restore(&store, "p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(!format!("{error:?}").contains("key\""), "{error:?}");
    }
    assert_eq!(server.journal().len(), sent, "nothing is sent");
    // another program put its own session there
    let bob = build(Auth::api_key("bob-key")).connect().await.unwrap();
    store.save("p", &bob.snapshot()).await.unwrap();
    server.expire(&token(&alice.snapshot()));
    let before = logins(&server);
    alice.get("sessions").await.unwrap();
    assert_eq!(logins(&server), before + 1);
    assert_ne!(token(&alice.snapshot()), token(&bob.snapshot()));
    let kept = store.load("p").await.unwrap().unwrap();
    assert_eq!(token(&kept), token(&bob.snapshot()), "nor is it replaced");
}

#[tokio::test]
async fn a_store_that_fails_does_not_fail_a_relogin() {
    let server = LibraryServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = FileStore::new(&path);
    let session = builder(&server).relogin(true).connect_or_restore(&store, "p").await.unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::write(&path, "no directory").unwrap();
    server.expire_all();
    session.get("sessions").await.unwrap();
    assert_eq!(logins(&server), 2);
    session.logout().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_tasks_log_in_once() {
    let server = LibraryServer::start().await.unwrap();
    server.set_latency(Duration::from_millis(20));
    let directory = tempfile::tempdir().unwrap();
    let file = FileStore::new(directory.path().join("store"));
    let memory = MemoryStore::new();
    let run = |store: Arc<dyn SnapshotStore>| {
        let tasks: Vec<_> = (0..12)
            .map(|_| {
                let (builder, store) = (builder(&server), Arc::clone(&store));
                tokio::spawn(async move { builder.connect_or_restore(&store, "p").await })
            })
            .collect();
        async move {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        }
    };
    run(Arc::new(file)).await;
    assert_eq!(logins(&server), 1);
    run(Arc::new(memory)).await;
    assert_eq!(logins(&server), 2);
}

const FOLDER: &str = "MSTR_TEST_FOLDER";
const BASE_URL: &str = "MSTR_TEST_BASE_URL";

#[tokio::test]
#[ignore = "the child of the test below"]
async fn child_connects() {
    let (Some(path), Ok(base)) = (std::env::var_os(FOLDER), std::env::var(BASE_URL)) else {
        return;
    };
    let store = FileStore::new(path);
    let session = at(&base).connect_or_restore(&store, "p").await.unwrap();
    session.get("sessions").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_processes_log_in_once() {
    let server = LibraryServer::start().await.unwrap();
    server.set_latency(Duration::from_millis(50));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    for round in 1..=2 {
        let children: Vec<_> = (0..6)
            .map(|_| {
                child("child_connects")
                    .env(FOLDER, &path)
                    .env(BASE_URL, server.base_url())
                    .stdout(std::process::Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let all = tokio::task::spawn_blocking(|| {
            children.into_iter().all(|mut child| child.wait().unwrap().success())
        });
        assert!(all.await.unwrap());
        assert_eq!((logins(&server), server.sessions().len()), (round, 1));
        server.expire_all();
    }
}

#[tokio::test]
async fn a_damaged_snapshot_is_replaced_by_a_login() {
    let server = LibraryServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = FileStore::new(&path);
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    let file = path.join("p.json");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(logins(&server), 2);
    let names = names(&path);
    assert!(names.len() == 2 && names[0].starts_with("p.damaged-"), "{names:?}");
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn a_snapshot_of_another_server_or_user_is_neither_used_nor_replaced() {
    let server = LibraryServer::start().await.unwrap();
    let elsewhere = LibraryServer::start().await.unwrap();
    let store = MemoryStore::new();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    let other_user = builder(&server).auth(Auth::standard("other", DEFAULT_PASSWORD));
    for builder in [builder(&elsewhere), other_user] {
        let error = builder.connect_or_restore(&store, "p").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
    }
    assert_eq!((logins(&server), elsewhere.journal().len()), (1, 0));
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(logins(&server), 1);
}

#[tokio::test]
async fn a_server_that_is_down_is_an_error_without_a_login() {
    let server = LibraryServer::start().await.unwrap();
    let store = MemoryStore::new();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    server.inject(Fault::status(503).on(Method::GET, "/sessions"));
    let error = builder(&server).connect_or_restore(&store, "p").await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), logins(&server)), (503, 1));
}

#[tokio::test]
async fn a_login_without_a_known_idle_timeout_is_saved() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(Fault::status(500).on(Method::GET, "/sessions").times(1));
    let store = MemoryStore::new();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    assert_eq!(store.load("p").await.unwrap().unwrap().idle_timeout, None);
}

/// A store whose disk is full, or that is slow.
#[derive(Clone)]
struct Odd {
    inner: MemoryStore,
    fails: bool,
    saving: Arc<tokio::sync::Notify>,
    go_on: Arc<tokio::sync::Notify>,
}

impl Odd {
    fn new(fails: bool) -> Self {
        let notify = Arc::<tokio::sync::Notify>::default;
        Self { inner: MemoryStore::new(), fails, saving: notify(), go_on: notify() }
    }
}

impl SnapshotStore for Odd {
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>> {
        self.inner.load(profile)
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if self.fails {
                let full = "there is no space left";
                return Err(mstr_rest_core::Error::new(ErrorKind::Snapshot, full));
            }
            self.saving.notify_one();
            self.go_on.notified().await;
            self.inner.save(profile, snapshot).await
        })
    }

    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()> {
        self.inner.delete(profile)
    }

    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock> {
        self.inner.lock(profile)
    }
}

#[tokio::test]
async fn a_login_that_cannot_be_saved_is_logged_out() {
    let server = LibraryServer::start().await.unwrap();
    let error = builder(&server).connect_or_restore(&Odd::new(true), "p").await.unwrap_err();
    assert_eq!(error.message(), "there is no space left");
    assert_eq!((logins(&server), server.sessions().len()), (1, 0));
}

#[tokio::test]
async fn a_cancelled_login_is_saved() {
    let server = LibraryServer::start().await.unwrap();
    let store = Odd::new(false);
    let connecting = tokio::spawn({
        let (builder, store) = (builder(&server), store.clone());
        async move { builder.connect_or_restore(&store, "p").await.map(drop) }
    });
    store.saving.notified().await;
    connecting.abort();
    assert!(connecting.await.unwrap_err().is_cancelled());
    store.go_on.notify_one();
    // the lock is free once it is saved
    let _lock = store.lock("p").await.unwrap();
    let kept = store.load("p").await.unwrap().unwrap();
    assert!(builder(&server).restore(&kept).await.unwrap().is_alive().await.unwrap());
    assert_eq!(server.sessions().len(), 1);
}

#[tokio::test]
async fn a_rejected_login_saves_nothing() {
    let server = LibraryServer::start().await.unwrap();
    let store = MemoryStore::new();
    let wrong = builder(&server).auth(Auth::standard("administrator", "wrong"));
    let error = wrong.connect_or_restore(&store, "p").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginFailure);
    assert!(store.load("p").await.unwrap().is_none());
    let bad = builder(&server).connect_or_restore(&store, "../p").await.unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::InvalidRequest);
    let none = Session::builder(server.base_url()).environment_proxies(false);
    let error = none.connect_or_restore(&store, "p").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn is_alive_sends_a_request_and_never_logs_in() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).return_http_errors(true).connect().await.unwrap();
    let restored = builder(&server).relogin(true).restore(&session.snapshot()).await.unwrap();
    assert!(restored.is_alive().await.unwrap() && session.is_alive().await.unwrap());
    server.expire_all();
    assert!(!restored.is_alive().await.unwrap() && !session.is_alive().await.unwrap());
    assert_eq!(logins(&server), 1);
    restored.destroy_auth_token();
    server.clear_journal();
    assert!(!restored.is_alive().await.unwrap());
    assert!(server.journal().is_empty());
    server.inject(Fault::html(502));
    assert!(session.is_alive().await.is_err());
}

#[tokio::test]
async fn the_base_url_may_come_from_a_secret_provider() {
    let server = LibraryServer::start().await.unwrap();
    let store = MemoryStore::new();
    builder(&server).connect_or_restore(&store, "p").await.unwrap();
    let base = server.base_url();
    let provided = mstr_rest_core::Credential::from_fn(move || Ok(Some(base.clone())));
    let session = Session::builder(provided)
        .environment_proxies(false)
        .connect_or_restore(&store, "p")
        .await
        .unwrap();
    session.get("sessions").await.unwrap();
    assert_eq!(logins(&server), 1);
}
