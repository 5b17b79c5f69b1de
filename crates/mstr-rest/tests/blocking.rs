//! The session without async.
#![cfg(feature = "blocking")]
#![allow(clippy::unwrap_used)] // a test fails by panicking

use mstr_rest::blocking;
use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method};

fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

fn logouts(server: &LibraryServer) -> usize {
    server.count(Method::POST, "/auth/logout")
}

#[test]
fn serves_every_call() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let session = blocking::Session::connect(builder(&server)).unwrap();
    assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
    assert_eq!(session.wait(session.projects().load()).unwrap(), 2);
    let missing = session.wait(session.get("nothing")).unwrap_err();
    assert_eq!(missing.code(), Some("ERR004"));
    let reply = session.wait(session.get("nothing").raw()).unwrap();
    assert!(reply.text().contains("ERR004"));
    let own: Result<usize, Box<dyn std::error::Error>> = session.wait(async {
        session.projects().list().await?;
        Ok("7".parse()?)
    });
    assert_eq!(own.unwrap(), 7);
    session.close().unwrap();
    session.close().unwrap();
    assert_eq!(session.wait(session.user_info()).unwrap_err().kind(), ErrorKind::NoSession);
    drop(session);
    assert_eq!(logouts(&server), 1);
}

#[test]
fn dropping_logs_out_and_waits_for_it() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    drop(blocking::Session::connect(builder(&server)).unwrap());
    assert_eq!(logouts(&server), 1);
    assert!(server.sessions().is_empty());
    // a failing logout has nowhere to go
    let session = blocking::Session::connect(builder(&server)).unwrap();
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    drop(session);
    assert_eq!(logouts(&server), 2);
    let refused = builder(&server).auth(Auth::standard(DEFAULT_USER, "wrong"));
    let error = blocking::Session::connect(refused).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginFailure);
}

/// The look-up of a host or a vault's library may go on when the call was given up long ago.
#[test]
fn a_failed_connect_waits_for_nobody() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let end = std::sync::Arc::new(std::sync::Mutex::new(end));
    let stuck = Credential::from_async_fn(move || {
        let end = std::sync::Arc::clone(&end);
        async move {
            tokio::task::spawn_blocking(move || end.lock().unwrap().recv());
            Err::<String, _>(mstr_rest::CredentialError::new("the vault is closed"))
        }
    });
    let builder = builder(&server).auth(Auth::standard(DEFAULT_USER, stuck));
    let (told, outcome) = std::sync::mpsc::channel();
    let connecting = std::thread::spawn(move || {
        told.send(blocking::Session::connect(builder).unwrap_err().kind()).unwrap();
    });
    let kind = outcome.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(kind, Ok(ErrorKind::Credential));
    connecting.join().unwrap();
    drop(ended);
}

#[test]
fn inside_a_runtime_it_is_an_error_and_no_panic() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let session = blocking::Session::connect(builder(&server)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let error = session.wait(session.projects().list()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let error = blocking::Session::connect(builder(&server)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        // dropped here it logs out all the same, on a thread of its own
        drop(session);
        assert!(server.wait_for(|journal| !journal.is_empty()).await);
        let logged_out = |journal: &[mstr_sim::RecordedRequest]| {
            journal.iter().any(|request| request.endpoint() == "/auth/logout")
        };
        assert!(server.wait_for(logged_out).await);
    });
}

#[cfg(feature = "persist")]
#[test]
fn sessions_that_outlive_the_program() {
    use mstr_rest::persist::{MemoryStore, SnapshotStore};

    let server = LibraryServer::builder().start_blocking().unwrap();
    let store = MemoryStore::new();
    for _ in 0..2 {
        let connecting = builder(&server).connect_or_restore(&store, "p");
        let session = blocking::Session::open(connecting).unwrap();
        assert!(session.wait(session.check()).unwrap());
        assert_eq!(session.wait(session.projects().list()).unwrap().len(), 2);
        // not ours to end
        session.close().unwrap();
    }
    assert_eq!((server.count(Method::POST, "/auth/login"), logouts(&server)), (1, 0));
    let session = blocking::Session::connect(builder(&server)).unwrap();
    let kept = session.wait(store.load("p")).unwrap().unwrap();
    session.wait(async { kept.apply_to(&session) }).unwrap();
    session.wait(store.save("q", &session.snapshot())).unwrap();
    drop(session);
    // the login that the snapshot took the place of
    assert_eq!((server.sessions().len(), logouts(&server)), (1, 1));
    let error = blocking::Session::open(builder(&server).connect_or_restore(&store, "../p"));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest);
}
