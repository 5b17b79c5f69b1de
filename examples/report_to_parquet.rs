//! A report as a Parquet file, in memory that does not grow with its rows.
//!
//! `cargo run --example report_to_parquet --features data` writes a sample of a simulated server;
//! with `MSTR_BASE_URL` (see `quickstart`), `MSTR_PROJECT` and `MSTR_OBJECT` one of yours.
#![allow(clippy::print_stdout)]

use mstr_examples::{Place, project_and_object};
use mstr_rest::prelude::*;
use mstr_sim::Report;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let sample = Report::sample("Sample Report", 1000);
    let (project, report) = project_and_object(&place, sample.object_id())?;
    let builder = place.builder.clone().project(project).relogin(true);
    let path = std::env::temp_dir().join("report.parquet");

    let written = with_session(builder, async |session| {
        let data = session.reports().data(&report);
        data.on_progress(|so_far| {
            println!("{} of {} grid rows", so_far.grid_rows, so_far.total_grid_rows);
        })
        .to_parquet(&path)
        .await
    })
    .await?;
    println!("{} rows from {} bytes of JSON in {}", written.rows, written.bytes, path.display());
    Ok(())
}
