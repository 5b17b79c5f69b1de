//! Fewer attributes are fewer groups: the server adds up, as the vendor documents it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use std::collections::BTreeMap;

use mstr_sim::{Aggregation, Attribute, Cube, DataType, LibraryServer, Metric, Report, Value};
use serde_json::{Value as Json, json};
use support::grid::{Client, assert_same, decode, list, rows};

const REGION: &str = "A0000000000000000000000000000001";
const DAY: &str = "A0000000000000000000000000000002";
const REVENUE: &str = "B0000000000000000000000000000001";
const UNITS: &str = "B0000000000000000000000000000002";

fn cube() -> Cube {
    Cube::new("Sales")
        .rows(60)
        .attribute(Attribute::new("Region", 4).id(REGION))
        .attribute(Attribute::new("Day", 31).id(DAY))
        .metric(Metric::new("Revenue", DataType::Double).id(REVENUE).nulls(0.2))
        .metric(Metric::new("Units", DataType::Integer).id(UNITS))
}

async fn serve() -> LibraryServer {
    LibraryServer::builder().cube(cube()).start().await.unwrap()
}

fn path() -> String {
    format!("/v2/cubes/{}", cube().object_id())
}

fn asked(attributes: &[&str], metrics: &[&str]) -> Json {
    let ids = |ids: &[&str]| ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>();
    json!({ "requestedObjects": { "attributes": ids(attributes), "metrics": ids(metrics) } })
}

fn units(row: &[Value]) -> i64 {
    match row.last() {
        Some(Value::Integer(number)) => *number,
        other => panic!("no number: {other:?}"),
    }
}

#[tokio::test]
async fn fewer_attributes_are_groups_whose_metrics_are_added_up() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for row in cube().table().rows() {
        let Value::Text(region) = &row[0] else { panic!("{row:?}") };
        *wanted.entry(region.clone()).or_default() += units(&row);
    }
    for limit in [3, -1] {
        let got = client.rows(&path(), limit, &asked(&[REGION], &[UNITS])).await;
        let got: BTreeMap<_, _> = got
            .iter()
            .map(|row| match &row[0] {
                Value::Text(region) => (region.clone(), units(row)),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(got, wanted);
    }
    // what a test compares with
    let table = cube().table().aggregated(&["Region"], &["Revenue", "Units"]);
    assert_eq!(table.columns(), ["Region", "Revenue", "Units"]);
    let got = client.rows(&path(), -1, &asked(&[REGION], &[REVENUE, UNITS])).await;
    assert_same(&got, &rows(&table), "as the table says");
}

#[tokio::test]
async fn without_attributes_there_is_one_row_and_without_metrics_there_are_elements() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let total: i64 = cube().table().rows().map(|row| units(&row)).sum();
    let none_of_them =
        json!({ "requestedObjects": { "attributes": [], "metrics": [{ "id": UNITS }] } });
    let left_out = json!({ "requestedObjects": { "metrics": [{ "id": UNITS }] } });
    for body in [none_of_them, left_out] {
        assert_eq!(client.rows(&path(), -1, &body).await, [[Value::Integer(total)]]);
    }
    for body in [
        asked(&[REGION], &[]),
        json!({ "requestedObjects": { "attributes": [{ "id": REGION }], "metrics": null } }),
    ] {
        let got = client.rows(&path(), -1, &body).await;
        let wanted: Vec<_> = (1..=4).map(|at| vec![Value::Text(format!("Region {at}"))]).collect();
        assert_same(&got, &wanted, "elements, each once");
    }
}

#[tokio::test]
async fn nothing_asked_for_is_everything_and_an_empty_request_is_nothing() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let all = rows(&cube().table());
    for body in [json!({}), json!({ "requestedObjects": null }), Json::Null] {
        assert_same(&client.rows(&path(), -1, &body).await, &all, &body.to_string());
    }
    for nothing in [json!({}), json!({ "attributes": [], "metrics": [] })] {
        let body = json!({ "requestedObjects": nothing });
        let (_, page) = client.execute(&path(), -1, &body).await;
        assert_eq!(page["data"]["paging"]["total"], 0);
        assert_eq!(page["definition"]["grid"]["rows"], json!([]));
        assert_eq!(page["definition"]["grid"]["columns"], json!([]));
        assert!(decode(&page).is_empty());
    }
}

#[tokio::test]
async fn every_metric_has_its_function() {
    let metric = |name: &str, function| Metric::new(name, DataType::Integer).aggregation(function);
    let report = Report::new("Functions")
        .rows(30)
        .attribute(Attribute::new("Day", 31).id(DAY))
        .metric(metric("Sum", Aggregation::Sum))
        .metric(metric("Average", Aggregation::Average))
        .metric(metric("Least", Aggregation::Minimum))
        .metric(metric("Most", Aggregation::Maximum))
        .metric(metric("Count", Aggregation::Count).nulls(0.5))
        .metric(Metric::new("Due", DataType::Date))
        .metric(Metric::new("Precise", DataType::BigDecimal))
        .metric(Metric::new("Nothing", DataType::Double).nulls(1.0));
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let definition = client.get(&path).await.json();
    let metrics = &definition["definition"]["availableObjects"]["metrics"];
    let metrics: Vec<_> = list(metrics).iter().map(|one| one["id"].as_str().unwrap()).collect();
    let got = client.rows(&path, -1, &asked(&[], &metrics)).await;

    let table = rows(&report.table());
    let column = |at: usize| -> Vec<i64> {
        let numbers = table.iter().filter_map(|row| match row[at] {
            Value::Integer(number) => Some(number),
            _ => None,
        });
        numbers.collect()
    };
    assert_eq!(got[0][0], Value::Integer(column(1).iter().sum()));
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let mean = column(2).iter().sum::<i64>() as f64 / 30.0;
    assert!(
        matches!(got[0][1], Value::Double(got) if (got - mean).abs() < 1e-6),
        "{:?}",
        got[0][1]
    );
    assert_eq!(got[0][2], Value::Integer(*column(3).iter().min().unwrap()));
    assert_eq!(got[0][3], Value::Integer(*column(4).iter().max().unwrap()));
    assert_eq!(got[0][4], Value::Integer(i64::try_from(column(5).len()).unwrap()));
    assert!(matches!(&got[0][6], Value::Text(digits) if digits.contains('.')));
    assert_eq!(got[0][7], Value::Null);
}

#[tokio::test]
async fn view_filters_act_before_aggregation_and_metric_limits_after_it() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let compare = |operator: &str, value: i64| {
        json!({ "operator": operator, "operands": [{ "type": "metric", "id": UNITS },
            { "type": "constant", "dataType": "Real", "value": value.to_string() }] })
    };
    let sums = |keep: &dyn Fn(i64) -> bool| {
        let mut sums: BTreeMap<Value2, i64> = BTreeMap::new();
        for row in cube().table().rows().filter(|row| keep(units(row))) {
            *sums.entry(Value2(format!("{:?}", row[0]))).or_default() += units(&row);
        }
        sums.into_values().collect::<Vec<_>>()
    };
    let got = async |body: Json| -> Vec<i64> {
        client.rows(&path(), -1, &body).await.iter().map(|row| units(row)).collect()
    };
    let mut body = asked(&[REGION], &[UNITS]);
    body["viewFilter"] = compare("Greater", 0);
    assert_eq!(got(body.clone()).await, sums(&|units| units > 0));

    let all = sums(&|_| true);
    let middle = {
        let mut sorted = all.clone();
        sorted.sort_unstable();
        sorted[2]
    };
    let mut limited = asked(&[REGION], &[UNITS]);
    limited["metricLimits"] = json!({ UNITS: compare("GreaterEqual", middle) });
    let above: Vec<_> = all.iter().copied().filter(|sum| *sum >= middle).collect();
    assert_eq!(got(limited.clone()).await, above);
    assert_eq!(above.len(), 2);

    // ranks of limits are those of the groups that the filter left
    body["metricLimits"] = json!({ UNITS: { "operator": "Rank.Top", "operands":
        [{ "type": "metric", "id": UNITS },
         { "type": "constant", "dataType": "Real", "value": "1" }] } });
    let most = sums(&|units| units > 0).into_iter().max().unwrap();
    assert_eq!(got(body).await, [most]);
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Value2(String);

#[tokio::test]
async fn groups_are_sorted_and_pages_left_out_stay_pages() {
    let report = Report::new("Pages")
        .rows(20)
        .attribute(Attribute::new("Year", 2).on_pages())
        .attribute(Attribute::new("Region", 4).id(REGION))
        .attribute(Attribute::new("Day", 31).id(DAY))
        .metric(Metric::new("Units", DataType::Integer).id(UNITS));
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let mut body = asked(&[REGION], &[UNITS]);
    body["sorting"] = json!({ "rows": [
        { "type": "metric", "metric": { "id": UNITS }, "order": "descending", "elements": [] }] });
    let got: Vec<i64> = client.rows(&path, -1, &body).await.iter().map(|row| units(row)).collect();
    let total: i64 = report.table().page(0).map(|row| units(&row)).sum();
    assert_eq!(got.iter().sum::<i64>(), total, "of the first page");
    assert_eq!(got.len(), 4);
    assert!(got.is_sorted_by(|one, two| one >= two));
}
