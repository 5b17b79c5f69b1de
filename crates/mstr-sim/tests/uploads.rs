//! Upload sessions: described, filled, published, read back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mstr_sim::{LibraryServer, Value};
use serde_json::{Value as Json, json};
use support::Call;
use support::grid::Client;

fn model() -> Json {
    let expression = |column: &str| json!([{ "tableName": "Sales", "columnName": column }]);
    json!({
        "name": "Uploaded",
        "tables": [{ "name": "Sales", "columnHeaders": [
            { "name": "id", "dataType": "INTEGER" },
            { "name": "city", "dataType": "STRING" },
            { "name": "revenue", "dataType": "DOUBLE" },
        ] }],
        "attributes": [{ "name": "City", "attributeForms": [
            { "category": "ID", "expressions": expression("id") },
            { "category": "DESC", "expressions": expression("city") },
        ] }],
        "metrics": [{ "name": "Revenue", "expressions": expression("revenue") }],
    })
}

fn part(index: i64, rows: &Json) -> Json {
    json!({ "tableName": "Sales", "index": index, "data": STANDARD.encode(rows.to_string()) })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

async fn open(client: &Client<'_>, dataset: &str, policy: &str, orientation: &str) -> String {
    let table = json!({ "name": "Sales", "columnHeaders": ["id", "city", "revenue"],
        "orientation": orientation, "updatePolicy": policy });
    let sessions = format!("/datasets/{dataset}/uploadSessions");
    let answer = client.post(&sessions, &json!({ "tables": [table] })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    format!("{sessions}/{}", answer.json()["uploadSessionId"].as_str().unwrap())
}

/// Publishes and gives the statuses up to the last one.
async fn publish(client: &Client<'_>, upload: &str) -> Vec<Json> {
    assert_eq!(client.send(Call::post(&format!("{upload}/publish"))).await.status, 200);
    let mut seen = Vec::new();
    for _ in 0..10 {
        let status = client.get(&format!("{upload}/publishStatus")).await.json();
        seen.push(status["status"].clone());
        if seen.last() != Some(&json!(6)) && seen.last() != Some(&json!("6")) {
            break;
        }
    }
    seen
}

async fn dataset(client: &Client<'_>) -> String {
    let described = client.post("/datasets/models", &model()).await;
    assert_eq!(described.status, 200, "{}", described.text());
    described.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_uploaded_is_there_and_is_a_cube() {
    let server = LibraryServer::start().await.unwrap();
    let client = Client::new(&server).await;
    let id = dataset(&client).await;
    let upload = open(&client, &id, "add", "row").await;

    // The second part first: the index counts.
    let second = json!([[2, "Genève", -3.25]]);
    let first = json!([[1, "Zürich", 10], [3, "Bern", null]]);
    assert_eq!(client.put(&upload, &part(2, &second)).await.status, 200);
    assert_eq!(client.put(&upload, &part(1, &first)).await.status, 200);
    assert_eq!(server.uploaded(&id).unwrap()[0].rows.len(), 0, "not yet published");
    assert_eq!(publish(&client, &upload).await, [json!(6), json!(6), json!(1)]);
    assert_eq!(client.send(Call::new("DELETE", &upload)).await.status, 204);
    assert_eq!(server.open_uploads(), 0);

    let tables = server.uploaded(&id).unwrap();
    assert_eq!(tables[0].columns, ["id", "city", "revenue"]);
    assert_eq!(
        tables[0].rows,
        [
            [Value::Integer(1), text("Zürich"), Value::Integer(10)],
            [Value::Integer(3), text("Bern"), Value::Null],
            [Value::Integer(2), text("Genève"), Value::Double(-3.25)],
        ]
    );
    let table = server.table(&id).unwrap();
    assert_eq!(table.columns(), ["City@ID", "City@DESC", "Revenue"]);
    let got = client.rows(&format!("/v2/cubes/{id}"), 2, &json!({})).await;
    assert_eq!(got, table.rows().collect::<Vec<_>>());
    assert_eq!(got[2], [text("2"), text("Genève"), Value::Double(-3.25)]);

    // Other policies, by the attribute's columns.
    for (policy, orientation, rows, wanted) in [
        ("update", "row", json!([[3, "Bern", 5], [4, "Basel", 6]]), vec![(1, 10), (3, 5), (2, -3)]),
        (
            "upsert",
            "column",
            json!([[2, 4], ["Genève", "Basel"], [7, 8]]),
            vec![(1, 10), (3, 5), (2, 7), (4, 8)],
        ),
        (
            "add",
            "row",
            json!([[4, "Basel", 9], [5, "Chur", 1]]),
            vec![(1, 10), (3, 5), (2, 7), (4, 8), (5, 1)],
        ),
        ("replace", "row", json!([[9, "Thun", 2]]), vec![(9, 2)]),
    ] {
        let upload = open(&client, &id, policy, orientation).await;
        assert_eq!(client.put(&upload, &part(1, &rows)).await.status, 200);
        publish(&client, &upload).await;
        #[allow(clippy::cast_possible_truncation, reason = "small numbers")]
        let number = |value: &Value| match value {
            Value::Integer(number) => *number,
            Value::Double(number) => *number as i64,
            _ => panic!("no number"),
        };
        let tables = server.uploaded(&id).unwrap();
        let got: Vec<_> =
            tables[0].rows.iter().map(|row| (number(&row[0]), number(&row[2]))).collect();
        assert_eq!(got, wanted, "{policy}");
    }
}

#[tokio::test]
async fn a_failing_publication_says_so_and_ends_with_its_session() {
    let server = LibraryServer::builder()
        .failing_publish(true)
        .publish_status_as_text(true)
        .polls(1)
        .start()
        .await
        .unwrap();
    let client = Client::new(&server).await;
    let id = dataset(&client).await;
    let upload = open(&client, &id, "add", "row").await;
    client.put(&upload, &part(1, &json!([[1, "Bern", 1]]))).await;
    assert_eq!(publish(&client, &upload).await, [json!("6"), json!("3")]);
    assert!(server.uploaded(&id).unwrap()[0].rows.is_empty());
    assert_eq!(server.open_uploads(), 1);

    let second = json!({ "tables": [{ "name": "Sales", "columnHeaders": ["id"] }] });
    let busy = client.post(&format!("/datasets/{id}/uploadSessions"), &second).await;
    assert_eq!(busy.status, 400, "one upload session at a time");
    // Another session neither sees nor ends it.
    let other = Client::new(&server).await;
    assert_eq!(other.send(Call::new("DELETE", &upload)).await.status, 404);
    assert_eq!(client.send(Call::new("DELETE", &upload)).await.status, 204);
    assert_eq!(client.get(&format!("{upload}/publishStatus")).await.status, 404);
}

#[tokio::test]
async fn wrong_uploads() {
    let server = LibraryServer::start().await.unwrap();
    let client = Client::new(&server).await;
    let mut broken = model();
    broken["metrics"][0]["expressions"][0]["columnName"] = json!("cost");
    for model in [json!({}), json!({ "name": "Empty", "tables": [] }), broken] {
        assert_eq!(client.post("/datasets/models", &model).await.status, 400, "{model}");
    }
    let id = dataset(&client).await;
    let sessions = format!("/datasets/{id}/uploadSessions");
    for table in [
        json!({ "name": "Nothing", "columnHeaders": [] }),
        json!({ "name": "Sales", "columnHeaders": ["cost"] }),
        json!({ "name": "Sales", "columnHeaders": ["id"], "updatePolicy": "merge" }),
    ] {
        let body = json!({ "tables": [table] });
        assert_eq!(client.post(&sessions, &body).await.status, 400, "{body}");
    }
    let upload = open(&client, &id, "add", "row").await;
    assert_eq!(client.get(&format!("{upload}/publishStatus")).await.status, 400, "not published");
    for body in [
        json!({ "tableName": "Sales", "index": 1, "data": "no base64!" }),
        json!({ "tableName": "Sales", "index": 1, "data": STANDARD.encode("{}") }),
        json!({ "tableName": "Sales", "data": STANDARD.encode("[]") }),
        json!({ "tableName": "Nothing", "index": 1, "data": STANDARD.encode("[]") }),
        part(1, &json!([[1, "Bern"]])),
    ] {
        assert_eq!(client.put(&upload, &body).await.status, 400, "{body}");
    }
    let unknown = "/datasets/B0000000000000000000000000000000/uploadSessions";
    assert_eq!(client.post(unknown, &json!({ "tables": [] })).await.status, 404);
}
