//! The main job: log in, ask who and what, keep the session alive, meet an error, log out.
//!
//! `cargo run --example quickstart` talks to a simulated server in this process. Against a real
//! one:
//!
//! ```sh
//! export MSTR_BASE_URL=https://host/MicroStrategyLibrary/api/
//! export MSTR_USERNAME=dave MSTR_PASSWORD=...     # or MSTR_API_KEY
//! cargo run --example quickstart
//! ```
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;
use mstr_sim::Method;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let session = place.builder.connect().await?;

    let status = session.server().status().await?;
    println!("server version    {}", status.iserver_version.as_deref().unwrap_or("unknown"));

    let user = session.user_info().await?;
    println!("logged in as      {} ({})", user.full_name, user.id);

    println!("\n{:<32}  NAME", "PROJECT");
    for project in session.projects().list().await? {
        println!("{:<32}  {}", project.id, project.name);
    }

    match session.session_info().await?.timeout {
        Some(limit) => println!("\nidle limit        {} s", limit.as_secs()),
        None => println!("\nidle limit        the server does not say"),
    }
    session.extend_session().await?;
    println!("extended          the idle clock starts anew");

    // errors are typed: kind, HTTP status, the server's code and its ticket for support
    if let Err(error) = session.get("no/such/endpoint").await {
        println!("an error          {error}");
        println!("                  kind {:?}, status {:?}", error.kind(), error.status());
    }

    session.close().await?;
    match &place.simulated {
        Some(server) => println!(
            "\nlogged out        the server saw {} logout and holds {} sessions",
            server.count(Method::POST, "/auth/logout"),
            server.sessions().len()
        ),
        None => println!("\nlogged out"),
    }
    Ok(())
}
