//! Behaviours that are switched on: those that the vendor's documentation leaves open.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{Attribute, DataType, Fault, LibraryServer, Method, Metric, Prompt, Reply, Report};
use serde_json::json;
use support::grid::{Client, NAKED, decode, list};

const REGION: &str = "A0000000000000000000000000000001";

fn prompted() -> Report {
    Report::new("Sales")
        .rows(40)
        .attribute(Attribute::new("Region", 4).id(REGION))
        .attribute(Attribute::new("Day", 31))
        .metric(Metric::new("Revenue", DataType::Double))
        .prompt(Prompt::elements("Regions", REGION))
}

#[tokio::test]
async fn a_prompted_report_may_have_data_before_it_is_answered() {
    let builder = LibraryServer::builder().report(prompted()).prompted_data(true);
    let server = builder.start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", prompted().object_id());
    let (instance, page) = client.execute(&path, 10, &json!({})).await;
    assert_eq!((&page["status"], &page["data"]["paging"]["total"]), (&json!(2), &json!(40)));
    assert_eq!(decode(&page).len(), 10);
    assert_eq!(client.get(&instance).await.json()["status"], 2);

    let answers = format!("{}/prompts/answers", instance.replacen("/v2", "", 1));
    let element = json!({ "id": format!("h2;{REGION}") });
    let body =
        json!({ "prompts": [{ "name": "Regions", "type": "ELEMENTS", "answers": [element] }] });
    assert_eq!(client.put(&answers, &body).await.status, 204);
    let page = client.get(&format!("{instance}?{NAKED}")).await.json();
    assert_eq!(page["status"], 1);
    assert!(page["data"]["paging"]["total"].as_u64().unwrap() < 40);
}

#[tokio::test]
async fn a_put_may_be_answered_without_a_body() {
    let report = Report::sample("Sales", 20);
    let builder = LibraryServer::builder().report(report.clone()).silent_manipulation(true);
    let server = builder.start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let (instance, page) = client.execute(&path, -1, &json!({})).await;
    let region = &page["definition"]["grid"]["rows"][0]["id"];
    let metrics = &page["definition"]["grid"]["columns"][0]["elements"];
    let body =
        json!({ "requestedObjects": { "attributes": [{ "id": region }], "metrics": metrics } });
    let put = client.put(&instance, &body).await;
    assert_eq!((put.status, put.body.len()), (204, 0));
    let page = client.get(&instance).await.json();
    assert_eq!(list(&page["definition"]["grid"]["rows"]).len(), 1);
}

#[tokio::test]
async fn a_session_searches_one_thing_at_a_time() {
    let builder = LibraryServer::builder().one_search_at_a_time(true);
    let server = builder.start().await.unwrap();
    let (client, other) = (Client::new(&server).await, Client::new(&server).await);
    // The first search is answered when the second one was.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let fault = Fault::alter(move |_, reply: Reply| {
        let _ = held.lock().unwrap().recv();
        reply
    });
    server.inject(fault.on(Method::POST, "/metadataSearches/results").times(1));
    let (nothing, everything) = (json!({}), json!({}));
    let first = client.post("/metadataSearches/results?name=Sample", &nothing);
    let second = async {
        let is_there = server.wait_for(|journal| {
            journal.iter().any(|one| one.endpoint() == "/metadataSearches/results")
        });
        assert!(is_there.await);
        let second = client.get("/searches/results?name=Sample").await;
        let others = other.post("/v2/metadataSearches/results?name=Sample", &everything).await;
        release.send(()).unwrap();
        (second, others)
    };
    let (first, (second, others)) = tokio::join!(first, second);
    assert_eq!((first.status, others.status), (200, 200), "another session may");
    assert_eq!((second.status, &second.json()["code"]), (500, &json!("ERR001")));
    assert_eq!(client.get("/searches/results?name=Sample").await.status, 200, "afterwards");
}
