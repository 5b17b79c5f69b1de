//! Keeping an idle session alive, and when that ends.

use std::time::Duration;

use mstr_rest_core::ErrorKind;
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
