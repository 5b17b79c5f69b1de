//! How long the source of a credential may take.

use std::future::pending;
use std::time::Duration;

use mstr_rest_core::{
    Auth, Credential, CredentialError, ErrorKind, SecretProvider, SecretString, Session,
};
use tokio::time::{Instant, sleep};

const S: Duration = Duration::from_secs(1);

/// A base URL that a person types in, as it were: within 120 s.
#[derive(Debug)]
struct Slow;

impl SecretProvider for Slow {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        sleep(63 * S).await;
        // refused
        Ok("ftp://h/".into())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(120 * S)
    }
}

#[tokio::test(start_paused = true)]
async fn source_with_its_own_timeout_may_take_longer_than_60_s() {
    let start = Instant::now();
    let error = Session::builder(Slow).auth(Auth::anonymous()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "it got as far as the base URL: {error}");
    assert_eq!(start.elapsed(), 63 * S);
}

#[tokio::test(start_paused = true)]
async fn hanging_closure_ends_after_60_s_and_the_error_says_how_to_set_a_timeout() {
    let start = Instant::now();
    let hanging = Credential::from_async_fn(pending::<Result<String, CredentialError>>);
    let error = Session::builder(hanging).auth(Auth::anonymous()).connect().await.unwrap_err();
    assert_eq!(start.elapsed(), 60 * S);
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert_eq!(error.to_string(), "the credential `base URL` cannot be resolved");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("60s") && source.contains("Credential::with_timeout"), "{source}");
}
