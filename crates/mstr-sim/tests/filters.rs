//! View filters and metric limits where the vendor documents that they are not applied, not
//! refused, or refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{Attribute, DataType, Form, LibraryServer, Metric, Prompt, Report};
use serde_json::{Value as Json, json};
use support::grid::Client;

const REGION: &str = "A0000000000000000000000000000001";
const DAY: &str = "A0000000000000000000000000000002";
const DATE: &str = "F0000000000000000000000000000001";
const NUMBER: &str = "F0000000000000000000000000000002";
const UNITS: &str = "B0000000000000000000000000000001";

fn report(name: &str) -> Report {
    Report::new(name)
        .rows(40)
        .attribute(Attribute::new("Region", 4).id(REGION))
        .attribute(Attribute::new("Day", 31).id(DAY).forms([
            Form::new("ID", DataType::Integer).id(NUMBER),
            Form::new("Date", DataType::Date).id(DATE),
        ]))
        .metric(Metric::new("Units", DataType::Integer).id(UNITS))
}

fn airport() -> Attribute {
    Attribute::labels("Airport", [["BWI"], ["DCA"]]).id("A0000000000000000000000000000003")
}

async fn serve(report: &Report) -> LibraryServer {
    LibraryServer::builder().report(report.clone()).start().await.unwrap()
}

fn path(report: &Report) -> String {
    format!("/v2/reports/{}", report.object_id())
}

fn in_regions(attribute: &str, ids: &[&str]) -> Json {
    let elements: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    json!({ "operator": "In", "operands": [{ "type": "attribute", "id": attribute },
        { "type": "elements", "elements": elements }] })
}

fn first_region() -> Json {
    in_regions(REGION, &[&format!("h1;{REGION}")])
}

fn metric(operator: &str, data_type: &str, value: &str) -> Json {
    json!({ "operator": operator, "operands": [{ "type": "metric", "id": UNITS },
        { "type": "constant", "dataType": data_type, "value": value }] })
}

fn form(form: &str, operator: &str, data_type: &str, value: &str) -> Json {
    json!({ "operator": operator, "operands": [
        { "type": "form", "attribute": { "id": DAY }, "form": { "id": form } },
        { "type": "constant", "dataType": data_type, "value": value }] })
}

/// How many lines there are.
async fn lines(client: &Client<'_>, report: &Report, body: &Json) -> u64 {
    let (_, page) = client.execute(&path(report), -1, body).await;
    page["data"]["paging"]["total"].as_u64().unwrap()
}

#[tokio::test]
async fn they_are_not_applied_unless_attributes_are_in_rows_and_metrics_on_columns() {
    let shapes = [
        report("cross-tab").attribute(airport().on_columns()),
        report("metrics in rows").metrics_in_rows(usize::MAX),
        report("pages").attribute(airport().on_pages()),
    ];
    let limit = json!({ UNITS: metric("Greater", "Real", "0") });
    for report in shapes {
        let server = serve(&report).await;
        let client = Client::new(&server).await;
        let all = lines(&client, &report, &json!({})).await;
        for body in [json!({ "viewFilter": first_region() }), json!({ "metricLimits": limit })] {
            assert_eq!(lines(&client, &report, &body).await, all, "{body}");
        }
        // by its objects it has that shape
        let definition = client.get(&path(&report)).await.json();
        let objects = &definition["definition"]["availableObjects"];
        let mut body = json!({ "requestedObjects":
            { "attributes": objects["attributes"], "metrics": objects["metrics"] } });
        let all = lines(&client, &report, &body).await;
        body["viewFilter"] = first_region();
        let some = lines(&client, &report, &body).await;
        assert!(0 < some && some < all, "{some} of {all}");
    }
}

#[tokio::test]
async fn page_by_that_is_not_asked_for_stays_and_with_it_nothing_is_filtered() {
    let report = report("pages").attribute(airport().on_pages());
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let mut body = json!({ "requestedObjects":
        { "attributes": [{ "id": REGION }, { "id": DAY }], "metrics": [{ "id": UNITS }] } });
    let all = lines(&client, &report, &body).await;
    body["viewFilter"] = first_region();
    assert_eq!(lines(&client, &report, &body).await, all);
}

#[tokio::test]
async fn with_prompts_view_filters_are_ignored_and_metric_limits_are_not() {
    let report = report("prompted").prompt(Prompt::value("Word").optional());
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&report), -1, &json!({})).await;
    let prompts = format!("{}/prompts", instance.replacen("/v2", "", 1));
    let asked = client.get(&prompts).await.json();
    let body = json!({ "prompts": [{ "key": asked[0]["key"], "type": "VALUE" }] });
    assert_eq!(client.put(&format!("{prompts}/answers"), &body).await.status, 204);
    let total = async |body: Json| {
        client.put(&instance, &body).await.json()["data"]["paging"]["total"].as_u64().unwrap()
    };
    assert_eq!(total(json!({ "viewFilter": first_region() })).await, 40);
    assert!(total(json!({ "metricLimits": { UNITS: metric("Greater", "Real", "0") } })).await < 40);
}

#[tokio::test]
async fn ids_that_are_not_valid_are_ignored_or_match_nothing_or_are_refused() {
    let report = report("ids");
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let some = lines(&client, &report, &json!({ "viewFilter": first_region() })).await;
    let no_attribute = in_regions("0000", &["h1;0000"]);
    let no_element = in_regions(REGION, &["h9;0000"]);
    let no_form = form("0000", "Equals", "Real", "1");
    let mut no_metric = metric("Greater", "Real", "0");
    no_metric["operands"][0]["id"] = json!("0000");
    let known = format!("h1;{REGION}");
    let beside = in_regions(REGION, &[&known, "h9;0000"]);
    let and = |one: &Json| json!({ "operator": "And", "operands": [first_region(), one] });
    let not = |one: &Json| json!({ "operator": "Not", "operands": [one] });
    let cases = [
        (no_attribute.clone(), 40),
        (no_metric.clone(), 40),
        (not(&no_metric), 40),
        (and(&no_attribute), some),
        (no_element.clone(), 0),
        (no_form.clone(), 0),
        (not(&no_form), 40),
        (beside.clone(), some),
    ];
    for (filter, wanted) in &cases {
        let body = json!({ "viewFilter": filter });
        assert_eq!(lines(&client, &report, &body).await, *wanted, "{filter}");
    }

    let builder = LibraryServer::builder().report(report.clone()).strict_filters(true);
    let server = builder.start().await.unwrap();
    let client = Client::new(&server).await;
    for (filter, text) in [
        (no_attribute, "Failed to find the attribute 0000"),
        (no_metric, "Failed to find the metric 0000"),
        (no_element, "Invalid element id - h9;0000"),
        (beside, "Invalid element id - h9;0000"),
        (no_form, "Invalid attribute form id - 0000"),
    ] {
        let body = json!({ "viewFilter": filter });
        let answer = client.post(&format!("{}/instances", path(&report)), &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")), "{filter}");
        assert!(answer.json()["message"].as_str().unwrap().contains(text), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_metric_is_compared_with_another_one() {
    let other = "B0000000000000000000000000000002";
    let report = report("two").metric(Metric::new("Sold", DataType::Double).id(other));
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let filter = |operator: &str, id: &str| {
        json!({ "viewFilter": { "operator": operator, "operands": [
            { "type": "metric", "id": UNITS }, { "type": "metric", "id": id }] } })
    };
    let less = lines(&client, &report, &filter("Less", other)).await;
    let not_less = lines(&client, &report, &filter("GreaterEqual", other)).await;
    assert!(less > 0 && not_less > 0);
    assert_eq!(less + not_less, 40);
    assert_eq!(lines(&client, &report, &filter("Less", "0000")).await, 40, "ignored");
    let path = format!("{}/instances", path(&report));
    assert_eq!(client.post(&path, &filter("IsNull", other)).await.status, 400);
}

#[tokio::test]
async fn constants_have_the_documented_types() {
    let report = report("types");
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let metrics = |data_type: &str, value: &str| metric("Greater", data_type, value);
    for right in [
        metrics("Real", "0"),
        metrics("BigDecimal", "0.5"),
        metrics("Int64", "9007199254740993"),
        metrics("Date", "1/31/2016"),
        form(NUMBER, "LessEqual", "Real", "3"),
        form(NUMBER, "LessEqual", "BigDecimal", "3"),
        form(DATE, "Greater", "Date", "1/31/2015"),
        form(DATE, "Equals", "Char", "x"),
    ] {
        lines(&client, &report, &json!({ "viewFilter": right })).await;
    }
    let mut untyped = metrics("Real", "0");
    untyped["operands"][1].as_object_mut().unwrap().remove("dataType");
    for wrong in [
        metrics("integer", "0"),
        metrics("double", "0"),
        metrics("reserved", "0"),
        metrics("real", "0"),
        metrics("Char", "0"),
        metrics("TimeStamp", "0"),
        metrics("Real", "many"),
        metrics("Int64", "1.5"),
        form(NUMBER, "Equals", "Int64", "3"),
        form(DATE, "Equals", "nVarChar", "x"),
        form(DATE, "Equals", "date", "1/31/2015"),
        // not as the locale of the session writes it
        form(DATE, "Equals", "Date", "2015-01-31"),
        untyped,
    ] {
        let body = json!({ "viewFilter": wrong });
        let answer = client.post(&format!("{}/instances", path(&report)), &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")), "{wrong}");
    }
    let days = lines(
        &client,
        &report,
        &json!({ "viewFilter": form(DATE, "LessEqual", "Date", "1/10/2015") }),
    )
    .await;
    let ids =
        lines(&client, &report, &json!({ "viewFilter": form(NUMBER, "LessEqual", "Real", "10") }))
            .await;
    assert_eq!(days, ids);
    assert!(days > 0);
}
