//! Tokio runtimes: none, one that ends, one that nobody runs.

use mstr_rest_core::{Auth, ErrorKind, Session, settle};
use mstr_sim::{Fault, LibraryServer, Method};

use crate::support::{auth, builder, logouts, received};

#[test]
fn dropping_a_guard_outside_a_runtime_neither_panics_nor_blocks() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let session = runtime.block_on(builder(&server).connect()).unwrap();
    drop(session);
    assert_eq!(logouts(&server), 0);
    // a close() that is waited for works from wherever
    let session = runtime.block_on(builder(&server).connect()).unwrap();
    let closing = session.close();
    runtime.block_on(closing).unwrap();
    assert_eq!(logouts(&server), 1);
}

#[test]
fn calls_outside_a_runtime_are_errors() {
    use futures_util::FutureExt;
    let session = Session::builder("http://127.0.0.1:9/api").build().unwrap();
    let error = session.get("x").send().now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let login = session.login(Auth::anonymous()).now_or_never();
    assert_eq!(login.unwrap().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(session.logout().now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Config);
    let connect = Session::builder("http://127.0.0.1:9/api").auth(Auth::anonymous()).connect();
    assert_eq!(connect.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Config);
}

async fn log_in_and_out(session: &Session) {
    let work = async {
        session.login(auth()).await.unwrap();
        session.get("sessions").await.unwrap();
        session.logout().await.unwrap();
    };
    let limit = std::time::Duration::from_secs(600);
    let outcome = tokio::time::timeout(limit, work).await;
    assert!(outcome.is_ok(), "it waits for a login that never ends");
}

#[test]
fn login_works_after_the_runtime_of_an_earlier_one_ended() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let session = builder(&server).build().unwrap();
    let stall = server.inject(Fault::stall().on(Method::POST, "/auth/login"));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        tokio::select! {
            _ = session.login(auth()) => panic!("it has no reply"),
            () = received(&server, Method::POST, "/auth/login", 1) => {}
        }
    });
    drop(first);
    stall.remove();
    // a login whose task is gone is not waited for
    runtime().block_on(async {
        log_in_and_out(&session).await;
    });
}

/// A runtime that stops drops its tasks, also that of a login which others wait for.
#[test]
fn login_works_after_another_runtime_stopped_during_one() {
    let driven = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = driven.block_on(LibraryServer::start()).unwrap();
    let session = builder(&server).build().unwrap();
    let stops = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let hang = server.inject(Fault::stall().on(Method::POST, "/auth/login"));
    stops.block_on(async {
        tokio::select! {
            _ = session.login(auth()) => panic!("it has no reply"),
            () = received(&server, Method::POST, "/auth/login", 1) => {}
        }
    });
    hang.remove();
    drop(stops);
    driven.block_on(async {
        log_in_and_out(&session).await;
    });
    assert!(server.sessions().is_empty());
}

/// No thread runs the other runtime: its logout cannot end.
#[test]
fn settle_does_not_wait_for_a_runtime_that_is_not_driven() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let stuck = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guard = stuck.block_on(builder(&server).connect()).unwrap();
    {
        let _inside = stuck.enter();
        drop(guard);
    }
    let paused = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    paused.block_on(settle());
    // run, it does
    stuck.block_on(settle());
    assert!(server.sessions().is_empty());
}
