//! Sorted and ranked executions: what is asked for is what the simulated server does.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::expression::{Operator, metric};
use mstr_rest_api::{FormId, GridRequest, Order, Sort, SubtotalsPosition};
use mstr_rest_core::ErrorKind;
use mstr_sim::Attribute;
use serde_json::Value;
use support::{json, login, raw, report, sales, server};

/// The values of the first metric.
async fn revenue(session: &mstr_rest_core::Session, request: GridRequest) -> Vec<f64> {
    let instance = report(session, &sales()).run(request.page_size(100)).await.unwrap();
    let page = instance.first_page().unwrap();
    raw(&page).iter().map(|row: &Value| row[0].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn by_every_kind_of_sort() {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    let shown = GridRequest::designed;
    let mut wanted = revenue(&session, shown()).await;
    wanted.sort_by(f64::total_cmp);
    let sort = |order| Sort::metric("M1", order).subtotals(SubtotalsPosition::Mixed);
    let ascending = shown().sort_rows(sort(Order::Ascending));
    assert_eq!(revenue(&session, ascending).await, wanted);
    wanted.reverse();
    let descending = shown().sort_rows(sort(Order::Descending));
    assert_eq!(revenue(&session, descending).await, wanted);
    // rank and percentage
    let top = shown().view_filter(metric("M1").top(3)).sort_rows(sort(Order::Descending));
    assert_eq!(revenue(&session, top).await, wanted[..3]);
    let bottom = metric("M1").bottom_percent(20.0);
    let bottom = shown().metric_limit("M1", bottom).sort_rows(sort(Order::Descending));
    assert_eq!(revenue(&session, bottom).await, wanted[20..]);
    let fifth = shown().view_filter(metric("M1").ranked(Operator::RankEquals, 5));
    assert_eq!(revenue(&session, fifth).await, wanted[4..5]);

    let forms = shown()
        .sort_rows(Sort::subtotals_only(SubtotalsPosition::First))
        .sort_rows(Sort::form("C1", FormId::new("F1"), Order::Descending))
        .sort_rows(Sort::attribute("R1"));
    let instance = report(&session, &sales()).run(forms.page_size(100)).await.unwrap();
    let page = json(&instance.first_page().unwrap());
    let customers = &page["definition"]["grid"]["rows"][1]["elements"];
    let numbers = customers.as_array().unwrap().iter();
    let numbers = numbers.map(|one| one["formValues"][0].as_str().unwrap().parse::<u64>().unwrap());
    assert!(numbers.is_sorted_by(|one, two| one > two));
}

#[tokio::test]
async fn in_a_column_of_a_cross_tab() {
    let cross = sales().attribute(Attribute::new("Shop", 3).id("S1").on_columns());
    let server = server().report(cross.clone()).start().await.unwrap();
    let session = login(&server).await;
    let sort = Sort::metric("M2", Order::Descending);
    let request = GridRequest::designed().sort_rows(sort.clone().in_column(["h2;S1"]));
    let instance = report(&session, &cross).run(request).await.unwrap();
    let values = raw(&instance.first_page().unwrap());
    assert!(values.is_sorted_by(|one, two| one[3].as_i64() >= two[3].as_i64()));
    assert_eq!(values.len(), 25);
    // a metric that stands in several columns needs to be told in which
    let refused = report(&session, &cross).run(GridRequest::designed().sort_rows(sort));
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}
