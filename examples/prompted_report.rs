//! A report that asks before it runs: its prompts are answered, also those that come after the
//! first answers, and its rows come as values of your own type.
//!
//! `cargo run --example prompted_report --features data`
#![allow(clippy::print_stdout)]

use mstr_examples::{Place, project_and_object};
use mstr_rest::api::{GridRequest, NamedAnswers};
use mstr_rest::prelude::*;
use mstr_sim::{LibraryServer, Prompt, Report};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "Region")]
    region: Option<String>,
    #[serde(rename = "Revenue")]
    revenue: Option<f64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut place = Place::find().await?;
    let sample = Report::sample("Prompted", 50).prompt(Prompt::value("Comment"));
    if place.simulated.is_some() {
        let server = LibraryServer::builder().report(sample.clone()).start().await?;
        place.builder = Session::builder(server.base_url())
            .environment_proxies(false)
            .auth(Auth::standard(mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD));
        place.simulated = Some(server);
    }
    let (project, report) = project_and_object(&place, sample.object_id())?;
    let builder = place.builder.clone().project(project);

    let rows: Vec<Row> = with_session(builder, async |session| {
        let instance = session.reports().report(&report).run(GridRequest::designed()).await?;
        for prompt in instance.prompts().await? {
            println!("{}: {:?}", prompt.name, prompt.kind);
        }
        // by name; prompts that are not named get their default
        let answers = NamedAnswers::new().text("Comment", "from an example");
        instance.answer_named(&answers).await?;
        instance.data().rows().await
    })
    .await?;
    for row in rows.iter().take(5) {
        println!("{:<24} {:?}", row.region.as_deref().unwrap_or("-"), row.revenue);
    }
    println!("{} rows", rows.len());
    Ok(())
}
