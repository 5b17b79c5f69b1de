//! Calls in the background.

use std::time::Duration;

use mstr_rest_core::{Session, settle};
use mstr_sim::{LibraryServer, Method};

use crate::support::builder;

#[tokio::test]
async fn settle_waits_for_calls_in_the_background() {
    let server = LibraryServer::builder().latency(Duration::from_millis(50)).start().await.unwrap();
    let session = builder(&server).connect().await.unwrap();
    let sent = |path: &str| server.requests(Method::GET, path).len();
    session.get("in/the/background").in_background();
    session.get("sessions").in_background();
    assert_eq!(sent("/sessions"), 0);
    settle().await;
    assert_eq!(sent("/sessions"), 1);
    assert_eq!(sent("/in/the/background"), 1);
    session.close().await.unwrap();
}

#[test]
fn call_in_the_background_outside_a_runtime_does_not_panic() {
    let session = Session::builder("http://127.0.0.1:9/api").build().unwrap();
    session.get("x").in_background();
}
