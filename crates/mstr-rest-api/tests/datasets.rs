//! Datasets of one's own rows: described, filled by upload sessions, published.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::time::Duration;

use mstr_rest_api::{
    ColumnRef, ColumnType, Dataset, DatasetModel, DatasetsExt, ModelAttribute, ModelTable,
    UpdatePolicy, UploadSession,
};
use mstr_rest_core::{Error, ErrorKind, Session};
use mstr_sim::{Fault, Method, Value};
use serde_json::json;

const STATUS: &str = "/datasets/*/uploadSessions/*/publishStatus";

fn on(table: &str, column: &str) -> ColumnRef {
    ModelTable::new(table).column_ref(column)
}

fn model() -> DatasetModel {
    let table = ModelTable::new("orders")
        .column("id", ColumnType::Integer)
        .column("city", ColumnType::String)
        .column("revenue", ColumnType::Double);
    DatasetModel::new("Sales")
        .description("of a test")
        .folder("D3C7D461F69C4610AA6BAA5EF51F4125")
        .table(table)
        .attribute(
            ModelAttribute::new("City")
                .form("ID", on("orders", "id"))
                .form("DESC", on("orders", "city")),
        )
        .metric("Revenue", on("orders", "revenue"))
}

async fn dataset(session: &Session) -> Dataset {
    session.datasets().create_model(&model()).await.unwrap()
}

async fn upload(dataset: &Dataset) -> UploadSession {
    let columns = ["id", "city", "revenue"];
    dataset.open_upload("orders", &columns, UpdatePolicy::Replace).await.unwrap()
}

#[tokio::test]
async fn described_filled_and_published() {
    let server = support::server().publish_status_as_text(true).start().await.unwrap();
    let session = support::login(&server).await;
    let dataset = dataset(&session).await;
    let expression = |column: &str| json!([{ "tableName": "orders", "columnName": column }]);
    let models = server.requests(Method::POST, "/datasets/models");
    let models: Vec<serde_json::Value> = models.iter().map(|one| one.json().unwrap()).collect();
    assert_eq!(
        models,
        [json!({
            "name": "Sales",
            "description": "of a test",
            "folderId": "D3C7D461F69C4610AA6BAA5EF51F4125",
            "tables": [{ "name": "orders", "columnHeaders": [
                { "name": "id", "dataType": "INTEGER" },
                { "name": "city", "dataType": "STRING" },
                { "name": "revenue", "dataType": "DOUBLE" },
            ] }],
            "attributes": [{ "name": "City", "attributeForms": [
                { "category": "ID", "expressions": expression("id") },
                { "category": "DESC", "expressions": expression("city") },
            ] }],
            "metrics": [{ "name": "Revenue", "expressions": expression("revenue") }],
        })]
    );
    let definition = dataset.definition().await.unwrap();
    assert_eq!((definition.id.as_str(), definition.name.as_str()), (dataset.id(), "Sales"));
    assert_eq!(definition.tables, ["orders"]);
    let columns: Vec<_> = definition.columns_of("orders").collect();
    assert_eq!(columns, ["id", "city", "revenue"]);
    assert_eq!(definition.columns_of("others").count(), 0);

    let upload = upload(&dataset).await;
    upload.send_part("orders", 1, r#"[[1,"Zürich",1.5],[2,"\"",null]]"#.as_bytes()).await.unwrap();
    upload.send_part("orders", 2, b"[[3,\"\",-2]]").await.unwrap();
    let not_yet = upload.status().await.unwrap_err();
    assert_eq!(not_yet.kind(), ErrorKind::InvalidRequest);
    let _ = upload.publish().await.unwrap();
    let running = upload.status().await.unwrap();
    assert!(running.is_running(), "{running:?}");
    assert_eq!(running.to_string(), "sql execution (status 6)");
    let done = upload.publication().wait().await.unwrap();
    assert!(done.is_done() && !done.is_failed() && !done.is_running());
    upload.delete().await.unwrap();
    assert_eq!(server.open_uploads(), 0);
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        server.uploaded(dataset.id()).unwrap()[0].rows,
        [
            [Value::Integer(1), text("Zürich"), Value::Double(1.5)],
            [Value::Integer(2), text("\""), Value::Null],
            [Value::Integer(3), text(""), Value::Integer(-2)],
        ]
    );
}

#[tokio::test]
async fn a_model_that_cannot_be_is_not_sent() {
    let server = support::server().start().await.unwrap();
    let session = support::login(&server).await;
    let before = server.journal().len();
    let table = || ModelTable::new("t").column("a", ColumnType::String);
    let attribute = || ModelAttribute::new("A").form("ID", on("t", "a"));
    let long = "x".repeat(251);
    for (model, why) in [
        (DatasetModel::new(" ").table(table()), "the name of a dataset is empty"),
        (DatasetModel::new(&long).table(table()), "more than 250 characters"),
        (DatasetModel::new("a[b").table(table()), "holds the character ["),
        (
            DatasetModel::new("n").description(&long).table(table()),
            "the description has more than 250",
        ),
        (DatasetModel::new("n"), "at least one table"),
        (DatasetModel::new("n").table(ModelTable::new("t")), "has no columns"),
        (DatasetModel::new("n").table(table()).table(table()), "two tables `t`"),
        (DatasetModel::new("n").table(table().column("a", ColumnType::Bool)), "two columns `a`"),
        (DatasetModel::new("n").table(table().column("", ColumnType::Bool)), "column is empty"),
        (
            DatasetModel::new("n").table(table()).attribute(attribute()).metric("A", on("t", "a")),
            "two",
        ),
        (DatasetModel::new("n").table(table()).attribute(ModelAttribute::new("A")), "has no forms"),
        (
            DatasetModel::new("n").table(table()).attribute(attribute().form("", on("t", "a"))),
            "has no category",
        ),
        (
            DatasetModel::new("n").table(table()).attribute(attribute().form("DESC", on("t", "b"))),
            "column `b` of `t`, which is not there",
        ),
        (DatasetModel::new("n").table(table()).metric("M", on("u", "a")), "column `a` of `u`"),
    ] {
        let error = session.datasets().create_model(&model).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(why), "{error}, not: {why}");
    }
    let dataset = session.datasets().dataset("A0");
    let none: [&str; 0] = [];
    let error = dataset.open_upload("t", &none, UpdatePolicy::Add).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(server.journal().len(), before);
}

#[tokio::test]
async fn a_part_is_sent_once() {
    let server = support::server().start().await.unwrap();
    let upload = upload(&dataset(&support::login(&server).await).await).await;
    for fault in [Fault::status(503), Fault::reset_after_work(), Fault::status(429)] {
        let fault = server.inject(fault.on(Method::PUT, "/datasets/*/uploadSessions/*"));
        let error = upload.send_part("orders", 1, b"[]").await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(fault.hits(), 1);
        fault.remove();
    }
}

#[tokio::test]
async fn publishing_that_fails_or_does_not_end() {
    let server = support::server().failing_publish(true).start().await.unwrap();
    let upload = upload(&dataset(&support::login(&server).await).await).await;
    let _ = upload.publish().await.unwrap();
    let error = upload.publication().wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.message().contains("the publication failed (status 3)"), "{error}");
    // as text, and with other words
    let reply = mstr_sim::Reply::json(200, &json!({ "status": "3" }));
    server.inject(Fault::reply(reply).on(Method::GET, STATUS).times(1));
    let error = upload.publication().wait().await.unwrap_err();
    assert!(error.message().ends_with("failed: status 3"), "{error}");

    let server = support::server().polls(1_000).start().await.unwrap();
    let upload = self::upload(&dataset(&support::login(&server).await).await).await;
    let _ = upload.publish().await.unwrap();
    let error = upload.publication().timeout(Duration::from_millis(500)).wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("sql execution (status 6)"), "{error}");
    let busy = server.inject(Fault::status(503).on(Method::GET, STATUS));
    let error = upload.publication().timeout(Duration::from_millis(300)).wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let last = std::error::Error::source(&error).unwrap().downcast_ref::<Error>();
    assert_eq!(last.unwrap().status().unwrap().as_u16(), 503);
    busy.remove();
    // it is cancelled with its upload session
    upload.delete().await.unwrap();
    assert!(upload.publication().wait().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_busy_gateway_does_not_end_the_waiting() {
    let server = support::server().start().await.unwrap();
    let session = support::login(&server).await;
    let upload = upload(&dataset(&session).await).await;
    let _ = upload.publish().await.unwrap();
    // more than the retry policy of the session takes
    let busy = server.inject(Fault::status(503).on(Method::GET, STATUS).times(6));
    assert!(upload.publication().wait().await.unwrap().is_done());
    assert_eq!(busy.hits(), 6);
    let refused = server.inject(Fault::status(403).on(Method::GET, STATUS));
    assert!(upload.publication().wait().await.is_err());
    assert_eq!(refused.hits(), 1);
}

#[tokio::test]
async fn replies_that_say_nothing() {
    let server = support::server().start().await.unwrap();
    let session = support::login(&server).await;
    let dataset = dataset(&session).await;
    let empty = || Fault::reply(mstr_sim::Reply::json(200, &json!({}))).times(1);
    server.inject(empty().on(Method::POST, "/datasets/models"));
    let error = session.datasets().create_model(&model()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    server.inject(empty().on(Method::POST, "/datasets/*/uploadSessions"));
    let error = dataset.open_upload("orders", &["id"], UpdatePolicy::Add).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    server.inject(empty().on(Method::GET, "/datasets/*"));
    let definition = dataset.definition().await.unwrap();
    assert_eq!(definition, mstr_rest_api::DatasetDefinition::default());
    // the id under its other name
    let other = mstr_sim::Reply::json(200, &json!({ "datasetId": "A5" }));
    server.inject(Fault::reply(other).on(Method::POST, "/datasets/models"));
    assert_eq!(session.datasets().create_model(&model()).await.unwrap().id(), "A5");
}
