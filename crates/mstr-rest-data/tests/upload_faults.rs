//! Uploads that meet what goes wrong: nothing is there twice, nothing is left open.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod upload_support;

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow_array::RecordBatch;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use mstr_rest_api::{Datasets, DatasetsExt, UpdatePolicy};
use mstr_rest_core::{Error, ErrorKind, RetryPolicy, Session};
use mstr_rest_data::{Upload, UploadExt};
use mstr_sim::{Fault, Method, Value};
use upload_support::{orders, rows_of, server, session, text};

const OPEN: &str = "/datasets/*/uploadSessions";
const PART: &str = "/datasets/*/uploadSessions/*";
const PUBLISH: &str = "/datasets/*/uploadSessions/*/publish";
const STATUS: &str = "/datasets/*/uploadSessions/*/publishStatus";

const CITIES: [&str; 6] = ["Bern", "Chur", "Thun", "Visp", "Biel", "Genf"];

/// Six rows in three batches; a part for each row with [`each`].
fn batches() -> Vec<RecordBatch> {
    CITIES.chunks(2).map(|two| orders(&[(two[0], 1.0), (two[1], 2.0)])).collect()
}

fn once() -> impl futures_util::Stream<Item = Result<RecordBatch, Error>> + Send {
    stream::iter(batches()).map(Ok)
}

fn wanted() -> Vec<Vec<Value>> {
    let revenue = [1.0, 2.0].iter().cycle();
    CITIES.iter().zip(revenue).map(|(c, r)| vec![text(c), Value::Double(*r)]).collect()
}

/// A dataset with one row.
async fn made(datasets: &Datasets) -> String {
    datasets.create("Sales").send_batches([orders(&[("Zug", 9.0)])]).await.unwrap().dataset_id
}

fn untouched() -> Vec<Vec<Value>> {
    vec![vec![text("Zug"), Value::Double(9.0)]]
}

fn each(datasets: &Datasets, id: &str) -> Upload {
    datasets.upload(id).policy(UpdatePolicy::Replace).chunk_bytes(1)
}

/// Waits for what happens in the background.
async fn until(what: impl Fn() -> bool + Send + Sync) {
    let poll = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll).await.unwrap();
}

#[tokio::test]
async fn what_breaks_in_the_middle_begins_again() {
    for fault in [
        Fault::status(503),
        Fault::html(502),
        Fault::reset(),
        // the server has it, and the client does not know
        Fault::reset_after_work(),
    ] {
        let server = server().start().await.unwrap();
        let datasets = session(&server).await.datasets();
        let id = made(&datasets).await;
        let fault = server.inject(fault.on(Method::PUT, PART).after(3).times(1));
        let done = each(&datasets, &id).send_batches(batches()).await.unwrap();
        assert_eq!((done.restarts, fault.hits()), (1, 1));
        assert_eq!((done.rows, done.parts), (6, 6));
        assert_eq!(rows_of(&server, &id), wanted());
        assert_eq!(server.open_uploads(), 0);
        // in one upload session each: the broken one was deleted before the next
        assert_eq!(server.count(Method::POST, OPEN), 3);
    }
}

#[tokio::test]
async fn what_the_retry_policy_repeats_is_no_part() {
    let server = server().start().await.unwrap();
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let session = Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(mstr_rest_core::Auth::standard(mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD))
        .project("MicroStrategy Tutorial")
        .retry(retry)
        .connect()
        .await
        .unwrap()
        .detach();
    let datasets = session.datasets();
    let id = made(&datasets).await;
    let fault = server.inject(Fault::reset_after_work().on(Method::PUT, PART).after(2).times(1));
    let before = server.count(Method::PUT, PART);
    let error = each(&datasets, &id).send(once()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(fault.hits(), 1);
    assert_eq!(server.count(Method::PUT, PART) - before, 3);
    assert_eq!(rows_of(&server, &id), untouched());
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn it_begins_again_as_often_as_it_may() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let id = made(&datasets).await;
    let fault = server.inject(Fault::status(503).on(Method::PUT, PART));
    let streams = AtomicUsize::new(0);
    let make = || {
        streams.fetch_add(1, Ordering::SeqCst);
        once()
    };
    let error = each(&datasets, &id).restarts(1).send_fn(make).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    assert_eq!((fault.hits(), streams.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(rows_of(&server, &id), untouched());
    assert_eq!(server.open_uploads(), 0);
    // what comes the second time is something else
    fault.remove();
    server.inject(Fault::status(503).on(Method::PUT, PART).times(1));
    let turn = AtomicUsize::new(0);
    let make = || {
        let first = turn.fetch_add(1, Ordering::SeqCst) == 0;
        let other = orders(&[("Zug", 1.0)]).project(&[0]).unwrap();
        stream::iter([if first { orders(&[("Bern", 1.0)]) } else { other }]).map(Ok::<_, Error>)
    };
    let error = each(&datasets, &id).send_fn(make).await.unwrap_err();
    assert!(error.message().contains("from 2 columns to 1"), "{error}");
}

#[tokio::test]
async fn a_refused_part_ends_it() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let id = made(&datasets).await;
    let fault = server.inject(Fault::status(400).on(Method::PUT, PART).after(2));
    let error = each(&datasets, &id).send_batches(batches()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 400);
    assert_eq!(fault.hits(), 1);
    assert_eq!(rows_of(&server, &id), untouched());
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn a_login_that_ends_in_the_middle() {
    let server = Arc::new(server().start().await.unwrap());
    let datasets = session(&server).await.datasets();
    let id = made(&datasets).await;
    // the session expires behind the third row
    let expiring = |times: usize| {
        let (server, left) = (Arc::clone(&server), AtomicUsize::new(times));
        move |so_far: mstr_rest_data::UploadProgress| {
            let take = |left: usize| left.checked_sub(1);
            let more = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
            if so_far.rows == 3 && more() {
                server.expire_all();
            }
        }
    };
    let upload = each(&datasets, &id).on_progress(expiring(1));
    let error = upload.send(once()).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
    assert!(error.message().contains("a new login ends it"), "{error}");
    assert_eq!(rows_of(&server, &id), untouched());

    let upload = each(&datasets, &id).on_progress(expiring(2));
    let done = upload.send_batches(batches()).await.unwrap();
    assert_eq!((done.rows, done.restarts), (6, 2));
    assert_eq!(rows_of(&server, &id), wanted());
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn publishing_that_fails() {
    let server = server().failing_publish(true).start().await.unwrap();
    let session = session(&server).await;
    let error = session.datasets().create("Sales").send_batches(batches()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    // the dataset stays, and the error says which it is
    let id = error.message().split(' ').nth(2).unwrap();
    assert_eq!(error.message(), format!("the dataset {id} was made, and then could not be filled"));
    let why = error.source().unwrap().to_string();
    assert!(why.contains("the publication failed (status 3)"), "{why}");
    assert!(rows_of(&server, id).is_empty());
    assert_eq!(server.open_uploads(), 0);
    // of one that was there the error is as it is
    let error = session.datasets().upload(id).send_batches(batches()).await.unwrap_err();
    assert!(error.message().starts_with("publishing the upload failed"), "{error}");
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn publishing_that_does_not_end_is_cancelled() {
    let server = server().polls(1_000_000).start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let timeout = Duration::from_millis(300);
    let upload = datasets.create("Sales").publish_timeout(timeout);
    let error = upload.send_batches(batches()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let why = error.source().unwrap().to_string();
    assert!(why.contains("within 0.3 s"), "{error:?}");
    assert!(why.contains("it was cancelled") && why.contains("Upload::publish_timeout"), "{why}");
    assert_eq!(server.open_uploads(), 0);
    assert_eq!(server.count(Method::POST, PUBLISH), 1);
}

#[tokio::test]
async fn the_answer_to_publish_gets_lost() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let id = made(&datasets).await;
    let lost = server.inject(Fault::reset_after_work().on(Method::POST, PUBLISH).times(1));
    let add = || datasets.upload(&id).policy(UpdatePolicy::Add);
    assert_eq!(add().send_batches(batches()).await.unwrap().restarts, 0);
    assert_eq!(lost.hits(), 1);
    let all: Vec<_> = untouched().into_iter().chain(wanted()).collect();
    assert_eq!(rows_of(&server, &id), all);
    // the request itself is lost: it is not sent again, for nobody knows
    server.inject(Fault::reset().on(Method::POST, PUBLISH).times(1));
    let posted = server.count(Method::POST, PUBLISH);
    let error = add().send_batches([orders(&[("Sion", 1.0)])]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(server.count(Method::POST, PUBLISH), posted + 1);
    assert_eq!(rows_of(&server, &id), all);
    assert_eq!(server.open_uploads(), 0);
    // the upload session is gone before publishing: nothing of it can be there
    let replies = mstr_sim::Reply::error(404, "ERR004", "no such upload session");
    server.inject(Fault::reply(replies).on(Method::POST, PUBLISH).times(1));
    let done = add().send_batches([orders(&[("Sion", 1.0)])]).await.unwrap();
    assert_eq!(done.restarts, 1);
    assert_eq!(rows_of(&server, &id).len(), 8);
}

#[tokio::test]
async fn a_busy_gateway_in_front_of_the_status() {
    let server = server().polls(1).start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let busy = server.inject(Fault::status(503).on(Method::GET, STATUS).times(3));
    let done = datasets.create("Sales").send_batches(batches()).await.unwrap();
    assert_eq!((busy.hits(), done.restarts), (3, 0));
    assert_eq!(rows_of(&server, &done.dataset_id), wanted());
}

#[tokio::test]
async fn one_upload_session_at_a_time() {
    let server = server().start().await.unwrap();
    let session = session(&server).await;
    let datasets = session.datasets();
    let id = made(&datasets).await;
    let columns = ["city", "revenue"];
    let other = datasets.dataset(&id).open_upload("Sales", &columns, UpdatePolicy::Add);
    let other = other.await.unwrap();
    let error = each(&datasets, &id).send_batches(batches()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("Another upload session"), "{error}");
    assert_eq!(server.open_uploads(), 1, "that of the other is not touched");
    other.delete().await.unwrap();
    each(&datasets, &id).send_batches(batches()).await.unwrap();
}

#[tokio::test]
async fn what_is_dropped_is_cleaned_up() {
    for path in [OPEN, PART, PUBLISH, STATUS] {
        let server = server().polls(2).start().await.unwrap();
        let session = session(&server).await;
        let datasets = session.datasets();
        let id = made(&datasets).await;
        let deleted = server.count(Method::DELETE, PART);
        let slow = Fault::delay(Duration::from_millis(300)).on_path(path).times(1);
        let slow = server.inject(slow);
        let upload = each(&datasets, &id).send_batches(batches());
        tokio::select! {
            done = upload => panic!("{done:?}"),
            () = until(|| slow.hits() == 1) => {}
        }
        until(|| server.count(Method::DELETE, PART) > deleted).await;
        until(|| server.open_uploads() == 0).await;
        assert_eq!(rows_of(&server, &id), untouched(), "{path}");
        each(&datasets, &id).send_batches(batches()).await.unwrap();
        assert_eq!(rows_of(&server, &id), wanted());
    }
}

#[tokio::test]
async fn a_deletion_that_fails_does_not_undo_success() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let id = made(&datasets).await;
    let failing = server.inject(Fault::status(500).on(Method::DELETE, PART));
    let done = each(&datasets, &id).send_batches(batches()).await.unwrap();
    assert_eq!((done.rows, failing.hits()), (6, 1));
    assert_eq!(rows_of(&server, &id), wanted());
    // and does not hide an error
    server.inject(Fault::status(400).on(Method::PUT, PART));
    let error = each(&datasets, &id).send_batches(batches()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 400);
}

#[tokio::test]
async fn a_dataset_that_is_not_there() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let upload = each(&datasets, "A0000000000000000000000000000000");
    assert!(upload.send_batches(batches()).await.is_err());
    assert_eq!(server.count(Method::POST, OPEN), 0);
    // made once, whatever becomes of the answer
    let lost = server.inject(Fault::reset_after_work().on(Method::POST, "/datasets/models"));
    let error = datasets.create("Sales").send_batches(batches()).await.unwrap_err();
    assert_eq!((error.kind(), lost.hits()), (ErrorKind::Transport, 1));
    assert!(datasets.create("Sales").send(once()).now_or_never().is_none());
}
