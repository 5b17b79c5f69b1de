//! Projects by name and by id.

use std::time::Duration;

use mstr_rest_core::ErrorKind;
use mstr_sim::{Fault, LibraryServer, Method, Reply};

use crate::support::{auth, builder};

#[tokio::test]
async fn project_names_are_loaded_once_for_many_requests() {
    let server = LibraryServer::builder().latency(Duration::from_millis(20)).start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(session.get("sessions").project("MicroStrategy Tutorial").send()))
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.count(Method::GET, "/projects"), 1);
    assert!(server.requests(Method::GET, "/projects")[0].project_id().is_none());
    let id = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    let sent = server.requests(Method::GET, "/sessions");
    assert!(sent.iter().all(|request| request.project_id() == Some(id)));
    // an unknown name is asked for anew, and the call itself is not sent
    let error = session.get("sessions").project("Nope").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    assert!(error.to_string().contains("'Nope'"));
    assert_eq!(server.count(Method::GET, "/projects"), 2);
    assert_eq!(server.count(Method::GET, "/sessions"), 5);
    // a default project, by name, by id, and none
    let tutorial = session.in_project("MicroStrategy Tutorial");
    tutorial.get("status").await.unwrap();
    tutorial.get("status").project_id("P9").await.unwrap();
    tutorial.get("status").without_project().await.unwrap();
    let sent: Vec<_> = server
        .requests(Method::GET, "/status")
        .iter()
        .map(|request| request.project_id().map(str::to_owned))
        .collect();
    assert_eq!(sent, [Some(id.to_owned()), Some("P9".to_owned()), None]);
    // both is a mistake of the caller
    let error = session.get("status").project("a").project_id("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    session.close().await.unwrap();
}

#[tokio::test]
async fn failed_load_of_project_names_is_shared_and_needs_a_session() {
    let server = LibraryServer::builder().latency(Duration::from_millis(20)).start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let call = session.get("status").project("MicroStrategy Tutorial").include_auth(false);
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::NoSession);
    assert!(server.journal().is_empty());
    session.login(auth()).await.unwrap();
    server.inject(Fault::html(502).on(Method::GET, "/projects").times(1));
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(session.get("sessions").project("MicroStrategy Tutorial").send()))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind(), ErrorKind::Http);
    }
    assert_eq!(server.count(Method::GET, "/projects"), 1);
    assert!(session.get("sessions").project("MicroStrategy Tutorial").await.is_ok());
}

#[tokio::test]
async fn project_by_name_and_by_id_at_once_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.clear_journal();
    for call in [
        session.get("x").project("Sales").project_id("B7CA92F04B9FAE8D941C3E9B7E0CD754"),
        session.get("x").project_id("B7CA92F04B9FAE8D941C3E9B7E0CD754").project("Sales"),
    ] {
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
    assert!(server.journal().is_empty());
    session.close().await.unwrap();
}

#[tokio::test]
async fn project_id_needs_no_lookup() {
    const ID: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    assert_eq!(session.resolve_project(ID).await.unwrap(), ID);
    server.inject(Fault::reply(Reply::new(204)).on(Method::GET, "/x"));
    for call in [session.get("x").project(ID), session.in_project(ID).get("x")] {
        call.await.unwrap();
        let sent = server.journal().pop().unwrap();
        assert_eq!(sent.header("x-mstr-projectid"), Some(ID));
    }
    assert_eq!(server.count(Method::GET, "/projects"), 0);
    session.close().await.unwrap();
}
