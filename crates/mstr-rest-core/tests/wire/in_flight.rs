//! `max_in_flight`, and what becomes of requests that wait for a slot.

use std::time::Duration;

use crate::support::{auth, builder, logins};
use mstr_rest_core::{Auth, ErrorKind};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_most_so_many_requests_in_flight() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_in_flight(3).connect().await.unwrap();
    let stall = server.inject(Fault::stall().on(Method::GET, "/busy"));
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(session.get("busy").send())).collect();
    let busy = |journal: &[RecordedRequest]| {
        journal.iter().filter(|request| request.endpoint() == "/busy").count()
    };
    assert!(server.wait_for(|journal| busy(journal) == 3).await);
    // the others would be there by now
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(busy(&server.journal()), 3);
    stall.remove();
    for task in &tasks {
        task.abort();
    }
    // a request that is gone has given its slot back
    assert!(session.get("sessions").await.is_ok());
    session.close().await.unwrap();

    let session = builder(&server).max_in_flight(1).connect().await.unwrap();
    // a buffered reply keeps no slot
    let _held = session.get("sessions").await.unwrap();
    assert!(session.get("sessions").await.is_ok());
    // a streamed one does, until it has ended or is dropped: the next call waits until its timeout
    let held = session.get("sessions").stream().await.unwrap();
    let error = session.get("sessions").timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("no in-flight slot was free within 50ms"), "{error}");
    drop(held);
    let read = session.get("sessions").stream().await.unwrap().read().await.unwrap();
    assert_eq!(read.status(), 200);
    assert!(session.get("sessions").await.is_ok());
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_waiting_request_is_sent_with_the_login_that_is_there_then() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).max_in_flight(1).connect().await.unwrap();
    let held = session.get("sessions").stream().await.unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(session.get("sessions/userInfo").decode::<Value>().into_future()))
        .collect();
    // they wait for the only slot by now, and one of them is sent in vain
    tokio::task::yield_now().await;
    server.expire_all();
    drop(held);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((server.count(Method::GET, "/sessions/userInfo"), logins(&server)), (21, 2));
    session.close().await.unwrap();

    // nothing is sent for a session that was closed meanwhile
    let session = builder(&server).max_in_flight(1).connect().await.unwrap();
    let other = mstr_rest_core::Session::clone(&session);
    let held = session.get("sessions").stream().await.unwrap();
    let call = tokio::spawn(other.get("sessions/userInfo").send());
    tokio::task::yield_now().await;
    session.close().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    // nor for one that was logged out, where it is needed
    let session = builder(&server).max_in_flight(1).build().unwrap();
    session.login(auth()).await.unwrap();
    let held = session.get("sessions").stream().await.unwrap();
    let call = tokio::spawn(session.get("sessions/userInfo").require_session().send());
    let open_to_all = tokio::spawn(session.get("status").send());
    tokio::task::yield_now().await;
    session.logout().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(open_to_all.await.unwrap().unwrap().status(), 200);
    assert_eq!(server.count(Method::GET, "/sessions/userInfo"), 21);

    // nor for one that something else owns: it is closed without a logout
    let adopted = builder(&server).auth(Auth::existing("somebody's", ())).max_in_flight(1);
    let adopted = adopted.connect().await.unwrap();
    let other = mstr_rest_core::Session::clone(&adopted);
    let held = other.get("status").stream().await.unwrap();
    let call = tokio::spawn(other.get("sessions/userInfo").send());
    tokio::task::yield_now().await;
    adopted.close().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(server.count(Method::GET, "/sessions/userInfo"), 21);
}
