//! Proxies, plain HTTP and private CAs.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use common::{
    Stub, amz,
    process::{self, KEYS, file, profiles, run},
};
use mstr_cloud_stub::{Reply, Responder, tls::TlsFront};

#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    process::child();
}

/// The variables that send everything to a proxy.
fn everything_to(proxy: &str) -> [(&str, &str); 4] {
    [("HTTP_PROXY", proxy), ("HTTPS_PROXY", proxy), ("ALL_PROXY", proxy), ("NO_PROXY", "")]
}

#[test]
fn metadata_and_containers_are_asked_without_a_proxy() {
    let proxy = Responder::scripted([Reply::status(502)]);
    let proxy_url = proxy.url();
    let keys = r#"{"Code": "Success", "AccessKeyId": "id", "SecretAccessKey": "key",
                   "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}"#;
    let server = Responder::start(move |request| match request.path.as_str() {
        "/latest/api/token" => {
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
            Reply::status(200).header(ttl, "21600").body("token")
        }
        "/latest/meta-data/placement/region" => Reply::status(200).body("eu-west-1"),
        "/latest/meta-data/iam/security-credentials/" => Reply::status(200).body("r"),
        "/" if !request.header("x-amz-target").is_empty() => {
            amz(200, r#"{"SecretString": "found"}"#)
        }
        _ => Reply::json(200, keys),
    });
    let url = server.url();
    let container = format!("{url}/keys");
    for environment in [
        &[("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url)][..],
        &[KEYS[2], ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*container)],
    ] {
        let rest = [("AWS_ENDPOINT_URL", &*url), ("REFERENCES", "aws-sm:s")];
        let found = run(&[environment, &everything_to(&proxy_url), &rest].concat());
        assert_eq!(found, ["GIVEN found"]);
    }
    assert_eq!(proxy.count(), 0);
}

#[test]
fn aws_is_asked_through_the_proxy() {
    // it answers the CONNECT of HTTPS with an error
    let proxy = Responder::scripted([Reply::status(502)]);
    let proxy_url = proxy.url();
    let rest = [("REFERENCES", "aws-sm:s")];
    let found = run(&[&KEYS, &everything_to(&proxy_url)[..], &rest].concat());
    assert!(found[0].starts_with("FAILED Some(Unreachable)"), "{found:?}");
    let requests = proxy.requests();
    assert_eq!(requests[0].method, "CONNECT");
    assert_eq!(requests[0].path, "secretsmanager.eu-west-1.amazonaws.com:443");
}

#[test]
fn a_secret_never_crosses_the_network_in_clear() {
    // the host is not looked up: it does not exist, and the errors would say so
    let plain = "http://vault.invalid:4566";
    let (_folder, config) = profiles(&format!(
        "[default]\nservices = mine\n[services mine]\nssm =\n  endpoint_url = {plain}\n\
         secrets_manager =\n  endpoint_url = {plain}\n"
    ));
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    let (_folder, token) = file("token", "t");
    for environment in [
        &[("AWS_ENDPOINT_URL", plain), KEYS[0], KEYS[1]][..],
        &[
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", plain),
            ("AWS_ENDPOINT_URL_SSM", plain),
            KEYS[0],
            KEYS[1],
        ],
        &[("AWS_CONFIG_FILE", &*config), KEYS[0], KEYS[1]],
        &[("AWS_ENDPOINT_URL_STS", plain), role, ("AWS_WEB_IDENTITY_TOKEN_FILE", &*token)],
    ] {
        let rest = [KEYS[2], ("REFERENCES", "aws-sm:s aws-ssm:s")];
        let found = run(&[environment, &rest].concat());
        assert_eq!(found.len(), 2);
        for line in found {
            assert!(line.starts_with("FAILED Some(Other)"), "{line}");
            assert!(line.contains("vault.invalid") && line.contains("https"), "{line}");
        }
    }
}

#[test]
fn a_profile_names_endpoints_in_the_spelling_of_aws() {
    let stub = Stub::holding("found");
    let other = Responder::scripted([Reply::status(500)]);
    for (section, expected) in [("secrets_manager", 1), ("secrets-manager", 1)] {
        let (_folder, config) = profiles(&format!(
            "[default]\nservices = mine\nendpoint_url = {}\n[services mine]\n{section} =\n  \
             endpoint_url = {}\nssm =\n  endpoint_url = {}\n",
            other.url(),
            stub.server.url(),
            stub.server.url(),
        ));
        let before = stub.server.count();
        let rest = [("AWS_CONFIG_FILE", &*config), ("REFERENCES", "aws-sm:s")];
        assert_eq!(run(&[&KEYS[..], &rest].concat()), ["GIVEN found"], "{section}");
        assert_eq!(stub.server.count() - before, expected);
    }
    // a variable counts more than a profile
    let url = stub.server.url();
    let (_folder, config) = profiles(&format!(
        "[default]\nservices = mine\n[services mine]\nsecrets_manager =\n  endpoint_url = {}\n",
        other.url()
    ));
    let rest = [
        ("AWS_CONFIG_FILE", &*config),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &*url),
        ("REFERENCES", "aws-sm:s"),
    ];
    assert_eq!(run(&[&KEYS[..], &rest].concat()), ["GIVEN found"]);
    assert_eq!(other.count(), 0);
}

#[test]
fn the_ca_bundle_of_aws_counts() {
    let stub = Stub::holding("found");
    let front = TlsFront::start(stub.server.address());
    let url = front.url();
    let resolve = |environment: &[(&str, &str)]| {
        let rest = [("AWS_ENDPOINT_URL", &*url), ("REFERENCES", "aws-sm:s aws-ssm:s")];
        run(&[&KEYS, &rest[..], environment].concat())
    };
    let found = resolve(&[]);
    assert!(found[0].starts_with("FAILED Some(Unreachable)"), "{found:?}");
    assert!(found[0].contains("AWS_CA_BUNDLE"), "what to do is said: {found:?}");

    // as Python's bundles are: with text between the certificates, and one that cannot be used
    let text = format!(
        "# a company\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n# own\n{}",
        front.ca_pem()
    );
    let (_folder, bundle) = file("ca.pem", &text);
    let given = ["GIVEN found", "GIVEN found"];
    assert_eq!(resolve(&[("AWS_CA_BUNDLE", &bundle)]), given);
    let (_folder, config) = profiles(&format!("[profile p]\nca_bundle = {bundle}\n"));
    assert_eq!(resolve(&[("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "p")]), given);
    // as SSL_CERT_FILE does
    assert_eq!(resolve(&[("SSL_CERT_FILE", &bundle)]), given);

    let (_folder, empty) = file("empty.pem", "nothing");
    for (path, words) in [("/nonexistent/ca.pem", "No such file"), (&*empty, "no certificate")] {
        for line in resolve(&[("AWS_CA_BUNDLE", path)]) {
            assert!(line.starts_with("FAILED Some(Other)"), "{line}");
            assert!(line.contains("AWS_CA_BUNDLE") && line.contains(words), "{line}");
        }
    }
}
