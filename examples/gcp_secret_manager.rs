//! Logging in with a secret of Google Secret Manager: a JSON object with `username` and `password`.
//!
//! `GOOGLE_CLOUD_PROJECT=my-project MSTR_SECRET_ID=mstr cargo run --example gcp_secret_manager --features
//! gcp`, with `MSTR_BASE_URL`, and Application Default Credentials.
#![allow(clippy::print_stdout)]

use mstr_examples::vault_base_url;
use mstr_rest::gcp::SecretManagerSecret;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(project), Some(id)) = (set("GOOGLE_CLOUD_PROJECT"), set("MSTR_SECRET_ID")) else {
        println!(
            "Set GOOGLE_CLOUD_PROJECT to a project, MSTR_SECRET_ID to the id of a secret such as \
             {{\"username\": \"..\", \"password\": \"..\"}}, and MSTR_BASE_URL to a Library server. \
             Who asks: GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default login`, \
             or the service account of the machine."
        );
        return Ok(());
    };
    // nothing is fetched before the login, then both fields with one request
    let mut secret = SecretManagerSecret::new(project, id);
    if let Some(url) = set("MSTR_VAULT_ENDPOINT") {
        secret = secret.endpoint(url); // an emulator
    }
    let builder = Session::builder(vault_base_url()?)
        .auth(Auth::standard(secret.field("username"), secret.field("password")))
        // an expired session logs in again, with the password that is in the vault by then
        .relogin(true);
    let name = with_session(builder, async |session| Ok(session.user_info().await?.full_name));
    println!("logged in as {} with a secret of Google, and out again", name.await?);
    Ok(())
}
