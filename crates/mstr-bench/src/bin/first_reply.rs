//! The least program that logs in and asks something. It prints a line when the reply is there:
//! `first-reply BASE_URL USER`, the password in `MSTR_PASSWORD`, the CA's file in `BENCH_CA`.
#![allow(clippy::print_stdout, reason = "the line is what is waited for")]

use mstr_rest::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(base_url), Some(user)) = (args.next(), args.next()) else {
        return Err("usage: first-reply BASE_URL USER".into());
    };
    let mut builder = Session::builder(base_url)
        .auth(Auth::standard(user, Credential::env("MSTR_PASSWORD")))
        .environment_proxies(false);
    if let Ok(file) = std::env::var("BENCH_CA") {
        builder = builder.root_certificates_pem(std::fs::read(file)?).only_these_roots(true);
    }
    let session = builder.connect().await?;
    let projects = session.projects().list().await?;
    println!("{} projects", projects.len());
    session.close().await?;
    Ok(())
}
