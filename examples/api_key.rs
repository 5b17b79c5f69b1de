//! Logging in with an API token, and making another one.
//!
//! `cargo run --example api_key`, with `MSTR_BASE_URL` and `MSTR_API_KEY` for a real server.
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let builder = if place.simulated.is_some() {
        place.builder.auth(Auth::api_key("an-api-key"))
    } else {
        // read when the login happens; a vault would be asked here just as well
        place.builder.auth(Auth::api_key(Credential::env("MSTR_API_KEY")))
    };
    let name = with_session(builder, async |session| {
        let user = session.user_info().await?;
        let token = session.api_tokens().create().await?;
        // it is a secret: `Debug` does not show it
        println!("made an API token: {token:?}");
        Ok(user.full_name)
    })
    .await?;
    println!("logged in as {name} with an API token, and out again");
    Ok(())
}
