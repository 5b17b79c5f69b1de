//! Pages that the server keeps are the ones that it would render.
#![allow(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod support;

use std::io::Read as _;

use mstr_sim::{LibraryServer, LibraryServerBuilder, Prompt, Report};
use serde_json::json;
use support::Call;
use support::grid::{Client, NAKED};

const ROWS: u64 = 20;

fn server() -> LibraryServerBuilder {
    LibraryServer::builder().report(Report::sample("Sales", ROWS))
}

fn path(report: &Report) -> String {
    format!("/v2/reports/{}", report.object_id())
}

fn sales() -> String {
    path(&Report::sample("Sales", ROWS))
}

/// The bodies of all pages of so many rows, the instance's id blanked.
async fn pages(client: &Client<'_>, limit: u64, encoding: &str) -> Vec<String> {
    let (instance, page) = client.execute(&sales(), 1, &json!({})).await;
    let id = page["instanceId"].as_str().unwrap();
    let mut pages = Vec::new();
    for offset in (0..ROWS).step_by(usize::try_from(limit).unwrap()) {
        let path = format!("{instance}?offset={offset}&limit={limit}&{NAKED}");
        let answer = client.send(Call::get(&path).header("accept-encoding", encoding)).await;
        let compressed = answer.header("content-encoding") == Some("gzip");
        assert_eq!(compressed, encoding == "gzip");
        let mut text = String::new();
        if compressed {
            flate2::read::GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
        } else {
            text = answer.text();
        }
        assert!(text.contains(id));
        pages.push(text.replace(id, "ID"));
    }
    pages
}

#[tokio::test]
async fn kept_pages_are_those_that_would_be_rendered() {
    let (fresh, keeping) =
        (server().start().await.unwrap(), server().keep_pages(true).start().await.unwrap());
    let (fresh, keeping) = (Client::new(&fresh).await, Client::new(&keeping).await);
    for limit in [7, 20] {
        let wanted = pages(&fresh, limit, "identity").await;
        assert!(wanted.iter().all(|page| page.contains("metricValues")), "{wanted:?}");
        // the first reader of each renders it
        for encoding in ["gzip", "identity", "gzip", "identity"] {
            assert_eq!(pages(&keeping, limit, encoding).await, wanted, "{limit} {encoding}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_for_counts() {
    let server = server().keep_pages(true).start().await.unwrap();
    let client = Client::new(&server).await;
    let (all, _) = client.execute(&sales(), 5, &json!({})).await;
    let (again, _) = client.execute(&sales(), 5, &json!({})).await;
    let none = json!({ "requestedObjects": { "attributes": [], "metrics": [] } });
    let (other, page) = client.execute(&sales(), 5, &none).await;
    assert_eq!(all, again);
    assert_ne!(all, other);
    assert_eq!(page["definition"]["grid"]["rows"], json!([]));
    // shown anew, it is another page under the same id
    let before = client.get(&format!("{all}?limit=5")).await.json();
    client.put(&format!("{all}?limit=5"), &none).await;
    let after = client.get(&format!("{all}?limit=5")).await.json();
    assert_ne!(before["definition"], after["definition"]);
}

#[tokio::test]
async fn who_executed_last_has_the_instance() {
    let server = server().keep_pages(true).start().await.unwrap();
    let (first, second) = (Client::new(&server).await, Client::new(&server).await);
    let (id, _) = first.execute(&sales(), 5, &json!({})).await;
    let path = format!("{id}?limit=5");
    assert_eq!(first.get(&path).await.status, 200);
    assert_eq!(second.execute(&sales(), 5, &json!({})).await.0, id);
    assert_eq!(second.get(&path).await.status, 200);
    assert_eq!(first.get(&path).await.status, 404);
}

#[tokio::test]
async fn pages_that_change_are_rendered() {
    let growing = Report::sample("Growing", ROWS).growing(3);
    let prompted = Report::sample("Prompted", ROWS).prompt(Prompt::value("Comment"));
    let (growing_path, prompted_path) = (path(&growing), path(&prompted));
    let server = LibraryServer::builder().report(growing).report(prompted).keep_pages(true);
    let server = server.start().await.unwrap();
    let client = Client::new(&server).await;
    let (id, _) = client.execute(&growing_path, 5, &json!({})).await;
    let mut totals = Vec::new();
    for _ in 0..2 {
        let page = client.get(&format!("{id}?limit=5")).await.json();
        totals.push(page["data"]["paging"]["total"].as_u64().unwrap());
    }
    assert_eq!(totals[1], totals[0] + 3);
    assert_eq!(client.execute(&prompted_path, 5, &json!({})).await.1["status"], 2);
}
