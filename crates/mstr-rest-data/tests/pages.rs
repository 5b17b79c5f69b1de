//! Reports with page-by and visualizations of dashboards, from the simulated server, compared with
//! the tables that they were made from.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use mstr_rest_api::{
    Answer, ChapterKey, DashboardsExt, DocumentRequest, GridRequest, ReportsExt, Visualization,
};
use mstr_rest_core::{Auth, ErrorKind, Session};
use mstr_rest_data::{DataExt, InstanceDataExt};
use mstr_sim::{
    Attribute, DEFAULT_PASSWORD, DEFAULT_USER, Dashboard, DataType, Fault, LibraryServer, Method,
    Metric, Prompt, Report, Table, Value,
};

const ONE: &str = "/v2/reports/*/instances/*";
const ELEMENTS: &str = "/v2/reports/*/instances/*/pageBy/elements";
const GRIDS: &str = "/v2/dossiers/*/instances/*/chapters/*/visualizations/*";

async fn session(server: &LibraryServer) -> Session {
    Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
        .relogin(true)
        .project("MicroStrategy Tutorial")
        .connect()
        .await
        .unwrap()
        .detach()
}

fn told(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|array| (array, ArrayFormatter::try_new(array, &options).unwrap()))
            .collect();
        for row in 0..batch.num_rows() {
            let cell = |(array, column): &(&Arc<dyn Array>, ArrayFormatter<'_>)| {
                array.is_valid(row).then(|| column.value(row).to_string())
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    rows
}

fn wanted(table: &Table) -> Vec<Vec<Option<String>>> {
    let told = |value| match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Double(number) => Some(format!("{number:?}")),
        Value::Text(text) => Some(text),
        other => panic!("{other:?}"),
    };
    table.rows().map(|row| row.into_iter().map(told).collect()).collect()
}

/// Two attributes that make six pages; they come first, as in a grid.
fn paged(name: &str) -> Report {
    Report::new(name)
        .rows(23)
        .attribute(Attribute::labels("Airport", [["BWI"], ["DCA"]]).on_pages())
        .attribute(Attribute::new("Carrier", 3).on_pages())
        .attribute(Attribute::new("Year", 3))
        .attribute(Attribute::new("Month", 12))
        .metric(Metric::new("Flights", DataType::Integer))
        .metric(Metric::new("Delay", DataType::Double).nulls(0.2))
}

#[tokio::test]
async fn all_pages_make_one_table() {
    for report in [
        paged("tabular"),
        paged("cross-tab").attribute(Attribute::new("Gate", 2).on_columns()),
        paged("metrics in rows").metrics_in_rows(usize::MAX),
        paged("metrics before the rows").metrics_in_rows(0),
        paged("no rows").rows(0),
        // pages of one row
        paged("one row").rows(1),
    ] {
        let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
        let data = session(&server).await.reports().data(report.object_id());
        let data = data.request(GridRequest::designed());
        for data in [data.clone(), data.clone().page_size(7), data.page_size(7).fetch_ahead(1)] {
            // in a task: the future is Send
            let batches = tokio::spawn(data.collect()).await.unwrap().unwrap();
            assert_eq!(told(&batches), wanted(&report.table()), "{report:?}");
            let schema = batches[0].schema();
            assert!(batches.iter().all(|batch| batch.schema() == schema));
        }
        assert_eq!(server.count(Method::PUT, ONE), 3 * 5, "the first page is there already");
    }
}

#[tokio::test]
async fn one_page_where_one_is_chosen() {
    let report = paged("pages");
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let session = session(&server).await;
    let data = session.reports().data(report.object_id());
    let instance = session.reports().report(report.object_id()).run(GridRequest::designed());
    let instance = instance.await.unwrap();
    let pages = instance.page_by_elements(0, 10).await.unwrap();
    let ids = pages.element_ids(&pages.combinations[4]).unwrap();
    let rows = |airport: &str, carrier: &str| {
        let mut rows = wanted(&report.table());
        rows.retain(|row| row[0].as_deref() == Some(airport) && row[1].as_deref() == Some(carrier));
        rows
    };
    let chosen = data.clone().request(GridRequest::designed().page_by(ids.clone()));
    assert_eq!(told(&chosen.collect().await.unwrap()), rows("DCA", "Carrier 2"));
    let shown = data.request(GridRequest::designed()).all_pages(false);
    assert_eq!(told(&shown.collect().await.unwrap()), rows("BWI", "Carrier 1"));

    // of an instance it is what it shows, unless all are asked for, from the first one on
    assert_eq!(told(&instance.data().collect().await.unwrap()), rows("BWI", "Carrier 1"));
    let all = instance.data().all_pages(true).collect().await.unwrap();
    assert_eq!(told(&all), wanted(&report.table()));
    let last = instance.data().all_pages(false).collect().await.unwrap();
    assert_eq!(told(&last), rows("DCA", "Carrier 3"), "it shows the last one now");
}

#[tokio::test]
async fn progress_and_totals_grow() {
    let report = paged("pages");
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let data = session(&server).await.reports().data(report.object_id());
    let mut table = data.request(GridRequest::designed()).page_size(10).open().await.unwrap();
    assert_eq!(table.total_rows(), 23);
    while table.next().await.unwrap().is_some() {}
    assert_eq!(table.total_rows(), 6 * 23);
    assert!(table.next().await.unwrap().is_none(), "and again");
}

#[tokio::test]
async fn more_pages_than_are_listed_at_once() {
    let report = Report::new("many")
        .rows(1)
        .attribute(Attribute::new("Shop", 203).on_pages())
        .attribute(Attribute::new("Year", 3))
        .metric(Metric::new("Sales", DataType::Integer));
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let data = session(&server).await.reports().data(report.object_id());
    let batches = data.request(GridRequest::designed()).collect().await.unwrap();
    assert_eq!(told(&batches), wanted(&report.table()));
    assert_eq!(server.count(Method::GET, ELEMENTS), 2);
}

#[tokio::test]
async fn a_report_that_dies_between_its_pages() {
    let report = paged("pages");
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let data = session(&server).await.reports().data(report.object_id());
    let data = data.request(GridRequest::designed()).page_size(10).fetch_ahead(1);
    let mut table = data.clone().open().await.unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = table.next().await.unwrap() {
        batches.push(batch);
        server.expire_instances();
    }
    assert_eq!(told(&batches), wanted(&report.table()));

    // pages that are not listed
    server.inject(
        Fault::alter(|_, reply| {
            let mut body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
            body["validPageByElements"]["paging"]["total"] = serde_json::json!(7);
            mstr_sim::Reply::json(200, &body)
        })
        .on(Method::GET, ELEMENTS),
    );
    let error = data.clone().collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("6 of 7"), "{error}");
    // a page whose elements are not listed
    server.clear_faults();
    server.inject(
        Fault::alter(|_, reply| {
            let mut body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
            body["validPageByElements"]["items"][5] = serde_json::json!([9, 9]);
            mstr_sim::Reply::json(200, &body)
        })
        .on(Method::GET, ELEMENTS),
    );
    assert_eq!(data.collect().await.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn a_slow_page_is_halved_after_turning_too() {
    let report = paged("pages").rows(60);
    let server =
        LibraryServer::builder().report(report.clone()).page_limit(9).start().await.unwrap();
    let data = session(&server).await.reports().data(report.object_id());
    let batches = data.request(GridRequest::designed()).page_size(40).collect().await.unwrap();
    assert_eq!(told(&batches), wanted(&report.table()));
}

async fn shown(server: &LibraryServer, id: &str, key: &str) -> Visualization {
    let dashboard = session(server).await.dashboards().dashboard(id);
    let instance = dashboard.run(DocumentRequest::new()).await.unwrap();
    instance.visualization(ChapterKey::new("K36"), key)
}

#[tokio::test]
async fn visualizations_are_tables() {
    let cross = Report::new("cross")
        .rows(20)
        .attribute(Attribute::new("Year", 30))
        .attribute(Attribute::labels("Airport", [["BWI"], ["DCA"]]).on_columns())
        .metric(Metric::new("Flights", DataType::Integer));
    let sales = Report::sample("Sales", 3_000);
    let dashboard = Dashboard::new("Board")
        .visualization("K52", sales.clone())
        .visualization("K53", cross.clone())
        .compound_grid("K54", sales.clone());
    let server = LibraryServer::builder().dashboard(dashboard.clone()).start().await.unwrap();
    let grid = shown(&server, dashboard.object_id(), "K52").await;
    let table = sales.table().standard_dates();
    for data in [grid.data(), grid.data().page_size(700)] {
        assert_eq!(told(&data.collect().await.unwrap()), wanted(&table));
    }
    assert_eq!(server.count(Method::GET, GRIDS), 2 + 5);
    // executed again in between
    let mut read = grid.data().page_size(500).fetch_ahead(1).open().await.unwrap();
    let mut batches = vec![read.next().await.unwrap().unwrap()];
    server.expire_all();
    while let Some(batch) = read.next().await.unwrap() {
        batches.push(batch);
    }
    assert_eq!(told(&batches), wanted(&table));
    // what changed is an error in the middle, and none from the start
    let mut read = grid.data().page_size(500).fetch_ahead(1).open().await.unwrap();
    read.next().await.unwrap().unwrap();
    server.expire_instances();
    let grown = Fault::alter(|_, reply| {
        let mut body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
        if body["data"]["paging"]["total"].is_number() {
            body["data"]["paging"]["total"] = serde_json::json!(2_999);
            return mstr_sim::Reply::json(200, &body);
        }
        reply
    });
    let grown = server.inject(grown.on(Method::GET, GRIDS));
    let error = loop {
        match read.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("silently short"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.kind(), ErrorKind::Api | ErrorKind::Decode), "{error}");
    assert_eq!(grid.data().open().await.unwrap().total_rows(), 2_999);
    grown.remove();
    let instance = grid.instance();
    let other =
        instance.visualization(ChapterKey::new("K36"), "K53").data().collect().await.unwrap();
    assert_eq!(told(&other), wanted(&cross.table()));
    let compound =
        instance.visualization(ChapterKey::new("K36"), "K54").data().collect().await.unwrap_err();
    assert_eq!(compound.kind(), ErrorKind::NotSupported);
    assert!(compound.to_string().contains("compound"), "{compound}");
}

#[tokio::test]
async fn visualizations_behind_prompts() {
    let report = Report::new("Sales")
        .rows(40)
        .attribute(Attribute::new("Region", 8).id("R1"))
        .attribute(Attribute::new("Day", 20))
        .metric(Metric::new("Revenue", DataType::Double));
    let region = Prompt::elements("Regions", "R1");
    let dashboard = Dashboard::new("Board").visualization("K52", report.clone()).prompt(region);
    let server = LibraryServer::builder().dashboard(dashboard.clone()).start().await.unwrap();
    let grid = shown(&server, dashboard.object_id(), "K52").await;
    let closed = grid.data().collect().await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::InvalidRequest, "{closed}");
    assert_eq!(closed.status(), None, "nothing is asked for");
    let prompts = grid.instance().prompts().await.unwrap();
    let offered = grid.instance().prompt_elements(&prompts[0], None).page(0, 1).await.unwrap();
    let chosen = offered.items[0].id.clone();
    grid.instance()
        .answer_all(async |_| Ok(Some(Answer::elements([chosen.clone()]))))
        .await
        .unwrap();
    let mut rows = wanted(&report.table());
    rows.retain(|row| row[0].as_deref() == Some("Region 1"));
    assert!(!rows.is_empty());
    assert_eq!(told(&grid.data().collect().await.unwrap()), rows);
}
