//! The default chain of the SDK: what it reads from the environment and from files.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use common::{
    Stub, amz,
    process::{self, CANARY, KEYS, profiles, run},
};
use mstr_cloud_stub::{Reply, Request, Responder, leak};
use mstr_credentials::References;
use serde_json::json;

#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    process::child();
}

#[test]
fn references_share_one_fetch_and_the_environment_says_where() {
    let stub = Stub::holding(r#"{"username": "dave", "password": "pw"}"#);
    let url = stub.server.url();
    let references = "aws-sm:prod/mstr#username aws-sm:prod/mstr#password \
                      aws-sm:prod/mstr?stage=AWSPREVIOUS&region=us-east-2#password \
                      aws-ssm:/prod/mstr#username aws-ssm:/prod/mstr?version=3#password";
    for variables in [
        vec![("AWS_ENDPOINT_URL", &*url)],
        vec![("AWS_ENDPOINT_URL_SECRETS_MANAGER", &url), ("AWS_ENDPOINT_URL_SSM", &url)],
    ] {
        let before = stub.server.count();
        let all = [&KEYS[..], &variables, &[("REFERENCES", references)]].concat();
        assert_eq!(run(&all), ["GIVEN dave", "GIVEN pw", "GIVEN pw", "GIVEN dave", "GIVEN pw"]);
        assert_eq!(stub.server.count() - before, 4, "the first two share one");
    }
    let requests = stub.server.requests();
    assert_eq!(requests[1].json()["VersionStage"], "AWSPREVIOUS");
    assert!(requests[1].header("authorization").contains("/us-east-2/"));
    assert_eq!(requests[3].json()["Name"], "/prod/mstr:3");
}

#[test]
fn references_of_task_definitions_and_paths() {
    let stub = Stub::holding(r#"{"username": "dave", "password": "pw"}"#);
    let url = stub.server.url();
    let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/mstr-AbCdEf";
    let references = format!(
        "aws-sm:{arn}:username:: aws-sm:{arn}#password aws-sm:{arn}:password:AWSPREVIOUS:v-1 \
         aws-ssm:/#f aws-ssm:/?recursive=true#f"
    );
    let rest = [("AWS_ENDPOINT_URL", &*url), ("REFERENCES", &references)];
    let found = run(&[&KEYS[..], &rest].concat());
    let whole = "GIVEN {\"username\": \"dave\", \"password\": \"pw\"}";
    assert_eq!(found, ["GIVEN dave", "GIVEN pw", "GIVEN pw", whole, whole]);
    let requests = stub.server.requests();
    assert_eq!(requests.len(), 4, "the first two share one");
    let asked: Vec<_> = requests.iter().map(Request::json).collect();
    assert_eq!(asked[0], json!({"SecretId": arn}));
    let version = json!({"SecretId": arn, "VersionStage": "AWSPREVIOUS", "VersionId": "v-1"});
    assert_eq!(asked[1], version);
    assert!(requests[1].header("authorization").contains("/us-west-2/"));
    assert_eq!(asked[2]["Recursive"], false);
    assert_eq!(asked[3], json!({"Path": "/", "Recursive": true, "WithDecryption": true}));
}

#[test]
fn bad_references_are_refused() {
    let mut references = References::default();
    mstr_credentials_aws::register(&mut references);
    for (text, error) in [
        (
            "aws-sm:x?label=y",
            "an aws-sm reference has an unknown option; options: region, profile, version, stage, ttl",
        ),
        (
            "aws-ssm:x?stage=y",
            "an aws-ssm reference has an unknown option; options: region, profile, version, ttl",
        ),
        ("aws-sm:x?region=", "an aws-sm reference has an empty region"),
        (
            "aws-ssm:/x/?version=1",
            "an aws-ssm reference has an unknown option; options: region, profile, recursive, ttl",
        ),
        ("aws-ssm:/x/?recursive=yes", "an aws-ssm reference has recursive=true or recursive=false"),
        (
            "aws-sm:arn:aws:secretsmanager:r:1:secret:x:hunter2::#hunter2",
            "an aws-sm reference names a field or version twice",
        ),
        (
            "aws-sm:arn:aws:secretsmanager:r:1:secret:x::hunter2:?stage=hunter2",
            "an aws-sm reference names a field or version twice",
        ),
    ] {
        assert_eq!(references.credential(text).unwrap_err().to_string(), error);
    }
}

#[test]
fn without_credentials_it_says_where_it_looked() {
    let [line] = &run(&[("AWS_REGION", "eu-west-1"), ("REFERENCES", "aws-sm:s")])[..] else {
        panic!()
    };
    assert!(line.contains("AWS secret s: no credentials to fetch it with"), "{line}");
    assert!(line.starts_with("FAILED Some(NoCredentials)"), "{line}");
}

#[test]
fn a_metadata_service_that_hangs_is_not_waited_for() {
    let hole = Responder::black_hole();
    let url = hole.url();
    let found = run(&[
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
        ("REFERENCES", "aws-sm:s"),
    ]);
    assert!(found[0].starts_with("FAILED Some(NoCredentials)"), "{found:?}");
    assert!(hole.count() >= 1);

    // the limit holds for it too
    let found = run(&[
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
        ("LIMIT", "300"),
    ]);
    assert!(found[0].contains("no answer within 300ms"), "{found:?}");
}

#[test]
fn without_a_region_it_says_so() {
    let found = run(&[KEYS[0], KEYS[1], ("REFERENCES", "aws-sm:s aws-ssm:s")]);
    for line in &found {
        assert!(line.starts_with("FAILED Some(Other)") && line.contains("AWS_REGION"), "{line}");
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn without_ca_certificates_it_is_an_error() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let stub = Stub::holding("x");
    let url = stub.server.url();
    let found = run(&[
        &KEYS[..],
        &[
            ("SSL_CERT_FILE", empty.path().to_str().unwrap()),
            ("AWS_ENDPOINT_URL", &url),
            ("REFERENCES", "aws-sm:s aws-ssm:s"),
        ],
    ]
    .concat());
    for line in &found {
        assert!(line.contains("no CA certificates"), "{line}");
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn a_credential_process_that_hangs_ends_at_the_limit() {
    let (_folder, config) =
        profiles("[profile p]\nregion = eu-west-1\ncredential_process = sleep 9\n");
    let found = run(&[("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "p"), ("LIMIT", "700")]);
    assert!(found[0].starts_with("FAILED Some(Unreachable)"), "{found:?}");
    assert!(found[0].contains("no answer within 700ms"), "{found:?}");
}

#[test]
fn what_a_credential_process_says_is_not_repeated() {
    for process in [
        format!("sh -c 'echo {CANARY} >&2; exit 1'"),
        format!("sh -c 'echo {CANARY}'"),
        format!("sh -c 'echo {{\\\"SecretAccessKey\\\": \\\"{CANARY}'"),
        format!("/nonexistent/{CANARY}"),
    ] {
        let (_folder, config) =
            profiles(&format!("[profile p]\nregion = eu-west-1\ncredential_process = {process}\n"));
        let found = run(&[("AWS_CONFIG_FILE", &config), ("REFERENCES", "aws-sm:s?profile=p")]);
        assert!(found[0].starts_with("FAILED Some(NoCredentials)"), "{process}: {found:?}");
        assert_eq!(leak::find(CANARY, &found[0]), None, "{process}: {found:?}");
    }
}

const ASSUMED: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/r/b</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>cAnArY-7f3a91d2</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"#;

/// The token service and Secrets Manager at one address.
fn with_sts(answer: Reply) -> Responder {
    Responder::start(move |request: &Request| match request.header("x-amz-target") {
        "" => answer.clone(),
        _ => amz(200, r#"{"SecretString": "from the role"}"#),
    })
}

#[test]
fn a_profile_may_assume_a_role() {
    let (_folder, config) = profiles(
        "[profile base]\naws_access_key_id = id\naws_secret_access_key = key\n\
         [profile p]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/r\n\
         source_profile = base\n",
    );
    let xml = |status, body: &str| {
        Reply::status(status).header("content-type", "text/xml").body(body.to_owned())
    };
    let resolve = |server: &Responder| {
        let url = server.url();
        let variables = [
            ("AWS_CONFIG_FILE", &*config),
            ("AWS_ENDPOINT_URL", &url),
            ("REFERENCES", "aws-sm:s?profile=p aws-sm:t?profile=p"),
        ];
        run(&variables)
    };
    let server = with_sts(xml(200, ASSUMED));
    assert_eq!(resolve(&server), ["GIVEN from the role", "GIVEN from the role"]);
    assert!(server.requests()[1].header("authorization").contains("ASSUMED/"));
    assert_eq!(server.count(), 3, "two secrets share the credentials");

    let garbled = "<AssumeRoleResponse><Credentials><SecretAccessKey>cAnArY-7f3a91d2";
    for answer in [xml(200, garbled), xml(200, &ASSUMED.replace("2999-01-01T00:00:00Z", CANARY))] {
        for line in resolve(&with_sts(answer)) {
            assert!(line.starts_with("FAILED Some(NoCredentials)"), "{line}");
            assert_eq!(leak::find(CANARY, &line), None, "{line}");
        }
    }
}

#[test]
fn a_profile_that_is_not_there_is_named() {
    let (_folder, config) = profiles("[profile p]\nregion = eu-west-1\n");
    let found = run(&[("AWS_CONFIG_FILE", &config), ("REFERENCES", "aws-sm:s?profile=q&region=x")]);
    assert!(found[0].starts_with("FAILED Some(NoCredentials)"), "{found:?}");
    assert!(found[0].contains('q'), "{found:?}");
}
