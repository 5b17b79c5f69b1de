//! What failed once is looked for again: a region, credentials, files that appear later. By
//! references, which share what was found for the whole process.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::{fs, path::PathBuf};

use common::{
    amz, error,
    process::{self, KEYS, file, run},
};
use mstr_cloud_stub::{Reply, Responder};

#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    process::child();
}

/// AWS and the metadata service at one address; a request of `/switch` ends the outage.
fn metadata(outage: Reply) -> Responder {
    let mut well = false;
    Responder::start(move |request| match request.path.as_str() {
        "/switch" => {
            well = true;
            Reply::status(200)
        }
        "/latest/api/token" => {
            let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
            Reply::status(200).header(ttl, "21600").body("token")
        }
        "/latest/meta-data/placement/region" if well => Reply::status(200).body("eu-west-1"),
        "/latest/meta-data/placement/region" => outage.clone(),
        "/" if request.header("x-amz-target").contains("GetSecretValue") => {
            amz(200, r#"{"SecretString": "found"}"#)
        }
        "/" => amz(200, r#"{"Parameter": {"Name": "s", "Value": "found"}}"#),
        _ => Reply::status(404),
    })
}

#[test]
fn a_region_that_the_metadata_service_did_not_give_is_asked_for_again() {
    let server = metadata(Reply::status(404));
    let url = server.url();
    let found = run(&[
        KEYS[0],
        KEYS[1],
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
        ("REFERENCES", &format!("aws-sm:s aws-ssm:s {url}/switch aws-sm:s aws-ssm:s")),
    ]);
    assert_eq!(found[2..], ["GIVEN found", "GIVEN found"], "{found:?}");
    for line in &found[..2] {
        assert!(line.contains("no region") && line.contains("metadata service"), "{line}");
    }
    let requests = server.requests();
    let after = requests.iter().skip_while(|request| request.path != "/switch");
    let regions = after.filter(|request| request.path.ends_with("/region"));
    assert_eq!(regions.count(), 1, "kept as soon as it is known");
}

/// Secrets Manager, which takes the access key `new`. A request of `/switch` writes the file.
fn takes_new(path: PathBuf, refusal: Reply) -> Responder {
    Responder::start(move |request| match request.path.as_str() {
        "/switch" => {
            let keys = "[default]\naws_access_key_id = new\naws_secret_access_key = key\n";
            fs::write(&path, keys).unwrap();
            Reply::status(200)
        }
        _ if request.header("authorization").contains("Credential=new/") => {
            amz(200, r#"{"SecretString": "found"}"#)
        }
        _ => refusal.clone(),
    })
}

#[test]
fn credentials_that_appear_later_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    let server = takes_new(path.clone(), Reply::status(500));
    let url = server.url();
    let found = run(&[
        KEYS[2],
        ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap()),
        ("AWS_ENDPOINT_URL", &url),
        ("REFERENCES", &format!("aws-sm:s aws-sm:t {url}/switch aws-sm:s aws-sm:t")),
    ]);
    assert!(found[0].starts_with("FAILED Some(NoCredentials)"), "{found:?}");
    assert_eq!(found[2..], ["GIVEN found", "GIVEN found"], "{found:?}");
}

#[test]
fn credentials_that_aws_does_not_take_are_read_again() {
    for code in ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"] {
        let (_folder, path) =
            file("credentials", "[default]\naws_access_key_id=old\naws_secret_access_key=key\n");
        let server = takes_new(PathBuf::from(&path), error(code, "the key"));
        let url = server.url();
        let found = run(&[
            KEYS[2],
            ("AWS_SHARED_CREDENTIALS_FILE", &path),
            ("AWS_ENDPOINT_URL", &url),
            ("REFERENCES", &format!("aws-sm:s aws-sm:t {url}/switch aws-sm:s aws-sm:t")),
        ]);
        assert!(found[0].starts_with("FAILED Some(Denied)"), "{code}: {found:?}");
        assert_eq!(found[2..], ["GIVEN found", "GIVEN found"], "{code}: {found:?}");
    }
}
