//! No async: scripts, tests, and programs that have none.
//!
//! `cargo run --example blocking`, with the variables of the quickstart for a real server.
#![allow(clippy::print_stdout)]

use mstr_rest::blocking;
use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (builder, _simulated) = if std::env::var_os("MSTR_BASE_URL").is_some() {
        (mstr_rest::from_env()?, None)
    } else {
        let server = LibraryServer::builder().start_blocking()?;
        let builder = Session::builder(server.base_url())
            .environment_proxies(false)
            .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD));
        (builder, Some(server))
    };
    let session = blocking::Session::connect(builder)?;
    // `wait` takes whatever can be awaited
    for project in session.wait(session.projects().list())? {
        println!("{}  {}", project.id, project.name);
    }
    let id = session.wait(session.projects().resolve("MicroStrategy Tutorial"))?;
    println!("the tutorial is {id}");
    // dropping the session would log out as well, but keep an error to itself
    session.close()?;
    Ok(())
}
