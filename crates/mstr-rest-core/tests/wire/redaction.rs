//! Secrets in replies, errors and `Debug`.

use mstr_rest_core::{Auth, Body};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};

use crate::support::{auth, builder};

#[tokio::test]
async fn secrets_of_replies_are_not_shown_by_debug() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let reply = session.login(auth()).await.unwrap();
    let token = reply.headers()["x-mstr-authtoken"].to_str().unwrap().to_owned();
    assert!(!format!("{:?} {reply:?}", reply.headers()).contains(&token));
    let identity = session.post("auth/identityToken").decode_with(|reply| {
        let token = reply.headers()["x-mstr-identitytoken"].to_str().unwrap();
        Ok(mstr_rest_core::SecretString::from(token))
    });
    let identity = identity.await.unwrap();
    assert!(!identity.expose_secret().is_empty());
}

#[tokio::test]
async fn password_is_redacted_in_texts_of_the_server_only() {
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

#[tokio::test]
async fn debug_of_calls_and_replies_shows_no_values() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let reply = Reply::json(200, &json!({"secret": "hunter2"}));
    server.inject(Fault::reply(reply).on(Method::GET, "/x"));
    let call = || session.get("x").query("key", "hunter2");
    let response = call().await.unwrap();
    assert!(response.url().as_str().ends_with("/api/x?key=hunter2"), "as it was sent");
    let shown = format!("{response:?}");
    let value: Value = response.json().unwrap();
    assert_eq!(value["secret"], "hunter2");
    let (length, debug) = call()
        .decode_with(|reply| {
            assert!(reply.url().as_str().contains("key=hunter2"));
            Ok((reply.bytes().len(), format!("{reply:?}")))
        })
        .await
        .unwrap();
    assert_eq!(length, r#"{"secret":"hunter2"}"#.len());
    let body = call().body("hunter2");
    let future = session.get("x").query("key", "hunter2").send();
    for shown in [shown, debug, format!("{body:?}"), format!("{future:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let nothing = futures_util::stream::empty::<Result<_, std::io::Error>>;
    let streamed = [Body::stream(nothing()), Body::stream_fn(nothing)];
    let shown: Vec<_> = streamed.iter().map(|body| format!("{body:?}")).collect();
    assert_eq!(shown, ["Body(stream, once)", "Body(stream, repeatable)"]);
    session.close().await.unwrap();
}
