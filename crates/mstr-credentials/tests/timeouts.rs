//! How long a source may take.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mstr_credentials::{
    CachedSecret, Credential, CredentialError, EnvVar, SecretCommand, SecretFile, SecretProvider,
    SecretString,
};
use tokio::time::{Instant, sleep};

const S: Duration = Duration::from_secs(1);

/// A source that needs a while, and says how long it may take.
#[derive(Debug)]
struct Slow {
    needs: Duration,
    timeout: Option<Duration>,
}

impl SecretProvider for Slow {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        sleep(self.needs).await;
        Ok("s3cret".into())
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

fn hanging() -> Credential {
    Credential::from_async_fn(pending::<Result<String, CredentialError>>)
}

#[tokio::test(start_paused = true)]
async fn source_with_its_own_timeout_may_take_longer_than_60_s() {
    let start = Instant::now();
    let slow = Credential::from(Arc::new(Slow { needs: 63 * S, timeout: Some(120 * S) }));
    assert_eq!(slow.resolve_bounded().await.unwrap().expose_secret(), "s3cret");
    assert_eq!(start.elapsed(), 63 * S);
}

#[tokio::test(start_paused = true)]
async fn source_without_a_timeout_ends_after_60_s_and_the_error_says_how_to_set_one() {
    let slow = Credential::from(Slow { needs: 63 * S, timeout: None });
    for source in [hanging(), slow] {
        let start = Instant::now();
        let error = source.resolve_bounded().await.unwrap_err();
        assert_eq!(start.elapsed(), 60 * S);
        assert!(!error.is_missing());
        assert_eq!(
            error.to_string(),
            "no secret within 60s, the timeout of a source without one of its own: set one with \
             Credential::with_timeout"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_can_be_given_to_any_source() {
    let slow = Credential::from(Slow { needs: 63 * S, timeout: None }).with_timeout(120 * S);
    assert_eq!(slow.timeout(), Some(120 * S));
    assert_eq!(slow.resolve_bounded().await.unwrap().expose_secret(), "s3cret");

    let start = Instant::now();
    let error = hanging().with_timeout(5 * S).resolve_bounded().await.unwrap_err();
    assert_eq!((error.to_string().as_str(), start.elapsed()), ("no secret within 5s", 5 * S));
    assert_eq!(
        format!("{:?}", hanging().with_timeout(5 * S)),
        "Credential(Credential(from_async_fn), timeout 5s)"
    );

    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let cached = CachedSecret::new("x", move || {
        let call = counter.fetch_add(1, Ordering::Relaxed).to_string();
        async move { Ok::<_, CredentialError>(call) }
    });
    let cached = Credential::from(cached).with_timeout(S);
    assert_eq!(cached.resolve().await.unwrap().expose_secret(), "0");
    cached.invalidate();
    assert_eq!(cached.resolve().await.unwrap().expose_secret(), "1");
}

#[tokio::test(start_paused = true)]
async fn fetch_that_exceeds_its_timeout_is_dropped_and_the_earlier_value_serves() {
    let calls = AtomicUsize::new(0);
    let secret = CachedSecret::new("vault", move || {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if first { Ok("s3cret") } else { pending().await } }
    });
    let secret = secret.with_timeout(5 * S);
    let credential = Credential::from(secret.clone());
    assert_eq!(credential.resolve().await.unwrap().expose_secret(), "s3cret");

    let start = Instant::now();
    secret.invalidate();
    assert_eq!(credential.resolve().await.unwrap().expose_secret(), "s3cret");
    assert!(start.elapsed() >= 5 * S && start.elapsed() < 6 * S, "{:?}", start.elapsed());
    secret.invalidate();
    let error = credential.resolve().await.unwrap_err();
    assert_eq!(error.to_string(), "vault: no secret within 5s");

    // the error of the fetch's own timeout comes first
    let own = CachedSecret::new("vault", || async {
        sleep(5 * S).await;
        Err::<String, _>(CredentialError::new("its own error"))
    });
    let error = Credential::from(own.with_timeout(5 * S)).resolve().await.unwrap_err();
    assert_eq!(error.to_string(), "its own error");
}

#[test]
fn timeouts_of_files_commands_and_cached_secrets_are_told() {
    let command = || SecretCommand::new(["op", "read", "x"]);
    let fetch = || CachedSecret::new("x", || async { Ok::<_, CredentialError>("{}") });
    let cases: Vec<(Credential, Option<Duration>)> = vec![
        ("literal".into(), None),
        (Credential::env("X"), None),
        (EnvVar::new("X").field("m"), None),
        (Credential::from_fn(|| Ok("x")), None),
        (Credential::file("/x"), Some(10 * S)),
        (SecretFile::new("/x").with_timeout(90 * S).into(), Some(90 * S)),
        (SecretFile::new("/x").with_timeout(90 * S).field("m"), Some(90 * S)),
        (command().into(), Some(30 * S)),
        (command().with_timeout(120 * S).into(), Some(120 * S)),
        (command().with_timeout(120 * S).cached().into(), Some(120 * S)),
        (command().with_timeout(120 * S).cached().field("m").into(), Some(120 * S)),
        (fetch().into(), None),
        (fetch().with_timeout(90 * S).into(), Some(90 * S)),
        (fetch().with_timeout(90 * S).field("m").into(), Some(90 * S)),
        (Arc::new(Slow { needs: S, timeout: Some(7 * S) }).into(), Some(7 * S)),
        (Arc::new(fetch().with_timeout(90 * S)).into(), Some(90 * S)),
    ];
    for (credential, timeout) in cases {
        assert_eq!(credential.timeout(), timeout, "{credential:?}");
    }
}
