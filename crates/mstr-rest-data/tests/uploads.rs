//! Batches uploaded to the simulated server and read back from it.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod upload_support;

use std::sync::{Arc, Mutex};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Date64Array, DictionaryArray, Float64Array,
    Int32Array, NullArray, RecordBatch, StringArray, Time64NanosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mstr_rest_api::{CubesExt, DatasetsExt, UpdatePolicy};
use mstr_rest_core::{Error, ErrorKind};
use mstr_rest_data::{DataExt, UploadExt};
use mstr_sim::{Method, Value};
use upload_support::{batch, orders, rows_of, server, session, text};

#[tokio::test]
async fn a_dataset_is_made_and_refilled() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let made = datasets
        .create("Sales")
        .table("orders")
        .folder("D3C7D461F69C4610AA6BAA5EF51F4125")
        .description("of a test")
        .chunk_bytes(30)
        .on_progress(move |so_far| into.lock().unwrap().push((so_far.rows, so_far.parts)))
        .send_batches([orders(&[("Bern", 1.5), ("Chur", 2.0)]), orders(&[("Thun", 3.0)])])
        .await
        .unwrap();
    assert_eq!((made.rows, made.parts, made.restarts), (3, 2, 0));
    assert_eq!(made.bytes, r#"[["Bern",1.5],["Chur",2.0]][["Thun",3.0]]"#.len() as u64);
    assert_eq!(*seen.lock().unwrap(), [(2, 1), (3, 2)]);
    assert_eq!(server.open_uploads(), 0);
    let id = &made.dataset_id;
    let all = [("Bern", 1.5), ("Chur", 2.0), ("Thun", 3.0)];
    assert_eq!(rows_of(&server, id), all.map(|(c, r)| vec![text(c), Value::Double(r)]));

    // its only table, without being told which
    let changed = orders(&[("Chur", 5.0), ("Visp", 6.0)]);
    for (policy, wanted) in [
        (UpdatePolicy::Update, vec![("Bern", 1.5), ("Chur", 5.0), ("Thun", 3.0)]),
        (UpdatePolicy::Upsert, vec![("Bern", 1.5), ("Chur", 5.0), ("Thun", 3.0), ("Visp", 6.0)]),
        (UpdatePolicy::Replace, vec![("Chur", 5.0), ("Visp", 6.0)]),
    ] {
        datasets.upload(id).policy(policy).send_batches([changed.clone()]).await.unwrap();
        let wanted: Vec<_> =
            wanted.into_iter().map(|(c, r)| vec![text(c), Value::Double(r)]).collect();
        assert_eq!(rows_of(&server, id), wanted, "{policy:?}");
    }
    // the order of columns is that of the batch
    let turned = batch([
        ("revenue", Arc::new(Float64Array::from(vec![7.0])) as ArrayRef),
        ("city", Arc::new(StringArray::from(vec!["Biel"]))),
    ]);
    datasets.upload(id).table("orders").send_batches([turned]).await.unwrap();
    assert_eq!(rows_of(&server, id).last(), Some(&vec![text("Biel"), Value::Double(7.0)]));
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn columns_become_attributes_and_metrics() {
    let server = server().start().await.unwrap();
    let session = session(&server).await;
    let rows = batch([
        ("id", Arc::new(Int32Array::from(vec![7, 8])) as ArrayRef),
        ("city", Arc::new(StringArray::from(vec!["Bern", "Chur"]))),
        ("year", Arc::new(Int32Array::from(vec![2024, 2025]))),
        ("paid", Arc::new(BooleanArray::from(vec![true, false]))),
        ("day", Arc::new(Date32Array::from(vec![0, 19_753]))),
        ("revenue", Arc::new(Float64Array::from(vec![Some(0.1), None]))),
        ("note", Arc::new(StringArray::from(vec![None, Some("late")]))),
    ]);
    let made = session
        .datasets()
        .create("Sales")
        .attribute_forms("City", [("ID", "id"), ("DESC", "city")])
        .attribute("year")
        .metric("note")
        .send_batches([rows])
        .await
        .unwrap();
    let table = session.cubes().data(&made.dataset_id).open().await.unwrap();
    let names: Vec<_> = table.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["City@ID", "City@DESC", "year", "paid", "day", "revenue", "note"]);
    let rows: Vec<serde_json::Value> = session.cubes().data(&made.dataset_id).rows().await.unwrap();
    assert_eq!(
        serde_json::Value::from(rows),
        serde_json::json!([
            { "City@ID": 7, "City@DESC": "Bern", "year": 2024, "paid": "true",
              "day": "1970-01-01", "revenue": 0.1, "note": null },
            { "City@ID": 8, "City@DESC": "Chur", "year": 2025, "paid": "false",
              "day": "2024-01-31", "revenue": null, "note": "late" },
        ])
    );
}

#[tokio::test]
async fn days_and_times_are_iso() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let nanos = vec![0, 1_500_000_000, 1_000_001_000, 86_399_999_999_999];
    let millis = vec![-1, 1_000, 1_001, 951_782_400_000];
    let whole = vec![0, -86_400, 60, 253_402_300_799];
    let rows = batch([
        ("nano", Arc::new(TimestampNanosecondArray::from(nanos.clone())) as ArrayRef),
        ("milli", Arc::new(TimestampMillisecondArray::from(millis))),
        ("whole", Arc::new(TimestampSecondArray::from(whole))),
        ("time", Arc::new(Time64NanosecondArray::from(nanos))),
        ("day", Arc::new(Date64Array::from(vec![0, -86_400_000, 86_400_000, 951_782_400_000]))),
    ]);
    let made = datasets.create("Times").send_batches([rows]).await.unwrap();
    let wanted = [
        "1970-01-01T00:00:00.000 1969-12-31T23:59:59.999 1970-01-01T00:00:00.000 00:00:00 1970-01-01",
        "1970-01-01T00:00:01.500 1970-01-01T00:00:01.000 1969-12-31T00:00:00.000 00:00:01.500 1969-12-31",
        "1970-01-01T00:00:01.000001 1970-01-01T00:00:01.001 1970-01-01T00:01:00.000 00:00:01.000001 1970-01-02",
        "1970-01-01T23:59:59.999999999 2000-02-29T00:00:00.000 9999-12-31T23:59:59.000 23:59:59.999999999 2000-02-29",
    ];
    let wanted = wanted.map(|row| row.split(' ').map(text).collect::<Vec<_>>());
    assert_eq!(rows_of(&server, &made.dataset_id), wanted);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let one = || Arc::new(Int32Array::from(vec![1])) as ArrayRef;
    let nested = DictionaryArray::<arrow_array::types::Int8Type>::from_iter(["a"]);
    let nested = DictionaryArray::new(arrow_array::Int8Array::from(vec![0]), Arc::new(nested));
    let before = server.journal().len();
    for (columns, why) in [
        (vec![("", one())], "has no name"),
        (vec![("a", one()), ("b", one()), ("a", one())], "two columns `a`"),
        (vec![("a", Arc::new(NullArray::new(1)) as ArrayRef)], "`a` is of a type"),
        (vec![("a", Arc::new(arrow_array::BinaryArray::from_vec(vec![b"x"])))], "Binary"),
        (vec![("a", Arc::new(nested))], "cannot be sent: Dictionary"),
        (vec![("a[b", one())], "holds the character ["),
        (vec![], "no columns"),
    ] {
        let rows = batch(columns);
        let error = datasets.create("Sales").send_batches([rows]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(why), "{error}, not: {why}");
    }
    let good = || batch([("a", one()), ("b", one())]);
    for (upload, why) in [
        (datasets.create("").attribute("a"), "name of a dataset is empty"),
        (datasets.create("S").attribute("c"), "no column `c`"),
        (datasets.create("S").attribute("a").metric("a"), "said twice"),
        (datasets.create("S").attribute_forms("A", [("", "a")]), "no category"),
        (datasets.create("S").attribute_forms("b", [("ID", "a")]), "two objects `b`"),
        (datasets.upload("A0").folder("F"), "this one is there"),
        (datasets.upload("A0").metric("a"), "this one is there"),
    ] {
        let error = upload.send_batches([good()]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(why), "{error}, not: {why}");
    }
    let error = datasets.create("S").send_batches([]).await.unwrap_err();
    assert!(error.message().contains("no batches"), "{error}");
    let other = batch([("a", one()), ("c", one())]);
    let error = datasets.create("S").send_batches([good(), other]).await.unwrap_err();
    assert!(error.message().contains("`b` (Int32) becomes `c` (Int32)"), "{error}");
    assert_eq!(server.journal().len(), before, "nothing was sent");

    // of a dataset that is there its definition is asked for, and nothing more
    let made = datasets.create("S").table("t").send_batches([good()]).await.unwrap();
    let before = server.journal().len();
    for (table, rows, why) in [
        ("t", batch([("c", one())]), "`t` has no column `c`"),
        ("u", good(), "no table `u` but `t`"),
    ] {
        let upload = datasets.upload(&made.dataset_id).table(table);
        let error = upload.send_batches([rows]).await.unwrap_err();
        assert!(error.message().contains(why), "{error}");
    }
    let asked = server.journal().split_off(before);
    assert!(asked.iter().all(|one| one.method() == Method::GET), "{asked:?}");
}

#[tokio::test]
async fn values_that_cannot_be_sent_publish_nothing() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let numbers =
        |last: f64| batch([("n", Arc::new(Float64Array::from(vec![1.0, last])) as ArrayRef)]);
    let made = datasets.create("N").send_batches([numbers(2.0)]).await.unwrap();
    let id = &made.dataset_id;
    for bad in [f64::NAN, f64::INFINITY] {
        let error = datasets.upload(id).send_batches([numbers(bad)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains("the value of `n` in row 2 is not finite"), "{error}");
    }
    let far = Arc::new(Date32Array::from(vec![3_000_000])) as ArrayRef;
    let error = datasets.create("D").send_batches([batch([("d", far)])]).await.unwrap_err();
    let chain = std::error::Error::source(&error).unwrap().to_string();
    assert!(chain.contains("a year without four digits"), "{chain}");
    assert_eq!(rows_of(&server, id).len(), 2);
    assert_eq!(server.open_uploads(), 0);

    let upload = datasets.upload(id).policy(UpdatePolicy::Replace).non_finite_as_null(true);
    upload.send_batches([numbers(f64::NAN)]).await.unwrap();
    assert_eq!(rows_of(&server, id), [vec![Value::Double(1.0)], vec![Value::Null]]);
}

#[tokio::test]
async fn streams_that_change_or_break() {
    let server = server().start().await.unwrap();
    let datasets = session(&server).await.datasets();
    let made = datasets.create("S").send_batches([orders(&[("Bern", 1.0)])]).await.unwrap();
    let id = &made.dataset_id;
    let replace = || datasets.upload(id).policy(UpdatePolicy::Replace).chunk_bytes(1);

    let other = batch([("city", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]);
    let changing = stream::iter([orders(&[("Chur", 2.0)]), other]).map(Ok::<_, Error>);
    let error = replace().send(changing).await.unwrap_err();
    assert!(error.message().contains("from 2 columns to 1"), "{error}");

    let broken = stream::iter([
        Ok(orders(&[("Chur", 2.0)])),
        Err(std::io::Error::other("the disk is gone")),
    ]);
    let error = replace().send(broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the disk is gone");

    let ours = Error::new(ErrorKind::Decode, "a page broke");
    let broken = stream::iter([Ok(orders(&[("Chur", 2.0)])), Err(ours)]);
    let error = replace().send(broken).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Decode, "a page broke"));

    assert_eq!(rows_of(&server, id), [vec![text("Bern"), Value::Double(1.0)]]);
    assert_eq!(server.open_uploads(), 0);
}

#[tokio::test]
async fn a_report_as_a_dataset() {
    let server = server().samples().start().await.unwrap();
    let session = session(&server).await;
    let cube = mstr_sim::Cube::sample("Sample Cube", 1000);
    let source = || session.cubes().data(cube.object_id()).page_size(300);
    let rows = source().open().await.unwrap().stream();
    let made = session.datasets().create("Copy").send(rows).await.unwrap();
    let got: Vec<serde_json::Value> = session.cubes().data(&made.dataset_id).rows().await.unwrap();
    let wanted: Vec<serde_json::Value> = source().rows().await.unwrap();
    assert_eq!(made.rows, wanted.len() as u64);
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn no_rows_are_a_table_too() {
    let server = server().start().await.unwrap();
    let session = session(&server).await;
    let field = Field::new("city", DataType::Utf8, true);
    let empty = RecordBatch::new_empty(Arc::new(Schema::new(vec![field])));
    let made = session.datasets().create("None").send_batches([empty.clone()]).await.unwrap();
    assert_eq!((made.rows, made.parts), (0, 0));
    let table = session.cubes().data(&made.dataset_id).open().await.unwrap();
    assert_eq!(table.total_rows(), 0);
    let batches: Vec<RecordBatch> = table.stream().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    // a dictionary without values is nulls
    let nothing = StringArray::from(Vec::<&str>::new());
    let keys = Int32Array::from(vec![None, None]);
    let nulls = DictionaryArray::new(keys, Arc::new(nothing));
    assert_eq!(nulls.null_count(), 2);
    let rows = batch([("city", Arc::new(nulls) as ArrayRef)]);
    session.datasets().upload(&made.dataset_id).send_batches([rows]).await.unwrap();
    assert_eq!(rows_of(&server, &made.dataset_id), [vec![Value::Null], vec![Value::Null]]);
}

#[test]
fn outside_of_a_runtime() {
    let session = mstr_rest_core::Session::builder("http://localhost/api/").build().unwrap();
    let upload = session.datasets().create("S").send_batches([orders(&[("Bern", 1.0)])]);
    let error = futures_util::FutureExt::now_or_never(upload).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
