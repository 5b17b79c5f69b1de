//! A simulated server with data, and a session in its project.
#![allow(dead_code, reason = "not every test needs all of it")]

pub(crate) mod asks;
pub(crate) mod canned;

use std::time::Duration;

use bytes::Bytes;
use mstr_rest_api::{Report, ReportsExt};
use mstr_rest_core::{Auth, RetryPolicy, Session};
use mstr_sim::{
    Attribute, DEFAULT_PASSWORD, DEFAULT_USER, DataType, Form, LibraryServer, LibraryServerBuilder,
    Metric, Project,
};
use serde_json::Value;

pub(crate) const PROJECT: &str = "B7CA92F04B9FAE8D941C3E9B7E0CD754";

pub(crate) fn server() -> LibraryServerBuilder {
    LibraryServer::builder().project(Project::new("Tutorial").id(PROJECT)).polls(1)
}

pub(crate) async fn login(server: &LibraryServer) -> Session {
    let auth = Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD);
    let builder = Session::builder(server.base_url()).environment_proxies(false).relogin(true);
    let retry = RetryPolicy::default().base_delay(Duration::from_millis(1));
    let session = builder.retry(retry).build().unwrap();
    session.login(auth).await.unwrap();
    session.in_project(PROJECT)
}

/// Two attributes in rows, one of two forms, and two metrics.
pub(crate) fn sales() -> mstr_sim::Report {
    mstr_sim::Report::new("Sales")
        .id("0000000000000000000000000000000A")
        .rows(25)
        .attribute(Attribute::new("Region", 4).id("R1"))
        .attribute(Attribute::new("Customer", 50).id("C1").forms([
            Form::new("ID", DataType::Integer).id("F1"),
            Form::new("DESC", DataType::VarChar).id("F2"),
        ]))
        .metric(Metric::new("Revenue", DataType::Double).id("M1"))
        .metric(Metric::new("Units", DataType::Integer).id("M2"))
}

pub(crate) fn report(session: &Session, report: &mstr_sim::Report) -> Report {
    session.reports().report(report.object_id())
}

pub(crate) fn json(page: &Bytes) -> Value {
    serde_json::from_slice(page).unwrap()
}

/// How many lines a page has.
pub(crate) fn lines(page: &Bytes) -> usize {
    json(page)["data"]["headers"]["rows"].as_array().unwrap().len()
}

/// The values of the metrics of a page.
pub(crate) fn raw(page: &Bytes) -> Vec<Value> {
    json(page)["data"]["metricValues"]["raw"].as_array().unwrap().clone()
}

pub(crate) fn sample_cube() -> mstr_sim::Cube {
    mstr_sim::Cube::sample("Sample Cube", 1000)
}
