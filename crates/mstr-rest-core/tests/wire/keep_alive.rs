//! Keeping an idle session alive, and when that ends.

use std::time::Duration;

use mstr_rest_core::{Auth, ErrorKind};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};

use crate::support::{auth, builder, logins};

const INTERVAL: Duration = Duration::from_millis(30);

fn extended(journal: &[RecordedRequest]) -> usize {
    journal.iter().filter(|request| request.method() == Method::PUT).count()
}

#[tokio::test]
async fn keep_alive_by_idle_time() {
    let server = LibraryServer::start().await.unwrap();
    let error = builder(&server).keep_alive(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    // a failure is no reason to stop
    server.inject(Fault::html(502).on(Method::PUT, "/sessions").times(1));
    assert!(server.wait_for(|journal| extended(journal) >= 3).await);
    session.close().await.unwrap();
    let last = server.journal().pop().unwrap();
    assert_eq!(last.endpoint(), "/auth/logout");
    tokio::time::sleep(INTERVAL * 3).await;
    assert_eq!(server.journal().pop().unwrap().endpoint(), "/auth/logout", "it has ended");

    // an expiry that nothing renews ends it; with re-login it renews
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    server.expire_all();
    let refused = |journal: &[RecordedRequest]| {
        let puts = journal.iter().filter(|request| request.method() == Method::PUT);
        puts.filter(|put| put.status().is_some_and(|status| status == 401)).count()
    };
    assert!(server.wait_for(|journal| refused(journal) > 0).await);
    tokio::time::sleep(INTERVAL * 3).await;
    assert_eq!(refused(&server.journal()), 1);
    session.close().await.unwrap();
    let renewing = builder(&server).keep_alive(INTERVAL).relogin(true);
    let session = renewing.connect().await.unwrap();
    let before = logins(&server);
    server.expire_all();
    assert!(
        server
            .wait_for(
                |journal| journal.iter().filter(|r| r.endpoint() == "/auth/login").count() > before
            )
            .await
    );
    session.close().await.unwrap();
    assert!(server.sessions().is_empty());
}

#[tokio::test]
async fn a_login_while_the_one_before_is_found_expired_is_kept_alive_too() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).keep_alive(INTERVAL).connect().await.unwrap();
    let late = |_: &RecordedRequest| Reply::session_expired().delayed(INTERVAL * 10);
    server.inject(Fault::respond(late).on(Method::PUT, "/sessions").times(1));
    assert!(server.wait_for(|journal| extended(journal) == 1).await);
    session.login(auth()).await.unwrap();
    assert!(server.wait_for(|journal| extended(journal) >= 3).await);
    // a logout ends it, and the next login begins it anew
    session.logout().await.unwrap();
    let before = extended(&server.journal());
    tokio::time::sleep(INTERVAL * 3).await;
    assert_eq!(extended(&server.journal()), before);
    session.login(auth()).await.unwrap();
    assert!(server.wait_for(|journal| extended(journal) > before).await);
    session.close().await.unwrap();
}

#[tokio::test]
async fn an_adopted_session_that_expired_is_not_extended_for_ever() {
    let server = LibraryServer::start().await.unwrap();
    let owner = builder(&server).connect().await.unwrap();
    let token = owner.save().token.unwrap();
    server.expire_all();
    let auth = Auth::existing(token, ());
    let build = builder(&server).auth(auth).relogin(true).keep_alive(INTERVAL / 3);
    let session = build.connect().await.unwrap();
    assert!(server.wait_for(|journal| extended(journal) == 1).await);
    // the task has ended: a login starts another one, which alone extends the session
    session.login(crate::support::auth()).await.unwrap();
    assert!(server.wait_for(|journal| extended(journal) >= 3).await);
    let refused = |request: &&RecordedRequest| request.status().is_some_and(|s| s == 401);
    let puts = server.requests(Method::PUT, "/sessions");
    assert_eq!(puts.iter().filter(refused).count(), 1);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn keep_alive_needs_no_slot() {
    let server = LibraryServer::start().await.unwrap();
    let build = builder(&server).max_in_flight(1).keep_alive(INTERVAL);
    let session = build.connect().await.unwrap();
    // a consumer that takes its time
    let held = session.get("sessions").stream().await.unwrap();
    assert!(server.wait_for(|journal| extended(journal) >= 2).await);
    drop(held);
    session.close().await.unwrap();
}
