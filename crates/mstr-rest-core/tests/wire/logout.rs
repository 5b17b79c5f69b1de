//! Logging out: what counts as logged out, and closing a guard.

use mstr_rest_core::ErrorKind;
use mstr_sim::{Fault, LibraryServer, Method, Reply};

use crate::support::{Gate, StoppedClock, auth, builder, logouts, received, round_trip};

#[tokio::test]
async fn logout_accepts_an_expired_session_and_keeps_the_token_on_other_errors() {
    let server = LibraryServer::start().await.unwrap();
    // without a token it is sent all the same, and the server's answer counts as logged out
    let session = builder(&server).build().unwrap();
    session.logout().await.unwrap();
    assert_eq!(logouts(&server), 1);
    // an expired session counts as logged out
    session.login(auth()).await.unwrap();
    server.expire_all();
    session.logout().await.unwrap();
    assert!(!session.has_session());
    // any other failure keeps the token
    session.login(auth()).await.unwrap();
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(1));
    let error = session.logout().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 500);
    assert!(session.has_session());
    // any 2xx will do
    server.inject(Fault::reply(Reply::new(200)).on(Method::POST, "/auth/logout").times(1));
    session.logout().await.unwrap();
    assert!(!session.has_session());
    // forgetting sends nothing
    session.login(auth()).await.unwrap();
    let sent = server.journal().len();
    session.destroy_auth_token();
    session.destroy_auth_token();
    assert!(!session.has_session());
    assert_eq!(server.journal().len(), sent);
}

#[tokio::test]
async fn closing_again_waits_for_the_running_logout() {
    let server = LibraryServer::start().await.unwrap();
    let guard = builder(&server).connect().await.unwrap();
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::POST, "/auth/logout"));
    // cancelled, the logout goes on
    tokio::select! {
        _ = guard.close() => panic!("the reply is held back"),
        () = received(&server, Method::POST, "/auth/logout", 1) => {}
    }
    let mut second = std::pin::pin!(guard.close());
    tokio::select! {
        biased;
        _ = &mut second => panic!("it waits for the reply"),
        () = round_trip(&server) => {}
    }
    reply.open();
    second.await.unwrap();
    assert_eq!((logouts(&server), server.sessions().len()), (1, 0));
    guard.close().await.unwrap();
    assert_eq!(logouts(&server), 1);
}

#[tokio::test]
async fn closing_ends_requests_that_wait_for_a_login() {
    let server = LibraryServer::start().await.unwrap();
    let guard = builder(&server).relogin(true).connect().await.unwrap();
    server.expire_all();
    let login = Gate::default();
    server.inject(login.hold().on(Method::POST, "/auth/login"));
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(guard.get("sessions").send())).collect();
    received(&server, Method::POST, "/auth/login", 2).await;
    let waiting = tokio::spawn(guard.get("sessions").send());
    round_trip(&server).await;
    // nothing times out meanwhile
    let _stopped = StoppedClock::new();
    let ended = async {
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
        // it has not waited for the reply; those that began the login do
        login.open();
    };
    let (closed, ()) = tokio::join!(guard.close(), ended);
    closed.unwrap();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    }
    assert!(server.sessions().is_empty(), "the login that was on its way is logged out");
}
