//! Credential references: settings say where a secret is, and the program need not know the vault.
//!
//! `cargo run --example references --features aws`, with `MSTR_BASE_URL` and with references such
//! as these in `MSTR_USERNAME` and `MSTR_PASSWORD`:
//!
//! ```text
//! env:OTHER_VARIABLE
//! file:/run/secrets/mstr.json#password
//! cmd:op read op://prod/mstr/password
//! aws-sm:prod/mstr?region=eu-west-1#password
//! aws-ssm:/prod/mstr/password
//! ```
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // what is wrong in a reference is said, but the text is not repeated: it may be a password
    if let Err(error) = mstr_rest::credential("hunter2") {
        println!("{error}");
    }
    let place = Place::find().await?;
    if place.simulated.is_none() {
        // `from_env` has taken the references that are in the variables
        println!("logged in as {}, and out again", log_in(place.builder).await?);
        return Ok(());
    }
    println!("set MSTR_BASE_URL, MSTR_USERNAME and MSTR_PASSWORD to use references of yours");
    // a file stands in for the vault
    let file = std::env::temp_dir().join(format!("mstr-references-{}.json", std::process::id()));
    let (user, password) = (mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD);
    std::fs::write(&file, format!(r#"{{"username": "{user}", "password": "{password}"}}"#))?;
    let path = file.display().to_string();
    let reference = format!("file:{}", mstr_rest::credentials::Reference::escape(&path));
    let username = mstr_rest::credential(&format!("{reference}#username"))?;
    let password = mstr_rest::credential(&format!("{reference}#password"))?;
    let name = log_in(place.builder.auth(Auth::standard(username, password))).await;
    std::fs::remove_file(&file)?;
    println!("logged in as {}, and out again", name?);
    Ok(())
}

async fn log_in(builder: SessionBuilder) -> mstr_rest::Result<String> {
    with_session(builder, async |session| Ok(session.user_info().await?.full_name)).await
}
