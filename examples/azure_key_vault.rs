//! Logging in with a secret of Azure Key Vault: a JSON object with `username` and `password`.
//!
//! `MSTR_VAULT_URL=https://prod.vault.azure.net MSTR_SECRET_ID=mstr cargo run --example
//! azure_key_vault --features azure`, with `MSTR_BASE_URL`. Who asks is found in the environment, on
//! the machine, or in the login of `az`.
#![allow(clippy::print_stdout)]

use mstr_examples::vault_base_url;
use mstr_rest::azure::KeyVaultSecret;
use mstr_rest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(vault), Some(name)) = (set("MSTR_VAULT_URL"), set("MSTR_SECRET_ID")) else {
        println!(
            "Set MSTR_VAULT_URL to a vault such as https://prod.vault.azure.net, MSTR_SECRET_ID to \
             the name of a secret such as {{\"username\": \"..\", \"password\": \"..\"}}, and \
             MSTR_BASE_URL to a Library server. Who asks: AZURE_TENANT_ID, AZURE_CLIENT_ID and \
             AZURE_CLIENT_SECRET, a managed identity, or `az login`."
        );
        return Ok(());
    };
    // nothing is fetched before the login, then both fields with one request
    let mut secret = KeyVaultSecret::new(vault, name);
    if let Some(url) = set("MSTR_VAULT_ENDPOINT") {
        secret = secret.endpoint(url); // an emulator
    }
    let builder = Session::builder(vault_base_url()?)
        .auth(Auth::standard(secret.field("username"), secret.field("password")))
        // an expired session logs in again, with the password that is in the vault by then
        .relogin(true);
    let name = with_session(builder, async |session| Ok(session.user_info().await?.full_name));
    println!("logged in as {} with a secret of Azure, and out again", name.await?);
    Ok(())
}
