//! A cube as an Arrow IPC file, which polars and pyarrow open as it is:
//! `polars.read_ipc("cube.arrow")`.
//!
//! `cargo run --example cube_to_polars_ready_ipc --features data`
#![allow(clippy::print_stdout)]

use mstr_examples::{Place, project_and_object};
use mstr_rest::api::GridRequest;
use mstr_rest::prelude::*;
use mstr_sim::Cube;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let sample = Cube::sample("Sample Cube", 1000);
    let (project, cube) = project_and_object(&place, sample.object_id())?;
    let builder = place.builder.clone().project(project);
    let path = std::env::temp_dir().join("cube.arrow");

    with_session(builder, async |session| {
        // the first two attributes and all metrics: fewer columns are fewer bytes
        let cube = session.cubes().cube(&cube);
        let objects = cube.definition().await?.available;
        let mut request = GridRequest::designed();
        for attribute in objects.attributes.iter().take(2) {
            request = request.attribute(&attribute.id);
        }
        for metric in &objects.metrics {
            request = request.metric(&metric.id);
        }
        let table = session.cubes().data(cube.id()).request(request.clone()).open().await?;
        for field in table.schema().fields() {
            println!("{:<20} {}", field.name(), field.data_type());
        }
        let written = session.cubes().data(cube.id()).request(request).to_ipc(&path).await?;
        println!("{} rows in {}", written.rows, path.display());
        Ok(())
    })
    .await?;
    Ok(())
}
