//! Reports, and cubes as far as they are executed like reports, against the simulated server:
//! definitions, requests, pages.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::expression::{Expression, attribute, metric};
use mstr_rest_api::{
    CubesExt, ErrorExt, FormId, GridRequest, InstanceStatus, Order, ReportsExt, Sort,
    SubtotalsPosition, UnitKind,
};
use mstr_rest_core::ErrorKind;
use mstr_sim::{Attribute, DataType, Fault, LibraryServer, Method, Metric, Reply};
use serde_json::{Value, json};
use support::{json as page_json, lines, login, raw, report, sales, sample_cube, server};

const RUNS: &str = "/v2/reports/*/instances";

async fn body_of(server: &LibraryServer, request: GridRequest) -> Value {
    let session = login(server).await;
    report(&session, &sales()).run(request).await.unwrap();
    server.requests(Method::POST, RUNS).pop().unwrap().json().unwrap()
}

#[test]
fn handlers_are_owned_and_futures_are_send() {
    fn shared<T: Clone + Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
    fn moved<T: Send + 'static>(_: T) {}
    let session = mstr_rest_core::Session::builder("https://h/api").build().unwrap();
    let report = session.reports().report("a/b");
    let cube = session.cubes().cube("C");
    shared(&report);
    shared(&cube);
    shared(&GridRequest::designed());
    moved(report.run(GridRequest::designed()));
    moved(report.sql_view());
    moved(cube.run(GridRequest::designed()));
    assert_eq!(report.definition().url().unwrap().path(), "/api/v2/reports/a%2Fb");
}

#[tokio::test]
async fn a_definition_in_types() {
    let grid = sales().attribute(Attribute::new("Year", 3).id("Y1").on_columns());
    let server = server().report(grid.clone()).cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let definition = report(&session, &grid).definition().await.unwrap();
    assert_eq!((definition.name.as_str(), definition.id.as_str()), ("Sales", grid.object_id()));
    let template = definition.template.as_ref().unwrap();
    assert_eq!(template.cross_tab, Some(true));
    assert_eq!(template.metrics_position.as_ref().unwrap().axis, "columns");
    let units: Vec<_> = template.units().map(|unit| (unit.kind, unit.name.as_str())).collect();
    assert_eq!(
        units,
        [
            (UnitKind::Attribute, "Region"),
            (UnitKind::Attribute, "Customer"),
            (UnitKind::Attribute, "Year"),
            (UnitKind::Metrics, "Metrics"),
        ]
    );
    let customer = &template.rows[1];
    let forms: Vec<_> = customer.forms.iter().map(|form| form.name.as_str()).collect();
    assert_eq!(forms, ["ID", "DESC"]);
    assert_eq!(customer.forms[0].data_type.as_deref(), Some("integer"));
    assert_eq!(template.columns[1].elements[1].name.as_deref(), Some("Units"));
    assert_eq!(definition.available.attributes.len(), 3);
    assert_eq!(definition.available.metrics[0].data_type.as_deref(), Some("double"));

    let cube = session.cubes().cube(sample_cube().object_id()).definition().await.unwrap();
    assert!(cube.template.is_none() && !cube.available.attributes.is_empty());
}

#[tokio::test]
async fn pages_of_a_report() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let request = GridRequest::from_definition(&report.definition().await.unwrap()).page_size(10);
    let instance = report.run(request).await.unwrap();
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    assert_eq!(instance.status().await.unwrap(), InstanceStatus::Ready);
    assert_eq!(instance.total(), Some(25));
    let first = instance.first_page().unwrap();
    assert_eq!(lines(&first), 10);
    let (second, third) =
        (instance.page(10, 10).await.unwrap(), instance.page(20, 10).await.unwrap());
    assert_eq!((lines(&second), lines(&third)), (10, 5));
    let values: Vec<_> = [&first, &second, &third].into_iter().flat_map(raw).collect();
    let table: Vec<_> = sales().table().rows().map(|row| row.len()).collect();
    assert_eq!(values.len(), table.len());
    assert_eq!(instance.page(0, 25).await.map(|all| raw(&all)).unwrap(), values);

    // what was sent: in template order, without formatted values, with the project
    let run = server.requests(Method::POST, RUNS).pop().unwrap();
    assert_eq!(run.project_id(), Some(support::PROJECT));
    assert_eq!(
        (run.query_value("offset"), run.query_value("limit")),
        (Some("0".into()), Some("10".into()))
    );
    assert_eq!(
        run.query_value("fields").as_deref(),
        Some("-data.metricValues.formatted,-data.metricValues.extras")
    );
    assert_eq!(
        run.json::<Value>().unwrap(),
        json!({ "requestedObjects": {
            "attributes": [
                { "id": "R1", "forms": page_json(&first)["definition"]["grid"]["rows"][0]["forms"]
                    .as_array().unwrap().iter().map(|one| json!({ "id": one["id"] })).collect::<Value>() },
                { "id": "C1", "forms": [{ "id": "F1" }, { "id": "F2" }] },
            ],
            "metrics": [{ "id": "M1" }, { "id": "M2" }],
        }})
    );
    instance.delete().await.unwrap();
    assert!(instance.page(0, 1).await.unwrap_err().is_instance_gone());
}

#[tokio::test]
async fn requests_as_they_are_sent() {
    let server = server().report(sales()).start().await.unwrap();
    assert_eq!(body_of(&server, GridRequest::designed()).await, json!({}));
    let filter = Expression::all([
        attribute("R1").is_in(["R1:1", "h2;R1"]),
        attribute("C1").form("F1").greater_or_equal(0),
    ]);
    let request = GridRequest::designed()
        .attribute_with_forms("R1", [] as [&str; 0])
        .attribute_with_forms("C1", ["F2"])
        .metric("M2")
        .view_filter(filter.clone())
        .metric_limit("M2", metric("M2").less_than(5))
        .metric_limit("M2", metric("M2").greater_than(-1e12))
        .subtotals(false);
    assert_eq!(
        body_of(&server, request.clone()).await,
        json!({
            "requestedObjects": {
                "attributes": [
                    { "id": "R1", "forms": [] },
                    { "id": "C1", "forms": [{ "id": "F2" }] },
                ],
                "metrics": [{ "id": "M2" }],
            },
            "viewFilter": filter,
            "metricLimits": { "M2": metric("M2").greater_than(-1e12) },
            "subtotals": { "visible": false },
        })
    );
    // the filter filters
    let session = login(&server).await;
    let instance = report(&session, &sales()).run(request).await.unwrap();
    assert!(instance.total().unwrap() < 25 && instance.total().unwrap() > 0);
    // formatted values and dates, on pages too
    let request = GridRequest::designed().formatted_values(true).iso_dates(true);
    let instance = report(&session, &sales()).run(request).await.unwrap();
    let page = instance.page(0, 1).await.unwrap();
    assert!(page_json(&page)["data"]["metricValues"]["formatted"].is_array());
    let sent = server.requests(Method::GET, "/v2/reports/*/instances/*").pop().unwrap();
    assert_eq!(sent.query_value("fields"), None);
    assert_eq!(sent.query_value("standardDateFormat").as_deref(), Some("true"));
}

#[tokio::test]
async fn sorting_as_it_is_documented() {
    let server = server().report(sales()).start().await.unwrap();
    server.session_route(Method::POST, RUNS, |_| Reply::json(200, &json!({ "instanceId": "I" })));
    let sorted = GridRequest::designed()
        .sort_rows(Sort::subtotals_only(SubtotalsPosition::First))
        .sort_rows(
            Sort::metric("M1", Order::Descending)
                .in_column(["h1;Y1"])
                .subtotals(SubtotalsPosition::Mixed),
        )
        .sort_columns(Sort::attribute("Y1"))
        .sort_pages(
            Sort::form("P1", FormId::new("F1"), Order::Ascending)
                .subtotals(SubtotalsPosition::Last),
        )
        .page_by(["h1;P1"]);
    assert_eq!(
        body_of(&server, sorted).await,
        json!({
            "sorting": {
                "rows": [
                    { "type": "subtotalsPosition", "subtotalsPosition": "first" },
                    { "type": "metric", "metric": { "id": "M1" }, "elements": [{ "id": "h1;Y1" }],
                      "subtotalsPosition": "mixed", "order": "descending" },
                ],
                "columns": [{ "type": "attribute", "attribute": { "id": "Y1" } }],
                "pageBy": [{ "type": "form", "attribute": { "id": "P1" }, "form": { "id": "F1" },
                             "subtotalsPosition": "last", "order": "ascending" }],
            },
            "currentPageBy": [{ "id": "h1;P1" }],
        })
    );
}

#[tokio::test]
async fn what_the_server_would_refuse_is_never_sent() {
    let server = server().report(sales()).cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let good = report(&session, &sales()).run(GridRequest::designed()).await.unwrap();
    server.clear_journal();
    let shown = GridRequest::designed;
    let bad = [
        shown().view_filter(metric("M1").equals("text")),
        shown().view_filter(Expression::all([])),
        shown().metric_limit("M1", metric("M2").greater_than(1)),
        shown().metric_limit("M1", metric("M1").greater_than(1).negate()),
        shown().attribute(""),
        shown().attribute_with_forms("R1", [""]),
        shown().page_by([""]),
        shown().page_size(0),
        shown().sort_pages(Sort::metric("M1", Order::Ascending)),
        shown()
            .sort_rows(Sort::attribute("R1"))
            .sort_rows(Sort::subtotals_only(SubtotalsPosition::Last)),
        shown().sort_rows(Sort::attribute("R1").subtotals(SubtotalsPosition::First)),
        shown().sort_rows(
            Sort::form("R1", FormId::new("F1"), Order::Ascending)
                .subtotals(SubtotalsPosition::Mixed),
        ),
        shown().sort_rows(Sort::metric("", Order::Ascending)),
        GridRequest::from_definition(&mstr_rest_api::Definition::default()),
    ];
    for request in bad {
        for request in [request.clone(), request.respond_async(true)] {
            let error = report(&session, &sales()).run(request.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{request:?}");
            assert_eq!(error.status(), None);
            let error = good.manipulate(request).await.unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
        }
    }
    // what only reports know
    let cube = session.cubes().cube(sample_cube().object_id());
    let error = cube.run(shown().respond_async(true)).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    assert!(server.journal().is_empty());
    let instance = cube.run(shown()).await.unwrap();
    server.clear_journal();
    assert_eq!(instance.prompts().await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(
        instance.page_by_elements(0, 1).await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn manipulated_in_place() {
    let server = server().report(sales()).cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let instance = report(&session, &sales()).run(GridRequest::designed()).await.unwrap();
    let (id, clone) = (instance.id(), instance.clone());
    let fewer = GridRequest::designed().view_filter(attribute("R1").is_in(["R1:1"])).page_size(2);
    instance.manipulate(fewer).await.unwrap();
    assert_eq!(instance.id(), id);
    assert_eq!(lines(&clone.first_page().unwrap()), 2, "clones see it");
    assert!(instance.total().unwrap() < 25);
    assert_eq!(server.count(Method::POST, RUNS), 1);

    let cube = session.cubes().cube(sample_cube().object_id());
    let instance = cube.run(GridRequest::designed()).await.unwrap();
    let id = instance.id();
    instance.manipulate(GridRequest::designed().page_size(3)).await.unwrap();
    assert_eq!(instance.id(), id, "a cube too");
    assert_eq!(lines(&instance.first_page().unwrap()), 3);
    // an older server does not have the endpoint
    let one = "/v2/cubes/*/instances/*";
    let unknown = json!({ "code": "ERR001", "message": "HTTP 405 Method Not Allowed" });
    server.inject(Fault::reply(Reply::json(405, &unknown)).on(Method::PUT, one));
    instance.manipulate(GridRequest::designed().page_size(2)).await.unwrap();
    assert_ne!(instance.id(), id, "it is executed anew");
    assert_eq!(lines(&instance.first_page().unwrap()), 2);
    assert_eq!(server.count(Method::DELETE, one), 1);
}

#[tokio::test]
async fn page_by_listed_and_selected() {
    let grid = sales().attribute(Attribute::new("Country", 3).id("P1").on_pages());
    let server = server().report(grid.clone()).start().await.unwrap();
    let session = login(&server).await;
    let instance = report(&session, &grid).run(GridRequest::designed()).await.unwrap();
    let pages = instance.page_by_elements(0, 100).await.unwrap();
    assert_eq!((pages.units.len(), pages.combinations.len(), pages.total), (1, 3, Some(3)));
    assert_eq!(pages.element_ids(&[7]), None);
    assert_eq!(pages.element_ids(&[0, 0]), None);
    for (at, combination) in pages.combinations.iter().enumerate() {
        let ids = pages.element_ids(combination).unwrap();
        instance.manipulate(GridRequest::designed().page_by(ids)).await.unwrap();
        let page = page_json(&instance.first_page().unwrap());
        assert_eq!(page["data"]["currentPageBy"], json!([at]));
    }
}

#[tokio::test]
async fn elements_and_sql() {
    let server = server().report(sales()).cube(sample_cube()).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let elements = report.attribute_elements("C1").page(48, 10).await.unwrap();
    assert_eq!((elements.total, elements.items.len()), (Some(50), 2));
    assert_eq!(elements.items[0].id, "C1:49");
    assert_eq!(elements.items[0].form_values.len(), 2);
    // as listed they are taken by filters
    let request = GridRequest::designed()
        .view_filter(attribute("C1").is_not_in(elements.items.iter().map(|one| &*one.id)));
    report.run(request).await.unwrap();

    assert!(report.sql_view().await.unwrap().contains("Sales"));
    assert_eq!(server.count(Method::DELETE, "/v2/reports/*/instances/*"), 1, "cleared away");
    let instance = report.run(GridRequest::designed()).await.unwrap();
    assert!(instance.sql_view().await.unwrap().contains("Revenue"));
    let cube = session.cubes().cube(sample_cube().object_id());
    let sql = cube.sql_view().await.unwrap();
    assert!(sql.contains("Sample Cube"));
    let instance = cube.run(GridRequest::designed()).await.unwrap();
    assert_eq!(instance.sql_view().await.unwrap(), sql);
    assert_eq!(instance.status().await.unwrap(), InstanceStatus::Ready);
}

#[tokio::test]
async fn errors_with_a_meaning() {
    let server = server().report(sales()).row_governor(20).start().await.unwrap();
    let session = login(&server).await;
    let error = report(&session, &sales()).run(GridRequest::designed()).await.unwrap_err();
    assert!(error.is_row_limit_exceeded() && !error.is_request_timeout());
    let small = mstr_sim::Report::new("Small").metric(Metric::new("N", DataType::Integer));
    drop(server);

    let server =
        support::server().report(sales()).report(small).page_limit(10).start().await.unwrap();
    let session = login(&server).await;
    let report = report(&session, &sales());
    let error = report.run(GridRequest::designed()).await.unwrap_err();
    assert!(error.is_request_timeout() && !error.is_row_limit_exceeded());
    let instance = report.run(GridRequest::designed().page_size(5)).await.unwrap();
    assert!(instance.page(0, 11).await.unwrap_err().is_request_timeout());
    assert_eq!(lines(&instance.page(0, 10).await.unwrap()), 10);
    // an endpoint that is not known is no dead instance
    let error = session.get("v2/nothing").await.unwrap_err();
    assert!(error.is_unknown_endpoint() && !error.is_not_found() && !error.is_instance_gone());
}
