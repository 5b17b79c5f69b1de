//! Rows of your own as a dataset: made from Arrow batches, changed, read back.
//!
//! `cargo run --example upload --features data` does it against a simulated server; with
//! `MSTR_BASE_URL` (see `quickstart`) and `MSTR_PROJECT` it makes a dataset `Orders` in your `My
//! Reports`, and with `MSTR_OBJECT` it changes that of this id, which it made before.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use mstr_examples::Place;
use mstr_rest::api::UpdatePolicy;
use mstr_rest::prelude::*;

type Row = (i64, &'static str, i32, Option<f64>);

const FIRST: [Row; 3] = [
    (1, "Bern", 19_753, Some(120.5)),
    (2, "Zürich", 19_754, None),
    (3, "Genève", 19_754, Some(-7.25)),
];

/// The second row of those with its revenue, and a new one.
const THEN: [Row; 2] = [(2, "Zürich", 19_754, Some(80.0)), (4, "Chur", 19_755, Some(0.1))];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let project = match place.simulated {
        Some(_) => "MicroStrategy Tutorial".to_owned(),
        None => std::env::var("MSTR_PROJECT").map_err(|_| "set MSTR_PROJECT (id or name)")?,
    };
    let existing = std::env::var("MSTR_OBJECT").ok().filter(|id| !id.is_empty());
    let (first, then) = (orders(&FIRST)?, orders(&THEN)?);
    let builder = place.builder.clone().project(project).relogin(true);

    let (id, csv) = with_session(builder, async |session| {
        let datasets = session.datasets();
        let id = match existing {
            Some(id) => id,
            None => {
                // numbers are metrics unless it is said otherwise
                let new = datasets.create("Orders").table("orders").attribute("order");
                let made = new.send_batches([first]).await?;
                println!("made the dataset {} with {} rows", made.dataset_id, made.rows);
                made.dataset_id
            }
        };
        let changed = datasets
            .upload(&id)
            .policy(UpdatePolicy::Upsert)
            .on_progress(|so_far| println!("part {}: {} rows", so_far.parts, so_far.rows))
            .send_batches([then])
            .await?;
        println!("sent {} rows that change others or are new", changed.rows);
        let csv = session.cubes().data(&id).write_csv(Vec::new()).await?;
        Ok((id, csv))
    })
    .await?;
    println!("the cube {id}:\n{}", String::from_utf8(csv)?);
    Ok(())
}

fn orders(rows: &[Row]) -> Result<RecordBatch, Box<dyn std::error::Error>> {
    let numbers: Int64Array = rows.iter().map(|row| Some(row.0)).collect();
    let cities: StringArray = rows.iter().map(|row| Some(row.1)).collect();
    // days since 1970
    let days: Date32Array = rows.iter().map(|row| Some(row.2)).collect();
    let revenue: Float64Array = rows.iter().map(|row| row.3).collect();
    Ok(RecordBatch::try_from_iter([
        ("order", Arc::new(numbers) as ArrayRef),
        ("city", Arc::new(cities)),
        ("day", Arc::new(days)),
        ("revenue", Arc::new(revenue)),
    ])?)
}
