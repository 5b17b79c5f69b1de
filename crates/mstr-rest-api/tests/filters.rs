//! Filters and requests against definitions: names become ids, and what a server would silently
//! not do is an error before anything is sent.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::expression::{Constant, Expression, attribute, metric};
use mstr_rest_api::{Definition, GridRequest, Order, ReportsExt, Sort};
use mstr_rest_core::{Error, ErrorKind};
use serde_json::{Value, json};
use support::canned::{Canned, grid};

const REGION: &str = "8D679D4B11D3E4981000E787EC6DE8A4";
const DAY: &str = "96ED3EC811D5B117C000E78A4CC5F24F";

fn available() -> Value {
    let form =
        |id: &str, name: &str, kind: Value| json!({ "id": id, "name": name, "dataType": kind });
    json!({
        "attributes": [
            { "id": REGION, "name": "Region", "forms": [
                form("F1", "ID", json!("integer")), form("F2", "DESC", json!("nVarChar"))] },
            { "id": DAY, "name": "Day", "forms": [form("F3", "ID", json!("date"))] },
            { "id": "A3", "name": "Month", "forms": [form("F4", "ID", json!(33))] },
            { "id": "A4", "name": "Month", "forms": [form("F5", "ID", json!("integer"))] },
        ],
        "metrics": [
            { "id": "M1", "name": "Revenue", "dataType": "double" },
            { "id": "M2", "name": "Units", "dataType": "integer" },
            { "id": "M3", "name": "Cost, net", "dataType": "bigDecimal" },
            { "id": "M4", "name": "Due", "dataType": "date" },
            { "id": "M5", "name": "Ratio", "dataType": "reserved" },
        ],
        "customGroups": [{ "id": "G1", "name": "Ages" }],
    })
}

fn report(template: &Value) -> Definition {
    let json = json!({ "id": "A", "name": "Sales",
        "definition": { "grid": template, "availableObjects": available() } });
    serde_json::from_value(json).unwrap()
}

fn cube() -> Definition {
    let json =
        json!({ "id": "A", "name": "Sales", "definition": { "availableObjects": available() } });
    serde_json::from_value(json).unwrap()
}

fn sent(expression: &Expression) -> Value {
    serde_json::to_value(expression).unwrap()
}

fn refused(error: &Error, says: &str) {
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    assert!(error.message().contains(says), "{says}: {error}");
}

#[test]
fn names_become_ids() {
    let by_name = Expression::all([
        attribute("region").form("Desc").begins_with("N"),
        attribute("Region").is_not_in([format!("h1;{REGION}"), format!("{REGION}:2")]),
        Expression::any([metric("revenue").top(3), metric("M2").greater_than(7)]).negate(),
        metric("Units").compared(mstr_rest_api::expression::Operator::Less, metric("Revenue")),
    ]);
    let by_id = Expression::all([
        attribute(REGION).form("F2").begins_with("N"),
        attribute(REGION).is_not_in([format!("h1;{REGION}"), format!("{REGION}:2")]),
        Expression::any([metric("M1").top(3), metric("M2").greater_than(7)]).negate(),
        metric("M2").compared(mstr_rest_api::expression::Operator::Less, metric("M1")),
    ]);
    assert_eq!(by_name.resolve(&cube()).unwrap(), by_id);
    assert_eq!(by_id.resolve(&cube()).unwrap(), by_id, "ids stay");
    // elements by name: the form that people read
    let named = attribute("Region").is_in(["North", "South"]).resolve(&cube()).unwrap();
    assert_eq!(
        sent(&named),
        json!({ "operator": "In", "operands": [
            { "type": "form", "attribute": { "id": REGION }, "form": { "id": "F2" } },
            { "type": "constants", "dataType": "Char", "values": ["North", "South"] },
        ]})
    );
    for (expression, says) in [
        (metric("Profit").is_null(), "it has Revenue, Units"),
        (attribute("Region").form("LAST").is_null(), "it has ID, DESC"),
        (attribute("Month").form("ID").is_null(), "A3, A4"),
        (attribute("Ages").is_in(["20 to 30"]), "no forms"),
        (attribute("Region").is_in(["North".into(), format!("h1;{REGION}")]), "one way"),
        (attribute("Region").is_in([format!("h1;{DAY}")]), "is none of the attribute"),
        (metric("Revenue").equals("much"), "\"Revenue\" holds numbers"),
        (attribute("Region").form("ID").equals("north"), "\"ID\" holds numbers"),
        (metric("Revenue").equals(1).negate().negate(), ""),
    ] {
        match expression.resolve(&cube()) {
            Ok(_) => assert_eq!(says, ""),
            Err(error) => refused(&error, says),
        }
    }
}

#[test]
fn constants_get_the_declared_type() {
    let kind = |expression: Expression| {
        let sent = sent(&expression.resolve(&cube()).unwrap());
        sent["operands"][1]["dataType"].as_str().unwrap().to_owned()
    };
    let id = || attribute("Region").form("ID");
    for (expression, name) in [
        (metric("Revenue").greater_than("10"), "Real"),
        (metric("Revenue").greater_than(10), "Real"),
        (metric("Revenue").greater_than(100_000_000), "BigDecimal"),
        (metric("Units").greater_than("10"), "Int64"),
        (metric("Units").greater_than("10.5"), "Real"),
        (metric("Cost, net").greater_than(5), "BigDecimal"),
        (metric("Due").greater_than("1/31/2024"), "Date"),
        (metric("Ratio").greater_than("0.5"), "Real"),
        (metric("Revenue").top(3), "Int64"),
        (metric("Revenue").top_percent(20.0), "Real"),
        (metric("Revenue").greater_than(Constant::date("1/1/2024")), "Date"),
        (id().equals("7"), "Real"),
        (id().equals(100_000_000), "BigDecimal"),
        (id().is_in(["1", "100000000"]), "BigDecimal"),
        (attribute("Region").form("DESC").equals(7), "Char"),
        (attribute("Day").form("ID").equals("1/31/2024"), "Date"),
        (attribute("A3").form("ID").equals("Jan"), "Char"),
    ] {
        assert_eq!(kind(expression.clone()), name, "{expression:?}");
    }
}

#[test]
fn ids_that_do_not_exist_are_refused() {
    for expression in [
        attribute(REGION).form("F2").equals("x"),
        attribute(REGION.to_lowercase()).is_in([format!("h1;{REGION}"), format!("{REGION}:1")]),
        attribute(REGION).is_in(["h2014;;2014"]),
        attribute(REGION).is_in([format!("h1;{REGION};{DAY}")]),
        attribute("G1").is_in(["h1;G1"]),
        metric("m1").greater_than(1),
    ] {
        expression.check_against(&cube()).unwrap();
    }
    for (expression, says) in [
        (attribute("X").is_in(["h1;X"]), "no attribute with the id \"X\": it has Region (8D67"),
        (attribute("Region").is_in(["x"]), "resolve() takes names"),
        (attribute(REGION).form("F3").equals("x"), "form of the attribute \"Region\""),
        (attribute(REGION).is_in([format!("{DAY}:2")]), "is none of the attribute \"Region\""),
        (attribute(REGION).is_in(["h1;A3"]), "is none of the attribute \"Region\""),
        (metric("M9").is_null(), "no metric with the id \"M9\""),
        (metric("M1").compared(mstr_rest_api::expression::Operator::Less, metric("M9")), "M9"),
        (Expression::all([metric("M1").is_null(), metric("M9").is_null().negate()]), "M9"),
    ] {
        refused(&expression.check_against(&cube()).unwrap_err(), says);
        let limit = GridRequest::designed().view_filter(expression);
        refused(&limit.check_against(&cube()).unwrap_err(), says);
    }
    let objects = GridRequest::designed().attribute_with_forms(REGION, ["F1"]).metric("M1");
    objects.check_against(&cube()).unwrap();
    for (request, says) in [
        (objects.clone().metric("M9"), "M9"),
        (objects.clone().attribute("X"), "\"X\""),
        (objects.clone().attribute_with_forms(DAY, ["F1"]), "F1"),
        (objects.metric_limit("M9", metric("M9").greater_than(1)), "M9"),
        (GridRequest::from_definition(&Definition::default()), "no objects"),
    ] {
        refused(&request.check_against(&cube()).unwrap_err(), says);
    }
}

#[test]
fn filters_that_would_not_be_applied_are_refused() {
    let unit = |id: &str, kind: &str| json!({ "id": id, "name": id, "type": kind });
    let metrics = json!({ "id": "0", "name": "Metrics", "type": "templateMetrics",
        "elements": [{ "id": "M1", "name": "Revenue" }] });
    let region = || unit(REGION, "attribute");
    let plain = json!({ "rows": [region()], "columns": [metrics] });
    let cross_tab = json!({ "rows": [region()], "columns": [unit(DAY, "attribute"), metrics] });
    let in_rows = json!({ "rows": [region(), metrics], "columns": [] });
    let said = json!({ "rows": [region()], "columns": [], "metricsPosition": { "axis": "rows" } });
    let paged =
        json!({ "rows": [region()], "columns": [metrics], "pageBy": [unit(DAY, "attribute")] });
    let filter = || metric("M1").greater_than(10);
    let filtered = GridRequest::designed().view_filter(filter());
    let limited = GridRequest::designed().metric_limit("M1", filter());
    let flat = filtered.clone().attribute(REGION).metric("M1");
    for (template, why, limits) in [
        (&plain, None, true),
        (&cross_tab, Some("attributes on columns"), false),
        (&in_rows, Some("metrics in rows"), false),
        (&said, Some("metrics in rows"), false),
        (&paged, Some("page-by"), true),
    ] {
        let definition = report(template);
        match why {
            None => filtered.check_against(&definition).unwrap(),
            Some(why) => {
                let error = filtered.check_against(&definition).unwrap_err();
                refused(&error, &format!("a view filter is not applied to a report with {why}"));
                refused(&error, "name the objects");
            }
        }
        assert_eq!(limited.check_against(&definition).is_ok(), limits);
        flat.check_against(&definition).unwrap();
        GridRequest::designed().check_against(&definition).unwrap();
        let all = GridRequest::from_definition(&definition).view_filter(filter());
        all.check_against(&definition).unwrap();
    }
    filtered.check_against(&cube()).unwrap();
    refused(&filtered.page_by(["h1;A"]).check().unwrap_err(), "page-by");
}

#[tokio::test]
async fn view_filter_on_a_report_that_asks_is_refused_and_nothing_stays() {
    let server = Canned::start(|asked| match asked.path.rsplit('/').next().unwrap_or_default() {
        "instances" => (200, None, json!({ "instanceId": "I", "status": 2 })),
        "status" => (200, None, json!({ "status": 1 })),
        _ if asked.method == "DELETE" || asked.path.ends_with("answers") => {
            (204, None, Value::Null)
        }
        _ => (200, None, grid()),
    });
    let report = server.session().await.reports().report("A");
    let filtered = || GridRequest::designed().view_filter(metric("M1").greater_than(10));
    for request in [filtered(), filtered().respond_async(true)] {
        refused(&report.run(request).await.unwrap_err(), "a report with prompts");
    }
    assert_eq!(server.asked("DELETE", "/instances/I").len(), 2);

    let instance = report.run(GridRequest::designed()).await.unwrap();
    let answers = mstr_rest_api::Answers::new().by_key("K", mstr_rest_api::Answer::value("x"));
    instance.answer(answers).await.unwrap();
    refused(&instance.manipulate(filtered()).await.unwrap_err(), "a report with prompts");
    let sorted = GridRequest::designed().sort_rows(Sort::metric("M1", Order::Ascending));
    instance.manipulate(sorted).await.unwrap();
    assert_eq!(server.asked("PUT", "/instances/I").len(), 1);
}
