//! A cross-tab as the table behind it: what stands in columns of the grid becomes a column of the
//! table, and every metric has one.
//!
//! `cargo run --example cross_tab --features data`
#![allow(clippy::print_stdout)]

use mstr_examples::{Place, project_and_object};
use mstr_rest::api::GridRequest;
use mstr_rest::prelude::*;
use mstr_sim::{Attribute, DataType, LibraryServer, Metric, Report};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut place = Place::find().await?;
    let sample = Report::new("Flights")
        .rows(6)
        .attribute(Attribute::new("Year", 3))
        .attribute(Attribute::labels("Airport", [["BWI"], ["DCA"]]).on_columns())
        .metric(Metric::new("Flights", DataType::Integer))
        .metric(Metric::new("Delay", DataType::Double));
    if place.simulated.is_some() {
        let server = LibraryServer::builder().report(sample.clone()).start().await?;
        place.builder = Session::builder(server.base_url())
            .environment_proxies(false)
            .auth(Auth::standard(mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD));
        place.simulated = Some(server);
    }
    let (project, report) = project_and_object(&place, sample.object_id())?;
    let builder = place.builder.clone().project(project);

    let csv = with_session(builder, async |session| {
        // as it was designed; without a request the server itself would flatten it
        let shown = session.reports().data(&report).request(GridRequest::designed());
        shown.write_csv(Vec::new()).await
    })
    .await?;
    print!("{}", String::from_utf8_lossy(&csv));
    Ok(())
}
