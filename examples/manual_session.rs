//! A session without a guard: you log in, you log out. For a service that keeps one session for
//! as long as it runs.
//!
//! `cargo run --example manual_session`
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    // `detach` takes the session out of the guard that `connect` gives
    let session = place.builder.connect().await?.detach();

    // clones share the login: hand them to tasks
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let session = session.clone();
            tokio::spawn(async move {
                let projects = session.projects().load().await?;
                Ok::<_, Error>(format!("task {number} sees {projects} projects"))
            })
        })
        .collect();
    for task in tasks {
        println!("{}", task.await??);
    }

    // all calls of this handle carry the project; its name is looked up once
    let tutorial = session.in_project("MicroStrategy Tutorial");
    let reply = tutorial.get("sessions").await?;
    println!("asked within a project: {}", reply.status());

    session.logout().await?;
    println!("has a session: {}", session.has_session());
    Ok(())
}
