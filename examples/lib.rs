//! What the examples share: a real server when `MSTR_BASE_URL` names one, else a simulated one in
//! this process.
//!
//! Run them from the root of the workspace: `cargo run --example quickstart`.
#![allow(clippy::print_stdout)] // examples talk to a person

#[cfg(doc)]
pub mod porting_names;
// its samples use every feature
#[cfg(all(doctest, feature = "aws", feature = "azure", feature = "data", feature = "gcp"))]
mod guide;

use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer};

/// Where an example runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Place {
    /// A builder that knows the server and how to log in.
    pub builder: SessionBuilder,
    /// The simulated server, if it is one. It stops when this is dropped.
    pub simulated: Option<LibraryServer>,
}

impl Place {
    /// The server of the environment (`MSTR_BASE_URL` and others, see [`mstr_rest::from_env`]), or
    /// a simulated one.
    ///
    /// # Errors
    /// When the variables do not make a session, or the simulated server cannot start.
    pub async fn find() -> Result<Self, Box<dyn std::error::Error>> {
        if std::env::var_os("MSTR_BASE_URL").is_some_and(|value| !value.is_empty()) {
            return Ok(Self { builder: mstr_rest::from_env()?, simulated: None });
        }
        let server = LibraryServer::builder()
            .user(DEFAULT_USER, DEFAULT_PASSWORD)
            .api_key("an-api-key", DEFAULT_USER)
            .start()
            .await?;
        println!("MSTR_BASE_URL is not set: this is a simulated server at {}", server.base_url());
        let builder = Session::builder(server.base_url())
            .environment_proxies(false)
            .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD));
        Ok(Self { builder, simulated: Some(server) })
    }
}

/// A project, and a report or cube in it: from `MSTR_PROJECT` and `MSTR_OBJECT`, or the sample of
/// that id that the simulated server has.
///
/// # Errors
/// When a real server is used and the variables are not set.
pub fn project_and_object(
    place: &Place,
    sample: &str,
) -> Result<(String, String), Box<dyn std::error::Error>> {
    if place.simulated.is_some() {
        return Ok(("MicroStrategy Tutorial".into(), sample.into()));
    }
    let set = |name| std::env::var(name).map_err(|_| format!("set {name} (id or name)"));
    Ok((set("MSTR_PROJECT")?, set("MSTR_OBJECT")?))
}

/// The base URL for an example whose login comes from a vault: there is nothing to simulate.
///
/// # Errors
/// When `MSTR_BASE_URL` is not set.
pub fn vault_base_url() -> Result<String, Box<dyn std::error::Error>> {
    std::env::var("MSTR_BASE_URL").map_err(|_| "set MSTR_BASE_URL to a Library server too".into())
}
