//! Why there are no AWS credentials: the error says it, and repeats nothing that may be secret.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use common::{
    amz,
    process::{self, CANARY, KEYS, file, profiles, run},
};
use mstr_cloud_stub::{Reply, Responder, closed_port, leak};

#[test]
#[ignore = "the other tests run it in child processes"]
fn child() {
    process::child();
}

const ROLE: &str = "[profile base]\naws_access_key_id = id\naws_secret_access_key = key\n\
                    [profile p]\nregion = eu-west-1\nsource_profile = base\n\
                    role_arn = arn:aws:iam::123456789012:role/r\n";

/// Resolves a secret with this environment, and checks what its error says.
fn fails(environment: &[(&str, &str)], kind: &str, words: &[&str]) {
    let all = [&[KEYS[2], ("REFERENCES", "aws-sm:s")], environment].concat();
    let found = run(&all);
    assert!(found[0].starts_with(&format!("FAILED Some({kind})")), "{kind} {words:?}: {found:?}");
    for word in words {
        assert!(found[0].contains(word), "{word}: {found:?}");
    }
    assert_eq!(leak::find(CANARY, &found[0]), None, "{found:?}");
}

/// A refusal of the token service. What is no code and no message is not told.
fn refusal(status: u16, code: &str, message: &str) -> Responder {
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{CANARY}</RequestId><Other>{CANARY}</Other></ErrorResponse>"
    );
    Responder::scripted([Reply::status(status).header("content-type", "text/xml").body(body)])
}

#[test]
fn a_role_that_may_not_be_assumed() {
    let (_folder, config) = profiles(ROLE);
    let profile = [("AWS_CONFIG_FILE", &*config), ("AWS_PROFILE", "p")];
    let message = "User: u is not authorized to perform: sts:AssumeRole";
    let sts = refusal(403, "AccessDenied", message);
    let with = |url: &str, kind, words: &[&str]| {
        fails(&[&profile[..], &[("AWS_ENDPOINT_URL_STS", url)]].concat(), kind, words);
    };
    with(&sts.url(), "NoCredentials", &["AccessDenied", "AssumeRole", message]);
    let expired = refusal(403, "ExpiredToken", "The security token is expired");
    with(&expired.url(), "NoCredentials", &["ExpiredToken", "AssumeRole"]);
    with(&refusal(400, "Throttling", "Rate").url(), "Throttled", &["Throttling", "AssumeRole"]);
    let down = format!("http://{}", closed_port());
    with(&down, "Unreachable", &["AssumeRole", "refused"]);
    let garbled = Responder::scripted([Reply::status(200).body(CANARY)]);
    with(&garbled.url(), "NoCredentials", &["AssumeRole", "cannot be read"]);
}

#[test]
fn a_web_identity_that_is_refused_or_has_no_token() {
    let (_folder, token) = file("token", CANARY);
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
    let sts = refusal(400, "InvalidIdentityToken", "Couldn't verify it");
    let url = sts.url();
    fails(
        &[role, ("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ENDPOINT_URL_STS", &url)],
        "NoCredentials",
        &["InvalidIdentityToken", "AssumeRoleWithWebIdentity", "Couldn't verify it"],
    );
    let down = format!("http://{}", closed_port());
    fails(
        &[role, ("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ENDPOINT_URL_STS", &down)],
        "Unreachable",
        &["AssumeRoleWithWebIdentity", "refused"],
    );
    fails(
        &[role, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token")],
        "NoCredentials",
        &["/nonexistent/token", "No such file"],
    );
    let (_folder, config) = profiles(
        "[profile web]\nrole_arn = arn:aws:iam::123456789012:role/r\n\
         web_identity_token_file = /nonexistent/of-profile\n\
         [profile p]\nrole_arn = arn:aws:iam::123456789012:role/s\nsource_profile = web\n",
    );
    fails(
        &[("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "p")],
        "NoCredentials",
        &["/nonexistent/of-profile", "No such file"],
    );
}

#[test]
fn a_credential_process_that_fails() {
    for (process, words) in [
        (format!("sh -c 'echo {CANARY} >&2; exit 3'"), "exit status: 3"),
        (format!("sh -c 'echo {CANARY}'"), "did not print credentials"),
        (format!("sh -c 'echo {{\\\"SecretAccessKey\\\": \\\"{CANARY}'"), "did not print"),
        (format!("/nonexistent/{CANARY}"), "exit status: 127"),
    ] {
        let (_folder, config) = profiles(&format!("[profile p]\ncredential_process = {process}\n"));
        let environment = [("AWS_CONFIG_FILE", &*config), ("AWS_PROFILE", "p")];
        fails(&environment, "NoCredentials", &["credential_process", words]);
    }
}

#[test]
fn a_container_endpoint_that_fails() {
    let with = |url: &str, kind, words: &[&str]| {
        let environment = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CANARY),
        ];
        fails(&environment, kind, words);
    };
    for (status, kind) in [(403, "NoCredentials"), (503, "Unreachable"), (429, "Throttled")] {
        let server = Responder::scripted([Reply::status(status).body(CANARY)]);
        let words = ["container", &status.to_string()];
        with(&format!("{}/x", server.url()), kind, &words);
    }
    let error = format!(r#"{{"Code": "{CANARY}", "Message": "{CANARY}"}}"#);
    let server = Responder::scripted([Reply::json(200, error)]);
    with(&server.url(), "NoCredentials", &["container"]);
    let server = Responder::scripted([Reply::json(200, CANARY)]);
    with(&server.url(), "NoCredentials", &["cannot be read"]);
    with(&format!("http://{}", closed_port()), "Unreachable", &["container", "refused"]);
    fails(
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/authorization"),
        ],
        "NoCredentials",
        &["/nonexistent/authorization"],
    );
}

#[test]
fn a_metadata_service_that_fails() {
    for (status, kind) in [(400, "NoCredentials"), (500, "Unreachable")] {
        let server = Responder::start(move |request| match request.path.as_str() {
            "/latest/api/token" => {
                let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
                Reply::status(200).header(ttl, "21600").body("token")
            }
            path if path.ends_with("/r") => Reply::status(status).body(CANARY),
            _ => Reply::status(200).body("r"),
        });
        let url = server.url();
        let environment =
            [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url)];
        fails(&environment, kind, &["metadata service", &status.to_string()]);
    }
}

#[test]
fn without_any_source_it_says_what_to_set() {
    fails(&[], "NoCredentials", &["AWS_PROFILE", "AWS_ACCESS_KEY_ID"]);
}

#[cfg(feature = "sso")]
#[test]
fn a_sign_on_that_has_expired_was_never_made_or_is_refused() {
    let (_folder, config) = profiles(
        "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n\
         [profile corp]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n\
         [profile old]\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n\
         sso_start_url = https://corp.awsapps.com/start\n\
         [profile p]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = corp\n",
    );
    let home = tempfile::tempdir().unwrap();
    let cache = home.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let home = home.path().to_str().unwrap();
    let portal = Responder::scripted([Reply::json(
        401,
        format!(r#"{{"message": "Session token not found or invalid", "other": "{CANARY}"}}"#),
    )
    .header("x-amzn-errortype", "UnauthorizedException")]);
    let url = portal.url();
    let with = |profile, words: &[&str]| {
        let environment = [
            ("AWS_CONFIG_FILE", &*config),
            ("AWS_PROFILE", profile),
            ("AWS_ENDPOINT_URL_SSO", &*url),
            ("HOME", home),
        ];
        fails(&environment, "NoCredentials", words);
    };
    let login = "aws sso login --profile corp";
    for (profile, words) in [("corp", login), ("p", login), ("old", "aws sso login --profile old")]
    {
        with(profile, &[words]);
    }
    // SHA-1 of the session's name, and of the start URL
    let files = [
        "ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        "a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json",
    ];
    for (expires, words) in [
        ("2001-01-01T00:00:00Z", &[login][..]),
        ("2999-01-01T00:00:00Z", &[login, "UnauthorizedException", "Session token not found"]),
    ] {
        let token = format!(r#"{{"accessToken": "{CANARY}", "expiresAt": "{expires}"}}"#);
        for file in files {
            std::fs::write(cache.join(file), &token).unwrap();
        }
        with("corp", words);
    }
    with("old", &["aws sso login --profile old", "Session token not found"]);
}

#[cfg(not(feature = "sso"))]
#[test]
fn a_sign_on_names_the_feature_that_it_needs() {
    let (_folder, config) = profiles(
        "[profile old]\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = r\n\
         sso_start_url = https://corp.awsapps.com/start\n",
    );
    fails(
        &[("AWS_CONFIG_FILE", &config), ("AWS_PROFILE", "old")],
        "NoCredentials",
        &["cargo feature", "\"sso\"", "\"aws-sso\""],
    );
}

#[test]
fn what_aws_says_of_credentials_is_kept() {
    let server = Responder::scripted([amz(
        400,
        r#"{"__type": "ExpiredTokenException",
        "message": "The security token included in the request is expired"}"#,
    )]);
    let url = server.url();
    let environment = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", &*url)];
    fails(&environment, "Denied", &["ExpiredTokenException", "security token"]);
}
