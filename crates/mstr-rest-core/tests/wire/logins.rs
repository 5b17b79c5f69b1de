//! Which login a session has, while several things change it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mstr_rest_core::{Auth, Cookies, Credential, ErrorKind, Session, settle};
use mstr_sim::{Fault, LibraryServer, LogoutScope, Method, RecordedRequest, Reply};
use serde_json::Value;

use crate::support::{auth, builder, logins, logouts};

/// Long enough for others to come meanwhile.
const SHORT: Duration = Duration::from_millis(50);
/// Long enough for that on a busy machine, where the test is about what comes meanwhile.
const LONG: Duration = Duration::from_secs(1);

async fn manual(server: &LibraryServer) -> Session {
    let session = builder(server).relogin(true).build().unwrap();
    session.login(auth()).await.unwrap();
    session
}

fn count(journal: &[RecordedRequest], method: &Method, endpoint: &str) -> usize {
    let ours = journal.iter().filter(|request| request.endpoint() == endpoint);
    ours.filter(|request| request.method() == method).count()
}

/// The server refuses the token before the reply to the logout is there. A call that meets that must
/// not log in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_logout_nothing_logs_in_by_itself() {
    for keep_alive in [false, true] {
        let server = LibraryServer::start().await.unwrap();
        let mut build = builder(&server).relogin(true);
        if keep_alive {
            build = build.keep_alive(Duration::from_millis(5));
        }
        let session = build.build().unwrap();
        session.login(auth()).await.unwrap();
        server.inject(Fault::delay(SHORT).on(Method::POST, "/auth/logout"));
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let session = session.clone();
                tokio::spawn(async move {
                    // until one is refused: then the session has ended for good
                    while session.get("sessions").await.is_ok() {}
                    session.get("sessions").await
                })
            })
            .collect();
        assert!(server.wait_for(|journal| count(journal, &Method::GET, "/sessions") > 8).await);
        session.logout().await.unwrap();
        for task in busy {
            assert!(task.await.unwrap().unwrap_err().is_session_expired());
        }
        assert!(!session.has_session());
        assert_eq!((logins(&server), server.sessions().len()), (1, 0), "{keep_alive}");
        // asked for, it does
        session.login(auth()).await.unwrap();
        session.get("sessions").await.unwrap();
        session.logout().await.unwrap();
    }
}

/// One that panics the second time it is asked.
fn fragile(asked: &Arc<AtomicUsize>) -> Credential {
    let asked = Arc::clone(asked);
    Credential::from_fn(move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(mstr_sim::DEFAULT_PASSWORD),
        _ => panic!("boom pw=hunter2"),
    })
}

#[tokio::test]
async fn a_credential_that_panics_is_one_error_for_all_and_no_loop() {
    let server = LibraryServer::start().await.unwrap();
    let asked = Arc::default();
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, fragile(&asked));
    let session = builder(&server).auth(auth).relogin(true).connect().await.unwrap();
    server.expire_all();
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
        let mut text = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            text = format!("{text} {source} {source:?}");
            cause = source.source();
        }
        assert!(!text.contains("hunter2") && !text.contains("boom"), "{text}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one re-login");
    assert_eq!(logins(&server), 1);
    // the first login too
    let asked = Arc::new(AtomicUsize::new(1));
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, fragile(&asked));
    let error = builder(&server).auth(auth).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(!format!("{error:?}").contains("hunter2"));
    // and that of a gateway, in a plain call
    let build = builder(&server).default_header("X-Gateway", fragile(&asked));
    let error = build.build().unwrap().get("status").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.message(), "the credential `x-gateway` panicked");
}

#[tokio::test]
async fn closing_again_joins_a_logout_that_runs() {
    let server = LibraryServer::start().await.unwrap();
    let guard = builder(&server).connect().await.unwrap();
    server.inject(Fault::delay(LONG).on(Method::POST, "/auth/logout"));
    // cancelled, the logout goes on
    let first = tokio::time::timeout(SHORT / 5, guard.close());
    assert!(first.await.is_err());
    guard.close().await.unwrap();
    assert_eq!((logouts(&server), server.sessions().len()), (1, 0));
    let acknowledged = server.requests(Method::POST, "/auth/logout");
    assert!(acknowledged[0].status().is_some(), "it waited for the reply");
    guard.close().await.unwrap();
    assert_eq!(logouts(&server), 1);
}

#[tokio::test]
async fn closing_wakes_what_waits_for_a_login() {
    let server = LibraryServer::start().await.unwrap();
    let guard = builder(&server).relogin(true).connect().await.unwrap();
    server.expire_all();
    server.inject(Fault::delay(LONG).on(Method::POST, "/auth/login"));
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(guard.get("sessions").send())).collect();
    assert!(server.wait_for(|journal| count(journal, &Method::POST, "/auth/login") == 2).await);
    let waiting = tokio::spawn(guard.get("sessions").send());
    tokio::task::yield_now().await;
    let (closed, refused) = tokio::join!(guard.close(), waiting);
    closed.unwrap();
    assert_eq!(refused.unwrap().unwrap_err().kind(), ErrorKind::NoSession);
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSession);
    }
    assert!(server.sessions().is_empty(), "the login that was on its way is logged out");
}

/// Three of them, the second restored, the third by re-login: all that are ours are ended.
#[tokio::test]
async fn a_login_that_another_one_displaced_is_logged_out_with_it() {
    let server = LibraryServer::start().await.unwrap();
    for end in ["close", "logout", "login"] {
        let other = builder(&server).connect().await.unwrap().detach().save();
        let guard = builder(&server).relogin(true).connect().await.unwrap();
        guard.restore(&other).unwrap();
        assert_eq!(server.sessions().len(), 2);
        server.expire(other.token.as_ref().unwrap().expose_secret());
        guard.get("sessions").await.unwrap();
        assert_eq!(server.sessions().len(), 2, "ours of before, and the re-login's");
        match end {
            "close" => guard.close().await.unwrap(),
            "logout" => guard.logout().await.unwrap(),
            _ => {
                guard.login(auth()).await.unwrap();
                assert_eq!(server.sessions().len(), 1);
                guard.close().await.unwrap();
            }
        }
        assert!(server.sessions().is_empty(), "{end}");
    }
}

/// The vendor documents that a logout ends all sessions of its user: adopting sends none.
#[tokio::test]
async fn adopting_sends_nothing_and_takes_effect_at_once() {
    let server = LibraryServer::builder().logout_scope(LogoutScope::User).start().await.unwrap();
    let other = builder(&server).connect().await.unwrap().detach();
    let token = other.save().token.unwrap();
    let cookies = other.save().cookies;
    let cookies: Cookies =
        cookies.iter().map(|c| (c.name.as_str(), c.value.expose_secret())).collect();
    let guard = builder(&server).connect().await.unwrap();
    let sent = server.journal().len();
    // a login that hangs does not hold it up, and is logged out when it comes
    server.inject(Fault::delay(LONG).on(Method::POST, "/auth/login").times(1));
    let slow = tokio::spawn(guard.login(auth()));
    assert!(server.wait_for(|journal| count(journal, &Method::POST, "/auth/login") == 3).await);
    guard.login(Auth::existing(token, cookies)).await.unwrap();
    assert!(!slow.is_finished());
    assert!(server.journal().len() <= sent + 2, "a logout and a login, both of the slow one");
    assert_eq!(slow.await.unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
}

/// It would wait for itself: for the login that waits for the credential.
#[tokio::test]
async fn a_credential_that_uses_its_own_session_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let own = session.clone();
    let password = Credential::from_async_fn(move || {
        let own = own.clone();
        async move {
            let seen = own.get("status").await.map(drop).map_err(|error| error.kind());
            assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            let seen = own.login(auth()).await.map(drop).map_err(|error| error.kind());
            assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            Ok(mstr_sim::DEFAULT_PASSWORD)
        }
    });
    session.login(Auth::standard(mstr_sim::DEFAULT_USER, password)).await.unwrap();
    session.logout().await.unwrap();
    // a default header alike
    let slot: Arc<std::sync::OnceLock<Session>> = Arc::default();
    let own = Arc::clone(&slot);
    let header = Credential::from_async_fn(move || {
        let own = own.get().cloned();
        async move {
            if let Some(own) = own {
                let seen = own.get("status").await.map(drop).map_err(|error| error.kind());
                assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            }
            Ok("value")
        }
    });
    let session = builder(&server).default_header("X-Gateway", header).build().unwrap();
    slot.set(session.clone()).unwrap();
    session.get("status").await.unwrap();
    assert_eq!(server.requests(Method::GET, "/status")[0].header("x-gateway"), Some("value"));
}

/// It takes its tasks along, among them a login that has its turn.
#[test]
fn a_runtime_that_stops_frees_the_turn() {
    let driven = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = driven.block_on(LibraryServer::start()).unwrap();
    let session = builder(&server).build().unwrap();
    let stops = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let hang = server.inject(Fault::stall().on(Method::POST, "/auth/login"));
    let cancelled = async { tokio::time::timeout(SHORT, session.login(auth())).await };
    assert!(stops.block_on(cancelled).is_err());
    hang.remove();
    drop(stops);
    driven.block_on(async {
        session.login(auth()).await.unwrap();
        session.get("sessions").await.unwrap();
        session.logout().await.unwrap();
    });
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn a_login_whose_body_stalls_counts_once_its_token_is_there() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(
        Fault::alter(|_, reply| {
            let body = Reply::json(200, &serde_json::json!({ "a": "long body" }));
            let names = ["x-mstr-authtoken", "set-cookie"];
            let headers = reply.headers().clone();
            names
                .iter()
                .flat_map(|name| headers.get_all(*name).iter().map(move |value| (*name, value)))
                .fold(body, |body, (name, value)| body.header(name, value.to_str().unwrap()))
                .stall_at(3)
        })
        .on(Method::POST, "/auth/login")
        .times(1),
    );
    // an idle timeout of hours does not count for a body that is not needed
    let build = builder(&server).read_timeout(Duration::from_secs(7200));
    let session = build.connect().await.unwrap();
    session.get("sessions").await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test]
async fn every_endpoint_but_the_logins_own_is_sent_again_after_an_expiry() {
    let server = LibraryServer::start().await.unwrap();
    let session = manual(&server).await;
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
async fn an_identity_token_that_is_not_valid_is_no_expired_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = manual(&server).await;
    let refused = Fault::reply(Reply::session_expired());
    server.inject(refused.on(Method::GET, "/auth/identityToken"));
    let call = session.get("auth/identityToken").header("X-MSTR-IdentityToken", "stale");
    assert!(call.await.unwrap_err().is_session_expired());
    assert_eq!(logins(&server), 1, "the session is alive");
    session.logout().await.unwrap();
}

#[tokio::test]
async fn our_own_sentences_are_not_redacted() {
    let server = LibraryServer::start().await.unwrap();
    // every word of it stands in the sentence about a proxy's page
    server.inject(Fault::html(502).on(Method::POST, "/auth/login").times(1));
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, "proxy");
    let error = builder(&server).auth(auth).connect().await.unwrap_err();
    assert!(error.message().contains("proxy") && !error.message().contains("***"), "{error}");
    // the server's are
    let echo = Reply::error(401, "ERR003", "wrong password proxy");
    server.inject(Fault::reply(echo).on(Method::POST, "/auth/login").times(1));
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, "proxy");
    let error = builder(&server).auth(auth).connect().await.unwrap_err();
    assert_eq!(error.message(), "wrong password ***");
}

/// Nobody drives the other runtime: its logout cannot end.
#[test]
fn settling_does_not_wait_for_a_runtime_that_stands_still() {
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
    // driven, it does
    stuck.block_on(settle());
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn a_reply_that_is_too_long_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_response_bytes(10).connect().await.unwrap();
    let error = session.get("sessions").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("longer than the 10 bytes"), "{error}");
    assert!(session.get("sessions").max_response_bytes(1 << 20).await.is_ok());
    assert!(session.get("sessions").stream().await.unwrap().read().await.is_ok());
    let error = session.get("sessions").decode::<Value>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    session.close().await.unwrap();
}
