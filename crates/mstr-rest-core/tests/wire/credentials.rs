//! Credentials: when they are resolved, how long that may take, and sources that misbehave.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_core::{
    Auth, Credential, CredentialError, ErrorKind, SecretProvider, SecretString, Session,
    SessionBuilder,
};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer, Method};
use tokio::time::{Instant, sleep};

use crate::support::{auth, builder, logins};

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
async fn provider_with_its_own_timeout_may_take_longer_than_60_s() {
    let start = Instant::now();
    let error = Session::builder(Slow).auth(Auth::anonymous()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "it got as far as the base URL: {error}");
    assert_eq!(start.elapsed(), 63 * S);
}

#[tokio::test(start_paused = true)]
async fn hanging_closure_times_out_after_60_s_with_a_hint() {
    let start = Instant::now();
    let hanging = Credential::from_async_fn(pending::<Result<String, CredentialError>>);
    let error = Session::builder(hanging).auth(Auth::anonymous()).connect().await.unwrap_err();
    assert_eq!(start.elapsed(), 60 * S);
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert_eq!(error.to_string(), "the credential `base URL` cannot be resolved");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("60s") && source.contains("Credential::with_timeout"), "{source}");
}

#[tokio::test]
async fn credentials_are_resolved_when_they_are_needed() {
    let server = LibraryServer::start().await.unwrap();
    let base = server.base_url();
    let from_secret = Credential::from_async_fn(move || {
        let base = base.clone();
        async move { Ok(base) }
    });
    let builder = Session::builder(from_secret).environment_proxies(false).auth(auth());
    assert_eq!(builder.clone().build().unwrap_err().kind(), ErrorKind::Config);
    let session = builder.connect().await.unwrap();
    assert_eq!(session.base_url().as_str(), server.base_url());
    session.close().await.unwrap();

    let missing = Credential::env("MSTR_TEST_VARIABLE_THAT_IS_NOT_SET");
    let error = crate::support::builder(&server)
        .auth(Auth::standard("u", missing))
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingCredential);
    assert!(error.is_login_failure());
    assert_eq!(logins(&server), 1, "nothing was sent");
    let error = Session::builder(server.base_url()).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// One that panics the second time it is asked.
fn fragile(asked: &Arc<AtomicUsize>) -> Credential {
    let asked = Arc::clone(asked);
    Credential::from_fn(move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(mstr_sim::DEFAULT_PASSWORD),
        _ => panic!("boom pw=hunter2"),
    })
}

#[tokio::test]
async fn credential_that_panics_is_one_error_for_all_waiting_requests() {
    let server = LibraryServer::start().await.unwrap();
    let asked = Arc::default();
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, fragile(&asked));
    let session = builder(&server).auth(auth).relogin(true).connect().await.unwrap();
    server.expire_all();
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(session.get("sessions").send())).collect();
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:?}");
        let mut text = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            text = format!("{text} {source} {source:?}");
            cause = source.source();
        }
        assert!(!text.contains("hunter2") && !text.contains("boom"), "{text}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one re-login");
    assert_eq!(logins(&server), 1);
    // the first login too
    let asked = Arc::new(AtomicUsize::new(1));
    let auth = Auth::standard(mstr_sim::DEFAULT_USER, fragile(&asked));
    let error = builder(&server).auth(auth).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(!format!("{error:?}").contains("hunter2"));
    // and that of a gateway, in a plain call
    let build = builder(&server).default_header("X-Gateway", fragile(&asked));
    let error = build.build().unwrap().get("status").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.message(), "the credential `x-gateway` panicked");
}

/// It would wait for itself: for the login that waits for the credential.
#[tokio::test]
async fn credential_that_uses_its_own_session_is_an_error() {
    let server = LibraryServer::start().await.unwrap();
    let session = builder(&server).build().unwrap();
    let own = session.clone();
    let password = Credential::from_async_fn(move || {
        let own = own.clone();
        async move {
            let seen = own.get("status").await.map(drop).map_err(|error| error.kind());
            assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            let seen = own.login(auth()).await.map(drop).map_err(|error| error.kind());
            assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            Ok(mstr_sim::DEFAULT_PASSWORD)
        }
    });
    session.login(Auth::standard(mstr_sim::DEFAULT_USER, password)).await.unwrap();
    session.logout().await.unwrap();
    // a default header alike
    let slot: Arc<std::sync::OnceLock<Session>> = Arc::default();
    let own = Arc::clone(&slot);
    let header = Credential::from_async_fn(move || {
        let own = own.get().cloned();
        async move {
            if let Some(own) = own {
                let seen = own.get("status").await.map(drop).map_err(|error| error.kind());
                assert_eq!(seen, Err(ErrorKind::InvalidRequest));
            }
            Ok("value")
        }
    });
    let session = builder(&server).default_header("X-Gateway", header).build().unwrap();
    slot.set(session.clone()).unwrap();
    session.get("status").await.unwrap();
    assert_eq!(server.requests(Method::GET, "/status")[0].header("x-gateway"), Some("value"));
}

/// A secret that was fetched once, and that the vault has in another version by now.
#[derive(Debug, Clone)]
struct Rotated {
    /// How often it was fetched, and what each fetch brings.
    fetches: Arc<AtomicUsize>,
    values: &'static [&'static str],
    cached: Arc<Mutex<Option<&'static str>>>,
}

impl Rotated {
    fn new(values: &'static [&'static str]) -> Self {
        Self { fetches: Arc::default(), values, cached: Arc::default() }
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl SecretProvider for Rotated {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let mut cached = self.cached.lock().unwrap();
        let value = *cached.get_or_insert_with(|| {
            let fetch = self.fetches.fetch_add(1, Ordering::SeqCst);
            self.values[fetch.min(self.values.len() - 1)]
        });
        Ok(value.into())
    }

    fn invalidate(&self) {
        *self.cached.lock().unwrap() = None;
    }
}

fn with_password(server: &LibraryServer, password: &Rotated) -> SessionBuilder {
    builder(server).auth(Auth::standard(DEFAULT_USER, password.clone()))
}

#[tokio::test]
async fn rejected_login_is_repeated_once_with_a_password_that_changed() {
    let server = LibraryServer::start().await.unwrap();
    let password = Rotated::new(&["stale", DEFAULT_PASSWORD]);
    let session = with_password(&server, &password).connect().await.unwrap();
    assert_eq!((logins(&server), password.fetches()), (2, 2));
    session.close().await.unwrap();
    // the new value stays in the cache
    with_password(&server, &password).connect().await.unwrap().close().await.unwrap();
    assert_eq!((logins(&server), password.fetches()), (3, 2));
}

#[tokio::test]
async fn rejected_password_that_did_not_change_is_sent_once() {
    let server = LibraryServer::start().await.unwrap();
    let password = Rotated::new(&["wrong"]);
    let builder = with_password(&server, &password);
    let error = builder.clone().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LoginFailure);
    assert_eq!((logins(&server), password.fetches()), (1, 2));
    // two values that are both wrong: each is sent once, and not in turns
    let password = Rotated::new(&["wrong", "wrong too", "wrong", "wrong too"]);
    let session = with_password(&server, &password).build().unwrap();
    let auth = Auth::standard(DEFAULT_USER, password.clone());
    session.login(auth).await.unwrap_err();
    assert_eq!((logins(&server), password.fetches()), (3, 2));
}

#[tokio::test]
async fn rejection_is_the_error_if_the_source_fails_afterwards() {
    let server = LibraryServer::start().await.unwrap();
    let asked = AtomicUsize::new(0);
    let password = Credential::from_fn(move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok("stale"),
        _ => Err(CredentialError::new("the vault is down")),
    });
    let auth = Auth::standard(DEFAULT_USER, password);
    let error = builder(&server).auth(auth).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LoginFailure, Some("ERR003")));
    assert_eq!(logins(&server), 1);
}

/// A service that connects from one builder for each job: a rotation must not lock the account.
#[tokio::test]
async fn rotation_between_two_connects_of_one_builder_is_noticed() {
    let server = LibraryServer::start().await.unwrap();
    server.set_password(DEFAULT_USER, "old");
    let password = Rotated::new(&["old", "new"]);
    let builder = with_password(&server, &password);
    builder.clone().connect().await.unwrap().close().await.unwrap();
    server.set_password(DEFAULT_USER, "new");
    builder.clone().connect().await.unwrap().close().await.unwrap();
    assert_eq!((logins(&server), password.fetches()), (3, 2));
}
