//! The parts that need no server: joining URLs, classifying errors, decoding grids, snapshots.
//! `cargo bench -p mstr-bench`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use mstr_rest_core::__testing as road;
use mstr_rest_data::{GridOptions, GridReader};
use mstr_rest_persist::{SessionSnapshot, SnapshotExt};
use serde_json::json;

fn join(c: &mut Criterion) {
    let base = "https://host/MicroStrategyLibrary/api/";
    c.bench_function("join a URL (and parse its base)", |b| {
        b.iter(|| road::join(black_box(base), black_box("v2/reports/8D679D35/instances")));
    });
}

fn errors(c: &mut Criterion) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = br#"{"code":"ERR001","iServerCode":-2147072488,"message":"(The cube is not published.)","ticketId":"0a1b2c3d4e5f60718293a4b5c6d7e8f9"}"#;
    c.bench_function("classify an error reply", |b| {
        b.iter(|| road::error_of_reply(StatusCode::BAD_REQUEST, &headers, black_box(body)));
    });
    let html = vec![b'x'; 64 * 1024];
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    c.bench_function("classify a proxy's page of 64 KB", |b| {
        b.iter(|| road::error_of_reply(StatusCode::BAD_GATEWAY, &headers, black_box(&html)));
    });
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let error = road::error_of_reply(StatusCode::BAD_REQUEST, &headers, body);
    c.bench_function("look up the name of an I-Server code", |b| {
        b.iter(|| black_box(&error).iserver_name());
    });
    c.bench_function("print an error with its I-Server name", |b| {
        b.iter(|| black_box(&error).to_string());
    });
}

fn grids(c: &mut Criterion) {
    let mut group = c.benchmark_group("grid");
    for rows in [100_usize, 10_000] {
        let page = page(rows);
        group.throughput(Throughput::Bytes(page.len() as u64));
        group.bench_function(format!("decode a page of {rows} rows"), |b| {
            b.iter(|| GridReader::new(GridOptions::default()).read(black_box(&page)));
        });
    }
    group.finish();
}

/// Two attributes (one with two forms) and three metrics, one in ten values null.
fn page(rows: usize) -> Vec<u8> {
    let attribute = |name: &str, forms: usize, elements: usize| {
        let forms = (0..forms).map(|n| json!({ "id": n.to_string(), "name": format!("F{n}") }));
        let forms: Vec<_> = forms.collect();
        let texts = |e: usize| (0..forms.len()).map(move |n| format!("{name} {n} {e}"));
        let elements = (0..elements)
            .map(|e| json!({ "formValues": texts(e).collect::<Vec<_>>(), "id": format!("h{e}") }));
        let elements: Vec<_> = elements.collect();
        json!({ "name": name, "id": name, "type": "attribute", "forms": forms, "elements": elements })
    };
    let metric = |name: &str| json!({ "name": name, "id": name, "dataType": "double" });
    let metrics = ["Revenue", "Cost", "Units"].map(metric);
    let value = |n: usize| {
        let whole = u32::try_from(n).unwrap_or(u32::MAX);
        if n.is_multiple_of(10) { json!(null) } else { json!(f64::from(whole) / 100.0) }
    };
    let (regions, customers) = (8, rows.min(2000));
    let headers: Vec<_> = (0..rows).map(|row| [row % regions, row % customers]).collect();
    let values: Vec<_> =
        (0..rows).map(|row| [value(row), value(row + 1), value(row * 7)]).collect();
    let page = json!({
        "definition": { "grid": {
            "rows": [attribute("Region", 1, regions), attribute("Customer", 2, customers)],
            "columns": [{ "name": "Metrics", "type": "templateMetrics", "elements": metrics }],
        } },
        "data": {
            "paging": { "total": rows, "current": rows, "offset": 0, "limit": rows },
            "headers": { "rows": headers, "columns": [[0, 1, 2]] },
            "metricValues": { "raw": values },
        },
    });
    page.to_string().into_bytes()
}

fn snapshots(c: &mut Criterion) {
    let ours = r#"{"version": 1, "base_url": "https://h.example/Lib/api/", "token": "t",
        "cookies": [{"name": "JSESSIONID", "value": "a", "path": "/Lib", "http_only": true},
                    {"name": "iSession", "value": "t", "path": "/Lib"},
                    {"name": "AWSALB", "value": "b", "path": "/", "expires": 4000000000}],
        "headers": {"x-mstr-foo": "x"}, "user": "dave", "login_mode": 1, "idle_limit": 1800}"#;
    c.bench_function("parse a snapshot", |b| {
        b.iter(|| SessionSnapshot::from_json(black_box(ours)));
    });
    let python = r#"{"base_url": "https://h.example/Lib/api/", "cookies": {"JSESSIONID": "a",
        "iSession": "t"}, "headers": {"X-MSTR-AuthToken": "t"}}"#;
    c.bench_function("parse a snapshot of Python's", |b| {
        b.iter(|| SessionSnapshot::from_python_json(black_box(python)));
    });
}

criterion_group!(pure, join, errors, grids, snapshots);
criterion_main!(pure);
