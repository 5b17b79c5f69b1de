//! Files that cannot be written anew: named pipes.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::process::Command;

use mstr_rest_api::ReportsExt;
use mstr_rest_core::{Auth, Session};
use mstr_rest_data::DataExt;
use mstr_sim::{
    Attribute, DEFAULT_PASSWORD, DEFAULT_USER, DataType, LibraryServer, Metric, Report,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_changes_on_the_way_writes_a_pipe_once() {
    let report = Report::new("late")
        .rows(1_200)
        .attribute(Attribute::new("Shop", 1_500))
        .metric(Metric::new("Score", DataType::Reserved).fractions_after(1_000));
    let server = LibraryServer::builder().report(report.clone()).start().await.unwrap();
    let session = Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
        .project("MicroStrategy Tutorial")
        .connect()
        .await
        .unwrap();
    let data = session.reports().data(report.object_id()).page_size(500);
    let folder = tempfile::tempdir().unwrap();
    let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
    data.clone().to_parquet(&file).await.unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reading = {
        let pipe = pipe.clone();
        tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap())
    };
    data.to_parquet(&pipe).await.unwrap();
    assert!(reading.await.unwrap() == std::fs::read(&file).unwrap(), "the same bytes");
    session.close().await.unwrap();
}
