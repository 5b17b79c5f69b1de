//! A call: its methods, what it says about itself, and sending it twice.

use mstr_rest_core::{Call, ErrorKind, Response};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::json;

use crate::support::builder;

#[tokio::test]
async fn every_method_is_sent_unchanged() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] {
        let method = method.parse().unwrap();
        server.inject(Fault::reply(Reply::new(204)).on(method, "/x"));
    }
    let calls: [(Call<Response>, &str); 8] = [
        (session.get("x"), "GET"),
        (session.head("x"), "HEAD"),
        (session.options("x"), "OPTIONS"),
        (session.post("x"), "POST"),
        (session.put("x"), "PUT"),
        (session.patch("x"), "PATCH"),
        (session.delete("x"), "DELETE"),
        (session.request("PATCH", "x"), "PATCH"),
    ];
    for (call, method) in calls {
        assert_eq!(call.method().as_str(), method);
        assert_eq!(call.await.unwrap().status(), 204, "{method}");
        assert_eq!(server.journal().last().unwrap().method().as_str(), method);
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn call_can_be_inspected_and_sent_twice() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let call = session
        .get("users?a=1#not-sent")
        .segment("né/x")
        .query("nameBegins", "S & s")
        .header("X-Own", "1")
        .project_id("B7CA92F04B9FAE8D941C3E9B7E0CD754");
    let path = "/MicroStrategyLibrary/api/users/n%C3%A9%2Fx?a=1&nameBegins=S+%26+s";
    let url = call.url().unwrap();
    assert_eq!(url.as_str().strip_prefix(&url.origin().ascii_serialization()), Some(path));
    assert_eq!(call.method(), Method::GET);
    assert_eq!(call.headers().len(), 1);
    assert!(call.session().has_session());
    let curl = call.curl();
    assert!(curl.contains("X-MSTR-ProjectID: B7CA92F04B9FAE8D941C3E9B7E0CD754"), "{curl}");
    assert!(session.get("x").project("Sales").curl().contains("X-MSTR-ProjectID: ***"));

    server.inject(Fault::reply(Reply::json(200, &json!([1, 2]))).on(Method::GET, "/users/**"));
    let sum = call.decode::<Vec<u32>>().map(|numbers| Ok(numbers.iter().sum::<u32>()));
    let again = sum.clone();
    assert_eq!((sum.await.unwrap(), again.await.unwrap()), (3, 3));
    let sent = server.journal().pop().unwrap();
    assert_eq!(sent.query_value("nameBegins").as_deref(), Some("S & s"));
    assert_eq!(sent.header("x-mstr-projectid"), Some("B7CA92F04B9FAE8D941C3E9B7E0CD754"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn call_that_requires_a_session_is_not_sent_without_one() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let error = session.get("sessions").require_session().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NoSession, 0));
    assert!(server.journal().is_empty());
    let error = session.get("sessions").await.unwrap_err();
    assert!(error.is_session_expired(), "raw calls go out without a token");
}
