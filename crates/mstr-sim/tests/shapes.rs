//! Grids of rarer shapes, as they were recorded: empty cells, groups of groups, metrics whose type
//! says little, compound grids; and what a `PUT` makes of an instance.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{Attribute, Cube, Dashboard, DataType, LibraryServer, Metric, Report, Value};
use serde_json::{Value as Json, json};
use support::grid::{Client, NAKED, assert_same, decode, list, rows};

async fn serve(report: &Report) -> LibraryServer {
    LibraryServer::builder().report(report.clone()).start().await.unwrap()
}

async fn page(server: &LibraryServer, report: &Report, body: &Json) -> Json {
    let path = format!("/v2/reports/{}", report.object_id());
    Client::new(server).await.execute(&path, -1, body).await.1
}

fn stores() -> Report {
    Report::new("Stores")
        .rows(9)
        .attribute(Attribute::new("Region", 3))
        .attribute(Attribute::new("Store", 9).id("A1").empty_every(3))
        .metric(Metric::new("Revenue", DataType::Double))
}

#[tokio::test]
async fn a_row_without_an_element_has_the_index_minus_one() {
    let report = stores();
    let server = serve(&report).await;
    let page = page(&server, &report, &json!({})).await;
    let lines = list(&page["data"]["headers"]["rows"]);
    let empty: Vec<_> = lines.iter().map(|line| line[1] == -1).collect();
    assert_eq!(empty, [false, false, true].repeat(3));
    let elements = list(&page["definition"]["grid"]["rows"][1]["elements"]);
    assert!(elements.iter().all(|one| one["formValues"][0].is_string()));
    assert!(lines.iter().all(|line| line[1].as_u64().unwrap_or_default() < elements.len() as u64));
    let table = rows(&report.table());
    assert_eq!(table[2][1], Value::Null);
    assert_ne!(table[1][1], Value::Null);
    // they can be filtered, sorted and added up
    let body = json!({
        "requestedObjects": { "attributes": [{ "id": "A1" }] },
        "sorting": { "rows": [{ "type": "attribute", "attribute": { "id": "A1" } }] },
    });
    let page = self::page(&server, &report, &body).await;
    let lines = list(&page["data"]["headers"]["rows"]);
    assert_eq!(lines.last().unwrap(), &json!([-1]), "they come last");
    assert_eq!(lines.iter().filter(|line| line[0] == -1).count(), 1);
}

#[tokio::test]
async fn a_custom_group_of_groups_has_two_columns_in_headers() {
    let groups = [("Young", vec!["18-24", "25-34"]), ("Old", vec![])];
    let report = Report::new("Ages")
        .rows(4)
        .attribute(Attribute::custom_group_levels("Ages", groups).id("A1"))
        .metric(Metric::new("Customers", DataType::Integer));
    let server = serve(&report).await;
    let page = page(&server, &report, &json!({})).await;
    let unit = &page["definition"]["grid"]["rows"][0];
    assert_eq!((&unit["type"], &unit["headerCount"]), (&json!("customGroup"), &json!(2)));
    assert!(unit.get("forms").is_none());
    assert_eq!(
        unit["elements"][1],
        json!({ "name": "18-24", "formValues": ["18-24"], "id": "h2;A1" })
    );
    assert_eq!(page["data"]["headers"]["rows"], json!([[0, 0], [0, 1], [0, 2], [3, 3]]));

    let table = report.table();
    assert_eq!(table.columns(), ["Ages", "Ages 2", "Customers"]);
    let text = |text: &str| Value::Text(text.to_owned());
    let shown: Vec<_> = table.rows().map(|row| row[..2].to_vec()).collect();
    assert_eq!(
        shown,
        [
            [text("Young"), Value::Null],
            [text("Young"), text("18-24")],
            [text("Young"), text("25-34")],
            [text("Old"), Value::Null],
        ]
    );
}

#[tokio::test]
async fn a_custom_group_of_groups_on_columns_has_two_lists() {
    let groups = [("Young", vec!["18-24"]), ("Old", vec![])];
    let report = Report::new("Ages")
        .rows(2)
        .attribute(Attribute::new("Shop", 2))
        .attribute(Attribute::custom_group_levels("Ages", groups).on_columns())
        .metric(Metric::new("Customers", DataType::Integer));
    let server = serve(&report).await;
    let page = page(&server, &report, &json!({})).await;
    let columns = &page["data"]["headers"]["columns"];
    assert_eq!(*columns, json!([[0, 0, 2], [0, 1, 2], [0, 0, 0]]));
}

#[tokio::test]
async fn metrics_that_are_whole_numbers_until_a_late_row() {
    let report = Report::new("Late")
        .rows(1100)
        .attribute(Attribute::new("Shop", 1100))
        .metric(Metric::new("Score", DataType::Reserved).fractions_after(1000))
        .metric(Metric::new("Count", DataType::Integer).fractions_after(1050));
    let server = serve(&report).await;
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let (instance, page) = client.execute(&path, 1000, &json!({})).await;
    let metrics = &page["definition"]["grid"]["columns"][0]["elements"];
    assert_eq!(
        (&metrics[0]["dataType"], &metrics[1]["dataType"]),
        (&json!("reserved"), &json!("integer"))
    );
    let raw = list(&page["data"]["metricValues"]["raw"]);
    assert!(raw.iter().all(|row| row[0].is_i64() && row[1].is_i64()));
    let page = client.get(&format!("{instance}?offset=1000&limit=1000&{NAKED}")).await.json();
    let raw = list(&page["data"]["metricValues"]["raw"]);
    assert!(raw.iter().all(|row| row[0].is_f64()));
    assert!(
        raw[..50].iter().all(|row| row[1].is_i64()) && raw[50..].iter().all(|row| row[1].is_f64())
    );
    let wanted: Vec<_> = rows(&report.table()).split_off(1000);
    assert_same(&decode(&page), &wanted, "last page");
}

#[tokio::test]
async fn attributes_on_both_axes_and_no_metrics_have_no_values() {
    let report = Report::new("No metrics")
        .rows(2)
        .attribute(Attribute::new("Region", 2))
        .attribute(Attribute::new("Year", 2).on_columns());
    let server = serve(&report).await;
    let page = page(&server, &report, &json!({})).await;
    assert_eq!(page["data"]["headers"], json!({ "rows": [[0], [1]], "columns": [[0, 1]] }));
    assert_eq!(page["data"]["metricValues"]["raw"], json!([]));
}

#[tokio::test]
async fn a_compound_grid_has_sets_of_columns_with_a_list_for_each_column() {
    let first = Report::new("By shop")
        .rows(3)
        .attribute(Attribute::new("Shop", 3))
        .attribute(Attribute::labels("Season", [["Summer"], ["Winter"]]).on_columns())
        .metric(Metric::new("Visits", DataType::Integer));
    let board = Dashboard::new("Board")
        .id("D1")
        .compound_grid("K1", first.clone())
        .column_set(
            [],
            [Metric::new("Profit", DataType::Double), Metric::new("Cost", DataType::Double)],
        )
        .column_set([Attribute::new("Year", 2)], [])
        .column_set([], []);
    let server = LibraryServer::builder().dashboard(board).start().await.unwrap();
    let client = Client::new(&server).await;
    let mid = client.post("/dossiers/D1/instances", &json!({})).await.json()["mid"].clone();
    let grid = format!(
        "/v2/dossiers/D1/instances/{}/chapters/K36/visualizations/K1",
        mid.as_str().unwrap()
    );
    let page = client.get(&format!("{grid}?{NAKED}")).await.json();
    assert_eq!(page["visualizationType"], "compound_grid");
    let grid = &page["definition"]["grid"];
    assert_eq!(grid["crossTab"], true);
    assert!(grid.get("columns").is_none() && grid.get("metricsPosition").is_none());
    assert_eq!(grid["rows"][0]["name"], "Shop");
    let sets = list(&grid["columnSets"]);
    let units = |at: usize| -> Vec<_> {
        list(&sets[at]["columns"]).iter().map(|one| &one["name"]).collect()
    };
    assert_eq!(units(0), ["Season", "Metrics"]);
    assert_eq!(units(1), ["Metrics"]);
    assert_eq!(units(2), ["Year"]);
    assert!(units(3).is_empty());
    assert_eq!(sets[0]["metricsPosition"], json!({ "axis": "columns", "index": 1 }));
    assert_eq!(
        page["data"]["headers"],
        json!({
            "rows": [[0], [1], [2]],
            "columnSets": [[[0, 0], [1, 0]], [[0], [1]], [[0], [1]], []],
        })
    );
    let values = &page["data"]["metricValues"]["columnSets"];
    let widths: Vec<_> = [0, 1].iter().map(|at| list(&values[*at]["raw"][0]).len()).collect();
    assert_eq!(widths, [2, 2]);
    assert_eq!((&values[2]["raw"], &values[3]["raw"]), (&json!([]), &json!([])));
    // the first set is the report
    let wanted: Vec<_> = rows(&first.table()).into_iter().map(|row| row[2].clone()).collect();
    let raw = list(&values[0]["raw"]).iter().flat_map(list);
    let got: Vec<_> = raw.map(|one| Value::Integer(one.as_i64().unwrap())).collect();
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn the_samples_have_these_shapes() {
    let server = LibraryServer::start().await.unwrap();
    let client = Client::new(&server).await;
    let search =
        client.post("/v2/metadataSearches/results?name=Sample&pattern=4", &json!({})).await.json();
    let path = format!("/metadataSearches/results?searchId={}", search["id"].as_str().unwrap());
    let found = client.get(&path).await.json();
    let names: Vec<_> = list(&found).iter().map(|one| one["name"].as_str().unwrap()).collect();
    for name in [
        "Sample Empty Cells",
        "Sample Custom Group",
        "Sample Late Fractions",
        "Sample Compound Grid",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn a_put_sorts_and_filters_an_instance_of_a_cube_anew() {
    let cube = Cube::new("Sales")
        .rows(40)
        .attribute(Attribute::new("Region", 4).id("A1"))
        .attribute(Attribute::new("Day", 31))
        .metric(Metric::new("Units", DataType::Integer).id("B1"));
    let server = LibraryServer::builder().cube(cube.clone()).start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/cubes/{}", cube.object_id());
    let (instance, _) = client.execute(&path, -1, &json!({})).await;
    let body = json!({
        "viewFilter": { "operator": "In", "operands": [{ "type": "attribute", "id": "A1" },
            { "type": "elements", "elements": [{ "id": "h2;A1" }] }] },
        "sorting": { "rows": [{ "type": "metric", "metric": { "id": "B1" }, "order": "descending" }] },
    });
    let sorted = |rows: Vec<Vec<Value>>| {
        let mut rows: Vec<_> =
            rows.into_iter().filter(|row| row[0] == Value::Text("Region 2".into())).collect();
        rows.sort_by_key(|row| match row[2] {
            Value::Integer(number) => -number,
            _ => 0,
        });
        rows
    };
    let wanted = sorted(rows(&cube.table()));
    let put = client.put(&format!("{instance}?{NAKED}"), &body).await;
    assert_eq!(put.status, 200);
    assert_same(&decode(&put.json()), &wanted, "the reply to the PUT");
    let page = client.get(&format!("{instance}?{NAKED}")).await.json();
    assert_same(&decode(&page), &wanted, "and what is read afterwards");
    let all = client.put(&format!("{instance}?{NAKED}"), &json!({})).await.json();
    assert_same(&decode(&all), &rows(&cube.table()), "everything again");
}
