//! One program logs in, another shares its session by an identity token.
//!
//! `cargo run --example delegation`
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let owner = place.builder.clone().connect().await?;
    let token = owner.identity_tokens().create().await?;
    owner.identity_tokens().validate(&token).await?;

    // what the other program does with the token
    let guest = place.builder.auth(Auth::identity_token(token)).connect().await?;
    println!("the guest is {}", guest.user_info().await?.full_name);
    // a shared session is not ours to end: closing the guest leaves the owner logged in
    guest.close().await?;
    println!("the owner still is {}", owner.user_info().await?.full_name);

    owner.close().await?;
    Ok(())
}
