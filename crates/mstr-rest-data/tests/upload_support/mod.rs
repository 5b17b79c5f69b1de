//! A simulated server for uploads, and batches to upload.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use mstr_rest_core::{Auth, Session};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, LibraryServerBuilder, Value};

pub(crate) fn server() -> LibraryServerBuilder {
    LibraryServer::builder().polls(0)
}

pub(crate) async fn session(server: &LibraryServer) -> Session {
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

/// Two columns of one name are possible here.
pub(crate) fn batch<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns
        .into_iter()
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    let rows = arrays.first().map_or(0, |array| array.len());
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

pub(crate) fn orders(rows: &[(&str, f64)]) -> RecordBatch {
    let (cities, revenue): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
    batch([
        ("city", Arc::new(StringArray::from(cities)) as ArrayRef),
        ("revenue", Arc::new(Float64Array::from(revenue))),
    ])
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What the server has got of a dataset's only table, in the order of its columns.
pub(crate) fn rows_of(server: &LibraryServer, dataset: &str) -> Vec<Vec<Value>> {
    let tables = server.uploaded(dataset).unwrap();
    assert_eq!(tables.len(), 1);
    tables[0].rows.clone()
}
