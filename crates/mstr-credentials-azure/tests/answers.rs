//! What the vault may answer, and what a secret may be.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{sync::Arc, time::Duration};

use mstr_cloud_stub::{Reply, Responder, closed_port, contract::Mood, leak};
use mstr_credentials::{Credential, CredentialError, References, VaultErrorKind as Kind};
use mstr_credentials_azure::{
    KeyVaultSecret, KeyVaultValue, key_vault, register, sdk::SecretClient,
};
use stub::{Stub, Token, VAULT};

async fn text(credential: impl Into<Credential>) -> String {
    credential.into().resolve().await.unwrap().expose_secret().to_owned()
}

/// The error, its kind and its code.
async fn fails(credential: impl Into<Credential>) -> (CredentialError, Kind, String) {
    let error = credential.into().resolve().await.unwrap_err();
    let why = error.vault_error().unwrap_or_else(|| panic!("{error:?}")).clone();
    (error, why.kind(), why.to_string())
}

/// Answers with that once the challenge is met.
fn answering(reply: &Reply) -> (Responder, KeyVaultSecret) {
    let (stub, reply) = (Stub::default(), reply.clone());
    let azure = stub.azure.clone();
    let token = azure.token();
    let server = Responder::start(move |request| match request.header("authorization") {
        "" => azure.answer(request).unwrap(),
        _ => reply.clone(),
    });
    let secret =
        KeyVaultSecret::new(VAULT, "n").credential(Arc::new(Token(token))).endpoint(server.url());
    (server, secret)
}

#[tokio::test]
async fn versions_and_members() {
    let stub = Stub::default();
    let first = stub.azure.put("n", Some(r#"{"a":"1"}"#));
    stub.azure.put("n", Some(r#"{"a":"2"}"#));
    assert_eq!(text(stub.value("n").field("a")).await, "2");
    assert_eq!(text(stub.value("n").version(&first).field("a")).await, "1");
    assert_eq!(text(stub.secret("n").version(&first).field("a")).await, "1");
    assert_eq!(fails(stub.value("n").version("9")).await.1, Kind::NotFound);
}

#[tokio::test]
async fn a_single_value_is_fetched_at_every_resolve_by_one_client() {
    let stub = Stub::default();
    stub.azure.put("n", Some("one"));
    let value = Credential::from(stub.value("n"));
    assert_eq!(text(&value).await, "one");
    stub.azure.put("n", Some("two"));
    assert_eq!(text(&value).await, "two");
    // one challenge, for the first of two
    assert_eq!((stub.azure.fetches(), stub.server.count()), (2, 3));
}

#[tokio::test]
async fn a_secret_without_a_value() {
    let stub = Stub::default();
    stub.azure.put("n", None);
    let error = Credential::from(stub.value("n")).resolve().await.unwrap_err();
    assert_eq!(error.to_string(), r#"Azure secret "n" of v.vault.azure.net has no value"#);
}

#[tokio::test]
async fn refusals() {
    let stub = Stub::default();
    stub.azure.put("n", Some("value"));
    stub.azure.set(Mood::Denies);
    // the SDK calls this one "403", because of the escapes in its text
    let (_, kind, said) = fails(stub.secret("n")).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("Forbidden (ForbiddenByRbac): Caller is not authorized"), "{said}");
    stub.azure.set(Mood::Answers);
    stub.azure.disable("n");
    let (_, kind, said) = fails(stub.secret("n")).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("Forbidden (SecretDisabled)"), "{said}");
    let (error, kind, said) = fails(stub.secret("other")).await;
    assert_eq!(kind, Kind::NotFound);
    assert!(said.starts_with("SecretNotFound: "), "{said}");
    assert_eq!(error.to_string(), r#"Azure secret "other" of v.vault.azure.net: not found"#);
}

#[tokio::test]
async fn throttled_with_and_without_an_end() {
    let said = r#"{"error":{"code":"Throttled","message":"slow down"}}"#;
    let (server, secret) = answering(&Reply::json(429, said).header("Retry-After", "0"));
    assert_eq!(fails(secret).await.1, Kind::Throttled);
    assert_eq!(server.count(), 4, "a challenge and three tries");
    // the SDK would wait for an hour
    let (_server, secret) = answering(&Reply::json(429, said).header("Retry-After", "3600"));
    let (_, kind, said) = fails(secret.with_timeout(Duration::from_millis(400))).await;
    assert_eq!((kind, said.as_str()), (Kind::Throttled, "no other answer within 400ms"));
}

#[tokio::test]
async fn a_token_that_the_vault_does_not_take() {
    let stub = Stub::default();
    let secret = stub.secret("n").credential(Arc::new(Token("of another vault".into())));
    assert_eq!(fails(secret).await.1, Kind::Denied);
}

#[tokio::test]
async fn a_token_that_is_no_header() {
    let stub = Stub::default();
    let secret = stub.secret("n").credential(Arc::new(Token("hunter2\r\nx".into())));
    let (error, kind, said) = fails(secret).await;
    assert_eq!(kind, Kind::Other);
    assert!(said.contains("header"), "{said}");
    assert!(!leak::printed(&error).contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_secret_by_its_identifier() {
    let stub = Stub::default();
    let first = stub.azure.put("n", Some("one"));
    stub.azure.put("n", Some("two"));
    for (id, value) in [(format!("n/{first}"), "one"), ("n".to_owned(), "two")] {
        let id = format!("{VAULT}/secrets/{id}");
        let token = || Arc::new(Token(stub.azure.token()));
        let secret = KeyVaultSecret::from_id(&id).credential(token());
        assert_eq!(text(secret.endpoint(stub.server.url())).await, value);
        let secret = KeyVaultValue::from_id(&id).credential(token());
        assert_eq!(text(secret.endpoint(stub.server.url())).await, value);
    }
    let (_, _, said) = fails(KeyVaultSecret::from_id("n")).await;
    assert!(said.contains("no identifier like https://"), "{said}");
}

#[tokio::test]
async fn nobody_there() {
    let secret = |endpoint: String| {
        key_vault(VAULT, "n").credential(Arc::new(Token("t".into()))).endpoint(endpoint)
    };
    let closed = secret(format!("http://{}", closed_port())).with_timeout(Duration::from_secs(20));
    let (_, kind, said) = fails(closed).await;
    assert_eq!(kind, Kind::Unreachable);
    assert!(said.contains("refused"), "{said}");
    let hole = Responder::black_hole();
    // a handshake that never ends, too
    for endpoint in [hole.url(), hole.url().replace("http://", "https://")] {
        let (_, kind, said) =
            fails(secret(endpoint).with_timeout(Duration::from_millis(300))).await;
        let text = "no answer within 300ms, waiting for the vault at http";
        assert_eq!(kind, Kind::Unreachable);
        assert!(said.starts_with(text), "{said}");
    }
}

#[tokio::test]
async fn a_challenge_for_another_domain_gets_no_token() {
    for (vault, domain, good) in [
        ("https://v.vault.azure.net", "vault.azure.net", true),
        ("https://v.vault.azure.cn", "vault.azure.cn", true),
        ("https://v.vault.usgovcloudapi.net", "vault.usgovcloudapi.net", true),
        ("https://v.vault.azure.net", "evil.example", false),
        ("https://v.vault.azure.cn", "vault.azure.net", false),
        ("https://vault.azure.net.evil.example", "vault.azure.net", false),
    ] {
        let stub = Stub::default();
        stub.azure.domain(domain);
        stub.azure.put("n", Some("value"));
        let secret = key_vault(vault, "n")
            .credential(Arc::new(Token(stub.azure.token())))
            .endpoint(stub.server.url());
        let outcome = Credential::from(secret).resolve().await;
        assert_eq!(outcome.is_ok(), good, "{vault} {domain}");
        if let Err(error) = outcome {
            // both are told
            let said = error.vault_error().unwrap().to_string();
            let (domain, host) = (format!("https://{domain}/"), vault.replace("https://", "'"));
            assert!(said.contains(&domain) && said.contains(&host), "{said}");
            assert!(!said.contains("verify_challenge_resource"), "{said}");
        }
        let sent = stub.server.requests();
        let sent = sent.iter().any(|request| !request.header("authorization").is_empty());
        assert_eq!(sent, good, "{vault} {domain}");
    }
}

#[tokio::test]
async fn replies_that_cannot_be_read_are_not_quoted() {
    let canary = "cAnArY-7f3a91d2";
    for reply in [
        Reply::json(200, format!(r#"{{"value":{{"x":"{canary}"}}}}"#)),
        Reply::json(200, format!(r#"{{"value":"{canary}""#)),
        Reply::json(200, format!(r#"{{"value":"x","attributes":"{canary}"}}"#)),
        Reply::json(200, format!(r#"["{canary}"]"#)),
        Reply::json(206, format!(r#"{{"value":"{canary}"}}"#)),
        Reply::json(500, format!("<html>{canary}")).header("Retry-After", "0"),
        Reply::json(403, format!(r#"{{"value":"{canary}"}}"#)),
        Reply::json(302, canary).header("Location", format!("https://{canary}")),
    ] {
        let (_server, secret) = answering(&reply);
        let shown = format!("{secret:?}{secret:#?}");
        let error = Credential::from(secret).resolve().await.unwrap_err();
        let shown = format!("{shown}{}", leak::printed(&error));
        assert_eq!(leak::find(canary, &shown), None, "{shown}");
    }
}

#[tokio::test]
async fn a_client_that_is_handed_in() {
    let stub = Stub::default();
    stub.azure.put("n", Some("value"));
    // the vault's own rules hold for it: this one is refused before anything is sent
    let client =
        SecretClient::new("http://127.0.0.1:1", Arc::new(Token("t".into())), None).unwrap();
    let given = stub.value("n").client(Arc::new(client)).with_timeout(Duration::from_secs(20));
    assert_ne!(fails(given).await.1, Kind::NotFound);
    assert_eq!(stub.server.count(), 0, "the given client is used, not one of ours");
}

#[tokio::test]
async fn references_share_one_fetch() {
    let stub = Stub::default();
    stub.azure.put("n", Some(r#"{"username":"dave","password":"p"}"#));
    let mut references = References::default();
    register(&mut references);
    // tokens come from the stub too: a managed identity cannot be had here, so the fetch fails, once
    let text = |field: &str| {
        let (endpoint, authority) = (stub.server.url(), stub.server.url());
        let options = format!("identity=environment&endpoint={endpoint}&authority={authority}");
        format!("azure-kv:{VAULT}/n?{options}#{field}")
    };
    let username = references.credential(&text("username")).unwrap();
    let password = references.credential(&text("password")).unwrap();
    let (first, second) = tokio::join!(username.resolve(), password.resolve());
    let kinds = [first, second].map(|outcome| outcome.unwrap_err().vault_error().unwrap().kind());
    assert_eq!(kinds, [Kind::NoCredentials; 2]);
    assert_eq!(stub.server.count(), 1, "one challenge: one fetch");
}
