//! The session itself, its projects and its tokens, by typed endpoints of the simulated server.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::time::Duration;

use mstr_rest_api::{
    ApiTokens, ApiTokensExt, IdentityTokens, IdentityTokensExt, Projects, ProjectsExt, Server,
    ServerExt, SessionsExt,
};
use mstr_rest_core::{Auth, Call, ErrorKind, Session};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};

async fn login(server: &LibraryServer) -> Session {
    let auth = Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD);
    let session = Session::builder(server.base_url()).environment_proxies(false).build().unwrap();
    session.login(auth).await.unwrap();
    session
}

#[test]
fn handlers_are_owned_and_shared() {
    fn shared<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    fn moved<T: Send + 'static>(_: T) {}
    shared::<Projects>();
    shared::<IdentityTokens>();
    shared::<ApiTokens>();
    shared::<Server>();
    shared::<Call<mstr_rest_api::SessionInfo>>();
    let session = Session::builder("https://h/api").build().unwrap();
    moved(session.projects().load());
    moved(session.projects().resolve("x"));
    moved(session.projects().list().send());
    // a handler may outlive what it was made from
    let handler = {
        let short = session.clone();
        short.projects()
    };
    assert_eq!(handler.list().url().unwrap().path(), "/api/projects");
}

#[tokio::test]
async fn the_session_itself() {
    let server = LibraryServer::builder()
        .idle_timeout(Duration::from_secs(600))
        .user(DEFAULT_USER, DEFAULT_PASSWORD)
        .user_profile(DEFAULT_USER, "54F3D26011D2896560009A8E67019608", "Administrator")
        .start()
        .await
        .unwrap();
    let session = login(&server).await;
    assert_eq!(session.session_info().await.unwrap().timeout, Some(Duration::from_secs(600)));
    let user = session.user_info().await.unwrap();
    assert_eq!(user.id, "54F3D26011D2896560009A8E67019608");
    assert_eq!((user.full_name.as_str(), user.metadata_user), ("Administrator", Some(true)));
    let raw: Value = session.user_info().decode().await.unwrap();
    assert_eq!(raw["fullName"], "Administrator");
    // extending resets the idle clock
    server.advance(Duration::from_secs(500));
    session.extend_session().await.unwrap();
    server.advance(Duration::from_secs(500));
    assert!(session.session_info().await.is_ok());
    server.advance(Duration::from_secs(601));
    assert!(session.extend_session().await.unwrap_err().is_session_expired());
}

#[tokio::test]
async fn nothing_is_sent_without_a_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = Session::builder(server.base_url()).environment_proxies(false).build().unwrap();
    let errors = [
        session.extend_session().await.unwrap_err(),
        session.session_info().await.unwrap_err(),
        session.user_info().await.unwrap_err(),
        session.projects().list().await.unwrap_err(),
        session.projects().load().await.unwrap_err(),
        session.projects().resolve("Sales").await.unwrap_err(),
        session.identity_tokens().create().await.unwrap_err(),
        session.api_tokens().create().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NoSession);
        assert_eq!((error.code(), error.status()), (None, None));
    }
    assert!(server.journal().is_empty());
    // the state of the server needs none, and never carries one
    let status = session.server().status().await.unwrap();
    assert!(status.iserver_version.is_some() && status.up_since.is_some());
    session.login(Auth::anonymous()).await.unwrap();
    session.in_project("Sales").server().status().await.unwrap();
    for request in server.requests(Method::GET, "/status") {
        assert!(request.token().is_none() && request.header("cookie").is_none());
    }
}

#[tokio::test]
async fn projects_by_name_and_id() {
    let server = LibraryServer::builder()
        .project(mstr_sim::Project::new("Tutorial").id("B7CA92F04B9FAE8D941C3E9B7E0CD754"))
        .project(mstr_sim::Project::new("Dup").id("00000000000000000000000000000001"))
        .project(mstr_sim::Project::new("Dup").id("00000000000000000000000000000002"))
        .start()
        .await
        .unwrap();
    let session = login(&server).await;
    let projects = session.projects();
    assert_eq!(projects.id_of("Tutorial").unwrap_err().kind(), ErrorKind::NotLoaded);
    assert_eq!(projects.name_of("x").unwrap_err().kind(), ErrorKind::NotLoaded);
    assert_eq!(server.count(Method::GET, "/projects"), 0);
    assert_eq!(projects.load().await.unwrap(), 3);
    let id = "B7CA92F04B9FAE8D941C3E9B7E0CD754";
    assert_eq!(projects.id_of("Tutorial").unwrap().as_deref(), Some(id));
    assert_eq!(projects.id_of("tutorial").unwrap(), None, "names are case-sensitive");
    assert_eq!(projects.name_of(id).unwrap().as_deref(), Some("Tutorial"));
    assert_eq!(projects.resolve("Tutorial").await.unwrap(), id);
    assert_eq!(projects.id_of(id).unwrap().as_deref(), Some(id));
    let unlisted = "00000000000000000000000000000003";
    assert_eq!(projects.id_of(unlisted).unwrap(), None);
    assert_eq!(projects.resolve(unlisted).await.unwrap(), unlisted, "an id is taken as it is");
    assert_eq!(server.count(Method::GET, "/projects"), 1);
    let twice = projects.resolve("Dup").await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::InvalidRequest);
    assert!(twice.to_string().contains("00000000000000000000000000000002"), "{twice}");
    let nope = projects.resolve("Nope").await.unwrap_err();
    assert_eq!(nope.kind(), ErrorKind::ResourceNotFound);
    assert_eq!(server.count(Method::GET, "/projects"), 2, "an unknown name is asked for anew");
    let listed = projects.list().await.unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].status), ("Tutorial", Some(0)));
}

#[tokio::test]
async fn tokens() {
    let server = LibraryServer::start().await.unwrap();
    let session = login(&server).await;
    let identity = session.identity_tokens().create().await.unwrap();
    session.identity_tokens().validate(&identity).await.unwrap();
    assert!(session.identity_tokens().validate(&"wrong".into()).await.is_err());
    let call = session.identity_tokens().validate(&identity);
    assert!(!format!("{:?} {}", call.headers(), call.curl()).contains(identity.expose_secret()));
    let other = Session::builder(server.base_url()).environment_proxies(false).build().unwrap();
    other.delegate(identity).await.unwrap();
    assert!(other.user_info().await.is_ok());

    let key = session.api_tokens().create().await.unwrap();
    other.login(Auth::api_key(key)).await.unwrap();
    assert!(other.user_info().await.is_ok());

    // success without a token is an error that carries the status
    let empty = Fault::reply(Reply::new(201));
    server.inject(empty.on(Method::POST, "/auth/identityToken").times(1));
    let error = session.identity_tokens().create().await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Api, 201));
    assert_eq!((error.code(), error.attempts()), (None, 1));
    let empty = Fault::reply(Reply::json(200, &json!({})));
    server.inject(empty.on(Method::POST, "/auth/apiTokens").times(1));
    let error = session.api_tokens().create_for("7FC0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    let sent = server.requests(Method::POST, "/auth/apiTokens").pop().unwrap();
    assert_eq!(sent.json::<Value>().unwrap(), json!({"userId": "7FC0"}));
}

#[tokio::test]
async fn models_take_what_servers_send() {
    let server = LibraryServer::start().await.unwrap();
    let session = login(&server).await;
    let reply = |value: &Value| Fault::reply(Reply::json(200, value));
    let projects = json!([{"id": "A", "name": "N", "status": "5", "new": [1]}, {}]);
    server.inject(reply(&projects).on(Method::GET, "/projects").times(1));
    let listed = session.projects().list().await.unwrap();
    assert_eq!((listed[0].status, listed[1].id.as_str()), (Some(5), ""));
    let info = json!({"timeout": "1200", "workingSet": null, "maxSearch": {}});
    server.inject(reply(&info).on(Method::GET, "/sessions").times(1));
    let info = session.session_info().await.unwrap();
    assert_eq!(info.timeout, Some(Duration::from_secs(1200)));
    // another shape altogether is an error that says where
    server.inject(reply(&json!({"a": 1})).on(Method::GET, "/projects").times(1));
    let error = session.projects().list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    // an error page is never a result
    server.inject(Fault::html(502).on(Method::PUT, "/sessions").times(1));
    let error = session.extend_session().await.unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Http, 502));
}
