//! Retries: what is sent again, how often, and what never is.

use std::time::Duration;

use futures_util::stream;
use mstr_rest_core::{Auth, ErrorKind, RetryPolicy, Session};
use mstr_sim::{DEFAULT_USER, Fault, LibraryServer, Method, Reply};

use crate::support::{builder, logins, logouts, quick};

#[tokio::test]
async fn busy_servers_and_broken_connections_are_retried() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).retry(quick()).connect().await.unwrap();
    for status in [429, 502, 503, 504] {
        server.inject(Fault::status(status).on(Method::GET, "/sessions").times(2));
        let reply = session.get("sessions").await.unwrap();
        assert_eq!(reply.status(), 200, "{status}");
    }
    server.clear_journal();
    for fault in [Fault::reset(), Fault::reset_after_work()] {
        server.inject(fault.on(Method::GET, "/sessions").times(1));
        assert_eq!(session.get("sessions").await.unwrap().status(), 200);
    }
    assert_eq!(server.count(Method::GET, "/sessions"), 4);
    // a 500 is not, and a call may turn retries off
    let failing = server.inject(Fault::status(500).on(Method::GET, "/z"));
    session.get("z").await.unwrap_err();
    assert_eq!(failing.hits(), 1);
    let failing = server.inject(Fault::status(503).on(Method::GET, "/v"));
    session.get("v").retry(RetryPolicy::none()).await.unwrap_err();
    assert_eq!(failing.hits(), 1);
    session.close().await.unwrap();
}

#[tokio::test]
async fn only_idempotent_requests_are_retried() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).retry(quick()).connect().await.unwrap();
    // what may have taken effect is not sent twice, unless the call says that it may be
    let posted = server.inject(Fault::status(503).on(Method::POST, "/x"));
    assert_eq!(session.post("x").await.unwrap_err().attempts(), 1);
    assert_eq!(posted.hits(), 1);
    let error = session.post("x").idempotent(true).await.unwrap_err();
    assert_eq!((error.attempts(), posted.hits()), (4, 5));
    assert!(error.elapsed().is_some() && error.is_transient());
    let put = server.inject(Fault::status(503).on(Method::PUT, "/y"));
    assert_eq!(session.put("y").idempotent(false).await.unwrap_err().attempts(), 1);
    assert_eq!(put.hits(), 1);
    session.close().await.unwrap();
}

#[tokio::test]
async fn too_long_retry_after_ends_the_retries() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).retry(quick()).connect().await.unwrap();
    // longer than the policy waits, or than the call may take
    for (after, timeout) in [("600", 3600), ("30", 20)] {
        let failing = server.inject(Fault::retry_after(429, after).on(Method::GET, "/w"));
        let call = session.get("w").timeout(Duration::from_secs(timeout));
        let error = call.await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), failing.hits()), (429, 1));
        failing.remove();
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn connect_errors_are_retried_for_any_method() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let session = Session::builder(format!("http://127.0.0.1:{gone}/api"))
        .environment_proxies(false)
        .retry(quick())
        .build()
        .unwrap();
    let error = session.post("x").body("rows").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 4));

    // behind a redirect something was sent: what may have taken effect is not sent again
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).retry(quick()).connect().await.unwrap();
    let elsewhere = format!("http://127.0.0.1:{gone}/");
    let redirect = server.inject(Fault::redirect(303, &elsewhere).on(Method::POST, "/x"));
    let error = session.post("x").body("rows").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Transport, 1));
    assert_eq!(redirect.hits(), 1);
    session.close().await.unwrap();
}

#[tokio::test]
async fn error_reply_with_a_truncated_body_is_retried() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).retry(quick()).connect().await.unwrap();
    server.session_route(Method::POST, "/x", |_| Reply::new(204));
    // an expired session says so in the body: without it the status says too little
    let cut = || Fault::reply(Reply::session_expired().cut_at(5)).times(1);
    server.inject(cut().on(Method::GET, "/sessions"));
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
    server.inject(cut().on(Method::POST, "/x"));
    let error = session.post("x").await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Http, 401));
    assert!(error.is_transient());
    session.close().await.unwrap();
}

#[tokio::test]
async fn login_is_retried_but_a_rejected_login_is_not() {
    let server = LibraryServer::start().await.unwrap();
    let retrying = builder(&server).retry(quick());
    server.inject(Fault::status(503).on(Method::POST, "/auth/login").times(2));
    let session = retrying.clone().connect().await.unwrap();
    assert_eq!(logins(&server), 3);
    session.close().await.unwrap();
    let wrong = retrying.clone().auth(Auth::standard(DEFAULT_USER, "wrong"));
    assert_eq!(wrong.connect().await.unwrap_err().kind(), ErrorKind::LoginFailure);
    assert_eq!(server.failed_logins(DEFAULT_USER), 1);
    // one that may have made a session is not sent twice
    let before = logins(&server);
    server.inject(Fault::reset_after_work().on(Method::POST, "/auth/login").times(1));
    assert_eq!(retrying.clone().connect().await.unwrap_err().kind(), ErrorKind::Transport);
    assert_eq!(logins(&server), before + 1);
    // the error counts what was sent
    server.inject(Fault::status(503).on(Method::POST, "/auth/login"));
    assert_eq!(retrying.connect().await.unwrap_err().attempts(), 4);
}

#[tokio::test]
async fn logout_is_retried() {
    // sent twice it says ERR009, which is as good
    for fault in [Fault::status(503), Fault::reset(), Fault::reset_after_work()] {
        let server = LibraryServer::start().await.unwrap();
        let guard = builder(&server).retry(quick()).connect().await.unwrap();
        server.inject(fault.on(Method::POST, "/auth/logout").times(1));
        guard.close().await.unwrap();
        assert_eq!((logouts(&server), server.sessions().len()), (2, 0));
    }
}

#[tokio::test]
async fn request_with_a_one_shot_body_is_not_retried() {
    let server = LibraryServer::start().await.unwrap();
    let rows = stream::iter([Ok::<_, std::io::Error>("rows".into())]);
    let retrying = builder(&server).retry(quick()).connect().await.unwrap();
    let full = server.inject(Fault::status(503).on(Method::PUT, "/rows"));
    let error = retrying.put("rows").stream_body(rows).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), full.hits()), (503, 1));
    retrying.close().await.unwrap();
}
