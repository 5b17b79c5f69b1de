//! Sessions that log out, whatever happens.

use std::time::Duration;

use mstr_rest_core::{
    Auth, Call, CallFuture, Credential, Error, ErrorKind, Response, Session, SessionBuilder,
    settle, try_with_session, with_session,
};
use mstr_sim::{Fault, LibraryServer, Method};

use crate::support::{builder, logins, logouts};

fn send_static<T: Send + 'static>(value: T) -> T {
    value
}

#[test]
fn auto_traits_and_sizes() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn plain<T: Send + Sync + 'static>() {}
    fn moved<T: Send + 'static>() {}
    shared::<Session>();
    shared::<SessionBuilder>();
    shared::<Call<Response>>();
    shared::<Call<Vec<String>>>();
    shared::<Credential>();
    shared::<Auth>();
    shared::<Error>();
    plain::<mstr_rest_core::AuthenticatedSession>();
    moved::<CallFuture<Response>>();
    moved::<Response>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    let session = Session::builder("https://h/api").build().unwrap();
    drop(send_static(session.get("x").send()));
    drop(send_static(session.login(Auth::anonymous())));
    drop(send_static(session.delegate("t")));
    drop(send_static(session.logout()));
    drop(send_static(session.resolve_project("x")));
    drop(send_static(session.load_project_index()));
    drop(send_static(Session::builder("https://h/api").connect()));
    drop(send_static(settle()));
    drop(send_static(Credential::from("x").resolve()));
    let guarded = Session::builder("https://h/api").auth(Auth::anonymous());
    drop(send_static(with_session(guarded, async |s: Session| s.get("x").await.map(drop))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scope_logs_out_after_ok_err_and_panic() {
    let server = LibraryServer::start().await.unwrap();
    let kept = with_session(builder(&server), async |session| {
        session.get("sessions").await?;
        Ok(session)
    })
    .await
    .unwrap();
    assert_eq!((logins(&server), logouts(&server)), (1, 1));
    assert_eq!(kept.get("sessions").await.unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(kept.login(Auth::anonymous()).await.unwrap_err().kind(), ErrorKind::NoSession);

    let error = with_session(builder(&server), async |s| s.get("nope").await.map(drop)).await;
    assert_eq!(error.unwrap_err().code(), Some("ERR004"));
    assert_eq!(logouts(&server), 2);

    let scope = builder(&server);
    let panicked = tokio::spawn(async move {
        with_session(scope, async |_| -> Result<(), Error> { panic!("boom") }).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(logouts(&server), 3);

    let error: Result<(), Box<dyn std::error::Error + Send + Sync>> =
        try_with_session(builder(&server), async |session| {
            session.get("sessions").await?;
            "x".parse::<i32>()?;
            Ok(())
        })
        .await;
    assert_eq!(error.unwrap_err().to_string(), "invalid digit found in string");
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn a_failed_logout_never_costs_the_value_of_the_work() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(Fault::status(500).on(Method::POST, "/auth/logout").times(3));
    let value = with_session(builder(&server), async |_| Ok("hours of work")).await;
    assert_eq!(value.unwrap(), "hours of work");
    let error = with_session(builder(&server), async |s| s.get("nope").await.map(drop)).await;
    assert_eq!(error.unwrap_err().code(), Some("ERR004"));
    // closing a guard tells how the logout went
    let guard = builder(&server).connect().await.unwrap();
    assert_eq!(guard.close().await.unwrap_err().status().unwrap(), 500);
    // and may try again: the token is still there
    guard.close().await.unwrap();
    assert_eq!((logouts(&server), server.sessions().len()), (4, 2));
    // what is neither agreement nor an error is no logout
    let guard = builder(&server).connect().await.unwrap();
    server.inject(Fault::status(302).on(Method::POST, "/auth/logout").times(1));
    let error = guard.close().await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Http, 302));
    // an expired session is closed silently
    with_session(builder(&server), async |_| {
        server.expire_all();
        Ok(())
    })
    .await
    .unwrap();
    // a failed login leaves nothing to log out
    let sent = logouts(&server);
    let refused = builder(&server).auth(Auth::standard("administrator", "wrong"));
    let error = with_session(refused, async |_| Ok(())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginFailure);
    assert_eq!(logouts(&server), sent);
}

#[tokio::test]
async fn cancelled_in_the_scope() {
    let server = LibraryServer::start().await.unwrap();
    let work = with_session(builder(&server), async |_| {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), work).await.is_err());
    settle().await;
    assert_eq!((logins(&server), logouts(&server)), (1, 1));
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn cancelled_during_the_login() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(Fault::delay(Duration::from_millis(300)).on(Method::POST, "/auth/login"));
    let work = with_session(builder(&server), async |_| Ok(()));
    assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
    settle().await;
    assert_eq!((logins(&server), logouts(&server)), (1, 1));
    assert!(server.sessions().is_empty(), "no session is left at the server");
}

#[tokio::test]
async fn closing_twice_and_dropping() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let clone = session.clone();
    session.close().await.unwrap();
    session.close().await.unwrap();
    assert_eq!(clone.get("sessions").await.unwrap_err().kind(), ErrorKind::NoSession);
    assert_eq!(session.logout().await.unwrap_err().kind(), ErrorKind::NoSession);
    drop(session);
    settle().await;
    assert_eq!(logouts(&server), 1);

    drop(builder(&server).connect().await.unwrap());
    settle().await;
    assert_eq!(logouts(&server), 2);

    // logged out by hand: nothing is left to do
    let session = builder(&server).connect().await.unwrap();
    session.logout().await.unwrap();
    session.close().await.unwrap();
    assert_eq!(logouts(&server), 3);

    // detached: somebody else's duty
    let session = builder(&server).connect().await.unwrap().detach();
    settle().await;
    assert_eq!(logouts(&server), 3);
    session.logout().await.unwrap();
}

#[test]
fn dropping_outside_a_runtime_neither_panics_nor_blocks() {
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
fn the_runtime_of_a_login_may_end() {
    let server = LibraryServer::builder().start_blocking().unwrap();
    let session = builder(&server).build().unwrap();
    let stall = server.inject(Fault::stall().on(Method::POST, "/auth/login"));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let login = session.login(crate::support::auth());
        assert!(tokio::time::timeout(Duration::from_millis(50), login).await.is_err());
    });
    drop(first);
    stall.remove();
    // nobody waits for a login whose task is gone
    runtime().block_on(async {
        session.login(crate::support::auth()).await.unwrap();
        session.get("sessions").await.unwrap();
        session.logout().await.unwrap();
    });
}

#[test]
fn outside_a_runtime_calls_fail_and_do_not_panic() {
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

#[tokio::test]
async fn requests_that_start_during_a_login_use_its_token() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    server.inject(Fault::delay(Duration::from_millis(100)).on(Method::POST, "/auth/login"));
    let login = tokio::spawn(session.login(crate::support::auth()));
    assert!(server.wait_for(|journal| !journal.is_empty()).await);
    let asked = session.get("sessions").send();
    let open = session.get("status").include_auth(false).send();
    open.await.unwrap();
    assert!(!login.is_finished(), "what goes without auth does not wait");
    assert_eq!(asked.await.unwrap().status(), 200);
    login.await.unwrap().unwrap();
    // two logins at once take turns, and leave one session
    let (one, two) =
        tokio::join!(session.login(crate::support::auth()), session.login(crate::support::auth()));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(server.sessions().len(), 1);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn a_call_in_the_background_is_waited_for_by_settle() {
    let server = LibraryServer::builder().latency(Duration::from_millis(50)).start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let sent = |path: &str| server.requests(Method::GET, path).len();
    session.get("in/the/background").in_background();
    session.get("sessions").in_background();
    assert_eq!(sent("/sessions"), 0);
    settle().await;
    assert_eq!(sent("/sessions"), 1);
    assert_eq!(sent("/in/the/background"), 1);
    session.close().await.unwrap();
}

#[test]
fn a_call_in_the_background_needs_a_runtime_and_no_care() {
    let session = Session::builder("http://127.0.0.1:9/api").build().unwrap();
    session.get("x").in_background();
}
