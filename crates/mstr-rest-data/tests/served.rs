//! Reports and cubes of the simulated server, which shares no code with the decoder, compared with
//! the tables that they were made from.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType::{Date32, Decimal128, Float64, Int64, Timestamp, Utf8};
use arrow_schema::TimeUnit;
use futures_util::TryStreamExt;
use mstr_rest_api::{CubesExt, GridRequest, ReportsExt};
use mstr_rest_core::{Auth, ErrorKind, Session};
use mstr_rest_data::{DataExt, GridOptions, InstanceDataExt, ValueType};
use mstr_sim::{
    Attribute, Cube, DEFAULT_PASSWORD, DEFAULT_USER, DataType, Fault, Form, LibraryServer,
    LibraryServerBuilder, Method, Metric, Report, Table, Value,
};

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

async fn serve(reports: impl IntoIterator<Item = Report>) -> LibraryServer {
    let builder = reports.into_iter().fold(LibraryServer::builder(), LibraryServerBuilder::report);
    builder.start().await.unwrap()
}

/// As text, so that any type of column can be compared.
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
                // a null of a dictionary is one of its keys
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
        // as arrow writes it: always with a point
        Value::Double(number) => Some(format!("{number:?}")),
        Value::Text(text) => Some(text),
        other => panic!("{other:?}"),
    };
    table.rows().map(|row| row.into_iter().map(told).collect()).collect()
}

fn columns(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn airport() -> Attribute {
    Attribute::labels("Airport", [["BWI"], ["DCA"]])
}

fn flights(name: &str) -> Report {
    let month = [Form::new("ID", DataType::Integer), Form::new("DESC", DataType::VarChar)];
    Report::new(name)
        .rows(23)
        .attribute(Attribute::new("Year", 3))
        .attribute(Attribute::new("Month", 12).forms(month))
        .metric(Metric::new("Flights", DataType::Integer))
        .metric(Metric::new("Delay", DataType::Double).nulls(0.2))
        .metric(Metric::new("On-Time", DataType::BigDecimal))
}

fn shapes() -> Vec<Report> {
    let customer = [Form::new("ID", DataType::Integer), Form::new("DESC", DataType::VarChar)];
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
        flights("metrics between the rows").metrics_in_rows(1),
        flights("metrics before the rows").metrics_in_rows(0),
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
        flights("ragged").attribute(Attribute::new("Customer", 50).forms(customer).ragged()),
        flights("subtotals").subtotals(),
        flights("units without forms")
            .attribute(Attribute::new("Group", 5).custom_group())
            .attribute(Attribute::new("Season", 4).consolidation()),
        Report::new("text")
            .rows(60)
            .attribute(Attribute::new("Day", 400))
            .metric(Metric::new("Text", DataType::VarChar).nulls(0.3)),
    ]
}

#[tokio::test]
async fn every_shape_is_its_table() {
    let server = serve(shapes()).await;
    let session = session(&server).await;
    for report in shapes() {
        let table = report.table();
        let data = session.reports().data(report.object_id());
        for rows in [1, 7, 1000] {
            for data in [data.clone(), data.clone().request(GridRequest::designed())] {
                let batches = data.page_size(rows).collect().await.unwrap();
                assert_eq!(columns(&batches[0]), table.columns());
                let (got, want) = (told(&batches), wanted(&table));
                assert_eq!(got.len(), want.len(), "{:?} by {rows}", table.columns());
                if got != want {
                    // metrics outside of attributes: in the order of the grid, not of the table
                    let (mut got, mut want) = (got, want);
                    got.sort();
                    want.sort();
                    assert_eq!(got, want, "{:?} by {rows}", table.columns());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cube_and_its_formats() {
    let cube = Cube::sample("Sales", 5_000);
    let server = LibraryServer::builder().cube(cube.clone()).start().await.unwrap();
    let session = session(&server).await;
    let data = session.cubes().data(cube.object_id()).page_size(700).fetch_ahead(3);
    let table = server.table(cube.object_id()).unwrap().standard_dates();

    let opened = data.clone().open().await.unwrap();
    assert_eq!(opened.total_rows(), 5_000);
    let schema = opened.schema();
    let batches: Vec<_> = opened.stream().try_collect().await.unwrap();
    assert_eq!(batches.len(), 8);
    assert!(batches.iter().all(|batch| batch.schema() == schema));

    let folder = tempfile::tempdir().unwrap();
    let file = |name| folder.path().join(name);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let watched = data.clone().on_progress(move |p| into.lock().unwrap().push(p.rows));
    let written = watched.to_parquet(file("t.parquet")).await.unwrap();
    assert_eq!((written.rows, written.total_grid_rows), (5_000, 5_000));
    assert!(written.bytes > 50_000);
    assert_eq!(seen.lock().unwrap().len(), 8);
    assert!(seen.lock().unwrap().is_sorted());
    data.clone().to_ipc(file("t.arrow")).await.unwrap();
    data.clone().to_json_lines(file("t.jsonl")).await.unwrap();
    data.clone().to_csv(file("t.csv")).await.unwrap();

    let all = told(&batches);
    assert_eq!(all, wanted(&table));
    let parquet = std::fs::File::open(file("t.parquet")).unwrap();
    let parquet = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(parquet);
    let parquet: Result<Vec<_>, _> = parquet.unwrap().build().unwrap().collect();
    assert_eq!(told(&parquet.unwrap()), all);
    let ipc = std::fs::File::open(file("t.arrow")).unwrap();
    let ipc: Result<Vec<_>, _> =
        arrow_ipc::reader::FileReader::try_new(ipc, None).unwrap().collect();
    assert_eq!(told(&ipc.unwrap()), all);
    let csv = std::fs::read_to_string(file("t.csv")).unwrap();
    assert!(csv.starts_with(table.columns()[0].as_str()));
    let lines = std::fs::read_to_string(file("t.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 5_000);
    let rows: Vec<serde_json::Value> = data.clone().rows().await.unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for (name, value) in first.as_object().unwrap() {
        assert_eq!(&rows[0][name], value, "{name}");
    }
    let text = String::from_utf8(data.write_csv(Vec::new()).await.unwrap()).unwrap();
    assert_eq!(text, csv);
}

#[tokio::test]
async fn pages_are_columns() {
    let report = flights("pages").attribute(airport().on_pages());
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id());
    // all objects are all pages, and so is what is shown; one page is the one that is shown
    let whole = data.clone().collect().await.unwrap();
    let shown = data.request(GridRequest::designed());
    let page = shown.clone().all_pages(false).collect().await.unwrap();
    let shown = shown.collect().await.unwrap();
    let sorted = |batches: &[RecordBatch]| {
        let mut rows = told(batches);
        let place = columns(&batches[0]).iter().position(|name| name == "Airport").unwrap();
        for row in &mut rows {
            let airport = row.remove(place);
            row.insert(0, airport);
        }
        rows.sort();
        rows
    };
    let table = report.table();
    let place = table.columns().iter().position(|name| name == "Airport").unwrap();
    let mut wanted = wanted(&table);
    for row in &mut wanted {
        let airport = row.remove(place);
        row.insert(0, airport);
    }
    wanted.sort();
    assert_eq!(sorted(&whole), wanted);
    assert_eq!(sorted(&shown), wanted);
    wanted.retain(|row| row[0].as_deref() == Some("BWI"));
    assert_eq!(sorted(&page), wanted);
}

#[tokio::test]
async fn types_of_metrics() {
    let report = Report::new("types")
        .rows(40)
        .attribute(Attribute::new("Day", 400))
        .metric(Metric::new("Whole", DataType::Integer))
        .metric(Metric::new("Broken", DataType::Double))
        .metric(Metric::new("Big", DataType::BigDecimal))
        .metric(Metric::new("When", DataType::Date))
        .metric(Metric::new("Stamp", DataType::TimeStamp));
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id());
    let kinds = async |data: mstr_rest_data::Data| {
        let schema = data.open().await.unwrap().schema();
        schema.fields().iter().skip(1).map(|f| f.data_type().clone()).collect::<Vec<_>>()
    };
    let stamp = Timestamp(TimeUnit::Millisecond, None);
    assert_eq!(kinds(data.clone()).await, [Int64, Float64, Utf8, Date32, stamp.clone()]);
    let decimal = ValueType::Decimal { precision: 20, scale: 4 };
    let chosen = data.options(GridOptions::default().big_decimal(decimal));
    let chosen = chosen.metric_type("Whole", ValueType::Text);
    assert_eq!(kinds(chosen.clone()).await, [Utf8, Float64, Decimal128(20, 4), Date32, stamp]);
    let got = told(&chosen.collect().await.unwrap());
    let table = report.table().standard_dates();
    for (got, wanted) in got.iter().zip(wanted(&table)) {
        assert_eq!(got[..5], wanted[..5]);
    }
}

#[tokio::test]
async fn subtotals_are_left_out_or_flagged() {
    let report = flights("subtotals").subtotals();
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id());
    let shown = data.request(GridRequest::designed());
    let without = told(&shown.clone().collect().await.unwrap());
    assert_eq!(without, wanted(&report.table()));
    let options = GridOptions::default().subtotal_flag("Subtotal");
    let flagged = shown.options(options).collect().await.unwrap();
    let place = columns(&flagged[0]).iter().position(|name| name == "Subtotal").unwrap();
    let all = told(&flagged);
    let (totals, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|row| row[place].as_deref() == Some("true"));
    assert!(!totals.is_empty());
    let others: Vec<_> = others
        .into_iter()
        .map(|mut row| {
            row.remove(place);
            row
        })
        .collect();
    assert_eq!(others, without);
    assert!(totals.iter().all(|row| row.contains(&Some("Total".into()))), "{totals:?}");
}

#[tokio::test]
async fn pages_that_take_too_long_are_halved() {
    let report = Report::sample("Sales", 4_000);
    let server =
        LibraryServer::builder().report(report.clone()).page_limit(300).start().await.unwrap();
    let data = session(&server).await.reports().data(report.object_id());
    // the first one, too
    for data in [data.clone(), data.clone().page_size(200), data.page_size(1_000)] {
        let batches = data.collect().await.unwrap();
        assert_eq!(told(&batches), wanted(&report.table().standard_dates()));
    }
    let report = session(&server).await.reports().report(report.object_id());
    let instance = report.run(GridRequest::designed().page_size(300)).await.unwrap();
    let batches = instance.data().page_size(1_000).collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4_000);
    assert!(batches.iter().skip(1).all(|batch| batch.num_rows() <= 300));
}

#[tokio::test]
async fn an_instance_that_dies_is_executed_again() {
    let report = Report::sample("Sales", 3_000);
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id());
    let mut table = data.page_size(500).fetch_ahead(1).open().await.unwrap();
    let mut batches = vec![table.next().await.unwrap().unwrap()];
    server.expire_all();
    while let Some(batch) = table.next().await.unwrap() {
        batches.push(batch);
    }
    assert_eq!(told(&batches), wanted(&report.table().standard_dates()));
}

#[tokio::test]
async fn what_changes_meanwhile_is_an_error() {
    let report = Report::sample("Sales", 3_000).growing(10);
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id());
    let error = data.page_size(500).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("do not fit together"), "{error}");
}

#[tokio::test]
async fn a_cut_page_is_an_error_and_no_file() {
    let report = Report::sample("Sales", 3_000);
    let server = serve([report.clone()]).await;
    let data = session(&server).await.reports().data(report.object_id()).page_size(500);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    std::fs::write(&path, "before").unwrap();
    server.inject(Fault::cut_body(2_000).on(Method::GET, "/v2/reports/*/instances/*").after(2));
    let error = data.to_csv(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
}

#[tokio::test]
async fn what_is_dropped_asks_for_no_more() {
    let report = Report::sample("Sales", 100_000);
    let server = serve([report.clone()]).await;
    server.set_latency(Duration::from_millis(20));
    let data = session(&server).await.reports().data(report.object_id());
    let mut table = data.page_size(100).fetch_ahead(2).open().await.unwrap();
    table.next().await.unwrap();
    table.next().await.unwrap();
    drop(table);
    let pages = |server: &LibraryServer| server.count(Method::GET, "/v2/reports/*/instances/*");
    let asked = pages(&server);
    assert!(asked <= 4, "{asked}: not more than it was told to");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(pages(&server) <= asked + 2);
}

#[tokio::test]
async fn what_was_executed_for_the_rows_is_cleared_away() {
    let report = Report::sample("Sales", 500);
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let session = session(&server).await;
    let left =
        || server.sessions().iter().map(|it| server.instances(it.generation())).sum::<usize>();
    let data = || session.reports().data(report.object_id()).page_size(100);

    data().collect().await.unwrap();
    mstr_rest_core::settle().await;
    assert_eq!(left(), 0);
    // half read
    let mut table = data().open().await.unwrap();
    table.next().await.unwrap();
    drop(table);
    mstr_rest_core::settle().await;
    assert_eq!(left(), 0);
    // somebody else's stays
    let instance = session.reports().report(report.object_id());
    let instance = instance.run(GridRequest::designed()).await.unwrap();
    instance.data().collect().await.unwrap();
    mstr_rest_core::settle().await;
    assert_eq!(left(), 1);
}
