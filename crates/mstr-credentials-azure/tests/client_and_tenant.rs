//! The client and the tenant that are given reach every link of the chain.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(unix)]

mod place;
mod stub;

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use mstr_cloud_stub::azure::{CLIENT_SECRET, FEDERATED_TOKEN, IDENTITY_HEADER};
use place::{Place, TENANT};

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    place::resolve();
}

#[test]
fn a_client_that_is_given_is_the_one_that_asks() {
    let place = Place::new();
    let token = place.file("token", FEDERATED_TOKEN);
    let federated = [TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", token.as_str())];
    let secret = [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CLIENT_SECRET)];
    let msi = format!("{}/msi/token", place.stub.server.url());
    let app = [TENANT[1], ("IDENTITY_ENDPOINT", &msi), ("IDENTITY_HEADER", IDENTITY_HEADER)];
    for (environment, identity) in [
        (&federated, "&identity=workload-identity"),
        (&federated, ""),
        (&secret, "&identity=environment"),
        (&secret, ""),
        (&app, "&identity=managed-identity"),
        (&app, ""),
    ] {
        let options = format!("client_id=other{identity}");
        let environment = [&environment[..], &[("REFERENCE", &options)]].concat();
        assert_eq!(place.run(&environment), "GIVEN value", "{options}");
    }
    let identities = place.stub.azure.identities();
    let expected = ["federated other", "secret other", "app-service other"];
    assert_eq!(identities, expected.map(|identity| [identity; 2]).concat());
}

#[test]
fn what_is_given_need_not_be_set() {
    let place = Place::new();
    let secret = [
        ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
        ("REFERENCE", "client_id=other&tenant_id=example.com"),
    ];
    assert_eq!(place.run(&secret), "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["secret other"]);
    let requests = place.stub.server.requests();
    assert!(requests.iter().any(|request| request.path == "/example.com/oauth2/v2.0/token"));
}

#[test]
fn tools_are_asked_for_a_token_of_the_vaults_tenant() {
    let place = Place::new();
    let token = place.stub.azure.token();
    // gives a token of the tenant only, as for a guest
    for (tool, flag, token) in [
        ("az", "--tenant", format!("\"accessToken\":\"{token}\",\"expires_on\":4102444800")),
        (
            "azd",
            "--tenant-id",
            format!("\"token\":\"{token}\",\"expiresOn\":\"2100-01-01T00:00:00Z\""),
        ),
    ] {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n*'{flag} '$WANTED) echo '{{{token},\"tokenType\":\"b\"}}';;\n\
             *) echo \"of another tenant\" >&2; exit 1;;\nesac\n"
        );
        place.file(tool, &script);
        let identity = if tool == "az" { "azure-cli" } else { "azure-developer-cli" };
        let reference = format!("identity={identity}");
        // the vault's own, as its challenge names it
        let environment = [("WANTED", "tenant"), ("REFERENCE", &reference)];
        assert_eq!(place.run(&environment), "GIVEN value", "{tool}");
        let elsewhere =
            [&environment[..], &[("AZURE_TENANT_ID", "that-of-an-application")]].concat();
        assert_eq!(place.run(&elsewhere), "GIVEN value", "{tool}");
        let given = format!("{reference}&tenant_id=example.com");
        let environment = [("WANTED", "example.com"), ("REFERENCE", &given)];
        assert_eq!(place.run(&environment), "GIVEN value", "{tool}");
    }
}

#[test]
fn variables_that_are_not_unicode_are_errors() {
    let place = Place::new();
    place.az();
    let bad = OsStr::from_bytes(b"\xff");
    for name in [
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "AZURE_TOKEN_CREDENTIALS",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
    ] {
        let mut environment = vec![(name, bad)];
        if name == "AZURE_FEDERATED_TOKEN_FILE" {
            environment.extend(TENANT.map(|(name, value)| (name, OsStr::new(value))));
        }
        let said = place.run_with(&environment);
        assert!(said.contains(&format!("{name} is not valid Unicode")), "{said}");
    }
}
