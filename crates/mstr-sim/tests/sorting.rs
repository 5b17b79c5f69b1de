//! Sorted executions, ranks and percentages over the wire, compared with tables sorted here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]
#![allow(clippy::needless_pass_by_value, reason = "bodies are written where they are sent")]

mod support;

use std::cmp::Ordering;

use mstr_sim::{Attribute, Cube, DataType, Form, LibraryServer, Metric, Report, Value};
use serde_json::{Value as Json, json};
use support::grid::{Client, NAKED, assert_same, decode, list, rows};

fn metric(id: &str, order: &str) -> Json {
    json!({ "type": "metric", "metric": { "id": id }, "order": order })
}

fn form(attribute: &str, form: &str, order: &str) -> Json {
    json!({ "attribute": { "id": attribute }, "form": { "id": form }, "order": order })
}

fn attribute(id: &str) -> Json {
    json!({ "attribute": { "id": id } })
}

/// Region and day, with nulls; days are dates, which sort as such and not as their text.
fn sales() -> Report {
    Report::new("Sales")
        .rows(60)
        .attribute(Attribute::new("Region", 4).id("R1"))
        .attribute(Attribute::new("Day", 400).id("D1").forms([
            Form::new("ID", DataType::Integer).id("F1"),
            Form::new("Date", DataType::Date).id("F2"),
        ]))
        .metric(Metric::new("Revenue", DataType::Double).id("M1").nulls(0.2))
        .metric(Metric::new("Units", DataType::Integer).id("M2"))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss, reason = "small")]
        Value::Integer(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        Value::Text(text) => Some(text.parse().unwrap()),
        _ => None,
    }
}

/// Nothing comes last, whatever the order.
fn by(one: &Value, two: &Value, descending: bool) -> Ordering {
    match (number(one), number(two)) {
        (None, two) => {
            if two.is_some() {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        }
        (_, None) => Ordering::Less,
        (Some(one), Some(two)) if descending => two.total_cmp(&one),
        (Some(one), Some(two)) => one.total_cmp(&two),
    }
}

fn body(rows: Json) -> Json {
    json!({ "sorting": { "rows": rows } })
}

#[tokio::test]
async fn rows_by_every_criterion() {
    let cube = Cube::new("Cube")
        .rows(60)
        .attribute(Attribute::new("Region", 4).id("R1"))
        .metric(Metric::new("Revenue", DataType::Double).id("M1").nulls(0.2));
    let server = LibraryServer::builder().report(sales()).cube(cube.clone()).start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", sales().object_id());
    let table = rows(&sales().table());
    for (sorts, compare) in [
        (
            json!([metric("M1", "descending")]),
            (|a, b| by(&a[3], &b[3], true)) as fn(&[Value], &[Value]) -> Ordering,
        ),
        (json!([metric("M1", "ascending")]), |a, b| by(&a[3], &b[3], false)),
        (json!([attribute("D1"), metric("M2", "descending")]), |a, b| {
            by(&a[1], &b[1], false).then(by(&a[4], &b[4], true))
        }),
        (json!([form("D1", "F1", "descending")]), |a, b| by(&a[1], &b[1], true)),
        (json!([form("D1", "F2", "ascending")]), |a, b| by(&a[1], &b[1], false)),
        (json!([form("R1", "", "ascending"), metric("M1", "descending")]), |a, b| {
            let (Value::Text(one), Value::Text(two)) = (&a[0], &b[0]) else { panic!() };
            one.cmp(two).then(by(&a[3], &b[3], true))
        }),
    ] {
        let mut sorts: Json = sorts;
        if let Some(one) = sorts[0].pointer_mut("/form/id").filter(|id| *id == "") {
            let described = client.get(&path).await.json();
            *one = described["definition"]["grid"]["rows"][0]["forms"][0]["id"].clone();
        }
        let mut wanted = table.clone();
        wanted.sort_by(|one, two| compare(one, two));
        let got = client.rows(&path, 13, &body(sorts.clone())).await;
        // what the criteria do not tell apart stays in the grid's order
        assert_same(&got, &wanted, &sorts.to_string());
        assert_ne!(format!("{got:?}"), format!("{table:?}"));
    }
    // a flat request and a cube sort, too
    let flat = json!({
        "requestedObjects": { "attributes": [{ "id": "R1" }, { "id": "D1" }], "metrics": [{ "id": "M2" }] },
        "sorting": { "rows": [metric("M2", "ascending")] },
    });
    let got = client.rows(&path, 100, &flat).await;
    assert_eq!(got.len(), 60);
    assert!(got.is_sorted_by(|one, two| by(&one[3], &two[3], false).is_le()));
    let path = format!("/v2/cubes/{}", cube.object_id());
    let got = client.rows(&path, 100, &body(json!([metric("M1", "descending")]))).await;
    assert!(got.is_sorted_by(|one, two| by(&one[1], &two[1], true).is_le()));
}

#[tokio::test]
async fn cross_tabs_and_pages() {
    let report = Report::new("Cross")
        .rows(20)
        .attribute(Attribute::new("Year", 30).id("Y1"))
        .attribute(Attribute::labels("Airport", [["BWI"], ["DCA"], ["ATL"]]).id("A1").on_columns())
        .attribute(Attribute::new("Carrier", 3).id("C1").on_pages())
        .metric(Metric::new("Flights", DataType::Integer).id("M1"))
        .metric(Metric::new("Delay", DataType::Double).id("M2"));
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let client = Client::new(&server).await;
    let path = format!("/v2/reports/{}", report.object_id());
    let described = client.get(&path).await.json();
    let unit = |axis: &str| described["definition"]["grid"][axis][0]["forms"][0]["id"].clone();
    let (airport, carrier) = (unit("columns"), unit("pageBy"));
    let airport = airport.as_str().unwrap();

    // by a metric in one of the columns
    let mut sort = metric("M2", "descending");
    sort["elements"] = json!([{ "id": "h2;A1" }]);
    let (_, page) = client.execute(&path, 100, &body(json!([sort]))).await;
    let raw = list(&page["data"]["metricValues"]["raw"]);
    let values: Vec<_> = raw.iter().map(|row| row[3].as_f64().unwrap()).collect();
    assert!(values.is_sorted_by(|one, two| one >= two), "{values:?}");
    assert_eq!(page["definition"]["grid"]["sorting"]["rows"][0]["type"], "metric");

    // columns by their names; metrics stay together
    let columns = json!({ "sorting": { "columns": [form("A1", airport, "ascending")] } });
    let (_, page) = client.execute(&path, 100, &columns).await;
    let grid = &page["definition"]["grid"];
    let names: Vec<_> =
        list(&grid["columns"][0]["elements"]).iter().map(|one| &one["formValues"][0]).collect();
    assert_eq!(names, ["ATL", "BWI", "DCA"]);
    assert_eq!(page["data"]["headers"]["columns"], json!([[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]]));
    let (_, plain) = client.execute(&path, 100, &json!({})).await;
    let sorted = |page: &Json| {
        let mut rows: Vec<_> = decode(page).iter().map(|row| format!("{row:?}")).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&page), sorted(&plain), "the same values");

    // by the values in one of the rows
    let first = plain["definition"]["grid"]["rows"][0]["elements"][0]["id"].clone();
    let mut sort = metric("M1", "ascending");
    sort["elements"] = json!([{ "id": first }]);
    let (_, page) = client.execute(&path, 100, &json!({ "sorting": { "columns": [sort] } })).await;
    let row = &page["data"]["metricValues"]["raw"][0];
    let flights: Vec<_> = [0, 2, 4].map(|at| row[at].as_f64().unwrap()).to_vec();
    assert!(flights.is_sorted(), "{row}");
    assert_eq!(sorted(&page), sorted(&plain));

    // pages: the first one is shown, and they are listed so
    let pages =
        json!({ "sorting": { "pageBy": [form("C1", carrier.as_str().unwrap(), "descending")] } });
    let (instance, page) = client.execute(&path, 100, &pages).await;
    assert_eq!(page["data"]["currentPageBy"], json!([2]));
    let elements = client.get(&format!("{instance}/pageBy/elements?limit=2")).await.json();
    let names = list(&elements["pageBy"][0]["elements"]).iter().map(|one| &one["formValues"][0]);
    assert_eq!(names.collect::<Vec<_>>(), ["Carrier 3", "Carrier 2"], "those of the window");
    assert_eq!(elements["validPageByElements"]["items"], json!([[0], [1]]));
    assert_eq!(elements["validPageByElements"]["paging"]["total"], 3);
}

#[tokio::test]
async fn subtotals_stand_first_or_last() {
    let report = sales().subtotals().id("0F");
    let server = LibraryServer::builder().report(report).start().await.unwrap();
    let client = Client::new(&server).await;
    for (position, order) in
        [("first", "descending"), ("last", "descending"), ("mixed", "ascending")]
    {
        let mut sort = metric("M2", order);
        sort["subtotalsPosition"] = json!(position);
        let (_, page) = client.execute("/v2/reports/0F", 100, &body(json!([sort]))).await;
        let units = &page["definition"]["grid"]["rows"];
        let is_total = |unit: usize, index: &Json| {
            let at = usize::try_from(index.as_u64().unwrap()).unwrap();
            units[unit]["elements"][at]["subtotal"] == true
        };
        let lines = list(&page["data"]["headers"]["rows"]);
        let totals: Vec<_> = lines.iter().map(|line| is_total(1, &line[1])).collect();
        assert_eq!(totals.iter().filter(|one| **one).count(), 5, "one for each region, and all");
        assert_eq!((totals[0], totals[64]), (position == "first", position != "first"));
        let raw = list(&page["data"]["metricValues"]["raw"]);
        let values: Vec<_> = raw.iter().map(|row| row[1].as_f64().unwrap()).collect();
        for region in lines
            .iter()
            .zip(&totals)
            .zip(&values)
            .collect::<Vec<_>>()
            .chunk_by(|a, b| a.0.0[0] == b.0.0[0])
        {
            let values: Vec<_> = region.iter().filter(|one| !one.0.1).map(|one| *one.1).collect();
            assert!(values.is_sorted_by(|a, b| if order == "ascending" { a <= b } else { a >= b }));
        }
    }
}

#[tokio::test]
async fn what_cannot_be_sorted() {
    let cross = sales().attribute(Attribute::new("Shop", 2).id("S1").on_columns()).id("0E");
    let server =
        LibraryServer::builder().report(sales().id("0D")).report(cross).start().await.unwrap();
    let client = Client::new(&server).await;
    let subtotals = |position: &str| json!({ "subtotalsPosition": position });
    let with = |mut sort: Json, name: &str, value: &str| {
        sort[name] = json!(value);
        sort
    };
    for (sorting, words) in [
        (json!({ "rows": [metric("", "ascending")] }), "Metric ID should not be null"),
        (json!({ "rows": [metric("M9", "ascending")] }), "Failed to find the metric M9"),
        (json!({ "rows": [attribute("")] }), "Attribute ID should not be null"),
        (json!({ "rows": [attribute("R9")] }), "Failed to find the attribute R9"),
        (json!({ "rows": [form("D1", "", "ascending")] }), "Attribute form ID should not be null"),
        (
            json!({ "rows": [form("D1", "F9", "ascending")] }),
            "Failed to find the attribute form F9",
        ),
        (json!({ "rows": [{ "type": "colour" }] }), "Incorrect node type"),
        (
            json!({ "rows": [with(attribute("D1"), "order", "ascending")] }),
            "It is forbidden to set",
        ),
        (
            json!({ "rows": [attribute("D1"), subtotals("first")] }),
            "only applied as the first sorting",
        ),
        (json!({ "pageBy": [metric("M1", "ascending")] }), "Metric sort cannot be applied"),
        (
            json!({ "rows": [with(form("D1", "F1", "ascending"), "subtotalsPosition", "mixed")] }),
            "'mixed' cannot",
        ),
        (json!({ "rows": [subtotals("middle")] }), "Unknown subtotals position value middle"),
        (json!({ "rows": [with(metric("M1", "x"), "order", "up")] }), "Unknown order up"),
        (json!({ "up": [] }), "There is no axis up"),
    ] {
        let body = json!({ "sorting": sorting });
        let answer = client.post(&format!("/v2/reports/0D/instances?{NAKED}"), &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")), "{body}");
        assert!(answer.text().contains(words), "{} {words}", answer.text());
    }
    // a cross-tab wants the elements of its columns
    for elements in [json!(null), json!([]), json!([{ "id": "h3;S1" }]), json!([{ "id": "h1;R1" }])]
    {
        let mut sort = metric("M1", "ascending");
        sort["elements"] = elements;
        let answer = client.post("/v2/reports/0E/instances", &body(json!([sort]))).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    // nothing is no criterion
    for sorting in [json!([]), json!({}), json!({ "rows": [] }), json!(null)] {
        let (_, page) = client.execute("/v2/reports/0D", 100, &json!({ "sorting": sorting })).await;
        assert_same(&decode(&page), &rows(&sales().table()), "unsorted");
    }
}

#[tokio::test]
async fn ranks_and_percentages() {
    let server = LibraryServer::builder().report(sales().id("0D")).start().await.unwrap();
    let client = Client::new(&server).await;
    let table = rows(&sales().table());
    let mut values: Vec<f64> = table.iter().filter_map(|row| number(&row[3])).collect();
    values.sort_by(|one, two| two.total_cmp(one));
    let count = values.len();
    assert!(count < 60, "some are null");
    let condition = |operator: &str, constants: &[&str]| {
        let constants = constants
            .iter()
            .map(|one| json!({ "type": "constant", "dataType": "Real", "value": one }));
        let operands: Vec<_> =
            [json!({ "type": "metric", "id": "M1" })].into_iter().chain(constants).collect();
        json!({ "operator": operator, "operands": operands })
    };
    let tenth = count / 10;
    for (operator, constants, from, to) in [
        ("Rank.Top", vec!["3"], 0, 3),
        ("Rank.Bottom", vec!["3"], count - 3, count),
        ("Rank.Equals", vec!["5"], 4, 5),
        ("Rank.Between", vec!["2", "4"], 1, 4),
        ("Rank.ExcludeTop", vec!["3"], 3, count),
        ("Rank.ExcludeBottom", vec!["3"], 0, count - 3),
        ("Percent.Top", vec!["10%"], 0, tenth),
        ("Percent.Top", vec!["0.1"], 0, tenth),
        ("Percent.Bottom", vec!["10%"], count - tenth, count),
        ("Percent.ExcludeTop", vec!["10%"], tenth, count),
        ("Percent.Between", vec!["0%", "10%"], 0, tenth),
    ] {
        let body = json!({ "viewFilter": condition(operator, &constants) });
        let mut got: Vec<_> = client
            .rows("/v2/reports/0D", 100, &body)
            .await
            .iter()
            .filter_map(|row| number(&row[3]))
            .collect();
        got.sort_by(|one, two| two.total_cmp(one));
        assert_eq!(got, values[from..to], "{operator}");
    }
    for (operator, part) in [("Rank.DifferentFrom", 1), ("Rank.NotBetween", 2)] {
        let constants = ["1", "2"];
        let body = json!({ "viewFilter": condition(operator, &constants[..part]) });
        assert_eq!(client.rows("/v2/reports/0D", 100, &body).await.len(), count - part);
    }
    // limits of metrics know two of them
    let limit = |operator: &str| json!({ "metricLimits": { "M1": condition(operator, &["3"]) } });
    assert_eq!(client.rows("/v2/reports/0D", 100, &limit("Rank.Top")).await.len(), 3);
    let lists = json!({ "viewFilter": { "operator": "In", "operands": [
        { "type": "form", "attribute": { "id": "D1" }, "form": { "id": "F1" } },
        { "type": "constants", "dataType": "Real", "values": [table[0][1], table[7][1]] },
    ]}});
    assert!(client.rows("/v2/reports/0D", 100, &lists).await.len() >= 2);
    for wrong in [
        limit("Rank.ExcludeTop"),
        json!({ "viewFilter": condition("Rank.Highest", &["3"]) }),
        json!({ "viewFilter": condition("Rank.Top", &["many"]) }),
        json!({ "viewFilter": condition("Rank.Top", &["1", "2"]) }),
        json!({ "viewFilter": condition("Rank.Top", &["10%"]) }),
        json!({ "viewFilter": { "operator": "Rank.Top", "operands": [{ "type": "attribute", "id": "R1" }] } }),
    ] {
        let answer = client.post("/v2/reports/0D/instances", &wrong).await;
        assert_eq!(answer.status, 400, "{wrong} {}", answer.text());
    }
}
