//! Who asks: the chain and its links. Each case is a child process with an environment of its own,
//! since that of a process cannot be changed safely.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]
#![cfg(unix)]

mod place;
mod stub;

use std::time::Duration;

use mstr_cloud_stub::{
    Reply, Responder,
    azure::{CLIENT_SECRET, FEDERATED_TOKEN, IDENTITY_HEADER},
};
use place::{CANARY, Place, TENANT};

/// Not a test of its own: what runs in the children.
#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    place::resolve();
}

#[test]
fn a_service_principal_of_the_environment() {
    let place = Place::new();
    let good = [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CLIENT_SECRET)];
    assert_eq!(place.run(&good), "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["secret me"]);
}

#[test]
fn a_configured_link_is_the_last() {
    let place = Place::new();
    place.az();
    let bad = [TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", CANARY)];
    // the code: what stands around it came through a parser, which quotes
    place.fails(&bad, &["NoCredentials", "environment: AADSTS7000215"]);
    let gone = [TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent/token")];
    place.fails(&gone, &["NoCredentials", "workload-identity: "]);
    let certificate = [TENANT[0], TENANT[1], ("AZURE_CLIENT_CERTIFICATE_PATH", "/cert.pem")];
    place.fails(&certificate, &["NoCredentials", "AZURE_CLIENT_CERTIFICATE_PATH"]);
    let endpoint = format!("{}/msi/token", place.stub.server.url());
    let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", CANARY)];
    place.fails(&app, &["NoCredentials", "managed-identity: "]);
    assert_eq!(place.stub.azure.identities(), [""; 0]);
    // and without all that it would have been the tool
    assert_eq!(place.run(&[]), "GIVEN value");
}

#[test]
fn a_workload_identity() {
    let place = Place::new();
    let file = place.file("token", FEDERATED_TOKEN);
    let said = place.run(&[TENANT[0], TENANT[1], ("AZURE_FEDERATED_TOKEN_FILE", &file)]);
    assert_eq!(said, "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["federated me"]);
}

#[test]
fn managed_identities() {
    let place = Place::new();
    place.az();
    let url = place.stub.server.url();
    let endpoint = format!("{url}/msi/token");
    let app = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", IDENTITY_HEADER)];
    assert_eq!(place.run(&app), "GIVEN value");
    let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str());
    assert_eq!(place.run(&[machine]), "GIVEN value");
    assert_eq!(place.run(&[machine, ("AZURE_CLIENT_ID", "other")]), "GIVEN value");
    assert_eq!(place.stub.azure.identities(), ["app-service", "imds", "imds other"]);
    // no proxy leads there
    let proxy = format!("http://{}", mstr_cloud_stub::closed_port());
    for metadata in [&[machine][..], &app[..]] {
        let environment = [metadata, &[("http_proxy", &proxy), ("ALL_PROXY", &proxy)]].concat();
        assert_eq!(place.run(&environment), "GIVEN value");
    }

    // a machine without an identity: the next link, unless this one is demanded
    place.stub.azure.assigned(false);
    assert_eq!(place.run(&[machine]), "GIVEN value");
    place.fails(&[machine, ("IDENTITY", "managed")], &["NoCredentials", "not been assigned"]);
    place.fails(
        &[machine, ("AZURE_TOKEN_CREDENTIALS", "prod")],
        &["NoCredentials", "environment: AZURE_TENANT_ID", "managed-identity: "],
    );
    assert_eq!(place.stub.azure.identities().len(), 5);
}

#[test]
fn what_answers_like_no_metadata_service_is_none() {
    let place = Place::new();
    // a captive portal, and something that takes connections
    let portal = Responder::scripted([Reply::status(200).body("welcome")]);
    let hole = Responder::black_hole();
    for server in [portal.url(), hole.url()] {
        let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.as_str());
        place.fails(&[machine], &["NoCredentials", "no metadata service answers"]);
    }
    // nowhere else is asked in clear
    let elsewhere = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://metadata.example");
    place.fails(&[elsewhere], &["no metadata service answers"]);
}

#[test]
fn a_metadata_service_in_trouble_is_there() {
    let place = Place::new();
    place.az();
    // the machine has an identity, which must not silently become a developer's
    let trouble = Responder::scripted([Reply::status(503)]);
    let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", trouble.url());
    place.fails(
        &[(machine.0, &machine.1), ("LIMIT", "3000")],
        &["Unreachable", "waiting for a token of managed-identity"],
    );
    assert_eq!(place.stub.azure.fetches(), 0);
}

#[test]
fn a_demanded_managed_identity_is_not_probed() {
    let place = Place::new();
    // slower than the probe of the chain allows
    let azure = place.stub.azure.clone();
    let slow = Responder::start(move |request| {
        let reply = azure.answer(request).unwrap_or_else(|| Reply::status(404));
        reply.delay(Duration::from_millis(1500))
    });
    let url = slow.url();
    let machine = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.as_str());
    place.fails(&[machine], &["no metadata service answers"]);
    let probes = slow.count();
    assert_eq!(place.run(&[machine, ("IDENTITY", "managed")]), "GIVEN value");
    let selected = ("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential");
    assert_eq!(place.run(&[machine, selected]), "GIVEN value");
    let asked = slow.requests().split_off(probes);
    assert_eq!(asked.len(), 2, "one request each");
    assert!(asked.iter().all(|request| request.header("metadata") == "true"));
}

#[test]
fn platforms_that_the_sdk_does_not_know_count_as_not_configured() {
    let place = Place::new();
    let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1");
    let msi = ("MSI_ENDPOINT", "http://127.0.0.1:1");
    for (platform, environment) in [
        ("Cloud Shell", &[msi][..]),
        ("Azure ML", &[msi, ("MSI_SECRET", "x")]),
        ("Azure Arc", &[endpoint, ("IMDS_ENDPOINT", "http://127.0.0.1:1")]),
        (
            "Service Fabric",
            &[endpoint, ("IDENTITY_HEADER", "x"), ("IDENTITY_SERVER_THUMBPRINT", "x")],
        ),
    ] {
        let demanded = [environment, &[("IDENTITY", "managed")]].concat();
        let says = format!("Azure's SDK for Rust does not support that of {platform}");
        place.fails(&demanded, &["NoCredentials", &says]);
        place.fails(environment, &["NoCredentials", &says, "az not found on PATH"]);
    }
    place.az();
    assert_eq!(place.run(&[msi]), "GIVEN value");
}

#[test]
fn nothing_at_all() {
    let place = Place::new();
    place.fails(
        &[],
        &[
            "NoCredentials",
            "environment: AZURE_TENANT_ID",
            "workload-identity: ",
            "managed-identity: ",
            "azure-cli: ",
            "az not found on PATH",
            "azure-developer-cli: ",
        ],
    );
    place.fails(
        &[("AZURE_TOKEN_CREDENTIALS", "AzurePowerShellCredential")],
        &[
            "AZURE_TOKEN_CREDENTIALS is none of prod, dev, EnvironmentCredential",
            "AzureCliCredential",
        ],
    );
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli: ", "az not found"]);
}

#[test]
fn what_hangs_ends_at_the_limit() {
    let place = Place::new();
    place.file("az", "#!/bin/sh\nexec sleep 600\n");
    let hole = Responder::black_hole();
    let app = [("IDENTITY_ENDPOINT", hole.url()), ("IDENTITY_HEADER", "x".to_owned())];
    let app = app.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (hangs, link) in [
        // the SDK would try for 99 s
        (app.as_slice(), "managed-identity"),
        // for ever
        (&[("IDENTITY", "az")], "azure-cli"),
        (
            &[TENANT[0], TENANT[1], ("AZURE_CLIENT_SECRET", "x"), ("AUTHORITY", &hole.url())],
            "environment",
        ),
    ] {
        let environment = [hangs, &[("LIMIT", "600")]].concat();
        let says = format!("no answer within 600ms, waiting for a token of {link}");
        place.fails(&environment, &["Unreachable", &says]);
    }
}

#[test]
fn a_tool_that_says_too_much_is_not_quoted() {
    let place = Place::new();
    place.file("az", &format!("#!/bin/sh\necho '{{\"accessToken\":[\"{CANARY}\"]}}'\n"));
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli"]);
    place.file("az", &format!("#!/bin/sh\necho '\"{CANARY}\"'\n"));
    place.fails(&[("IDENTITY", "az")], &["NoCredentials", "azure-cli"]);
}

#[test]
fn without_ca_certificates() {
    let place = Place::new();
    let none = [("SSL_CERT_FILE", "/nonexistent/ca.pem"), ("SSL_CERT_DIR", "/nonexistent")];
    place.fails(&none, &["Other", "CA certificates"]);
}
