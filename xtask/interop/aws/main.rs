//! A program outside of the workspace that has `mstr-rest` with the feature `aws`: the providers
//! against moto, and a rotation against moto and the simulated Library server; with the argument `iam`
//! the providers against ministack. `cargo xtask interop` copies it to a package of its own and runs it
//! with the environment of AWS.

mod iam;

use std::{error::Error, time::Instant};

use mstr_rest::{
    aws::{
        ParameterStoreValues, SecretsManagerSecret, aws_config, aws_sdk_secretsmanager as sm,
        aws_sdk_ssm as ssm, parameter_store, secrets_manager,
    },
    credentials::VaultErrorKind,
    prelude::*,
};
use mstr_sim::{LibraryServer, Method};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    if std::env::args().nth(1).as_deref() == Some("iam") {
        return iam::run().await;
    }
    // before anything else has made a connection
    let begun = Instant::now();
    let nothing = failure(secrets_manager("no/such")).await?;
    println!("time to the first answer: {} ms", begun.elapsed().as_millis());
    check("a missing secret is not found", nothing == VaultErrorKind::NotFound)?;

    let config = aws_config::load_defaults(aws_config::BehaviorVersion::v2026_01_12()).await;
    let (sm, ssm) = (sm::Client::new(&config), ssm::Client::new(&config));
    secrets(&sm).await?;
    parameters(&ssm).await?;
    rotation(&sm).await?;
    for_the_examples(&sm, &ssm).await
}

async fn secrets(sm: &sm::Client) -> Outcome {
    let json = r#"{"username": "dave", "password": "p\u00e4ss", "port": 443}"#;
    let made = sm.create_secret().name("it/json").secret_string(json).send().await?;
    sm.create_secret().name("it/plain").secret_string(" plain\n").send().await?;
    let blob = |bytes: &[u8]| sm::primitives::Blob::new(bytes);
    sm.create_secret().name("it/binary").secret_binary(blob(b"bytes")).send().await?;
    sm.create_secret().name("it/noise").secret_binary(blob(&[255, 0, 128])).send().await?;
    sm.create_secret().name("it/gone").secret_string("x").send().await?;
    sm.delete_secret().secret_id("it/gone").recovery_window_in_days(7).send().await?;

    let login = SecretsManagerSecret::new("it/json");
    is("a member", text(login.field("password")).await?, "päss")?;
    is("a number", text(login.field("port")).await?, "443")?;
    is("plain text", text(secrets_manager("it/plain")).await?, " plain\n")?;
    is("binary", text(secrets_manager("it/binary")).await?, "bytes")?;
    let noise = credential(secrets_manager("it/noise")).resolve().await;
    check("bytes that are not text", noise.is_err_and(|e| e.to_string().contains("UTF-8")))?;
    let gone = credential(secrets_manager("it/gone")).resolve().await.err().ok_or("it is there")?;
    let why = gone.vault_error().ok_or("no reason")?;
    check("pending deletion", why.code() == Some("InvalidRequestException"))?;

    let arn = made.arn().ok_or("no ARN")?;
    is("by ARN", text(secrets_manager(arn).field("username")).await?, "dave")?;
    let first = made.version_id().ok_or("no version")?;
    sm.put_secret_value().secret_id("it/json").secret_string("{}").send().await?;
    let version = secrets_manager("it/json").version(first).field("username");
    is("a version by its id", text(version).await?, "dave")?;
    let version = secrets_manager("it/json").version_stage("AWSPREVIOUS").field("username");
    is("a version by its stage", text(version).await?, "dave")?;
    let reference = "aws-sm:it/json?stage=AWSPREVIOUS#username";
    is("a reference", text(mstr_rest::credential(reference)?).await?, "dave")
}

async fn parameters(ssm: &ssm::Client) -> Outcome {
    use ssm::types::ParameterType::{SecureString, String as Plain};
    for (name, kind, value) in [
        ("/it/user", Plain, "dave"),
        ("/it/password", SecureString, "first"),
        ("/it/password", SecureString, "second"),
    ] {
        let put = ssm.put_parameter().name(name).r#type(kind).value(value).overwrite(true);
        put.send().await?;
    }
    is("String", text(parameter_store("/it/user")).await?, "dave")?;
    is("SecureString", text(parameter_store("/it/password")).await?, "second")?;
    is("name:version", text(parameter_store("/it/password:1")).await?, "first")?;
    let reference = "aws-ssm:/it/password?version=1";
    is("a reference", text(mstr_rest::credential(reference)?).await?, "first")?;
    let missing = failure(parameter_store("/it/none")).await?;
    check("a missing parameter is not found", missing == VaultErrorKind::NotFound)?;

    // moto does not say which version an entry was asked for by
    let names = ["/it/user", "/it/password", "/it/password:1", "/it/none"];
    let all = ParameterStoreValues::new().prefetch(names);
    is("prefetched", text(all.parameter("/it/user")).await?, "dave")?;
    is("prefetched, the newest", text(all.parameter("/it/password")).await?, "second")?;
    is("prefetched, a version", text(all.parameter("/it/password:1")).await?, "first")?;
    let none = failure(all.parameter("/it/none")).await?;
    check("prefetched, missing", none == VaultErrorKind::NotFound)?;

    for number in 0..12 {
        let name = format!("/it/many/{number}");
        ssm.put_parameter().name(name).r#type(Plain).value(number.to_string()).send().await?;
    }
    ssm.put_parameter().name("/it/many/deep/x").r#type(SecureString).value("x").send().await?;
    let path = ParameterStoreValues::path("/it/many/");
    is("a path of two pages", text(path.field("11")).await?, "11")?;
    check("not recursive", credential(path.field("deep/x")).resolve().await.is_err())?;
    is("recursive", text(path.recursive(true).field("deep/x")).await?, "x")?;
    let empty = failure(ParameterStoreValues::path("/it/nothing").field("x")).await?;
    check("an empty path is not found", empty == VaultErrorKind::NotFound)
}

/// The password changes on both sides, the session expires: the next request logs in again.
async fn rotation(sm: &sm::Client) -> Outcome {
    let login = |password: &str| format!(r#"{{"username": "dave", "password": "{password}"}}"#);
    sm.create_secret().name("it/rotated").secret_string(login("old")).send().await?;
    let server = LibraryServer::builder().user("dave", "old").start().await?;
    let secret = SecretsManagerSecret::new("it/rotated");
    let session = Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(secret.field("username"), secret.field("password")))
        .relogin(true)
        .connect()
        .await?;
    session.user_info().await?;

    sm.put_secret_value().secret_id("it/rotated").secret_string(login("new")).send().await?;
    server.set_password("dave", "new");
    server.expire_all();
    server.clear_journal();
    session.user_info().await?;
    let logins = server.requests(Method::POST, "/auth/login");
    let statuses: Vec<_> = logins.iter().filter_map(|login| login.status()).collect();
    println!("logins after the rotation: {statuses:?}");
    let accepted = statuses.iter().filter(|status| status.is_success()).count();
    check("a rotated password is picked up", accepted == 1 && statuses.len() <= 2)?;
    check("at most one login was refused", server.failed_logins("dave") <= 1)?;
    session.close().await?;
    Ok(())
}

/// What the examples log in with.
async fn for_the_examples(sm: &sm::Client, ssm: &ssm::Client) -> Outcome {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("no {name}"));
    let (user, password) = (variable("INTEROP_USERNAME")?, variable("INTEROP_PASSWORD")?);
    let login = format!(r#"{{"username": "{user}", "password": "{password}"}}"#);
    sm.create_secret().name("prod/mstr").secret_string(login).send().await?;
    for (name, value) in [("/prod/mstr/username", user), ("/prod/mstr/password", password)] {
        let kind = ssm::types::ParameterType::SecureString;
        ssm.put_parameter().name(name).r#type(kind).value(value).send().await?;
    }
    Ok(())
}

fn credential(of: impl Into<Credential>) -> Credential {
    of.into()
}

async fn text(of: impl Into<Credential>) -> Result<String, Box<dyn Error>> {
    Ok(of.into().resolve().await?.expose_secret().to_owned())
}

async fn failure(of: impl Into<Credential>) -> Result<VaultErrorKind, Box<dyn Error>> {
    match of.into().resolve().await {
        Ok(_) => Err("a secret came where none is".into()),
        Err(error) => Ok(error.vault_error().ok_or_else(|| error.to_string())?.kind()),
    }
}

fn is(what: &str, found: String, expected: &str) -> Outcome {
    check(what, found == expected)
}

fn check(what: &str, holds: bool) -> Outcome {
    println!("{} {what}", if holds { "ok" } else { "FAILED" });
    if holds { Ok(()) } else { Err(format!("failed: {what}").into()) }
}
