//! Errors: broken replies, connections that fail, calls that are not valid.

use std::time::Duration;

use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};

use crate::support::builder;

#[tokio::test]
async fn every_broken_reply_has_its_kind() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let text = |content_type: &str, body: &str| {
        Fault::reply(Reply::new(200).with_body(content_type, body.as_bytes().to_vec()))
    };
    let failed = |status: u16, body: Vec<u8>| {
        Fault::reply(Reply::new(status).with_body("application/json", body))
    };
    for (name, fault, kind, status) in [
        ("reset", Fault::reset(), ErrorKind::Transport, None),
        ("stall before the head", Fault::stall(), ErrorKind::Timeout, None),
        (
            "stall in the body",
            Fault::reply(Reply::json(200, &json!([1, 2, 3])).stall_at(3)),
            ErrorKind::Timeout,
            None,
        ),
        (
            "truncated body",
            Fault::reply(Reply::json(200, &json!([1, 2, 3])).cut_at(3)),
            ErrorKind::Transport,
            None,
        ),
        ("proxy page", Fault::html(502), ErrorKind::Http, Some(502)),
        ("page instead of JSON", text("text/html", "<html>"), ErrorKind::Decode, Some(200)),
        ("invalid JSON", text("application/json", "{"), ErrorKind::Decode, Some(200)),
        ("no body", Fault::reply(Reply::new(204)), ErrorKind::Decode, Some(204)),
        ("wrong content type", failed(404, b"nothing".to_vec()), ErrorKind::Http, Some(404)),
        ("a list", failed(500, b"[1]".to_vec()), ErrorKind::Unknown, Some(500)),
        ("deep JSON", failed(500, vec![b'['; 100_000]), ErrorKind::Http, Some(500)),
        ("invalid UTF-8", failed(500, vec![0xff, 0xfe]), ErrorKind::Http, Some(500)),
        ("longer than the bound", failed(500, vec![b' '; 3 << 20]), ErrorKind::Http, Some(500)),
        (
            "error, then a cut",
            Fault::reply(Reply::error(404, "ERR004", "gone").cut_at(5)),
            ErrorKind::Http,
            Some(404),
        ),
        ("expired", Fault::reply(Reply::session_expired()), ErrorKind::SessionExpired, Some(401)),
    ] {
        let armed = server.inject(fault.on(Method::GET, "/x").times(1));
        let mut call = session.get("x");
        if kind == ErrorKind::Timeout {
            call = call.read_timeout(Duration::from_millis(100));
        }
        let error = call.decode::<Value>().await.unwrap_err();
        armed.remove();
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert_eq!(error.status().map(|status| status.as_u16()), status, "{name}");
        assert_eq!(error.attempts(), 1, "{name}");
    }
    assert!(session.get("sessions").await.is_ok(), "the session survives all of them");
    session.close().await.unwrap();
}

#[derive(Debug, serde::Deserialize)]
struct Item {
    #[allow(dead_code)]
    id: String,
}

#[tokio::test]
async fn decode_errors_name_the_member_and_contain_no_value() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let reply = Reply::json(200, &json!([{"id": "a"}, {"id": ["canary"]}]));
    server.inject(Fault::reply(reply).on(Method::GET, "/x"));
    let error = session.get("x").decode::<Vec<Item>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("`[1].id`"), "{error}");
    assert!(!format!("{error:?}").contains("canary"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn raw_calls_and_return_http_errors_return_the_reply() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let reply = session.get("nothing").raw().await.unwrap();
    assert_eq!(reply.status(), 404);
    assert!(reply.text().contains("ERR004"));
    session.close().await.unwrap();

    let session = builder(&server).return_http_errors(true).connect().await.unwrap();
    server.inject(Fault::html(502).on(Method::GET, "/x"));
    assert_eq!(session.get("x").await.unwrap().status(), 502);
    let streamed = session.get("x").stream().await.unwrap();
    assert_eq!(streamed.status(), 502);
    assert!(streamed.read().await.unwrap().text().contains("gateway"));
    let typed = session.get("x").decode::<Value>().await.unwrap_err();
    assert_eq!((typed.kind(), typed.status().unwrap().as_u16()), (ErrorKind::Http, 502));
    assert_eq!(session.get("nothing").await.unwrap_err().code(), Some("ERR004"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn failed_connection_names_the_server_and_no_query() {
    // a port that nobody listens on: it was given to a listener that is gone
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let session = Session::builder(format!("http://127.0.0.1:{gone}/api"))
        .environment_proxies(false)
        .build()
        .unwrap();
    let error = session.get("x").query("sig", "canary").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_connect() && error.is_transient());
    assert!(error.to_string().contains(&format!("http://127.0.0.1:{gone}")), "{error}");
    let session = Session::builder("http://no-such-host.invalid/api")
        .environment_proxies(false)
        .build()
        .unwrap();
    let error = session.get("x").query("sig", "canary").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    let mut chain = format!("{error} {error:?}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    assert!(!chain.contains("canary"), "{chain}");
}

#[tokio::test]
async fn invalid_call_is_an_error_and_nothing_is_sent() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    server.clear_journal();
    for call in [
        session.get("x").header("bad name", "v"),
        session.get("x").header("a", "line\nbreak"),
        session.get("x").project_id("\u{0}"),
        session.get("x").json(&std::collections::BTreeMap::from([(vec![1u8], 1)])),
        session.get("x").segment(".."),
        session.get("../admin"),
        session.get("//evil.example/x"),
        session.request("bad method", "x"),
        session.get("https://user:pw@h.example/x"),
    ] {
        let shown = format!("{call:?}");
        let error = call.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{shown}: {error}");
        assert_eq!(error.attempts(), 0);
    }
    assert!(server.journal().is_empty());
    session.close().await.unwrap();
}

#[tokio::test]
async fn reply_longer_than_max_response_bytes_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).max_response_bytes(10).connect().await.unwrap();
    let error = session.get("sessions").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("longer than the limit of 10 bytes"), "{error}");
    assert!(session.get("sessions").max_response_bytes(1 << 20).await.is_ok());
    assert!(session.get("sessions").stream().await.unwrap().read().await.is_ok());
    let error = session.get("sessions").decode::<Value>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    session.close().await.unwrap();
}
