//! What is asked of AWS, what comes out, and how errors are told apart.
#![cfg(all(feature = "secrets-manager", feature = "ssm"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod common;

use std::time::Duration;

use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, future::ProvideCredentials as Provided,
};
use aws_sdk_secretsmanager::config::IdentityCache;
use common::{Stub, amz, error, hangs_up_after, sdk_config};
use mstr_cloud_stub::{Reply, Responder, closed_port, contract::Mood, leak};
use mstr_credentials::{Credential, CredentialError, VaultErrorKind};
use mstr_credentials_aws::{
    ParameterStoreValues, SecretsManagerSecret, aws_sdk_secretsmanager, aws_sdk_ssm,
    parameter_store, secrets_manager,
};
use serde_json::json;

async fn text(credential: impl Into<Credential>) -> Result<String, CredentialError> {
    credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

fn bodies(server: &Responder) -> Vec<serde_json::Value> {
    server.requests().iter().map(mstr_cloud_stub::Request::json).collect()
}

#[tokio::test]
async fn the_single_forms_fetch_at_every_resolve() {
    let stub = Stub::holding(r#"{"a": "1"}"#);
    let url = stub.server.url();
    let secret = secrets_manager("s").sdk_config(sdk_config()).endpoint(&url);
    let parameter = parameter_store("/p").sdk_config(sdk_config()).endpoint(&url);
    for _ in 0..2 {
        assert_eq!(text(secret.clone()).await.unwrap(), r#"{"a": "1"}"#);
        assert_eq!(text(parameter.clone().field("a")).await.unwrap(), "1");
    }
    assert_eq!(text(secret.field("a")).await.unwrap(), "1");
    let (s, p) = (json!({"SecretId": "s"}), json!({"Name": "/p", "WithDecryption": true}));
    assert_eq!(bodies(&stub.server), [s.clone(), p.clone(), s.clone(), p, s]);
}

#[tokio::test]
async fn versions_and_regions_are_asked_for() {
    let stub = Stub::holding("x");
    let url = stub.server.url();
    let secret = || SecretsManagerSecret::new("s").sdk_config(sdk_config()).endpoint(&url);
    text(secret().version("v-1")).await.unwrap();
    text(secret().version_stage("AWSPREVIOUS").region("us-east-2")).await.unwrap();
    let arn = "arn:aws:secretsmanager:ap-south-1:123456789012:secret:s-AbCdEf";
    text(SecretsManagerSecret::new(arn).sdk_config(sdk_config()).endpoint(&url)).await.unwrap();
    text(parameter_store("/p:3").sdk_config(sdk_config()).endpoint(&url)).await.unwrap();
    assert_eq!(
        bodies(&stub.server),
        [
            json!({"SecretId": "s", "VersionId": "v-1"}),
            json!({"SecretId": "s", "VersionStage": "AWSPREVIOUS"}),
            json!({"SecretId": arn}),
            json!({"Name": "/p:3", "WithDecryption": true}),
        ]
    );
    let requests = stub.server.requests();
    for (request, region) in requests.iter().zip(["eu-west-1", "us-east-2", "ap-south-1"]) {
        let signature = request.header("authorization");
        assert!(signature.contains(&format!("/{region}/secretsmanager/")), "{signature}");
    }
}

#[tokio::test]
async fn an_id_may_be_that_of_a_task_definition() {
    let stub = Stub::holding(r#"{"a": "1", "b": "2"}"#);
    let url = stub.server.url();
    let arn = "arn:aws:secretsmanager:ap-south-1:123456789012:secret:s-AbCdEf";
    let id = format!("{arn}:a:AWSPREVIOUS:v-1");
    let value = || secrets_manager(&id).sdk_config(sdk_config()).endpoint(&url);
    assert_eq!(text(value()).await.unwrap(), "1");
    assert_eq!(text(value().field("b")).await.unwrap(), "2");
    let secret = SecretsManagerSecret::new(&id).sdk_config(sdk_config()).endpoint(&url);
    assert_eq!(text(secret.field("b")).await.unwrap(), "2");
    assert_eq!(text(secret).await.unwrap(), "1");
    let asked = json!({"SecretId": arn, "VersionStage": "AWSPREVIOUS", "VersionId": "v-1"});
    assert_eq!(bodies(&stub.server), [asked.clone(), asked.clone(), asked]);
}

#[tokio::test]
async fn binary_secrets_are_text_or_an_error() {
    let stub = Stub::holding("from bytes");
    let secret = |id| secrets_manager(id).sdk_config(sdk_config()).endpoint(stub.server.url());
    assert_eq!(text(secret("binary:text")).await.unwrap(), "from bytes");
    let error = text(secret("binary:bytes")).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS secret binary:bytes is not valid UTF-8");
    let error = text(secret("nothing")).await.unwrap_err();
    assert!(error.is_missing() && error.to_string() == "AWS secret nothing is empty", "{error}");
}

#[tokio::test]
async fn what_has_no_name_is_not_asked_for() {
    let stub = Stub::holding("x");
    let url = stub.server.url();
    let error = text(secrets_manager("").sdk_config(sdk_config()).endpoint(&url)).await;
    assert!(leak::printed(&error.unwrap_err()).contains("has no name"));
    let error = text(parameter_store("").sdk_config(sdk_config()).endpoint(&url)).await;
    assert!(leak::printed(&error.unwrap_err()).contains("has no name"));
    assert_eq!(stub.server.count(), 0);
}

#[tokio::test]
async fn parameters_are_fetched_once_for_each_name() {
    let stub = Stub::holding("x");
    let values = ParameterStoreValues::new().sdk_config(sdk_config()).endpoint(stub.server.url());
    for name in ["/a", "/a", "/b"] {
        text(values.parameter(name)).await.unwrap();
    }
    text(values.clone().parameter("/b")).await.unwrap();
    assert_eq!(stub.server.count(), 2);
    let a = Credential::from(values.parameter("/a"));
    a.invalidate();
    text(values.parameter("/a")).await.unwrap();
    text(values.parameter("/b")).await.unwrap();
    assert_eq!(stub.server.count(), 3);
}

#[tokio::test]
async fn prefetched_parameters_come_together() {
    let stub = Stub::holding("{\"q\": \"\\\"\"}");
    let names: Vec<_> = (10..22).map(|n| format!("/p/{n}")).collect();
    let values = ParameterStoreValues::new()
        .prefetch(&names)
        .prefetch(["/p/missing"])
        .sdk_config(sdk_config())
        .endpoint(stub.server.url());
    let all = names.iter().map(|name| Credential::from(values.parameter(name)));
    for credential in all.collect::<Vec<_>>() {
        assert_eq!(text(&credential).await.unwrap(), "{\"q\": \"\\\"\"}");
    }
    let asked = bodies(&stub.server);
    assert_eq!(asked.len(), 2, "13 names, 10 for each call");
    let counts = asked.iter().map(|body| body["Names"].as_array().unwrap().len());
    assert_eq!(counts.collect::<Vec<_>>(), [10, 3]);
    assert!(asked.iter().all(|body| body["WithDecryption"] == true));

    let error = text(values.parameter("/p/missing")).await.unwrap_err();
    assert!(error.to_string().contains("/p/missing"), "{error}");
    assert_eq!(stub.server.count(), 2, "it was among those that were asked for");
    text(values.parameter("/other")).await.unwrap();
    assert_eq!(stub.server.requests()[2].header("x-amz-target"), "AmazonSSM.GetParameter");

    Credential::from(values.parameter("/p/10")).invalidate();
    Credential::from(values.parameter("/p/11")).invalidate();
    text(values.parameter("/p/10")).await.unwrap();
    text(values.parameter("/p/11")).await.unwrap();
    assert_eq!(stub.server.count(), 5);
    stub.set(Mood::Garbles);
    Credential::from(values.parameter("/p/10")).invalidate();
    text(values.parameter("/p/10"))
        .await
        .expect_err("an earlier value serves after an outage only");
}

#[tokio::test]
async fn values_live_and_serve_as_long_as_is_said() {
    let (hour, none) = (Duration::from_hours(1), Duration::ZERO);
    let mut all = tokio::task::JoinSet::new();
    // the time to live, how long a stale value serves, how many fetches, whether it serves in the end
    for (live, stale, fetches, serves) in
        [(hour, hour, 1, true), (none, hour, 2, true), (none, none, 2, false)]
    {
        let stub = Stub::holding("{\"f\": \"x\"}");
        let url = stub.server.url();
        let secret = SecretsManagerSecret::new("s").sdk_config(sdk_config()).endpoint(&url);
        let secret = secret.time_to_live(live).serve_stale_for(stale);
        let values = ParameterStoreValues::new().sdk_config(sdk_config()).endpoint(&url);
        let values = values.time_to_live(live).serve_stale_for(stale).prefetch(["/many"]);
        let cached = parameter_store("/c").sdk_config(sdk_config()).endpoint(&url).cached();
        let cached = cached.time_to_live(live).serve_stale_for(stale);
        let path = ParameterStoreValues::path("/").sdk_config(sdk_config()).endpoint(&url);
        let path = path.time_to_live(live).serve_stale_for(stale);
        let credentials = [
            Credential::from(secret.field("f")),
            values.parameter("/one").into(),
            values.parameter("/many").into(),
            cached.into(),
            path.field("f").into(),
        ];
        for credential in &credentials {
            let before = stub.server.count();
            for _ in 0..2 {
                text(credential).await.unwrap();
            }
            assert_eq!(stub.server.count() - before, fetches, "{credential:?}");
        }
        stub.server.answer(|_| amz(503, r#"{"__type":"ServiceUnavailable"}"#));
        for credential in credentials {
            let stub = stub.clone();
            all.spawn(async move {
                assert_eq!(text(&credential).await.is_ok(), serves, "{credential:?}");
                drop(stub);
            });
        }
    }
    all.join_all().await;
}

#[tokio::test]
async fn a_client_that_is_given_is_used() {
    let stub = Stub::holding("x");
    let config = sdk_config().into_builder().endpoint_url(stub.server.url()).build();
    let client = aws_sdk_secretsmanager::Client::new(&config);
    // a timeout that is set afterwards does not lose it
    let secret =
        SecretsManagerSecret::new("s").client(client.clone()).with_timeout(Duration::from_secs(9));
    text(secret).await.unwrap();
    text(secrets_manager("s").client(client)).await.unwrap();
    let client = aws_sdk_ssm::Client::new(&config);
    text(parameter_store("/p").client(client.clone())).await.unwrap();
    text(ParameterStoreValues::new().client(client).parameter("/p")).await.unwrap();
    assert_eq!(stub.server.count(), 4);
}

#[tokio::test]
async fn errors_are_told_apart() {
    use VaultErrorKind::{Denied, NotFound, Other, Throttled, Unreachable};
    let mut all = tokio::task::JoinSet::new();
    let html = || Reply::status(403).header("content-type", "text/html").body("<p>blocked</p>");
    for (reply, kind, code) in [
        (error("ResourceNotFoundException", "m"), NotFound, Some("ResourceNotFoundException")),
        (error("ParameterVersionNotFound", "m"), NotFound, Some("ParameterVersionNotFound")),
        (error("AccessDeniedException", "m"), Denied, Some("AccessDeniedException")),
        (error("ExpiredTokenException", "m"), Denied, Some("ExpiredTokenException")),
        (error("UnrecognizedClientException", "m"), Denied, Some("UnrecognizedClientException")),
        (error("ThrottlingException", "m"), Throttled, Some("ThrottlingException")),
        (error("RequestThrottledException", "m"), Throttled, Some("RequestThrottledException")),
        (error("LimitExceededException", "m"), Throttled, Some("LimitExceededException")),
        (error("RequestTimeoutException", "m"), Unreachable, Some("RequestTimeoutException")),
        (error("InternalServiceError", "m"), Unreachable, Some("InternalServiceError")),
        (error("InvalidRequestException", "m"), Other, Some("InvalidRequestException")),
        (amz(503, r#"{"__type":"ServiceUnavailable"}"#), Unreachable, Some("ServiceUnavailable")),
        (amz(429, ""), Throttled, None),
        (html(), Denied, None),
        (amz(502, "<html>"), Unreachable, None),
        (amz(200, "<html>"), Other, None),
    ] {
        let server = Responder::scripted([reply.clone()]);
        let secret = secrets_manager("s").sdk_config(sdk_config()).endpoint(server.url());
        let value = parameter_store("s").sdk_config(sdk_config()).endpoint(server.url());
        for credential in [Credential::from(secret), value.into()] {
            let (server, reply) = (server.clone(), reply.clone());
            all.spawn(async move {
                let error = text(credential).await.unwrap_err();
                let why = error.vault_error().unwrap();
                assert_eq!((why.kind(), why.code()), (kind, code), "{reply:?}: {why}");
                assert!(code.is_none() || ["", "m"].contains(&why.message()), "{why}");
                assert!(!leak::printed(&error).contains('<'), "a body is never shown");
                drop(server);
            });
        }
    }
    // the SDK waits between its attempts: all at once
    all.join_all().await;
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    let url = format!("http://{}", closed_port());
    let secret = secrets_manager("s").sdk_config(sdk_config()).endpoint(url);
    let error = text(secret).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS secret s: not reachable");
    assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::Unreachable);
    assert!(leak::printed(&error).contains("refused"), "{}", leak::printed(&error));
}

#[tokio::test]
async fn a_server_that_hangs_up_is_not_reachable() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n\
               content-length: 100\r\n\r\n{\"SecretString\": \"cAnArY-7f3a91d2";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                   40\r\n{\"SecretString\": \"cAnArY-7f3a91d2";
    let mut all = tokio::task::JoinSet::new();
    for sent in ["", cut, chunked, "HTTP/1.1 200 OK\r\nconte"] {
        let url = hangs_up_after(sent);
        let secret = secrets_manager("s").sdk_config(sdk_config()).endpoint(&url);
        let value = parameter_store("s").sdk_config(sdk_config()).endpoint(&url);
        all.spawn(async move { (sent, text(secret).await.unwrap_err()) });
        all.spawn(async move { (sent, text(value).await.unwrap_err()) });
    }
    for (sent, error) in all.join_all().await {
        let why = error.vault_error().unwrap();
        assert_eq!(why.kind(), VaultErrorKind::Unreachable, "{sent:?}: {why}");
        assert!(why.message().contains("closed"), "{sent:?}: {why}");
        assert_eq!(leak::find("cAnArY-7f3a91d2", &leak::printed(&error)), None);
    }
}

#[tokio::test]
async fn throttled_calls_are_tried_again() {
    let throttled = error("ThrottlingException", "Rate exceeded");
    let fine = amz(200, r#"{"SecretString": "x"}"#);
    let server = Responder::scripted([throttled.clone(), throttled, fine]);
    let secret = secrets_manager("s").sdk_config(sdk_config()).endpoint(server.url());
    assert_eq!(text(secret).await.unwrap(), "x");
    assert_eq!(server.count(), 3);
}

/// A source of AWS credentials that hangs.
#[derive(Debug)]
struct Hung;

impl ProvideCredentials for Hung {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::new(std::future::pending())
    }
}

#[tokio::test]
async fn credentials_that_do_not_come_are_missing() {
    let stub = Stub::holding("x");
    let cache = IdentityCache::lazy().load_timeout(Duration::from_millis(50)).build();
    let config = sdk_config()
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(Hung))
        .identity_cache(cache)
        .build();
    let secret = secrets_manager("s").sdk_config(config).endpoint(stub.server.url());
    let error = text(secret).await.unwrap_err();
    assert_eq!(error.vault_error().unwrap().kind(), VaultErrorKind::NoCredentials, "{error:?}");
}
