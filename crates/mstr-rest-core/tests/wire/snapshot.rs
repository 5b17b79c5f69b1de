//! Saving a session and restoring it elsewhere.

use std::time::{Duration, SystemTime};

use mstr_rest_core::{Auth, ErrorKind, SavedCookie, SecretString, Session, SessionSnapshot};
use mstr_sim::{Fault, LibraryServer, Method};

use crate::support::{Gate, auth, builder, logins, logouts, received};

fn token(saved: &SessionSnapshot) -> &str {
    saved.token.as_ref().unwrap().expose_secret()
}

/// A server that lets nobody in without the cookies of the login, nor to the wrong node.
async fn cluster() -> LibraryServer {
    LibraryServer::builder().nodes(2).sticky(true).require_cookies(true).start().await.unwrap()
}

/// Elsewhere: another connection pool, no credentials.
async fn taken_up(server: &LibraryServer, saved: &SessionSnapshot) -> Session {
    let builder = Session::builder(server.base_url()).environment_proxies(false);
    builder.restore(saved).await.unwrap()
}

#[tokio::test]
async fn restored_session_keeps_the_cookies_of_its_cluster_node() {
    let server = cluster().await;
    let owner = builder(&server).project("MicroStrategy Tutorial").connect().await.unwrap();
    let saved = owner.snapshot();
    assert_eq!(saved.base_url().as_str(), server.base_url());
    assert_eq!((saved.user.as_deref(), saved.login_mode), (Some("administrator"), Some(1)));
    assert_eq!(saved.project.as_deref(), Some("MicroStrategy Tutorial"));
    let names: Vec<_> = saved.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert!(names.contains(&"JSESSIONID") && names.contains(&"iSession"), "{names:?}");
    let jsession = saved.cookies.iter().find(|cookie| cookie.name == "JSESSIONID").unwrap();
    assert!(jsession.http_only && jsession.path == "/MicroStrategyLibrary", "{}", jsession.path);
    assert!(saved.created_at.is_some() && saved.last_used_at >= saved.created_at);

    let other = taken_up(&server, &saved).await;
    for _ in 0..4 {
        other.get("sessions").await.unwrap();
    }
    assert_eq!(logins(&server), 1);
    assert!(format!("{other:?}").contains("MicroStrategy Tutorial"), "the project came along");
    // what it is again is the same, but for the time of use and a cookie issued anew
    let again = other.snapshot();
    assert_eq!(token(&again), token(&saved));
    assert_eq!((again.user, again.created_at), (saved.user, saved.created_at));
}

#[tokio::test]
async fn last_use_is_never_before_the_login() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let mut saved = owner.snapshot();
    // as if by a clock that is behind
    saved.last_used_at = saved.created_at.map(|created| created - Duration::from_secs(5));
    let again = taken_up(&server, &saved).await.snapshot();
    assert_eq!(again.created_at, saved.created_at);
    assert_eq!(again.last_used_at, saved.created_at);
}

#[tokio::test]
async fn guard_logs_out_after_a_snapshot_was_taken() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let snapshot = owner.snapshot();
    let other = taken_up(&server, &snapshot).await;
    other.get("sessions").await.unwrap();
    owner.close().await.unwrap();
    assert_eq!((logouts(&server), server.sessions().len()), (1, 0));
    assert!(!other.is_alive().await.unwrap());
    // the same behind a dropped guard
    let owner = builder(&server).connect().await.unwrap();
    let _snapshot = owner.snapshot();
    drop(owner);
    mstr_rest_core::settle().await;
    assert_eq!((logouts(&server), server.sessions().len()), (2, 0));
}

#[tokio::test]
async fn detached_session_is_not_logged_out() {
    let server = LibraryServer::start().await.unwrap();
    let snapshot = builder(&server).connect().await.unwrap().detach().snapshot();
    mstr_rest_core::settle().await;
    assert_eq!((logouts(&server), server.sessions().len()), (0, 1));
    let other = taken_up(&server, &snapshot).await;
    assert!(other.is_alive().await.unwrap());
    other.logout().await.unwrap();
    assert!(server.sessions().is_empty() && !other.has_session());
}

#[tokio::test]
async fn session_from_a_snapshot_has_its_project() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).project("MicroStrategy Tutorial").connect().await.unwrap();
    let session = Session::from_snapshot(&owner.snapshot()).unwrap();
    assert!(session.has_session() && format!("{session:?}").contains("MicroStrategy Tutorial"));
    owner.close().await.unwrap();
}

#[tokio::test]
async fn is_alive_sends_a_request_and_never_logs_in() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).relogin(true).return_http_errors(true).connect().await.unwrap();
    assert!(session.is_alive().await.unwrap());
    server.expire_all();
    assert!(!session.is_alive().await.unwrap());
    assert_eq!(logins(&server), 1);
    session.destroy_auth_token();
    server.clear_journal();
    assert!(!session.is_alive().await.unwrap());
    assert!(server.journal().is_empty(), "without a token nothing is sent");
    let other = builder(&server).connect().await.unwrap();
    server.inject(Fault::html(502));
    let error = other.is_alive().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Http);
    session.close().await.unwrap();
    let error = session.is_alive().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSession, "it was closed");
}

#[tokio::test]
async fn snapshot_of_a_session_without_a_login_has_no_token() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let saved = session.snapshot();
    assert!(saved.token.is_none() && saved.last_used_at.is_none() && saved.login_mode.is_none());
    session.restore(&saved).unwrap();
    assert!(!session.has_session());
}

#[tokio::test]
async fn restored_session_that_expired_is_renewed_with_credentials() {
    let server = LibraryServer::start().await.unwrap();
    let saved = builder(&server).connect().await.unwrap().detach().snapshot();
    server.expire_all();
    let bare = Session::builder(server.base_url()).environment_proxies(false).relogin(true);
    let error = bare.restore(&saved).await.unwrap().get("sessions").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    let session = builder(&server).relogin(true).restore(&saved).await.unwrap();
    let error = session.get("sessions").relogin(false).await.unwrap_err();
    assert_eq!((error.kind(), logins(&server)), (ErrorKind::SessionExpired, 1));
    session.get("sessions").await.unwrap();
    assert_eq!(logins(&server), 2);
    let again = session.snapshot();
    assert_ne!(token(&again), token(&saved));
    assert!(again.created_at > saved.created_at);
}

#[tokio::test]
async fn session_of_another_user_is_not_restored() {
    let server = LibraryServer::start().await.unwrap();
    let refused = async |auth: Auth, saved: &SessionSnapshot, what: &str| {
        let error = builder(&server).auth(auth).restore(saved).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(error.message().contains(what), "{error}");
        assert!(!format!("{error:?}").contains("canary"));
    };
    let mut saved = builder(&server).connect().await.unwrap().detach().snapshot();
    assert!(!saved.principal.clone().unwrap().contains("dministrator"), "it is a hash");
    refused(Auth::standard("canary", "p"), &saved, "another user").await;
    for auth in [Auth::ldap("administrator", "p"), Auth::api_key("canary"), Auth::anonymous()] {
        refused(auth, &saved, "another login mode").await;
    }
    let same = Auth::standard("ADMINISTRATOR", "whatever");
    builder(&server).auth(same.clone()).restore(&saved).await.unwrap();
    // an older snapshot has the name alone
    saved.principal = None;
    builder(&server).auth(same).restore(&saved).await.unwrap();
    refused(Auth::standard("canary", "p"), &saved, "another user").await;
    // one from Python says nothing
    (saved.user, saved.login_mode) = (None, None);
    builder(&server).auth(Auth::api_key("k")).restore(&saved).await.unwrap();
    // API keys have letter case, and identity tokens are another each time
    let key = LibraryServer::builder().api_key("KeY", "administrator").start().await.unwrap();
    let saved =
        builder(&key).auth(Auth::api_key("KeY")).connect().await.unwrap().detach().snapshot();
    let restore = |auth| builder(&key).auth(auth).restore(&saved);
    restore(Auth::api_key("KeY")).await.unwrap();
    assert_eq!(restore(Auth::api_key("key")).await.unwrap_err().kind(), ErrorKind::Snapshot);
}

#[tokio::test]
async fn login_replaced_by_a_restored_session_is_logged_out_by_the_guard() {
    let server = LibraryServer::start().await.unwrap();
    let saved = builder(&server).connect().await.unwrap().detach().snapshot();
    let guard = builder(&server).connect().await.unwrap();
    guard.restore(&saved).unwrap();
    // not by `save`: that alone would keep the guard from logging it out
    guard.get("sessions").await.unwrap();
    assert_eq!(server.requests(Method::GET, "/sessions")[0].token(), Some(token(&saved)));
    assert_eq!(server.sessions().len(), 2);
    guard.close().await.unwrap();
    assert_eq!(logouts(&server), 1);
    taken_up(&server, &saved).await.get("sessions").await.unwrap();
}

#[tokio::test]
async fn invalid_snapshot_changes_nothing() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let good = session.snapshot();
    let bad = |change: &dyn Fn(&mut SessionSnapshot)| {
        let mut saved = good.clone();
        saved.token = Some("another".into());
        change(&mut saved);
        let error = session.restore(&saved).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
        assert_eq!(token(&session.snapshot()), token(&good));
        assert_eq!(session.cookies().len(), good.cookies.len());
    };
    let cookie = |name: &str, value: &str| SavedCookie::new(name, value);
    bad(&|saved| saved.token = Some("canary\n".into()));
    bad(&|saved| saved.token = Some(SecretString::from("")));
    for (name, value) in [("", "canary"), ("a=canary", ""), ("a", "canary; b=c"), ("a", "canary\n")]
    {
        bad(&|saved| saved.cookies.push(cookie(name, value)));
    }
    bad(&|saved| {
        let mut cookie = cookie("a", "b");
        cookie.path = "/; Domain=canary".to_owned();
        saved.cookies.push(cookie);
    });
    session.get("sessions").await.unwrap();
    session.close().await.unwrap();
    assert_eq!(session.restore(&good).unwrap_err().kind(), ErrorKind::NoSession);
}

#[tokio::test]
async fn snapshot_of_another_origin_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    for base in ["https://elsewhere.example/api", &server.base_url().replace("http:", "https:")] {
        let mut saved = SessionSnapshot::new(base).unwrap();
        saved.token = Some("t".into());
        let error = session.restore(&saved).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Snapshot);
        assert!(!session.has_session());
    }
    let error = SessionSnapshot::new("https://user:canary@h/api").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Snapshot);
    assert!(
        !format!("{error:?}{error}").contains("canary") && error.message().contains("user info")
    );
}

#[test]
fn restored_cookies_are_host_only_secure_and_expire() {
    let session = Session::builder("https://sub.h.example/api").build().unwrap();
    let mut saved = SessionSnapshot::new("https://sub.h.example/api").unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    for (name, expires) in
        [("kept", Some(at)), ("gone", Some(SystemTime::UNIX_EPOCH)), ("session", None)]
    {
        let mut cookie = SavedCookie::new(name, "v");
        cookie.domain = Some("h.example".to_owned());
        cookie.expires = expires;
        cookie.same_site = Some("None".to_owned());
        saved.cookies.push(cookie);
    }
    session.restore(&saved).unwrap();
    assert!(session.cookies().iter().all(|cookie| cookie.secure && cookie.path == "/"));
    let again = session.snapshot().cookies;
    let facts: Vec<_> = again
        .iter()
        .map(|c| (c.name.as_str(), c.expires, c.domain.as_deref(), c.same_site.as_deref()))
        .collect();
    assert_eq!(
        facts,
        [("kept", Some(at), None, Some("None")), ("session", None, None, Some("None"))]
    );
}

#[test]
fn restoring_needs_no_runtime() {
    let builder = Session::builder("https://h.example/api").keep_alive(Duration::from_secs(60));
    let session = builder.build().unwrap();
    let mut saved = SessionSnapshot::new("https://h.example/api").unwrap();
    saved.token = Some("t".into());
    session.restore(&saved).unwrap();
    assert!(session.has_session());
}

/// Keep-alive starts with the first call, for there was no runtime before.
#[test]
fn session_restored_outside_a_runtime_is_kept_alive() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(LibraryServer::start()).unwrap();
    let saved = runtime.block_on(builder(&server).connect()).unwrap().detach().snapshot();
    let session = builder(&server).keep_alive(Duration::from_millis(20)).build().unwrap();
    session.restore(&saved).unwrap();
    runtime.block_on(async {
        session.get("sessions").await.unwrap();
        received(&server, Method::PUT, "/sessions", 1).await;
    });
}

#[tokio::test]
async fn login_that_runs_while_another_session_is_restored_is_logged_out() {
    let server = LibraryServer::start().await.unwrap();
    let saved = builder(&server).connect().await.unwrap().detach().snapshot();
    let session = builder(&server).build().unwrap();
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::POST, "/auth/login").times(1));
    let restoring = async {
        received(&server, Method::POST, "/auth/login", 2).await;
        session.restore(&saved).unwrap();
        reply.open();
    };
    let (login, ()) = tokio::join!(session.login(auth()), restoring);
    assert_eq!(login.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(token(&session.snapshot()), token(&saved));
    let left: Vec<_> = server.sessions().iter().map(|left| left.token().to_owned()).collect();
    assert_eq!(left, [token(&saved)]);
}

#[tokio::test]
async fn only_requests_with_the_token_update_the_last_use() {
    let server = LibraryServer::start().await.unwrap();
    let elsewhere = LibraryServer::start().await.unwrap();
    let mut saved = builder(&server).connect().await.unwrap().detach().snapshot();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    (saved.created_at, saved.last_used_at) = (None, Some(hour_ago));
    let session = taken_up(&server, &saved).await;
    let used = || session.snapshot().last_used_at.unwrap();
    session.get("status").include_auth(false).await.unwrap();
    let status = format!("{}status", elsewhere.base_url());
    session.get(status).await.unwrap();
    assert!(used() < hour_ago + Duration::from_secs(600), "it went without the token");
    session.get("sessions").await.unwrap();
    assert!(used() > hour_ago + Duration::from_secs(3000));
}

#[tokio::test]
async fn restored_session_is_kept_alive_from_its_last_use() {
    let server = LibraryServer::start().await.unwrap();
    let mut saved = builder(&server).connect().await.unwrap().detach().snapshot();
    saved.last_used_at = Some(SystemTime::now() - Duration::from_secs(3600));
    let kept = Session::builder(server.base_url())
        .environment_proxies(false)
        .keep_alive(Duration::from_secs(1800))
        .restore(&saved)
        .await
        .unwrap();
    // it is overdue: extended at once
    received(&server, Method::PUT, "/sessions", 1).await;
    drop(kept);
    // also where another one is kept alive already, which is not due for long
    let kept = builder(&server).keep_alive(Duration::from_secs(1800)).connect().await.unwrap();
    tokio::task::yield_now().await;
    kept.restore(&saved).unwrap();
    received(&server, Method::PUT, "/sessions", 2).await;
    kept.close().await.unwrap();
}

#[tokio::test]
async fn trusted_user_name_is_not_saved() {
    let server = LibraryServer::builder().trusted_user("canary").start().await.unwrap();
    let session = builder(&server).auth(Auth::trusted("canary")).connect().await.unwrap();
    let saved = session.snapshot();
    assert_eq!((saved.user.as_deref(), saved.login_mode), (None, Some(4096)));
    let shown = format!("{saved:?}");
    assert!(!shown.contains(token(&saved)) && shown.contains("cookies: "), "{shown}");
}
