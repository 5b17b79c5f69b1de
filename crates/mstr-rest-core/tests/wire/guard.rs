//! Guards and scopes: the session is logged out whatever happens.

use mstr_rest_core::{Auth, Error, ErrorKind, settle, try_with_session, with_session};
use mstr_sim::{Fault, LibraryServer, Method};

use crate::support::{Gate, auth, builder, logins, logouts, received};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scope_logs_out_after_ok_err_and_panic() {
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
async fn failed_logout_does_not_replace_the_result_of_the_scope() {
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
async fn scope_that_is_cancelled_logs_out() {
    let server = LibraryServer::start().await.unwrap();
    let began = tokio::sync::Notify::new();
    let work = with_session(builder(&server), async |_| {
        began.notify_one();
        std::future::pending::<()>().await;
        Ok(())
    });
    tokio::select! {
        _ = work => panic!("it never ends"),
        () = began.notified() => {}
    }
    settle().await;
    assert_eq!((logins(&server), logouts(&server)), (1, 1));
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn scope_that_is_cancelled_during_its_login_logs_out() {
    let server = LibraryServer::start().await.unwrap();
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::POST, "/auth/login"));
    tokio::select! {
        _ = with_session(builder(&server), async |_| Ok(())) => panic!("the reply is held back"),
        () = received(&server, Method::POST, "/auth/login", 1) => {}
    }
    reply.open();
    settle().await;
    assert_eq!((logins(&server), logouts(&server)), (1, 1));
    assert!(server.sessions().is_empty(), "no session is left at the server");
}

#[tokio::test]
async fn guard_logs_out_exactly_once() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let clone = session.clone();
    session.close().await.unwrap();
    session.close().await.unwrap();
    assert_eq!(clone.get("sessions").await.unwrap_err().kind(), ErrorKind::NoSession);
    // of a guard it is the same as `close`; of the session, an error
    session.logout().await.unwrap();
    assert_eq!(clone.logout().await.unwrap_err().kind(), ErrorKind::NoSession);
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

#[tokio::test]
async fn guard_logs_out_a_login_made_on_it() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    session.login(auth()).await.unwrap();
    assert_eq!((logins(&server), logouts(&server), server.sessions().len()), (2, 1, 1));
    session.logout().await.unwrap();
    assert_eq!((logouts(&server), server.sessions().len()), (2, 0));
    assert_eq!(session.get("sessions").await.unwrap_err().kind(), ErrorKind::NoSession);
    drop(session);
    settle().await;
    assert_eq!(logouts(&server), 2);
}
