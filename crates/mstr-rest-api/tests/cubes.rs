//! Cubes against the simulated server: publishing and its states.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_api::{CubeStatus, CubesExt, ErrorExt, GridRequest};
use mstr_rest_core::ErrorKind;
use mstr_sim::{Fault, Method, Reply};
use support::{login, sample_cube, server};

#[tokio::test]
async fn publishing_a_cube() {
    let cube = sample_cube().published(false);
    let server = server().cube(cube.clone()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    let cube = session.cubes().cube(cube.object_id());
    let error = cube.run(GridRequest::designed()).await.unwrap_err();
    assert!(error.is_cube_unpublished() && !error.is_instance_gone());
    assert_eq!(cube.status().await.unwrap(), CubeStatus::from_bits(0));
    assert_eq!(server.count(Method::HEAD, &format!("/cubes/{}", cube.id())), 1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let progress = move |status: &CubeStatus| noted.lock().unwrap().push(status.is_processing());
    let status = cube.publish().await.unwrap().on_progress(progress).wait().await.unwrap();
    assert!(status.is_ready() && status.is_loaded());
    assert_eq!(*seen.lock().unwrap(), [true, true, false]);
    assert!(cube.run(GridRequest::designed()).await.is_ok());
}

#[tokio::test]
async fn publishing_that_fails_or_takes_too_long() {
    let server = server().cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let cube = session.cubes().cube(sample_cube().object_id());
    let states =
        |bits: &'static str| move |_: &_, reply: Reply| reply.header("x-mstr-cubestatus", bits);
    server.inject(Fault::alter(states("1")).on(Method::HEAD, "/cubes/*").times(1));
    let gone = server.inject(Fault::alter(states("16384")).on(Method::HEAD, "/cubes/*"));
    let error = cube.publish().await.unwrap().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.message().contains("16384"), "{error}");
    gone.remove();
    let busy = server.inject(Fault::alter(states("129")).on(Method::HEAD, "/cubes/*"));
    let short = cube.publish().await.unwrap().timeout(Duration::from_millis(300));
    assert!(short.wait().await.unwrap_err().is_timeout());
    busy.remove();
    server.inject(Fault::drop_headers(&["x-mstr-cubestatus"]).on(Method::HEAD, "/cubes/*"));
    assert_eq!(cube.status().await.unwrap_err().kind(), ErrorKind::Api);
}
