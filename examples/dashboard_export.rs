//! A dashboard: what is in it, one of its visualizations as CSV, all of it as a PDF file.
//!
//! `cargo run --example dashboard_export`
#![allow(clippy::print_stdout)]

use mstr_examples::{Place, project_and_object};
use mstr_rest::api::{DocumentRequest, PdfOptions};
use mstr_rest::prelude::*;
use mstr_sim::{Dashboard, LibraryServer, Report};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut place = Place::find().await?;
    let sample = Dashboard::new("Sample").visualization("K52", Report::sample("By Region", 50));
    if place.simulated.is_some() {
        let server = LibraryServer::builder().dashboard(sample.clone()).start().await?;
        place.builder = Session::builder(server.base_url())
            .environment_proxies(false)
            .auth(Auth::standard(mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD));
        place.simulated = Some(server);
    }
    let (project, dashboard) = project_and_object(&place, sample.object_id())?;
    let builder = place.builder.clone().project(project);
    let file = std::env::temp_dir().join("dashboard_export.pdf");

    with_session(builder, async |session| {
        let dashboard = session.dashboards().dashboard(&dashboard);
        let instance = dashboard.run(DocumentRequest::new()).await?;
        for chapter in instance.definition().await?.chapters {
            println!("chapter {}", chapter.name);
            for shown in chapter.pages.iter().flat_map(|page| &page.visualizations) {
                let csv = instance.visualization_csv(&shown.key).bytes().await?;
                println!("  {} ({}): {} bytes of CSV", shown.name, shown.key, csv.len());
            }
        }
        // in the background: no proxy in between loses patience
        let pdf = instance.pdf(PdfOptions::new().include_header(true)).respond_async(true);
        println!("{}: {} bytes", file.display(), pdf.to_file(&file).await?);
        instance.delete().await
    })
    .await?;
    std::fs::remove_file(&file)?;
    Ok(())
}
