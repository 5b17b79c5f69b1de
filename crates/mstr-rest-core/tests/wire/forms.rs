//! Forms as request bodies: urlencoded and multipart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use mstr_rest_core::{Body, Call, ErrorKind, Multipart, Part, Response, RetryPolicy, Session};
use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};
use serde::Serialize;

use crate::support::{builder, logins};

/// A server that takes any form at `POST /form`.
async fn server() -> LibraryServer {
    let server = LibraryServer::builder().route(Method::POST, "/form", |_| Reply::new(204));
    server.start().await.unwrap()
}

fn arrived(server: &LibraryServer) -> RecordedRequest {
    server.requests(Method::POST, "/form").pop().unwrap()
}

/// The parts of a body: the head of each, and its content. Knows nothing of what wrote it: a
/// delimiter is a line that begins with two hyphens and the boundary (RFC 2046).
fn parts(request: &RecordedRequest) -> Vec<(String, Vec<u8>)> {
    let content_type = request.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(boundary.len() >= 30 && boundary.len() <= 70, "{boundary}");
    assert!(boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{boundary}");
    let body: &[u8] = request.body();
    let delimiter = format!("--{boundary}");
    let mut rest = body.strip_prefix(delimiter.as_bytes()).unwrap();
    let mut parts = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let (head, part) = split(part, b"\r\n\r\n");
        let (content, next) = split(part, format!("\r\n{delimiter}").as_bytes());
        parts.push((String::from_utf8(head.to_vec()).unwrap(), content.to_vec()));
        rest = next;
    }
    assert_eq!(rest, b"--\r\n", "the closing delimiter, and nothing behind it");
    parts
}

fn split<'a>(text: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let found = text.windows(at.len()).position(|window| window == at).unwrap();
    (&text[..found], &text[found + at.len()..])
}

#[tokio::test]
async fn form_accepts_pairs_maps_and_structs() {
    #[derive(Serialize)]
    struct Search<'a> {
        name: &'a str,
        limit: u32,
        pattern: Option<u8>,
        exact: bool,
    }
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let search = Search { name: "Umsätze & 50 %+", limit: 5, pattern: None, exact: true };
    let map = BTreeMap::from([("b", "2"), ("a", "1")]);
    let call = || session.post("form");
    for (call, body) in [
        (call().form(&[("a", "1"), ("a", "x y")]), "a=1&a=x+y"),
        (call().form(&map), "a=1&b=2"),
        (call().form(&search), "name=Ums%C3%A4tze+%26+50+%25%2B&limit=5&exact=true"),
        (call().form(&[("a", "\r\n\"=&")]), "a=%0D%0A%22%3D%26"),
    ] {
        assert_eq!(call.await.unwrap().status(), 204);
        let request = arrived(&server);
        assert_eq!(request.body(), body);
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(request.header("content-length"), Some(&*body.len().to_string()));
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn form_of_a_nested_value_fails_when_it_is_sent() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let error = session.post("form").form(&[("a", vec!["hunter2"])]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("form"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
    assert_eq!(server.count(Method::POST, "/form"), 0);
    session.close().await.unwrap();
}

#[tokio::test]
async fn multipart_arrives_part_by_part() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let content: Vec<u8> = (0..=255).chain(*b"\r\n--\r\n").collect();
    let form = Multipart::new()
        .text("title", "Umsätze\n2024")
        .text("limit", 5)
        .part("file", Part::new(content.clone()).file_name("a b.csv").content_type("text/csv"))
        .part("raw", Part::new(Bytes::new()).file_name("empty"))
        .part("json", Part::new("{}").content_type("application/json"));
    let call = session.post("form").multipart(form);
    let shown = format!("{call:?} {}", call.curl());
    assert!(!shown.contains("2024") && !shown.contains("a b.csv"), "{shown}");
    call.await.unwrap();

    let request = arrived(&server);
    let head = |rest: &str| format!("Content-Disposition: form-data; {rest}");
    let expected = [
        (head("name=\"title\""), "Umsätze\n2024".as_bytes().to_vec()),
        (head("name=\"limit\""), b"5".to_vec()),
        (head("name=\"file\"; filename=\"a b.csv\"\r\nContent-Type: text/csv"), content),
        (
            head("name=\"raw\"; filename=\"empty\"\r\nContent-Type: application/octet-stream"),
            Vec::new(),
        ),
        (head("name=\"json\"\r\nContent-Type: application/json"), b"{}".to_vec()),
    ];
    assert_eq!(parts(&request), expected);
    assert_eq!(request.header("content-length"), Some(&*request.body().len().to_string()));
    session.close().await.unwrap();
}

#[tokio::test]
async fn multipart_escapes_names_as_browsers_do() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let part = Part::new("x").file_name("né\"w\r\nX-Evil: 1\\.csv%22").content_type("text/plain");
    session.post("form").multipart(Multipart::new().part("\"a\";\r\n名", part)).await.unwrap();
    let expected = "Content-Disposition: form-data; name=\"%22a%22;%0D%0A名\"; \
                    filename=\"né%22w%0D%0AX-Evil: 1\\.csv%22\"\r\nContent-Type: text/plain";
    assert_eq!(parts(&arrived(&server)), [(expected.to_owned(), b"x".to_vec())]);
    session.close().await.unwrap();
}

#[tokio::test]
async fn multipart_with_an_invalid_content_type_fails_when_it_is_sent() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    for bad in ["text/plain\r\nX-Evil: 1", "", "text/\u{7f}"] {
        let form = Multipart::new().part("a", Part::new("hunter2").content_type(bad));
        let error = session.post("form").multipart(form).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("content type"), "{error}");
    }
    assert_eq!(server.count(Method::POST, "/form"), 0);
    // a form without parts is one
    session.post("form").multipart(Multipart::new()).await.unwrap();
    let request = arrived(&server);
    let boundary = request.header("content-type").unwrap().split('=').nth(1).unwrap();
    assert_eq!(request.body(), format!("--{boundary}--\r\n").as_bytes());
    session.close().await.unwrap();
}

#[tokio::test]
async fn every_multipart_body_has_its_own_boundary() {
    let server = server().await;
    let session = builder(&server).build().unwrap();
    let boundary = || {
        let call = session.post("form").multipart(Multipart::new());
        call.headers()["content-type"].to_str().unwrap().to_owned()
    };
    assert_ne!(boundary(), boundary());
}

/// A file of 300 kB in pieces, and how often it was opened.
fn file(opened: &Arc<AtomicUsize>) -> Body {
    let opened = Arc::clone(opened);
    Body::stream_fn(move || {
        opened.fetch_add(1, Ordering::SeqCst);
        stream::iter((0..300).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]))))
    })
}

#[tokio::test]
async fn content_length_is_sent_when_all_parts_have_one() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let opened = Arc::default();
    let send = async |part: Part| {
        let form = Multipart::new().text("a", "b").part("file", part.file_name("f"));
        session.post("form").multipart(form).await.unwrap();
        let request = arrived(&server);
        assert_eq!(parts(&request)[1].1.len(), 300_000);
        let said = request.header("content-length").map(str::to_owned);
        (said, request.body().len().to_string())
    };
    let (said, length) = send(Part::new(vec![b'x'; 300_000])).await;
    assert_eq!(said, Some(length));
    let (said, length) = send(Part::new(file(&opened).with_length(300_000))).await;
    assert_eq!(said, Some(length));
    assert_eq!(send(Part::new(file(&opened))).await.0, None);
    assert_eq!(opened.load(Ordering::SeqCst), 2);

    // a stream alone can say its length as well
    session.post("form").body(file(&opened).with_length(300_000)).await.unwrap();
    assert_eq!(arrived(&server).header("content-length"), Some("300000"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn stream_of_the_wrong_length_makes_the_request_fail() {
    let server = server().await;
    let session = builder(&server).connect().await.unwrap();
    let opened = Arc::default();
    for length in [299_999, 300_001] {
        let part = Part::new(file(&opened).with_length(length));
        let form = Multipart::new().part("file", part).text("a", "b");
        let error = session.post("form").multipart(form).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        assert!(format!("{error:?}").contains("length"), "{error:?}");
    }
    session.close().await.unwrap();
}

#[tokio::test]
async fn multipart_is_repeated_when_all_its_parts_can_be() {
    let server = server().await;
    let session = builder(&server).relogin(true).connect().await.unwrap();
    let opened = Arc::default();
    let form = || Multipart::new().text("a", "b").part("file", Part::new(file(&opened)));
    let call = |session: &Session, form| -> Call<Response> { session.post("form").multipart(form) };
    let expired = || Fault::reply(Reply::session_expired()).on(Method::POST, "/form").times(1);
    server.inject(expired());
    call(&session, form()).await.unwrap();
    assert_eq!((logins(&server), opened.load(Ordering::SeqCst)), (2, 2));
    let sent = server.requests(Method::POST, "/form");
    let bodies: Vec<_> = sent.iter().map(|request| request.body().clone()).collect();
    assert_eq!((bodies.len(), &bodies[0]), (2, &bodies[1]));
    assert_eq!(parts(&sent[1]).len(), 2);

    // one part that can be sent once makes the form one
    let once = || Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from("x"))]));
    server.inject(expired());
    let error = call(&session, form().part("once", Part::new(once()))).await.unwrap_err();
    assert!(error.is_session_expired(), "{error}");
    assert_eq!(server.count(Method::POST, "/form"), 3);
    server.inject(Fault::status(503).on(Method::POST, "/form").times(1));
    let policy = RetryPolicy::default().base_delay(Duration::ZERO);
    let retried = |form| call(&session, form).retry(policy.clone()).idempotent(true);
    assert_eq!(retried(form().part("once", Part::new(once()))).await.unwrap_err().attempts(), 1);
    server.inject(Fault::status(503).on(Method::POST, "/form").times(1));
    retried(form()).await.unwrap();
    // sent once is sent
    let call = retried(form().part("once", Part::new(once())));
    call.clone().await.unwrap();
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    session.close().await.unwrap();
}

#[test]
fn debug_of_a_form_shows_no_contents() {
    let part = Part::new("hunter2").file_name("hunter2").content_type("text/plain");
    let form = Multipart::new().text("hunter2", "hunter2").part("a", part.clone());
    let shown = format!("{part:?} {form:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("7 bytes") && shown.contains("2 parts"), "{shown}");
}
