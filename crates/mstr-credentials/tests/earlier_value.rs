//! Which failures of a fetch let an earlier value serve.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mstr_credentials::{
    CachedSecret, Credential, CredentialError, VaultError, VaultErrorKind as Kind,
};

type Outcome = Result<&'static str, CredentialError>;

const VALUE: &str = r#"{"user": "u1", "pw": "p1"}"#;

/// A secret, and what its next fetches give.
fn secret() -> (CachedSecret, Arc<Mutex<Outcome>>) {
    let outcome = Arc::new(Mutex::new(Ok(VALUE)));
    let next = Arc::clone(&outcome);
    let secret = CachedSecret::new("vault secret s", move || {
        let outcome = next.lock().unwrap().clone();
        async move { outcome }
    });
    (secret, outcome)
}

fn vault(kind: Kind) -> CredentialError {
    CredentialError::vault("vault secret s", VaultError::new(kind, "as the vault says"))
}

/// The vault could not answer, or nothing tells why.
fn no_answer() -> Vec<CredentialError> {
    vec![
        vault(Kind::Unreachable),
        vault(Kind::Throttled),
        CredentialError::new("a closure failed"),
        CredentialError::with_source("a closure failed", std::io::Error::other("no route")),
    ]
}

/// The vault answered, and the answer is no.
fn answers() -> Vec<CredentialError> {
    vec![
        vault(Kind::Denied),
        vault(Kind::NotFound),
        vault(Kind::NoCredentials),
        vault(Kind::Other),
        CredentialError::missing("the variable is not set"),
    ]
}

async fn resolve(credential: impl Into<Credential>) -> Result<String, String> {
    match credential.into().resolve().await {
        Ok(secret) => Ok(secret.expose_secret().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn after_an_invalidation_it_serves_only_when_the_vault_could_not_answer() {
    for (errors, serves) in [(no_answer(), true), (answers(), false)] {
        for error in errors {
            let (secret, outcome) = secret();
            resolve(secret.field("pw")).await.unwrap();
            *outcome.lock().unwrap() = Err(error.clone());
            secret.invalidate();
            for (field, value) in [("user", "u1"), ("pw", "p1")] {
                let expected = if serves { Ok(value.to_owned()) } else { Err(error.to_string()) };
                assert_eq!(resolve(secret.field(field)).await, expected, "{error:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_its_time_to_live_it_serves_only_when_the_vault_could_not_answer() {
    for (errors, serves) in [(no_answer(), true), (answers(), false)] {
        for error in errors {
            let (secret, outcome) = secret();
            let secret = secret.time_to_live(Duration::from_secs(60));
            resolve(secret.field("pw")).await.unwrap();
            *outcome.lock().unwrap() = Err(error.clone());
            tokio::time::advance(Duration::from_secs(60)).await;
            let expected = if serves { Ok("p1".to_owned()) } else { Err(error.to_string()) };
            assert_eq!(resolve(secret.field("pw")).await, expected, "{error:?}");
        }
    }
}

#[tokio::test]
async fn waiting_resolves_share_a_refusal() {
    let (secret, outcome) = secret();
    resolve(secret.clone()).await.unwrap();
    *outcome.lock().unwrap() = Err(vault(Kind::Denied));
    secret.invalidate();
    let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(resolve(secret.field("pw")))).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), Err("vault secret s: access denied".to_owned()));
    }
}

#[tokio::test]
async fn what_was_refused_does_not_serve_in_a_later_outage_either() {
    for error in answers() {
        let (secret, outcome) = secret();
        resolve(secret.field("pw")).await.unwrap();
        secret.invalidate();
        *outcome.lock().unwrap() = Err(error);
        resolve(secret.field("pw")).await.unwrap_err();
        *outcome.lock().unwrap() = Err(vault(Kind::Unreachable));
        let expected = Err("vault secret s: not reachable".to_owned());
        assert_eq!(resolve(secret.field("pw")).await, expected);
        *outcome.lock().unwrap() = Ok(VALUE);
        assert_eq!(resolve(secret.field("pw")).await, Ok("p1".to_owned()));
    }
}

#[tokio::test]
async fn a_value_that_an_outage_brought_back_ends_with_a_refusal() {
    let (secret, outcome) = secret();
    resolve(secret.field("pw")).await.unwrap();
    secret.invalidate();
    *outcome.lock().unwrap() = Err(vault(Kind::Unreachable));
    assert_eq!(resolve(secret.field("pw")).await, Ok("p1".to_owned()));
    // a field that the value lacks is looked for again; this time the vault answers
    *outcome.lock().unwrap() = Err(vault(Kind::Denied));
    let expected = r#"vault secret s has no field "token""#;
    assert_eq!(resolve(secret.field("token")).await, Err(expected.to_owned()));
    let denied = Err("vault secret s: access denied".to_owned());
    assert_eq!(resolve(secret.field("user")).await, denied);
}
