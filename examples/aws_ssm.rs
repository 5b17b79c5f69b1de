//! Logging in with two parameters of AWS Systems Manager Parameter Store.
//!
//! `MSTR_PARAMETERS=/prod/mstr cargo run --example aws_ssm --features aws`, with `MSTR_BASE_URL`,
//! and the region and credentials of AWS as its tools take them. The parameters are
//! `/prod/mstr/username` and `/prod/mstr/password`.
#![allow(clippy::print_stdout)]

use mstr_examples::vault_base_url;
use mstr_rest::aws::ParameterStoreValues;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(path) = std::env::var("MSTR_PARAMETERS") else {
        println!(
            "Set MSTR_PARAMETERS to the path of the parameters `username` and `password`, \
             MSTR_BASE_URL to a Library server, and AWS_REGION and AWS credentials, or AWS_PROFILE."
        );
        return Ok(());
    };
    let (username, password) = (format!("{path}/username"), format!("{path}/password"));
    // both in one call, when the login needs them; always decrypted
    let parameters = ParameterStoreValues::new().prefetch([&username, &password]);
    let builder = Session::builder(vault_base_url()?)
        .auth(Auth::standard(parameters.parameter(username), parameters.parameter(password)));
    let name = with_session(builder, async |session| Ok(session.user_info().await?.full_name));
    println!("logged in as {} with parameters of AWS, and out again", name.await?);
    Ok(())
}
