//! What makes a job of hours end well: re-login, keep-alive, retries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use mstr_rest_core::{
    Auth, Body, Credential, Error, ErrorKind, RetryPolicy, Session, with_session,
};
use mstr_sim::{DEFAULT_USER, Fault, LibraryServer, Method, RecordedRequest, Reply};

use crate::support::{auth, builder, logins, logouts};

const SOON: Duration = Duration::from_millis(1);
/// Long enough for others to come meanwhile.
const SHORT: Duration = Duration::from_millis(100);

fn quick() -> RetryPolicy {
    RetryPolicy::default().max_retries(3).base_delay(SOON)
}

async fn renewing(server: &LibraryServer) -> Session {
    builder(server).relogin(true).connect().await.unwrap().detach()
}

fn busy(journal: &[RecordedRequest], endpoint: &str) -> usize {
    journal.iter().filter(|request| request.endpoint() == endpoint).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tasks_meet_an_expiry_and_cause_one_login() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let calls = (0..10_000).map(|_| tokio::spawn(session.get("sessions").send()));
    let ok = stream::iter(calls)
        .buffer_unordered(64)
        .filter(|result| {
            std::future::ready(matches!(result, Ok(Ok(reply)) if reply.status() == 200))
        })
        .count()
        .await;
    assert_eq!((ok, logins(&server)), (10_000, 2));
    assert_eq!(server.sessions().len(), 1);
}

#[tokio::test]
async fn requests_that_start_during_a_re_login_wait_for_it() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    let old = server.sessions()[0].token().to_owned();
    server.expire_all();
    server.inject(Fault::delay(Duration::from_millis(200)).on(Method::POST, "/auth/login"));
    let first = tokio::spawn(session.get("sessions").send());
    assert!(server.wait_for(|journal| busy(journal, "/auth/login") == 2).await);
    let later: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    // without auth there is nothing to wait for
    session.get("status").include_auth(false).await.unwrap();
    assert!(!first.is_finished());
    for call in later.into_iter().chain([first]) {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    let used_the_old_one = server
        .requests(Method::GET, "/sessions")
        .iter()
        .filter(|r| r.token() == Some(&old))
        .count();
    assert_eq!((used_the_old_one, logins(&server)), (1, 2));
    // a login starts with nothing of the one before
    let again = &server.requests(Method::POST, "/auth/login")[1];
    assert_eq!((again.token(), again.header("cookie")), (None, None));
}

#[tokio::test]
async fn only_once_and_only_for_an_expired_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    let expired = || Fault::reply(Reply::session_expired());
    // twice in a row it surfaces
    let always = server.inject(expired().on(Method::GET, "/x"));
    let error = session.get("x").await.unwrap_err();
    assert!(error.is_session_expired());
    assert_eq!((always.hits(), logins(&server), error.attempts()), (2, 2, 2));
    assert!(error.elapsed().is_some());
    // other errors, the login's own endpoints, raw calls and calls without auth never cause one
    server.inject(Fault::reply(Reply::error(400, "ERR005", "m")).on(Method::GET, "/y"));
    assert!(session.get("y").await.unwrap_err().is_invalid_request());
    for path in ["auth/logout", "auth/delegate"] {
        server.inject(expired().on(Method::POST, &format!("/{path}")).times(1));
        assert!(session.post(path).await.unwrap_err().is_session_expired());
    }
    assert_eq!(session.get("x").raw().await.unwrap().status(), 401);
    assert!(session.get("x").include_auth(false).await.unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 2);
    // an error of a stranger says nothing of our session
    let stranger = LibraryServer::start().await.unwrap();
    let error = session.get(format!("{}sessions", stranger.base_url())).await.unwrap_err();
    assert!(error.is_session_expired());
    assert_eq!(logins(&server), 2);
    // off by default
    let plain = builder(&server).connect().await.unwrap();
    server.expire_all();
    assert!(plain.get("sessions").await.unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 3);
    plain.close().await.unwrap();
}

#[tokio::test]
async fn one_bad_password_is_sent_once() {
    let server = LibraryServer::builder().user("dave", "old").start().await.unwrap();
    let password = Arc::new(std::sync::Mutex::new("old"));
    let source = Arc::clone(&password);
    let credential = Credential::from_fn(move || Ok(*source.lock().unwrap()));
    let session = builder(&server)
        .relogin(true)
        .auth(Auth::standard("dave", credential))
        .connect()
        .await
        .unwrap()
        .detach();
    server.set_password("dave", "new");
    server.expire_all();
    // fifty at once, and later ones: one login, one and the same error
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::LoginFailure);
    }
    for _ in 0..10 {
        let error = session.get("sessions").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::LoginFailure, Some("ERR003")));
    }
    assert_eq!((server.failed_logins("dave"), logins(&server)), (1, 2));
    assert!(session.has_session(), "the old token is kept");
    // a value that differs is a reason to try again
    *password.lock().unwrap() = "new";
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
    assert_eq!((server.failed_logins("dave"), logins(&server)), (1, 3));
}

#[tokio::test]
async fn a_failed_re_login_is_shared_and_not_final() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let down = Fault::respond(|_| Reply::html(503, "busy").delayed(SHORT));
    let down = server.inject(down.on(Method::POST, "/auth/login"));
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().status().unwrap(), 503);
    }
    assert_eq!(down.hits(), 1);
    down.remove();
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
}

#[tokio::test]
async fn who_comes_during_a_failing_re_login_shares_its_failure_and_sends_nothing() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let down = Fault::respond(|_| Reply::html(503, "busy").delayed(SHORT));
    let down = server.inject(down.on(Method::POST, "/auth/login"));
    let first = tokio::spawn(session.get("sessions").send());
    assert!(server.wait_for(|journal| busy(journal, "/auth/login") == 2).await);
    let later: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    for call in later.into_iter().chain([first]) {
        assert_eq!(call.await.unwrap().unwrap_err().status().unwrap(), 503);
    }
    assert_eq!((server.count(Method::GET, "/sessions"), down.hits()), (1, 1));
    down.remove();

    // that failure is over: who waits for a login of another kind is sent, and may renew
    let slow = |_: &RecordedRequest| Reply::session_expired().delayed(SHORT);
    server.inject(Fault::respond(slow).on(Method::GET, "/auth/token"));
    let other = tokio::spawn(session.login(Auth::browser_cookies([("JSESSIONID", "gone")])));
    assert!(server.wait_for(|journal| busy(journal, "/auth/token") == 1).await);
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
    assert!(other.await.unwrap().unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 3);
}

#[tokio::test]
async fn a_cancelled_leader_wedges_nobody() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    server.inject(Fault::delay(Duration::from_millis(200)).on(Method::POST, "/auth/login"));
    let leader = tokio::spawn(session.get("sessions").send());
    assert!(server.wait_for(|journal| busy(journal, "/auth/login") == 2).await);
    leader.abort();
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn bodies_that_cannot_be_repeated_are_not() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.route(Method::POST, "/rows", |_| Reply::new(204));
    server.session_route(Method::POST, "/rows", |_| Reply::new(204));
    server.expire_all();
    let rows = || stream::iter([Ok::<_, std::io::Error>("rows".into())]);
    let error = session.post("rows").stream_body(rows()).await.unwrap_err();
    assert_eq!(error.code(), Some("ERR009"));
    assert!(error.to_string().contains("streamed body"), "{error}");
    assert_eq!((server.count(Method::POST, "/rows"), logins(&server)), (1, 2));
    server.expire_all();
    session.post("rows").body(Body::stream_fn(rows)).await.unwrap();
    let sent = server.requests(Method::POST, "/rows");
    assert!(sent.iter().all(|request| request.body() == "rows"));
    assert_eq!((sent.len(), logins(&server)), (3, 3));
    // nor by a retry
    let retrying = builder(&server).retry(quick()).connect().await.unwrap();
    let full = server.inject(Fault::status(503).on(Method::PUT, "/rows"));
    let error = retrying.put("rows").stream_body(rows()).await.unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), full.hits()), (503, 1));
    retrying.close().await.unwrap();
}

#[tokio::test]
async fn identity_tokens_delegate_again_and_adopted_sessions_cannot() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let reply = owner.post("auth/identityToken").await.unwrap();
    let token = reply.headers()["x-mstr-identitytoken"].to_str().unwrap().to_owned();
    let guest =
        builder(&server).relogin(true).auth(Auth::identity_token(token)).connect().await.unwrap();
    let second = server.sessions()[1].token().to_owned();
    assert!(server.expire(&second));
    assert_eq!(guest.get("sessions").await.unwrap().status(), 200);
    assert_eq!(server.count(Method::POST, "/auth/delegate"), 2);
    guest.close().await.unwrap();
    assert_eq!(logouts(&server), 0);
    let adopted =
        builder(&server).relogin(true).auth(Auth::existing("gone", ())).connect().await.unwrap();
    let error = adopted.get("sessions").await.unwrap_err();
    assert_eq!(error.code(), Some("ERR009"), "nothing of the server's error is lost");
    assert!(error.ticket_id().is_some() && error.to_string().contains("adopted"), "{error}");
    owner.close().await.unwrap();
}

#[tokio::test]
async fn retries() {
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
    // what may have taken effect is not sent twice, unless the caller knows better
    let posted = server.inject(Fault::status(503).on(Method::POST, "/x"));
    assert_eq!(session.post("x").await.unwrap_err().attempts(), 1);
    assert_eq!(posted.hits(), 1);
    let error = session.post("x").idempotent(true).await.unwrap_err();
    assert_eq!((error.attempts(), posted.hits()), (4, 5));
    assert!(error.elapsed().is_some() && error.is_transient());
    assert_eq!(session.put("y").idempotent(false).await.unwrap_err().attempts(), 1);
    // a 500 is never hidden, and per call there may be none
    let failing = server.inject(Fault::status(500).on(Method::GET, "/z"));
    session.get("z").await.unwrap_err();
    assert_eq!(failing.hits(), 1);
    let failing = server.inject(Fault::status(503).on(Method::GET, "/v"));
    session.get("v").retry(RetryPolicy::none()).await.unwrap_err();
    assert_eq!(failing.hits(), 1);
    // more than we would wait, or than the call may take: no further try
    for (after, limit) in [("600", 60), ("5", 1)] {
        let failing = server.inject(Fault::retry_after(429, after).on(Method::GET, "/w"));
        let call = session.get("w").timeout(Duration::from_secs(limit));
        let error = call.await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), failing.hits()), (429, 1));
        failing.remove();
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn logins_are_retried_but_never_a_rejection() {
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
async fn an_error_whose_body_broke_off_is_tried_again() {
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
async fn a_session_that_expires_again_between_retries_is_renewed_again() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).retry(quick()).connect().await.unwrap().detach();
    // neither expiry follows upon the other
    let met = AtomicUsize::new(0);
    let meets = move |_: &RecordedRequest| match met.fetch_add(1, Ordering::Relaxed) {
        1 => Reply::new(503),
        _ => Reply::session_expired(),
    };
    server.inject(Fault::respond(meets).on(Method::GET, "/sessions").times(3));
    let reply = session.get("sessions").await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!((server.count(Method::GET, "/sessions"), logins(&server)), (4, 3));
}

#[tokio::test]
async fn a_re_login_that_broke_is_begun_again_by_retries() {
    for method in [Method::GET, Method::POST] {
        let server = LibraryServer::start().await.unwrap();
        let route = |_: &RecordedRequest| Reply::new(204);
        server.session_route(Method::GET, "/x", route);
        server.session_route(Method::POST, "/x", route);
        let session =
            builder(&server).relogin(true).retry(quick()).connect().await.unwrap().detach();
        server.expire_all();
        server.inject(Fault::reset().on(Method::POST, "/auth/login").times(2));
        // what met an expired session did nothing: a POST is sent again, too
        let calls: Vec<_> =
            (0..20).map(|_| tokio::spawn(session.call(method.clone(), "x").send())).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 204);
        }
        assert_eq!(logins(&server), 4, "the first, two that broke, one that did not");

        // without retries the break surfaces
        let policy = RetryPolicy::none();
        server.expire_all();
        server.inject(Fault::reset().on(Method::POST, "/auth/login").times(1));
        let error = session.call(method, "x").retry(policy).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        session.logout().await.unwrap();
    }
}

#[tokio::test]
async fn logouts_are_retried() {
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
async fn a_scope_survives_an_expiry() {
    let server = LibraryServer::builder().nodes(2).sticky(true).start().await.unwrap();
    let job = builder(&server).relogin(true).retry(quick()).auth(auth());
    let status = with_session(job, async |session| {
        server.expire_all();
        session.get("sessions").await?;
        server.inject(Fault::html(502).on(Method::GET, "/sessions").times(1));
        Ok::<_, Error>(session.get("sessions").await?.status())
    });
    assert_eq!(status.await.unwrap(), 200);
    assert_eq!((logins(&server), logouts(&server)), (2, 1));
    assert!(server.sessions().is_empty());
}
