//! What an error says, and what to do about it.
//!
//! `cargo run --example errors` (always against a simulated server: it makes the errors).
#![allow(clippy::print_stdout)]

use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = LibraryServer::start().await?;
    let builder = Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD));

    let wrong = builder.clone().auth(Auth::standard(DEFAULT_USER, "wrong"));
    explain("a wrong password", wrong.connect().await.map(drop));

    let unset = Credential::env("MSTR_PASSWORD_THAT_IS_NOT_SET");
    let missing = builder.clone().auth(Auth::standard(DEFAULT_USER, unset));
    explain("a variable that is not set", missing.connect().await.map(drop));

    explain("no host in the base URL", Session::builder("https://").build().map(drop));

    let session = builder.connect().await?;
    explain("an unknown endpoint", session.get("no/such/endpoint").await.map(drop));
    explain("an unknown project", session.projects().resolve("Nope").await.map(drop));

    server.inject(Fault::html(502).on(Method::GET, "/projects").times(1));
    explain("a proxy in between", session.projects().list().await.map(drop));

    server.expire_all();
    explain("an expired session", session.user_info().await.map(drop));

    session.close().await?;
    explain("a closed session", session.user_info().await.map(drop));
    Ok(())
}

fn explain(what: &str, result: Result<(), Error>) {
    let Err(error) = result else { return println!("{what}: no error") };
    let advice = match error.kind() {
        ErrorKind::LoginFailure => "check user and password; more tries may lock the account",
        ErrorKind::MissingCredential | ErrorKind::Config => "mend the settings",
        ErrorKind::SessionExpired | ErrorKind::NoSession => "log in again",
        ErrorKind::ResourceNotFound => "it is not there",
        _ if error.is_transient() => "try again later",
        _ => "look closer",
    };
    println!("{what}\n  {error}\n  -> {advice}");
    // the cause behind it, where there is one; support asks for the ticket
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        println!("  because {source}");
        cause = source.source();
    }
    if let Some(ticket) = error.ticket_id() {
        println!("  ticket {ticket}");
    }
    println!();
}
