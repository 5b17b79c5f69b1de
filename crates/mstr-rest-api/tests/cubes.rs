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

#[tokio::test]
async fn an_unreadable_state_names_its_cube() {
    let server = server().cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let cube = session.cubes().cube(sample_cube().object_id());
    for (status, kind) in [(500, ErrorKind::Http), (403, ErrorKind::Http)] {
        let fault = server.inject(Fault::status(status).on(Method::HEAD, "/cubes/*"));
        let error = cube.status().await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (kind, status));
        assert!(error.message().contains(cube.id()), "{error}");
        fault.remove();
    }
}

#[tokio::test]
async fn a_publication_is_cancelled_by_its_job() {
    let server = server().cube(sample_cube()).polls(usize::MAX).start().await.unwrap();
    let session = login(&server).await;
    let cube = session.cubes().cube(sample_cube().object_id());
    let unnamed = cube.publish().await.unwrap();
    let error = unnamed.cancel().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::NotSupported, None));
    assert!(error.message().contains(cube.id()), "{error}");
    let jobs = "/v2/monitors/jobs/*";
    server.session_route(Method::DELETE, jobs, |_| Reply::new(204));
    for member in ["jobId", "id"] {
        let named = Reply::json(202, &serde_json::json!({ member: 77 }));
        let fault = server.inject(Fault::reply(named).on(Method::POST, "/v2/cubes/*"));
        cube.publish().await.unwrap().cancel().await.unwrap();
        fault.remove();
        assert!(server.requests(Method::DELETE, jobs).pop().unwrap().path().ends_with("/77"));
    }
}

#[tokio::test]
async fn an_execution_without_data_is_waited_for() {
    let server = server().cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let cube = session.cubes().cube(sample_cube().object_id());
    let running = |_: &_, reply: Reply| {
        let mut body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
        body.as_object_mut().unwrap().retain(|name, _| name == "instanceId");
        body["status"] = 3.into();
        Reply::json(200, &body)
    };
    let one = "/v2/cubes/*/instances/*";
    server.inject(Fault::alter(running).on(Method::POST, "/v2/cubes/*/instances"));
    server.inject(Fault::alter(running).on(Method::GET, one).times(2));
    let instance = cube.run(GridRequest::designed()).await.unwrap();
    assert_eq!(instance.last_status(), mstr_rest_api::InstanceStatus::Ready);
    assert_eq!(server.count(Method::GET, one), 3);
    assert!(instance.page(0, 10).await.is_ok());
    server.inject(Fault::alter(running).on(Method::GET, one));
    let error = instance.page(0, 10).await.unwrap_err();
    assert!(error.message().ends_with("it still runs"), "{error}");
    let short = GridRequest::designed().execution_timeout(Duration::from_millis(200));
    let error = cube.run(short).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.message().contains("GridRequest::execution_timeout"), "{error}");
    assert_eq!(server.count(Method::DELETE, one), 1);
}
