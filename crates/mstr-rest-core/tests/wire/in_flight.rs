//! `max_in_flight`: how many requests are in flight, and requests that wait for a slot.

use std::time::Duration;

use mstr_rest_core::{Auth, Cookies, ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method};
use serde_json::Value;

use crate::support::{builder, logged_in_with, logins, received, round_trip};

/// Long enough for a call to find no slot. Nothing has to happen in this time.
const SOON: Duration = Duration::from_millis(50);

const WAITED: &str = "no in-flight slot was free within 50ms";

#[tokio::test]
async fn no_more_requests_than_max_in_flight_are_sent_at_once() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_in_flight(3).connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/busy"));
    let tasks: Vec<_> = (0..3).map(|_| tokio::spawn(session.get("busy").send())).collect();
    received(&server, Method::GET, "/busy", 3).await;
    // every further call waits for a slot until its timeout, and is not sent
    for call in (0..5).map(|_| tokio::spawn(session.get("busy").timeout(SOON).send())) {
        let error = call.await.unwrap().unwrap_err();
        assert!(error.is_timeout() && error.message().contains(WAITED), "{error}");
    }
    assert_eq!(server.count(Method::GET, "/busy"), 3);
    // a request that is cancelled gives its slot back: the next one in line is sent
    let next = tokio::spawn(session.get("sessions").send());
    round_trip(&server).await;
    assert_eq!(server.count(Method::GET, "/sessions"), 0);
    tasks[0].abort();
    assert_eq!(next.await.unwrap().unwrap().status(), 200);
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    session.close().await.unwrap();
}

#[tokio::test]
async fn calls_of_one_name_are_sent_one_at_a_time() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/busy"));
    let call = |session: &Session, name| session.get("busy").one_at_a_time(name);
    let first = tokio::spawn(call(&session, "search").send());
    received(&server, Method::GET, "/busy", 1).await;
    // a clone waits too, until its timeout, and is not sent; calls of another name are
    let error = call(&session.clone(), "search").timeout(SOON).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(server.count(Method::GET, "/busy"), 1);
    let other = tokio::spawn(call(&session, "other").send());
    received(&server, Method::GET, "/busy", 2).await;
    // a call that is cancelled ends its turn
    let next = tokio::spawn(session.get("sessions").one_at_a_time("search").send());
    round_trip(&server).await;
    assert_eq!(server.count(Method::GET, "/sessions"), 0);
    first.abort();
    assert_eq!(next.await.unwrap().unwrap().status(), 200);
    other.abort();
    session.close().await.unwrap();
}

#[tokio::test]
async fn streamed_reply_holds_its_slot_until_it_ends() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_in_flight(1).connect().await.unwrap();
    // a buffered reply keeps none
    let _held = session.get("sessions").await.unwrap();
    session.get("sessions").await.unwrap();
    let held = session.get("sessions").stream().await.unwrap();
    let error = session.get("sessions").timeout(SOON).await.unwrap_err();
    assert!(error.is_timeout() && error.message().contains(WAITED), "{error}");
    // dropped, or read to its end
    drop(held);
    let read = session.get("sessions").stream().await.unwrap().read().await.unwrap();
    assert_eq!(read.status(), 200);
    session.get("sessions").await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test]
async fn waiting_request_is_sent_with_the_login_of_the_moment_it_gets_a_slot() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).max_in_flight(1).connect().await.unwrap();
    let held = session.get("sessions").stream().await.unwrap();
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(session.get("sessions/userInfo").decode::<Value>().into_future()))
        .collect();
    round_trip(&server).await;
    assert_eq!(server.count(Method::GET, "/sessions/userInfo"), 0, "they wait for the only slot");
    server.expire_all();
    drop(held);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // one of them is sent in vain
    assert_eq!((server.count(Method::GET, "/sessions/userInfo"), logins(&server)), (21, 2));
    session.close().await.unwrap();
}

#[tokio::test]
async fn waiting_request_is_not_sent_for_a_session_that_ended_meanwhile() {
    let server = LibraryServer::start().await.unwrap();
    let user_info = |session: &Session| session.get("sessions/userInfo");
    // closed
    let guard = builder(&server).max_in_flight(1).connect().await.unwrap();
    let held = guard.get("sessions").stream().await.unwrap();
    let call = tokio::spawn(user_info(&guard).send());
    round_trip(&server).await;
    guard.close().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    // logged out, where the request needs a session
    let session = logged_in_with(builder(&server).max_in_flight(1)).await;
    let held = session.get("sessions").stream().await.unwrap();
    let call = tokio::spawn(user_info(&session).require_session().send());
    let needs_none = tokio::spawn(session.get("status").query("waiting", 1).send());
    round_trip(&server).await;
    session.logout().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(needs_none.await.unwrap().unwrap().status(), 200);
    // adopted, and closed without a logout
    let adopted =
        builder(&server).auth(Auth::existing("not-ours", Cookies::default())).max_in_flight(1);
    let guard = adopted.connect().await.unwrap();
    let held = guard.get("status").stream().await.unwrap();
    let call = tokio::spawn(user_info(&guard).send());
    round_trip(&server).await;
    guard.close().await.unwrap();
    drop(held);
    assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(server.count(Method::GET, "/sessions/userInfo"), 0);
}
