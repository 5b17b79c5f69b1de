//! Errors of logins: they say what happened, and quote no reply and no program.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(unix)]

mod place;
mod stub;

use mstr_cloud_stub::{Reply, Responder, azure::IDENTITY_HEADER};
use place::{CANARY, Place, TENANT};
use serde_json::json;

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    place::resolve();
}

/// Where tokens come from, with this answer.
fn answering(reply: &Reply) -> Responder {
    Responder::scripted([reply.clone()])
}

#[test]
fn replies_of_managed_identities_are_not_quoted() {
    let place = Place::new();
    let error = json!({"error": CANARY, "error_description": CANARY}).to_string();
    for (reply, kind, says) in [
        (Reply::json(400, error.clone()), "NoCredentials", "has not been assigned"),
        (Reply::json(401, error.clone()), "NoCredentials", "a reply with status 401"),
        (Reply::json(403, CANARY), "NoCredentials", "a reply with status 403"),
        (Reply::json(500, CANARY), "Unreachable", "a reply with status 500"),
        (Reply::json(200, CANARY), "NoCredentials", "the reply cannot be read"),
        (
            Reply::json(200, json!({"access_token": [CANARY]}).to_string()),
            "NoCredentials",
            "the reply cannot be read",
        ),
    ] {
        let server = answering(&reply.header("Retry-After", "0"));
        let endpoint = format!("{}/msi?code={CANARY}", server.url());
        let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", IDENTITY_HEADER)];
        let demanded = [&app[..], &[("IDENTITY", "managed")]].concat();
        place.fails(&demanded, &[kind, says]);
    }
}

#[test]
fn replies_of_entra_are_not_quoted() {
    let place = Place::new();
    let refused = |text: &str| json!({"error": "invalid_client", "error_codes": [7_000_215], "error_description": text});
    let plain = refused(&format!("AADSTS7000215: {CANARY}")).to_string();
    let escaped = refused(&format!("AADSTS7000215: {CANARY}\r\nTrace")).to_string();
    for (reply, kind, says) in [
        (Reply::json(401, plain), "NoCredentials", "AADSTS7000215: the client secret is wrong"),
        (Reply::json(401, escaped), "NoCredentials", "AADSTS7000215: the client secret is wrong"),
        (Reply::json(400, CANARY), "NoCredentials", "a reply with status 400"),
        (Reply::json(200, CANARY), "NoCredentials", "the reply cannot be read"),
        // the SDK gives up after three
        (
            Reply::json(503, format!("<html>{CANARY}")),
            "Unreachable",
            "environment: a reply with status 503",
        ),
        (Reply::json(500, "{}"), "Unreachable", "environment: a reply with status 500"),
        (Reply::json(429, "{}"), "Throttled", "environment: a reply with status 429"),
    ] {
        let server = answering(&reply.header("Retry-After", "0"));
        let authority = ("AUTHORITY", server.url());
        let principal = [
            TENANT[0],
            TENANT[1],
            ("AZURE_CLIENT_SECRET", CANARY),
            (authority.0, authority.1.as_str()),
        ];
        place.fails(&principal, &[kind, says]);
    }
}

#[test]
fn programs_are_not_quoted() {
    let place = Place::new();
    for (program, says) in [
        (format!("echo 'ERROR: {CANARY}' >&2; exit 1"), "az failed: `az account get-access-token`"),
        (format!("echo \"Please run 'az login'. {CANARY}\" >&2; exit 1"), "run `az login`"),
        (format!("echo 'AADSTS50076: {CANARY}' >&2; exit 1"), "AADSTS50076: run `az login`"),
        (format!("echo '{CANARY}'"), "its output cannot be read"),
    ] {
        place.file("az", &format!("#!/bin/sh\n{program}\n"));
        place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli: ", says]);
    }
    let said = json!({"type": "consoleMessage", "data": {"message": CANARY}}).to_string();
    for (program, says) in [
        (format!("echo '{said}' >&2; exit 1"), "azd failed: `azd auth token` tells more"),
        (format!("echo 'run azd auth login {CANARY}' >&2; exit 1"), "run `azd auth login`"),
        (format!("echo '{CANARY}'"), "its output cannot be read"),
    ] {
        place.file("azd", &format!("#!/bin/sh\n{program}\n"));
        let developer = ("AZURE_TOKEN_CREDENTIALS", "AzureDeveloperCliCredential");
        place.fails(&[developer], &["NoCredentials", "azure-developer-cli: ", says]);
    }
}

#[test]
fn variables_that_cannot_be_used_are_not_quoted() {
    let place = Place::new();
    let tenant = format!("{CANARY} x");
    let principal =
        [("AZURE_TENANT_ID", tenant.as_str()), TENANT[1], ("AZURE_CLIENT_SECRET", CANARY)];
    place.fails(&principal, &["AZURE_TENANT_ID is neither an id nor a domain"]);
    let app = [("IDENTITY_ENDPOINT", CANARY), ("IDENTITY_HEADER", CANARY)];
    place.fails(&app, &["IDENTITY_ENDPOINT is no URL"]);
}

#[test]
fn a_token_endpoint_that_is_down() {
    let place = Place::new();
    let authority = format!("http://{}", mstr_cloud_stub::closed_port());
    let principal =
        [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CANARY), ("AUTHORITY", authority.as_str())];
    place.fails(&principal, &["Unreachable", "environment: ", "refused"]);
}
