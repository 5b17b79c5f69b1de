//! Reports and cubes over the wire, decoded here on their own and compared with the tables that
//! they were made from.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use mstr_sim::{
    Attribute, DataType, Form, LibraryServer, LibraryServerBuilder, Metric, Prompt, Report, Value,
};
use serde_json::{Value as Json, json};
use support::grid::{Client, NAKED, assert_same, decode, index, list, rows};

fn airport() -> Attribute {
    Attribute::labels("Airport", [["BWI"], ["DCA"]])
}

fn flights(name: &str) -> Report {
    Report::new(name)
        .rows(23)
        .attribute(Attribute::new("Year", 3))
        .attribute(
            Attribute::new("Month", 12)
                .forms([Form::new("ID", DataType::Integer), Form::new("DESC", DataType::VarChar)]),
        )
        .metric(Metric::new("Flights", DataType::Integer))
        .metric(Metric::new("Delay", DataType::Double).nulls(0.2))
        .metric(Metric::new("On-Time", DataType::BigDecimal))
}

/// Every shape whose flat rows have the table's order of columns.
fn shapes() -> Vec<Report> {
    vec![
        flights("tabular"),
        flights("cross-tab").attribute(airport().on_columns()),
        flights("two on columns")
            .attribute(airport().on_columns())
            .attribute(Attribute::new("Carrier", 3).on_columns()),
        flights("metrics before the columns")
            .attribute(airport().on_columns())
            .metrics_on_columns(0),
        flights("metrics in rows").metrics_in_rows(usize::MAX),
        flights("metrics in rows and columns")
            .metrics_in_rows(usize::MAX)
            .attribute(airport().on_columns()),
        Report::new("only columns")
            .attribute(airport().on_columns())
            .metric(Metric::new("Flights", DataType::Integer))
            .metrics_in_rows(0),
        Report::new("no metrics").attribute(Attribute::new("Year", 1000)),
        Report::new("no attributes")
            .metric(Metric::new("Flights", DataType::Integer))
            .metric(Metric::new("Delay", DataType::Double)),
        flights("no rows").rows(0),
        Report::new("all types")
            .rows(60)
            .attribute(Attribute::new("Day", 400).forms([
                Form::new("Date", DataType::Date),
                Form::new("Time", DataType::Time),
                Form::new("Stamp", DataType::TimeStamp),
                Form::new("Number", DataType::Double),
            ]))
            .metric(Metric::new("Text", DataType::VarChar).nulls(0.3))
            .metric(Metric::new("Day of it", DataType::Date))
            .metric(Metric::new("Time of it", DataType::Time))
            .metric(Metric::new("Stamp of it", DataType::TimeStamp))
            .metric(Metric::new("Nothing", DataType::Double).nulls(1.0)),
        flights("ragged").attribute(
            Attribute::new("Customer", 50)
                .forms([Form::new("ID", DataType::Integer), Form::new("DESC", DataType::VarChar)])
                .ragged(),
        ),
        flights("units without forms")
            .attribute(Attribute::new("Group", 5).custom_group())
            .attribute(Attribute::new("Season", 4).consolidation()),
    ]
}

async fn serve(reports: impl IntoIterator<Item = Report>) -> LibraryServer {
    let builder = reports.into_iter().fold(LibraryServer::builder(), LibraryServerBuilder::report);
    builder.start().await.unwrap()
}

fn path(report: &Report) -> String {
    format!("/v2/reports/{}", report.object_id())
}

#[tokio::test]
async fn every_shape_decodes_to_its_table() {
    let server = serve(shapes()).await;
    let client = Client::new(&server).await;
    for report in shapes() {
        let wanted = rows(&report.table());
        // Seven lines to a page, and all in one. A page of metrics in rows ends with a whole row.
        for limit in [6, 1000, -1] {
            let got = client.rows(&path(&report), limit, &json!({})).await;
            assert_same(&got, &wanted, &format!("{:?} {limit}", report.table().columns()));
        }
    }
}

#[tokio::test]
async fn flattened_every_shape_is_tabular() {
    let server = serve(shapes()).await;
    let client = Client::new(&server).await;
    for report in shapes() {
        let definition = client.get(&path(&report)).await.json();
        let available = &definition["definition"]["availableObjects"];
        let kinds = ["attributes", "customGroups", "consolidations"];
        let attributes: Vec<_> = kinds.iter().flat_map(|kind| list(&available[kind])).collect();
        // In the wrong order: what counts is the template's.
        let ids = |objects: Vec<&Json>| -> Vec<Json> {
            objects.into_iter().rev().map(|one| json!({ "id": one["id"] })).collect()
        };
        let metrics = list(&available["metrics"]).iter().collect();
        let body = json!({ "requestedObjects":
            { "attributes": ids(attributes), "metrics": ids(metrics) } });
        let (_, page) = client.execute(&path(&report), 10, &body).await;
        assert_eq!(page["definition"]["grid"]["crossTab"], false);
        let got = client.rows(&path(&report), 10, &body).await;
        assert_same(&got, &rows(&report.table()), "flattened");
    }
}

#[tokio::test]
async fn metrics_between_the_row_attributes() {
    let report = flights("between").metrics_in_rows(1);
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;

    let (_, page) = client.execute(&path(&report), -1, &json!({})).await;
    let grid = &page["definition"]["grid"];
    assert_eq!(grid["metricsPosition"], json!({ "axis": "rows", "index": 1 }));
    assert_eq!(grid["rows"][1]["type"], "templateMetrics");
    assert_eq!(page["data"]["paging"]["total"], 3 * 23);
    // Year by year: all months of the first metric, then those of the second one.
    let lines = list(&page["data"]["headers"]["rows"]);
    let order: Vec<_> = lines.iter().map(|line| (index(&line[0]), index(&line[1]))).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_same(&decode(&page), &rows(&report.table()), "between");
}

#[tokio::test]
async fn a_page_has_a_dictionary_of_its_own() {
    let report = Report::sample("dictionaries", 500);
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&report), 10, &json!({})).await;

    let page = client.get(&format!("{instance}?offset=320&limit=9")).await.json();

    assert_eq!(
        page["data"]["paging"],
        json!({ "total": 500, "current": 9, "offset": 320, "limit": 9 })
    );
    for (unit, described) in list(&page["definition"]["grid"]["rows"]).iter().enumerate() {
        let mut next = 0;
        for line in list(&page["data"]["headers"]["rows"]) {
            let number = index(&line[unit]);
            assert!(number <= next, "numbered by first appearance");
            next = next.max(number + 1);
        }
        assert_eq!(list(&described["elements"]).len(), next, "nothing but what is on the page");
    }
    let wanted: Vec<_> = (320..329).map(|row| report.table().row(row)).collect();
    assert_same(&decode(&page), &wanted, "page");
}

#[tokio::test]
async fn a_page_far_behind_comes_without_those_before_it() {
    let report = Report::sample("big", 10_000_000_000);
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&report), 1, &json!({})).await;

    // No walk from row 0 would come to an end.
    let page = client.get(&format!("{instance}?offset=9999999990&limit=100&{NAKED}")).await.json();

    assert_eq!(page["data"]["paging"]["current"], 10);
    let wanted: Vec<_> =
        (9_999_999_990..10_000_000_000).map(|row| report.table().row(row)).collect();
    assert_same(&decode(&page), &wanted, "last page");
    // All is more than fits into one reply.
    let all = client.get(&format!("{instance}?limit=-1&{NAKED}")).await.json();
    assert_eq!(all["data"]["paging"]["current"], 100_000);
    let behind = client.get(&format!("{instance}?offset=10000000000&limit=5")).await.json();
    assert_eq!(behind["data"]["paging"]["current"], 0);
}

#[tokio::test]
async fn cross_tab_headers_as_known() {
    let report = flights("cross-tab").attribute(airport().on_columns());
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let (_, page) = client.execute(&path(&report), 5, &json!({})).await;

    let grid = &page["definition"]["grid"];
    assert_eq!(grid["crossTab"], true);
    assert_eq!(grid["metricsPosition"], json!({ "axis": "columns", "index": 1 }));
    assert_eq!(grid["columns"][0]["elements"][1]["formValues"], json!(["DCA"]));
    assert_eq!(page["data"]["headers"]["columns"], json!([[0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]]));
    assert_eq!(list(&page["data"]["metricValues"]["raw"][0]).len(), 6);
}

/// Every member of the recording is there, with a value of the same kind.
fn assert_structure(recorded: &Json, served: &Json, at: &str) {
    match (recorded, served) {
        (Json::Object(recorded), Json::Object(served)) => {
            for (name, value) in recorded {
                let found = served.get(name).unwrap_or_else(|| panic!("no {at}.{name}"));
                assert_structure(value, found, &format!("{at}.{name}"));
            }
            for name in served.keys() {
                assert!(recorded.contains_key(name), "{at}.{name} was never recorded");
            }
        }
        (Json::Array(recorded), Json::Array(served)) => {
            assert_eq!(recorded.is_empty(), served.is_empty(), "{at}");
            if let (Some(first), Some(served)) = (recorded.first(), served.first()) {
                assert_structure(first, served, &format!("{at}[]"));
            }
            if let (Some(last), Some(served)) = (recorded.last(), served.last()) {
                assert_structure(last, served, &format!("{at}[last]"));
            }
        }
        (Json::String(_), Json::String(_))
        | (Json::Number(_), Json::Number(_))
        | (Json::Bool(_), Json::Bool(_))
        | (Json::Null, Json::Null) => {}
        _ => panic!("{at}: {recorded} was recorded, {served} is served"),
    }
}

fn quarters() -> Report {
    Report::new("21 Subtotals")
        .rows(6)
        .attribute(Attribute::new("Quarter", 2))
        .attribute(Attribute::new("Employee", 3).forms([
            Form::new("Last Name", DataType::VarChar),
            Form::new("First Name", DataType::VarChar),
        ]))
        .metric(Metric::new("Revenue", DataType::Double))
        .subtotals()
}

#[tokio::test]
async fn subtotals_as_recorded() {
    let server = serve([quarters()]).await;
    let client = Client::new(&server).await;
    let recorded: Json = serde_json::from_str(include_str!("fixtures/subtotals.json")).unwrap();

    let answer = client.post(&format!("{}/instances", path(&quarters())), &json!({})).await;
    let page = answer.json();

    assert_structure(&recorded, &page, "page");
    let columns = ["Quarter", "Employee@Last Name", "Employee@First Name", "Revenue"];
    assert_eq!(quarters().table().columns(), columns);
    // Six rows in two quarters, a total for each of these, a grand total.
    assert_eq!(
        page["data"]["headers"]["rows"],
        json!([[0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 1], [1, 2], [1, 3], [2, 3]])
    );
    let employee = &page["definition"]["grid"]["rows"][1];
    let id = employee["id"].as_str().unwrap();
    assert_eq!(
        employee["elements"][3],
        json!({ "formValues": ["Total"], "id": format!("j1;{id}"), "subtotal": true })
    );
    let decoded = decode(&page);
    assert_eq!(decoded[8][..3], vec![Value::Text("Total".into()); 3]);

    let hidden = json!({ "subtotals": { "visible": false } });
    let got = client.rows(&path(&quarters()), 4, &hidden).await;
    assert_same(&got, &rows(&quarters().table()), "without subtotals");
}

#[tokio::test]
async fn fields_leave_out_what_nobody_wants() {
    let server = serve([quarters()]).await;
    let client = Client::new(&server).await;
    let instances = format!("{}/instances/", path(&quarters()));

    let whole = client.post(&instances, &json!({})).await.json();
    let values = &whole["data"]["metricValues"];
    let raw = values["raw"][0][0].as_f64().unwrap();
    let formatted = values["formatted"][0][0].as_str().unwrap().replace(',', "");
    assert!((formatted.parse::<f64>().unwrap() - raw).abs() < 1e-9);
    assert_eq!(values["extras"][0], json!([{}]));

    let less = client.post(&format!("{instances}?{NAKED}"), &json!({})).await.json();
    let members: Vec<_> = less["data"]["metricValues"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["raw"]);
}

#[tokio::test]
async fn standard_dates_on_request() {
    let report = Report::new("dates")
        .attribute(Attribute::new("Day", 1000).forms([Form::new("ID", DataType::Date)]))
        .metric(Metric::new("Due", DataType::TimeStamp));
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&report), 1, &json!({})).await;

    let standard = "standardDateFormat=true&standardRawDateFormat=True";
    let page = client.get(&format!("{instance}?{standard}&{NAKED}")).await.json();

    assert_same(&decode(&page), &rows(&report.table().standard_dates()), "standard dates");
    assert_ne!(rows(&report.table().standard_dates()), rows(&report.table()));
}

#[tokio::test]
async fn only_what_was_asked_for() {
    let report = flights("chosen");
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let definition = client.get(&path(&report)).await.json();
    let available = &definition["definition"]["availableObjects"];
    let (month, delay) = (&available["attributes"][1], &available["metrics"][1]);

    let body = json!({ "requestedObjects": {
        "attributes": [{ "id": month["id"], "forms": [{ "id": month["forms"][1]["id"] }] }],
        "metrics": [{ "id": delay["id"] }],
    } });
    let got = client.rows(&path(&report), -1, &body).await;
    // Columns: Month@ID, Month@DESC, Delay. Months of all years are one row.
    let table = report.table().aggregated(&["Month"], &["Delay"]);
    let wanted: Vec<_> = table.rows().map(|row| vec![row[1].clone(), row[2].clone()]).collect();
    assert_eq!(wanted.len(), 12);
    assert_same(&got, &wanted, "chosen");

    let unknown = [
        json!({ "attributes": [{ "id": "0000" }] }),
        json!({ "metrics": [{ "id": month["id"] }] }),
        json!({ "attributes": [{ "id": month["id"], "forms": [{ "id": "0000" }] }] }),
    ];
    for requested in unknown {
        let body = json!({ "requestedObjects": requested });
        let answer = client.post(&format!("{}/instances", path(&report)), &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")));
    }
}

type Passes<'a> = Box<dyn Fn(&Vec<Value>) -> bool + 'a>;

#[tokio::test]
async fn filters_are_applied() {
    let report = flights("filtered").rows(36);
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let definition = client.get(&path(&report)).await.json();
    let available = &definition["definition"]["availableObjects"];
    let (year, flights) = (&available["attributes"][0]["id"], &available["metrics"][0]["id"]);
    let id = year.as_str().unwrap();
    let table = rows(&report.table());
    let in_year = |row: &Vec<Value>, year: &str| row[0] == Value::Text(year.to_owned());
    let number = |row: &Vec<Value>| match row[3] {
        Value::Integer(number) => number,
        _ => panic!("no number"),
    };
    let elements = |operator: &str, ids: &[String]| {
        let ids: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        json!({ "operator": operator, "operands":
            [{ "type": "attribute", "id": year }, { "type": "elements", "elements": ids }] })
    };
    let compare = |operator: &str, constant: &str| {
        json!({ "operator": operator, "operands": [{ "type": "metric", "id": flights },
            { "type": "constant", "dataType": "Real", "value": constant }] })
    };
    // Both forms of an id.
    let both = [format!("h1;{id}"), format!("{id}:3")];
    let cases: Vec<(Json, Passes<'_>)> = vec![
        (
            json!({ "viewFilter": elements("In", &both) }),
            Box::new(|row| in_year(row, "Year 1") || in_year(row, "Year 3")),
        ),
        (json!({ "viewFilter": elements("NotIn", &both) }), Box::new(|row| in_year(row, "Year 2"))),
        (
            json!({ "viewFilter": { "operator": "And", "operands":
                [elements("In", &both), compare("Greater", "0")] } }),
            Box::new(|row| !in_year(row, "Year 2") && number(row) > 0),
        ),
        (
            json!({ "viewFilter": { "operator": "Not", "operands": [
                { "operator": "Or", "operands": [compare("Less", "-500000"),
                    compare("GreaterEqual", "500000")] }] } }),
            Box::new(|row| (-500_000..500_000).contains(&number(row))),
        ),
        (
            json!({ "metricLimits": { flights.as_str().unwrap(): compare("LessEqual", "0") } }),
            Box::new(|row| number(row) <= 0),
        ),
    ];
    for (body, passes) in &cases {
        let wanted: Vec<_> = table.iter().filter(|row| passes(row)).cloned().collect();
        assert!(!wanted.is_empty() && wanted.len() < table.len(), "{body}");
        for limit in [5, -1] {
            let got = client.rows(&path(&report), limit, body).await;
            assert_same(&got, &wanted, &body.to_string());
        }
    }
    // The same on an instance that is there.
    let (instance, _) = client.execute(&path(&report), -1, &json!({})).await;
    let (body, passes) = &cases[0];
    let page = client.put(&format!("{instance}?{NAKED}"), body).await.json();
    let wanted: Vec<_> = table.iter().filter(|row| passes(row)).cloned().collect();
    assert_same(&decode(&page), &wanted, "manipulated");

    let invalid = [
        json!({ "viewFilter": elements("In", &[]) }),
        json!({ "viewFilter": elements("Within", &both) }),
        json!({ "viewFilter": { "operator": "And", "operands": [] } }),
        json!({ "viewFilter": { "operands": [] } }),
        json!({ "viewFilter": compare("Contains", "1") }),
        json!({ "metricLimits": { "0000": compare("Less", "1") } }),
        json!({ "metricLimits": { flights.as_str().unwrap(): elements("In", &both) } }),
        json!({ "sorting": { "rows": [{ "type": "metric" }] } }),
    ];
    for body in invalid {
        let answer = client.post(&format!("{}/instances", path(&report)), &body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR006")), "{body}");
    }
}

#[tokio::test]
async fn an_answer_empties_the_columns_of_a_cross_tab() {
    let airport = airport().id("A0000000000000000000000000000003").on_columns();
    let asked = Prompt::elements("Airports", "A0000000000000000000000000000003");
    let report = flights("filtered cross-tab").attribute(airport).prompt(asked);
    let server = serve([report.clone()]).await;
    let client = Client::new(&server).await;
    let (instance, _) = client.execute(&path(&report), -1, &json!({})).await;
    let answers = format!("{}/prompts/answers", instance.replacen("/v2", "", 1));
    let bwi = json!({ "id": "A0000000000000000000000000000003:1" });
    let body = json!({ "prompts": [{ "name": "Airports", "type": "ELEMENTS", "answers": [bwi] }] });
    assert_eq!(client.put(&answers, &body).await.status, 204);

    let got = decode(&client.get(&format!("{instance}?limit=-1&{NAKED}")).await.json());

    assert!(!got.is_empty());
    for (got, wanted) in got.iter().zip(rows(&report.table())) {
        let is_bwi = got[3] == Value::Text("BWI".into());
        let wanted = if is_bwi { &wanted[4..] } else { &[Value::Null, Value::Null, Value::Null] };
        assert_eq!(&got[4..], wanted);
    }
}
