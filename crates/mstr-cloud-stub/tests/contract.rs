//! The contract accepts a good provider and notices what is wrong with bad ones.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::{
    fmt, future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mstr_cloud_stub::contract::{self, Mood, Vault};
use mstr_credentials::{
    CachedSecret, Credential, CredentialError, SecretProvider, SecretString, SecretValue,
    VaultError, VaultErrorKind,
};

/// What is wrong with a provider.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    NoCache,
    NoInvalidate,
    FetchesEarly,
    PrintsItsError,
    ChainsItsError,
    PrintsItself,
    NoTimeout,
    AnotherTimeout,
    Nameless,
    Trims,
    Panics,
    KeepsFailures,
    HidesRefusals,
    TiedToItsRuntime,
    AssumesARuntime,
}

struct Memory {
    state: Arc<State>,
    fault: Fault,
}

struct State {
    text: Mutex<String>,
    mood: Mutex<Mood>,
    fetches: AtomicUsize,
}

impl State {
    /// What an SDK would do: its error holds the reply.
    async fn fetch(&self) -> Result<String, String> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        // so that others come meanwhile
        tokio::task::yield_now().await;
        let (mood, text) = (*self.mood.lock().unwrap(), self.text.lock().unwrap().clone());
        match mood {
            Mood::Answers => Ok(text),
            Mood::Hangs => future::pending().await,
            mood => Err(format!("{mood:?}: {text}")),
        }
    }
}

#[derive(Clone)]
struct Provider {
    secret: CachedSecret,
    /// Made again for each field, for what caches nothing.
    uncached: Option<Arc<dyn Fn() -> CachedSecret + Send + Sync>>,
    fault: Fault,
    state: Arc<State>,
}

impl Provider {
    fn new(state: &Arc<State>, fault: Fault, limit: Duration) -> Self {
        let make = {
            let state = Arc::clone(state);
            move || secret(Arc::clone(&state), fault, limit)
        };
        if fault == Fault::FetchesEarly {
            state.fetches.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            secret: make(),
            uncached: (fault == Fault::NoCache).then(|| Arc::new(make) as Arc<_>),
            fault,
            state: Arc::clone(state),
        }
    }
}

fn secret(state: Arc<State>, fault: Fault, limit: Duration) -> CachedSecret {
    let first_runtime = Arc::new(Mutex::new(None));
    let failure = Arc::new(Mutex::new(None::<CredentialError>));
    let secret = CachedSecret::new("memory prod/mstr", move || {
        let (state, first_runtime) = (Arc::clone(&state), Arc::clone(&first_runtime));
        let failure = Arc::clone(&failure);
        async move {
            if fault != Fault::AssumesARuntime && tokio::runtime::Handle::try_current().is_err() {
                return Err(CredentialError::new("memory prod/mstr needs a tokio runtime"));
            }
            if fault == Fault::TiedToItsRuntime {
                let here = tokio::runtime::Handle::current().id();
                let first = *first_runtime.lock().unwrap().get_or_insert(here);
                assert!(first == here, "the runtime is gone");
            }
            let unreadable = *state.mood.lock().unwrap() == Mood::Garbles;
            assert!(fault != Fault::Panics || !unreadable, "unreadable");
            if let Some(error) = failure.lock().unwrap().clone() {
                return Err(error);
            }
            let outcome = match fault {
                Fault::NoTimeout => state.fetch().await,
                Fault::AnotherTimeout => within(Duration::from_secs(9), &state).await,
                _ => within(limit, &state).await,
            };
            let error = match (outcome, fault) {
                (Ok(text), Fault::Trims) => return Ok(SecretValue::from(text.trim())),
                (Ok(text), _) => return Ok(SecretValue::from(text)),
                (Err(raw), Fault::PrintsItsError) => {
                    CredentialError::new(format!("memory prod/mstr: {raw}"))
                }
                (Err(raw), Fault::ChainsItsError) => {
                    CredentialError::with_source("memory prod/mstr", std::io::Error::other(raw))
                }
                (Err(_), Fault::Nameless) => CredentialError::new("it failed"),
                (Err(raw), fault) => {
                    let why = raw.split(':').next().unwrap_or_default();
                    let outage = fault == Fault::HidesRefusals || why.starts_with("no answer");
                    let kind =
                        if outage { VaultErrorKind::Unreachable } else { VaultErrorKind::Denied };
                    CredentialError::vault("memory prod/mstr", VaultError::new(kind, why))
                }
            };
            if fault == Fault::KeepsFailures {
                *failure.lock().unwrap() = Some(error.clone());
            }
            Err(error)
        }
    });
    match fault {
        Fault::NoTimeout => secret,
        Fault::AnotherTimeout => secret.with_timeout(Duration::from_secs(9)),
        _ => secret.with_timeout(limit),
    }
}

async fn within(limit: Duration, state: &State) -> Result<String, String> {
    let fetched = tokio::time::timeout(limit, state.fetch()).await;
    fetched.unwrap_or_else(|_| Err(format!("no answer within {limit:?}:")))
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Memory");
        if self.fault == Fault::PrintsItself {
            shown.field("text", &self.state.text);
        }
        shown.finish_non_exhaustive()
    }
}

impl SecretProvider for Provider {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        SecretProvider::secret(&self.secret).await
    }

    fn invalidate(&self) {
        if self.fault != Fault::NoInvalidate {
            self.secret.invalidate();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        self.secret.timeout()
    }
}

impl Vault for Memory {
    type Provider = Provider;

    fn name(&self) -> String {
        "prod/mstr".to_owned()
    }

    fn put(&self, text: &str) {
        text.clone_into(&mut self.state.text.lock().unwrap());
    }

    fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap() = mood;
    }

    fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::Relaxed)
    }

    fn provider(&self, limit: Duration) -> Provider {
        Provider::new(&self.state, self.fault, limit)
    }

    fn field(provider: &Provider, field: &str) -> Credential {
        let (whole, field) = (provider.clone(), field.to_owned());
        match (&provider.uncached, provider.fault) {
            (Some(make), _) => make().field(field).into(),
            (None, Fault::NoInvalidate) => Credential::from_async_fn(move || {
                let (whole, field) = (whole.clone(), field.clone());
                async move {
                    let text = SecretProvider::secret(&whole).await?;
                    SecretValue::from(text.expose_secret()).field("memory prod/mstr", &field)
                }
            }),
            (None, _) => provider.secret.field(field).into(),
        }
    }
}

async fn failing(fault: Fault) -> Vec<&'static str> {
    let violations = contract::violations(|| Memory {
        state: Arc::new(State {
            text: Mutex::default(),
            mood: Mutex::new(Mood::Answers),
            fetches: AtomicUsize::new(0),
        }),
        fault,
    });
    violations.await.into_iter().map(|violation| violation.check).collect()
}

// Time is paused: what would wait for a limit does not wait.
#[tokio::test(start_paused = true)]
async fn a_good_provider_holds() {
    assert_eq!(failing(Fault::None).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_noticed() {
    for (fault, check) in [
        (Fault::NoCache, "one_fetch_for_many_fields"),
        (Fault::NoCache, "one_fetch_under_concurrency"),
        (Fault::NoInvalidate, "invalidate_fetches_anew_and_sees_a_rotation"),
        (Fault::FetchesEarly, "nothing_is_fetched_at_construction"),
        (Fault::PrintsItsError, "nothing_leaks"),
        (Fault::ChainsItsError, "nothing_leaks"),
        (Fault::PrintsItself, "nothing_leaks"),
        (Fault::NoTimeout, "the_timeout_holds"),
        (Fault::AnotherTimeout, "the_timeout_holds"),
        (Fault::Nameless, "errors_name_the_secret"),
        (Fault::Trims, "the_whole_is_the_text_as_it_is"),
        (Fault::Panics, "nothing_leaks"),
        (Fault::KeepsFailures, "a_failure_is_not_kept"),
        (Fault::HidesRefusals, "a_refusal_ends_the_earlier_value"),
        (Fault::TiedToItsRuntime, "it_survives_its_first_runtime"),
        (Fault::AssumesARuntime, "outside_of_a_runtime_it_does_not_panic"),
    ] {
        let failing = failing(fault).await;
        assert!(failing.contains(&check), "{check}: {failing:?}");
    }
}
