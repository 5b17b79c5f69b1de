//! Dates come as the locale has them unless a client asks for the standard form, of attribute forms
//! and of raw metric values each by a member of the query of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{Attribute, Dashboard, DataType, Form, LibraryServer, Metric, Report};
use serde_json::{Value as Json, json};
use support::grid::{Client, NAKED};

fn report() -> Report {
    Report::new("Dates")
        .rows(1)
        .attribute(Attribute::new("Quarter", 1).forms([Form::new("ID", DataType::Date)]).on_pages())
        .attribute(
            Attribute::new("Day", 1)
                .forms([Form::new("ID", DataType::Date), Form::new("Stamp", DataType::TimeStamp)]),
        )
        .metric(Metric::new("Due", DataType::Date))
        .metric(Metric::new("Sent", DataType::TimeStamp))
}

/// Whether the forms, the page and the metrics of a page are in standard form.
fn standard(page: &Json) -> (bool, bool, bool) {
    let (grid, raw) = (&page["definition"]["grid"], &page["data"]["metricValues"]["raw"][0]);
    let is_standard = |value: &Json| {
        let text = value.as_str().unwrap();
        assert_ne!(text.contains('/'), text.contains('-'), "{text}");
        text.contains('-')
    };
    let all = |values: &[&Json]| {
        let first = is_standard(values[0]);
        assert!(values.iter().all(|value| is_standard(value) == first));
        first
    };
    let forms = &grid["rows"][0]["elements"][0]["formValues"];
    let shown = &grid["pageBy"][0]["elements"][0]["formValues"];
    (all(&[&forms[0], &forms[1]]), all(&[&shown[0]]), all(&[&raw[0], &raw[1]]))
}

#[tokio::test]
async fn dates_are_written_as_asked_for() {
    let board = Dashboard::new("Board").id("D1").visualization("K1", report());
    let builder = LibraryServer::builder().report(report()).dashboard(board);
    let server = builder.start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report().object_id());
    let (instance, _) = client.execute(&path, -1, &json!({})).await;
    let mid = client.post("/dossiers/D1/instances", &json!({})).await.json()["mid"].clone();
    let mid = mid.as_str().unwrap();
    let grid = format!("/v2/dossiers/D1/instances/{mid}/chapters/K36/visualizations/K1");
    for (query, forms, raw) in [
        ("", false, false),
        ("&standardDateFormat=false", false, false),
        ("&standardDateFormat=true", true, false),
        ("&standardRawDateFormat=true", false, true),
        ("&standardDateFormat=true&standardRawDateFormat=true", true, true),
    ] {
        for source in [&instance, &grid] {
            let page = client.get(&format!("{source}?{NAKED}{query}")).await.json();
            assert_eq!(standard(&page), (forms, forms, raw), "{query}");
        }
        let body = json!({ "currentPageBy": [{ "id": page_element(&client, &instance).await }] });
        let page = client.put(&format!("{instance}?{NAKED}{query}"), &body).await.json();
        assert_eq!(standard(&page), (forms, forms, raw), "{query}");
    }
}

async fn page_element(client: &Client<'_>, instance: &str) -> Json {
    let elements = client.get(&format!("{instance}/pageBy/elements")).await.json();
    elements["pageBy"][0]["elements"][0]["id"].clone()
}
