//! Every kind of fault, as it looks from the other end of the wire.

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use mstr_sim::{Fault, LibraryServer, Method, RecordedRequest, Reply};
use serde_json::json;
use support::{Call, log_in, login};
use tokio::io::AsyncReadExt;

/// A server with one fault on `GET /status`.
#[allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]
async fn with(fault: Fault) -> LibraryServer {
    let fault = fault.on(Method::GET, "/status");
    LibraryServer::builder().fault(fault).start().await.unwrap()
}

fn status() -> Call {
    Call::get("/status")
}

#[tokio::test]
async fn a_status_so_many_times_after_so_many() {
    let server = LibraryServer::start().await.unwrap();
    let fault = server.inject(Fault::status(503).on(Method::GET, "/status").after(1).times(2));
    let mut seen = Vec::new();
    for _ in 0..4 {
        assert_eq!(Call::get("/nothing").send(&server).await.status, 404);
        seen.push(status().send(&server).await.status);
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    assert_eq!(fault.hits(), 2);
}

#[tokio::test]
async fn faults_without_a_number_stay_until_they_are_removed() {
    let server = LibraryServer::start().await.unwrap();
    let first = server.inject(Fault::status(500));
    server.inject(Fault::status(502).on_path("/status"));
    assert_eq!(Call::post("/anything").send(&server).await.status, 500);
    assert_eq!(status().send(&server).await.status, 500, "the first one wins");
    first.remove();
    assert_eq!(status().send(&server).await.status, 502);
    server.clear_faults();
    assert_eq!(status().send(&server).await.status, 200);
}

#[tokio::test]
async fn busy_with_retry_after() {
    let server = with(Fault::retry_after(429, "7")).await;
    let answer = status().send(&server).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
}

#[tokio::test]
async fn a_page_of_a_proxy() {
    let server = with(Fault::html(502)).await;
    let answer = status().send(&server).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.header("content-type"), Some("text/html;charset=UTF-8"));
    assert!(answer.text().starts_with("<!DOCTYPE html>"));
    assert_eq!(answer.header("server"), None, "it does not come from the server");
}

#[tokio::test]
async fn redirects() {
    for code in [301, 302, 303, 307, 308] {
        for location in ["/elsewhere", "http://127.0.0.2:9/"] {
            let server = with(Fault::redirect(code, location)).await;
            let answer = status().send(&server).await;
            assert_eq!((answer.status, answer.header("location")), (code, Some(location)));
        }
    }
}

#[tokio::test]
async fn a_body_that_is_cut() {
    let server = with(Fault::cut_body(10)).await;
    let answer = status().send(&server).await;
    assert!(answer.cut);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, br#"{"upSince""#);
    let length: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(length > 10);
}

#[tokio::test]
async fn a_reset_before_any_byte() {
    for fault in [Fault::reset(), Fault::reset_after_work()] {
        let server = with(fault).await;
        let mut stream = status().start(&server).await;
        let error = stream.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let request = &server.journal()[0];
        assert!(request.is_answered());
        assert_eq!(request.status(), None);
        assert_eq!(request.to_string(), "GET /status -> no reply");
    }
}

#[tokio::test]
async fn some_faults_come_before_the_work_and_some_after_it() {
    let server = LibraryServer::start().await.unwrap();
    for (fault, sessions) in [(Fault::reset(), 0), (Fault::reset_after_work(), 1)] {
        let fault = server.inject(fault.on(Method::POST, "/auth/login"));
        assert!(login("administrator", "mstr").try_send(&server).await.is_err());
        assert_eq!(server.sessions().len(), sessions);
        fault.remove();
    }
}

#[tokio::test]
async fn silence_before_the_head() {
    let server = with(Fault::stall()).await;
    let mut stream = status().start(&server).await;
    assert!(server.wait_for(|journal| journal.iter().any(RecordedRequest::is_answered)).await);
    assert_eq!(stream.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.stop().await;
    // The server held the connection open until it stopped itself.
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn silence_inside_the_body() {
    let server = with(Fault::stall_body(10)).await;
    let mut stream = status().start(&server).await;
    let mut seen = Vec::new();
    while !seen.ends_with(br#"{"upSince""#) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
    }
    assert_eq!(stream.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.stop().await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_slow_login_is_a_login_whose_reply_is_late() {
    let slow = Fault::delay(Duration::from_secs(3600)).on(Method::POST, "/auth/login").times(1);
    let server = LibraryServer::builder().fault(slow).start().await.unwrap();
    let waiting = login("administrator", "mstr").start(&server).await;
    assert!(server.wait_for(|journal| !journal.is_empty()).await);
    assert_eq!(log_in(&server).await.status, 204, "others are not held up");
    while server.sessions().len() < 2 {
        tokio::task::yield_now().await;
    }
    let answered: Vec<_> = server.journal().iter().map(RecordedRequest::is_answered).collect();
    assert_eq!(answered, [false, true]);
    drop(waiting);

    let soon = Fault::delay(Duration::from_millis(1)).on(Method::POST, "/auth/login");
    server.inject(soon);
    assert_eq!(log_in(&server).await.status, 204);
}

#[tokio::test]
async fn another_content_type() {
    let server = with(Fault::content_type("text/plain")).await;
    let answer = status().send(&server).await;
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.json()["upTime"], 12_067_886);
}

#[tokio::test]
async fn a_login_without_cookies_or_without_a_token() {
    let server = LibraryServer::builder().sticky(true).start().await.unwrap();
    let on_login = |fault: Fault| fault.on(Method::POST, "/auth/login").times(1);
    server.inject(on_login(Fault::drop_headers(&["set-cookie"])));
    server.inject(on_login(Fault::drop_headers(&["X-MSTR-AuthToken"])));
    let answer = login("administrator", "mstr").send(&server).await;
    assert!(answer.all("set-cookie").is_empty());
    assert!(answer.header("x-mstr-authtoken").is_some());
    let answer = login("administrator", "mstr").send(&server).await;
    assert!(answer.cookie("iSession").is_some());
    assert!(answer.header("x-mstr-authtoken").is_none());
}

#[tokio::test]
async fn a_small_body_that_becomes_a_big_one() {
    let server = with(Fault::gzip_bomb(5_000_000)).await;
    let answer = status().send(&server).await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.len() < 50_000, "{}", answer.body.len());
    assert_eq!(answer.text().len(), 5_000_000);
}

#[tokio::test]
async fn closures_decide_and_change() {
    let server = LibraryServer::start().await.unwrap();
    server.inject(
        Fault::respond(|request| Reply::json(200, request.query_value("q").as_ref().unwrap()))
            .on(Method::GET, "/echo"),
    );
    server.inject(
        Fault::alter(|request, reply| {
            assert_eq!(request.endpoint(), "/status");
            reply.with_status(203).add_header("x-mstr-extra", "1")
        })
        .on_path("/status"),
    );
    assert_eq!(Call::get("/echo?q=a%20b").send(&server).await.json(), json!("a b"));
    let answer = status().send(&server).await;
    assert_eq!((answer.status, answer.header("x-mstr-extra")), (203, Some("1")));
}

#[tokio::test]
async fn faults_of_the_server_itself_can_be_played_too() {
    let server = with(Fault::reply(Reply::session_expired())).await;
    assert_eq!(status().send(&server).await.json()["code"], "ERR009");
}
