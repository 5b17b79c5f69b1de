//! Timeouts: of a session, of a call, and of a transfer that makes no progress.

use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mstr_rest_core::{ErrorKind, RetryPolicy};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};

use crate::support::{Gate, StoppedClock, builder, logins, pass, received};

const S: Duration = Duration::from_secs(1);

/// Waits for something that must come in 100 s of the client's clock.
async fn while_time_passes<T>(clock: &StoppedClock, work: impl Future<Output = T>) -> T {
    let passes = async {
        for _ in 0..100 {
            clock.pass(S).await;
        }
    };
    tokio::select! {
        biased;
        outcome = work => outcome,
        () = passes => panic!("there is no timeout within 100 s"),
    }
}

#[tokio::test]
async fn timeout_of_a_call_covers_its_body() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let stalls = Reply::json(200, &json!([1, 2, 3])).stall_at(3);
    server.inject(Fault::reply(stalls).on(Method::GET, "/x"));
    let limit = Duration::from_millis(100);
    let error = session.get("x").timeout(limit).decode::<Value>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let error = session.get("x").timeout(limit).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("100ms"), "{error}");
    // the time is over when the head is there already
    let clock = StoppedClock::new();
    let reply = session.get("x").timeout(limit).stream().await.unwrap();
    let error = while_time_passes(&clock, reply.read()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("100ms"), "{error}");
    session.close().await.unwrap();
}

#[tokio::test]
async fn timeout_of_a_session_covers_its_login_and_its_calls() {
    let server = LibraryServer::start().await.unwrap();
    let clock = StoppedClock::new();
    let limited = || builder(&server).timeout(S).retry(RetryPolicy::none());
    server.inject(Fault::stall().on(Method::POST, "/auth/login").times(1));
    let connecting = tokio::spawn(limited().connect());
    received(&server, Method::POST, "/auth/login", 1).await;
    let error = while_time_passes(&clock, connecting).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("1s"), "{error}");
    assert_eq!(logins(&server), 1);

    let session = limited().connect().await.unwrap();
    server.inject(Fault::stall().on(Method::GET, "/x").times(2));
    let call = tokio::spawn(session.get("x").send());
    received(&server, Method::GET, "/x", 1).await;
    let error = while_time_passes(&clock, call).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("1s"), "{error}");
    // the timeout of the call applies instead
    let call = tokio::spawn(session.get("x").timeout(S * 3).send());
    received(&server, Method::GET, "/x", 2).await;
    let error = while_time_passes(&clock, call).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("3s"), "{error}");
    session.close().await.unwrap();
}

#[tokio::test]
async fn call_without_a_timeout_waits_longer_than_that_of_the_session() {
    let server = LibraryServer::start().await.unwrap();
    let clock = StoppedClock::new();
    let session = builder(&server).timeout(S).read_timeout(S).connect().await.unwrap();
    let reply = Gate::default();
    server.inject(reply.hold().on(Method::GET, "/projects"));
    let patient = session.get("projects").timeout(None).read_timeout(None).send();
    let time_passes = async {
        received(&server, Method::GET, "/projects", 1).await;
        clock.pass(S * 1000).await;
        reply.open();
    };
    let (outcome, ()) = tokio::join!(patient, time_passes);
    assert_eq!(outcome.unwrap().status(), 200);
    session.close().await.unwrap();
}

#[tokio::test]
async fn upload_that_is_slow_succeeds_and_one_that_stalls_times_out() {
    let server = LibraryServer::builder()
        .route(Method::POST, "/count", |request| Reply::json(200, &request.body().len()))
        .start()
        .await
        .unwrap();
    let session = builder(&server).connect().await.unwrap();
    let clock = StoppedClock::new();
    // only the body moves the clock: 0.9 s for each piece
    let slow = stream::iter(0..12).then(|_| async {
        pass(S * 9 / 10).await;
        Ok::<_, std::io::Error>(Bytes::from("x"))
    });
    let call = session.post("count").read_timeout(S).stream_body(slow);
    assert_eq!(call.decode::<usize>().await.unwrap(), 12);

    let (stopped, stops) = tokio::sync::oneshot::channel();
    let body = stream::once(async { Ok::<_, std::io::Error>(Bytes::from("x")) });
    let body = body.chain(stream::once(async {
        stopped.send(()).unwrap();
        std::future::pending().await
    }));
    let call = tokio::spawn(session.post("count").read_timeout(S).stream_body(body).send());
    stops.await.unwrap();
    let error = while_time_passes(&clock, call).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("1s"), "{error}");
    assert_eq!(server.count(Method::POST, "/count"), 1);
    session.close().await.unwrap();
}

/// Waking is not progress: the stream asks to be polled again and never has a piece.
#[tokio::test]
async fn upload_that_is_polled_without_end_and_has_no_piece_times_out() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    let endless = stream::poll_fn(move |context| {
        while interval.poll_tick(context).is_ready() {}
        Poll::<Option<Result<Bytes, std::io::Error>>>::Pending
    });
    let upload = session.post("x").stream_body(endless).read_timeout(Duration::from_millis(200));
    // the outer timeout ends the test if the inner one never does
    let outcome = tokio::time::timeout(S * 30, upload.send()).await.expect("it never ends");
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    session.close().await.unwrap();
}
