//! What is logged at level TRACE. The fetches run in a child process, with all that makes the SDK log.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(unix)]

mod place;
mod stub;

use mstr_cloud_stub::{
    Reply, Responder,
    azure::{FEDERATED_TOKEN, IDENTITY_HEADER},
    contract::Mood,
    leak::{self, Log},
};
use place::{CANARY, Place, TENANT};

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    let log = Log::start();
    place::resolve();
    let logged = log.text();
    let found = leak::find(CANARY, &logged);
    assert!(found.is_none(), "{found:?} in {logged}");
    // these show requests and errors
    for part in ["azure_core", "azure_identity", "typespec"] {
        assert!(!logged.contains(part), "{part} logs: {logged}");
    }
}

/// The kinds of logins; each has a place for the canary.
fn logins(place: &Place) -> Vec<Vec<(&'static str, String)>> {
    let token = place.file("token", FEDERATED_TOKEN);
    let msi = format!("{}/msi/token?code={CANARY}", place.stub.server.url());
    let owned = |variables: &[(&'static str, &str)]| {
        variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>()
    };
    vec![
        owned(&[TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CANARY)]),
        owned(&[TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", &token)]),
        owned(&[("IDENTITY_ENDPOINT", &msi), ("IDENTITY_HEADER", IDENTITY_HEADER)]),
        owned(&[("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")]),
    ]
}

#[test]
fn the_sdk_logs_no_secret_token_or_reply() {
    let place = Place::new();
    place.stub.azure.put("mstr", Some(CANARY));
    place.az();
    for mood in [Mood::Answers, Mood::Garbles] {
        place.stub.azure.set(mood);
        for login in logins(&place) {
            logs_nothing(&place, &login);
        }
    }
    // tokens are not to be had
    let refused = Responder::start(|_| Reply::json(400, CANARY));
    place.file("az", &format!("#!/bin/sh\necho {CANARY} >&2; exit 1\n"));
    for mut login in logins(&place) {
        login.push(("AUTHORITY", refused.url()));
        logs_nothing(&place, &login);
    }
}

fn logs_nothing(place: &Place, login: &[(&'static str, String)]) {
    let mut environment: Vec<(&str, &str)> =
        login.iter().map(|(name, value)| (*name, value.as_str())).collect();
    environment.extend([("RUST_LOG", "trace"), ("AZURE_LOG_LEVEL", "verbose")]);
    // it panics when something is logged, and then this does
    place.run(&environment);
}
