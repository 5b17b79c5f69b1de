//! Re-login: one new login for all requests that receive "session expired".

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use mstr_rest_core::{
    Auth, Body, Cookies, Credential, Error, ErrorKind, RetryPolicy, Session, with_session,
};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};

use crate::support::{
    Gate, auth, builder, logged_in_with, logins, logouts, quick, received, round_trip,
};

async fn renewing(server: &LibraryServer) -> Session {
    builder(server).relogin(true).connect().await.unwrap().detach()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_session_is_renewed_once_for_ten_thousand_requests() {
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
async fn request_that_starts_during_a_relogin_waits_for_it() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    let old = server.sessions()[0].token().to_owned();
    server.expire_all();
    let login = Gate::default();
    server.inject(login.hold().on(Method::POST, "/auth/login"));
    let first = tokio::spawn(session.get("sessions").send());
    received(&server, Method::POST, "/auth/login", 2).await;
    let later: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    // without auth there is nothing to wait for
    session.get("status").include_auth(false).await.unwrap();
    round_trip(&server).await;
    assert_eq!(server.count(Method::GET, "/sessions"), 1, "the others wait");
    login.open();
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
async fn only_an_expired_session_is_renewed_and_only_once_per_request() {
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
async fn wrong_password_is_sent_once_until_the_credential_changes() {
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
async fn failed_relogin_is_shared_and_the_next_request_tries_again() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let reply = Gate::default();
    let down = reply.reply(Reply::html(503, "busy"));
    let down = server.inject(down.on(Method::POST, "/auth/login"));
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    received(&server, Method::GET, "/sessions", 20).await;
    reply.open();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().status().unwrap(), 503);
    }
    assert_eq!(down.hits(), 1);
    down.remove();
    assert_eq!(session.get("sessions").await.unwrap().status(), 200);
}

#[tokio::test]
async fn request_that_starts_during_a_failing_relogin_shares_its_error_and_is_not_sent() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let reply = Gate::default();
    let down = reply.reply(Reply::html(503, "busy"));
    let down = server.inject(down.on(Method::POST, "/auth/login"));
    let first = tokio::spawn(session.get("sessions").send());
    received(&server, Method::POST, "/auth/login", 2).await;
    let later: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    round_trip(&server).await;
    reply.open();
    for call in later.into_iter().chain([first]) {
        assert_eq!(call.await.unwrap().unwrap_err().status().unwrap(), 503);
    }
    assert_eq!((server.count(Method::GET, "/sessions"), down.hits()), (1, 1));
    down.remove();

    // that failure is over: a request that waits for a login of another kind is sent, and may renew
    let reply = Gate::default();
    server.inject(reply.reply(Reply::session_expired()).on(Method::GET, "/auth/token"));
    let other = tokio::spawn(session.login(Auth::browser_cookies([("JSESSIONID", "gone")])));
    received(&server, Method::GET, "/auth/token", 1).await;
    let waiting = tokio::spawn(session.get("sessions").send());
    round_trip(&server).await;
    reply.open();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
    assert!(other.await.unwrap().unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 3);
}

#[tokio::test]
async fn relogin_continues_when_the_request_that_started_it_is_cancelled() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let login = Gate::default();
    server.inject(login.hold().on(Method::POST, "/auth/login"));
    let first = tokio::spawn(session.get("sessions").send());
    received(&server, Method::POST, "/auth/login", 2).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = tokio::spawn(session.get("sessions").send());
    round_trip(&server).await;
    login.open();
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(logins(&server), 2);
}

#[tokio::test]
async fn request_with_a_one_shot_body_is_not_repeated_after_a_relogin() {
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
}

#[tokio::test]
async fn identity_token_is_delegated_again_and_an_adopted_session_is_not_renewed() {
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
    let adopted = builder(&server)
        .relogin(true)
        .auth(Auth::existing("gone", Cookies::default()))
        .connect()
        .await
        .unwrap();
    let error = adopted.get("sessions").await.unwrap_err();
    assert_eq!(error.code(), Some("ERR009"), "nothing of the server's error is lost");
    assert!(error.ticket_id().is_some() && error.to_string().contains("adopted"), "{error}");
    owner.close().await.unwrap();
}

#[tokio::test]
async fn session_that_expires_again_between_retries_is_renewed_again() {
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
async fn relogin_that_fails_with_a_transient_error_is_retried() {
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
async fn scope_continues_after_its_session_expires() {
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

#[tokio::test]
async fn every_endpoint_except_login_and_logout_is_repeated_after_a_relogin() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    server.expire_all();
    let token = session.post("auth/identityToken").await.unwrap();
    assert!(token.headers().contains_key("x-mstr-identitytoken"));
    assert_eq!(logins(&server), 2);
    // a 401 to HEAD has no body: the session is asked for
    server.session_route(Method::HEAD, "/cubes/C", |_| Reply::new(200));
    server.expire_all();
    assert_eq!(session.head("cubes/C").await.unwrap().status(), 200);
    assert_eq!(logins(&server), 3);
    // a server that refuses it for another reason is believed
    server.inject(Fault::status(401).on(Method::HEAD, "/forbidden"));
    let error = session.head("forbidden").await.unwrap_err();
    assert_eq!((error.kind(), logins(&server)), (ErrorKind::Http, 3));
    // without re-login the error is that of an expired session all the same
    let plain = builder(&server).connect().await.unwrap();
    server.expire_all();
    assert!(plain.head("cubes/C").await.unwrap_err().is_session_expired());
}

#[tokio::test]
async fn rejected_identity_token_does_not_cause_a_relogin() {
    let server = LibraryServer::start().await.unwrap();
    let session = renewing(&server).await;
    let refused = Fault::reply(Reply::session_expired());
    server.inject(refused.on(Method::GET, "/auth/identityToken"));
    let call = session.get("auth/identityToken").header("X-MSTR-IdentityToken", "stale");
    assert!(call.await.unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 1, "the session is alive");
    session.logout().await.unwrap();
}

/// The server refuses the token before the reply to the logout is there. A request that receives this
/// must not log in again.
#[tokio::test]
async fn no_relogin_follows_a_logout() {
    for keep_alive in [false, true] {
        let server = LibraryServer::start().await.unwrap();
        let mut build = builder(&server).relogin(true);
        if keep_alive {
            build = build.keep_alive(Duration::from_millis(5));
        }
        let session = logged_in_with(build).await;
        let (refusals, reply) = (Gate::default(), Gate::default());
        for method in [Method::GET, Method::PUT] {
            let expired = refusals.reply(Reply::session_expired());
            server.inject(expired.on(method, "/sessions"));
        }
        server.inject(reply.hold().on(Method::POST, "/auth/logout").times(1));
        let calls: Vec<_> = (0..4).map(|_| tokio::spawn(session.get("sessions").send())).collect();
        received(&server, Method::GET, "/sessions", 4).await;
        received(&server, Method::PUT, "/sessions", usize::from(keep_alive)).await;
        let logout = tokio::spawn(session.logout());
        received(&server, Method::POST, "/auth/logout", 1).await;
        refusals.open();
        round_trip(&server).await;
        reply.open();
        logout.await.unwrap().unwrap();
        for call in calls {
            assert!(call.await.unwrap().unwrap_err().is_session_expired());
        }
        assert!(session.get("sessions").await.unwrap_err().is_session_expired());
        assert!(!session.has_session());
        assert_eq!((logins(&server), server.sessions().len()), (1, 0), "{keep_alive}");
        // on request it does
        server.clear_faults();
        session.login(auth()).await.unwrap();
        session.get("sessions").await.unwrap();
        session.logout().await.unwrap();
    }
}
