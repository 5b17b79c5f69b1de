//! What a builder and a call can be told, as it arrives, and what they tell about themselves.

use std::time::Duration;

use crate::support::{auth, builder, logins};
use mstr_rest_core::{Body, Call, ErrorKind, Locale, Response, RetryPolicy};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};

#[tokio::test]
async fn options_of_the_login_are_members_of_its_body() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server)
        .application_type(76)
        .application_id("C2B2023642F6753A2EF159A75E0CFF29")
        .working_set(4)
        .max_search(3)
        .locale(Locale::all("de_de").display("en_us").time_zone("Europe/Berlin"))
        .user_agent("nightly/1")
        .connect()
        .await
        .unwrap();
    let login = server.requests(Method::POST, "/auth/login").pop().unwrap();
    let mut body: Value = login.json().unwrap();
    let members = body.as_object_mut().unwrap();
    assert!(members.remove("username").is_some() && members.remove("password").is_some());
    let expected = json!({
        "loginMode": 1,
        "applicationType": 76,
        "applicationId": "C2B2023642F6753A2EF159A75E0CFF29",
        "workingSet": 4,
        "maxSearch": 3,
        "metadataLocale": "de_de",
        "warehouseDataLocale": "de_de",
        "displayLocale": "en_us",
        "messagesLocale": "de_de",
        "numberLocale": "de_de",
        "timeZone": "Europe/Berlin",
    });
    assert_eq!(body, expected);
    assert_eq!(login.header("user-agent"), Some("nightly/1"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn application_type_of_one_login_counts_for_its_relogins_too() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).application_type(76).relogin(true).build().unwrap();
    let sent = || {
        let login = server.requests(Method::POST, "/auth/login").pop().unwrap();
        login.json::<Value>().unwrap()["applicationType"].clone()
    };
    session.login(auth().application_type(35)).await.unwrap();
    assert_eq!(sent(), 35);
    server.expire_all();
    session.get("sessions").await.unwrap();
    assert_eq!((logins(&server), sent()), (2, json!(35)));
    session.login(auth()).await.unwrap();
    assert_eq!(sent(), 76);
    session.logout().await.unwrap();
}

#[tokio::test]
async fn the_limit_of_a_session_covers_its_login_and_its_calls() {
    let server = LibraryServer::start().await.unwrap();
    let limited = || builder(&server).timeout(Duration::from_secs(1)).retry(RetryPolicy::none());
    server.inject(Fault::stall().on(Method::POST, "/auth/login").times(1));
    let error = limited().connect().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("1s"), "{error}");
    assert_eq!(logins(&server), 1);

    let session = limited().connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/x").times(1));
    assert!(session.get("x").await.unwrap_err().is_timeout());
    // the call's own limit counts instead
    server.inject(Fault::stall().on(Method::GET, "/x").times(1));
    let error = session.get("x").timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.to_string().contains("50ms"), "{error}");
    session.close().await.unwrap();
}

#[tokio::test]
async fn timeouts_and_redirects_of_a_call_count_instead_of_the_sessions() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/x").times(2));
    let soon = Duration::from_millis(50);
    let error = session.get("x").read_timeout(soon).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
    let error = session.get("x").timeout(soon).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("50ms"), "{error}");
    server.inject(Fault::redirect(302, "status").on(Method::GET, "/moved"));
    let reply = session.get("moved").follow_redirects(false).await.unwrap();
    assert_eq!(reply.status(), 302);
    assert_eq!(reply.headers()["location"], "status");
    assert_eq!(session.get("moved").await.unwrap().status(), 200);
    session.close().await.unwrap();
}

#[tokio::test]
async fn redirects_may_be_fewer() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_redirects(2).connect().await.unwrap();
    server.inject(Fault::redirect(302, "loop").on(Method::GET, "/loop"));
    let error = session.get("loop").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.count(Method::GET, "/loop"), 3);
    session.close().await.unwrap();
}

#[tokio::test]
async fn mistakes_of_a_builder_are_told_when_it_builds() {
    let server = LibraryServer::start().await.unwrap();
    for (mistake, what) in [
        (builder(&server).max_in_flight(0), "max_in_flight"),
        (builder(&server).default_header("bad name", "v"), "default header"),
    ] {
        let error = mistake.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn every_method_arrives_as_what_it_is() {
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
async fn a_call_tells_what_it_will_send_and_can_be_sent_twice() {
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
async fn a_project_by_name_and_by_id_at_once_is_a_mistake() {
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

#[tokio::test]
async fn replies_tell_where_they_come_from_and_debug_no_values() {
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

#[tokio::test]
async fn a_call_may_require_a_session() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let error = session.get("sessions").require_session().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::NoSession, 0));
    assert!(server.journal().is_empty());
    let error = session.get("sessions").await.unwrap_err();
    assert!(error.is_session_expired(), "raw calls go out without a token");
}
