//! Logging in with a secret of AWS Secrets Manager: a JSON object with `username` and `password`,
//! or with other members.
//!
//! `MSTR_SECRET_ID=prod/mstr cargo run --example aws_secrets_manager --features aws`, with
//! `MSTR_BASE_URL`, and the region and credentials of AWS as its tools take them.
#![allow(clippy::print_stdout)]

use mstr_examples::vault_base_url;
use mstr_rest::aws::SecretsManagerSecret;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(id) = std::env::var("MSTR_SECRET_ID") else {
        println!(
            "Set MSTR_SECRET_ID to the name or ARN of a secret such as \
             {{\"username\": \"..\", \"password\": \"..\"}}, MSTR_BASE_URL to a Library server, \
             and AWS_REGION and AWS credentials, or AWS_PROFILE."
        );
        return Ok(());
    };
    // nothing is fetched before the login, then both fields with one request
    let secret = SecretsManagerSecret::new(id);
    let builder = Session::builder(vault_base_url()?)
        .auth(Auth::standard(secret.field("username"), secret.field("password")))
        // an expired session logs in again, with the password that is in the vault by then
        .relogin(true);
    let name = with_session(builder, async |session| Ok(session.user_info().await?.full_name));
    println!("logged in as {} with a secret of AWS, and out again", name.await?);
    Ok(())
}
