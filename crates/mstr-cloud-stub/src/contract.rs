//! What every provider of a vault must do, whichever the vault.
//!
//! A provider's test implements [`Vault`] for its stub and calls [`assert_holds`].

#![allow(clippy::unused_async, reason = "all checks have one shape")]

use std::{
    error::Error,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
    thread,
    time::Duration,
};

use futures_util::{FutureExt as _, future::join_all};
use mstr_credentials::{Credential, CredentialError, SecretProvider};

use crate::leak;

/// How a vault behaves from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mood {
    /// Gives the secret.
    Answers,
    /// Refuses: the credentials may not read the secret.
    Denies,
    /// There is no such secret.
    NotFound,
    /// Says that it succeeded, in a reply that cannot be read and **holds the secret**: broken JSON
    /// with [`put`](Vault::put)'s text in it. SDKs like to print such a reply.
    Garbles,
    /// Refuses: too many requests, retries too.
    Throttles,
    /// Accepts, and never answers.
    Hangs,
}

/// A vault under test: a stub, and how to make the real provider that reads from it.
///
/// The stub must not live on the runtime of the test ([`Responder`](crate::Responder) does not).
pub trait Vault: Send + Sync {
    /// The provider: a value of its own each time, its clones share what is cached.
    type Provider: SecretProvider + Clone;

    /// How errors must call the secret: its id is enough.
    fn name(&self) -> String;

    /// What the vault holds from now on: usually a JSON object, as text.
    fn put(&self, text: &str);

    /// How it behaves from now on. It starts with [`Mood::Answers`].
    fn set(&self, mood: Mood);

    /// How often the secret was asked for: requests for the secret itself, retries too.
    fn fetches(&self) -> usize;

    /// A new provider with this overall timeout, and with the SDK's retries as they come.
    fn provider(&self, limit: Duration) -> Self::Provider;

    /// One field of the secret.
    fn field(provider: &Self::Provider, field: &str) -> Credential;
}

/// A check that a provider did not pass.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The name of the check.
    pub check: &'static str,
    /// What happened.
    pub what: String,
}

/// Long enough for an SDK that starts up on a busy machine.
const PATIENT: Duration = Duration::from_secs(60);
/// What the black hole gets.
const SHORT: Duration = Duration::from_millis(700);
/// An outage in the middle of a test: the first fetch must fit in, too.
const OUTAGE: Duration = Duration::from_secs(5);
/// What never ends is stopped here. A test that passes never waits for this.
const GIVE_UP: Duration = Duration::from_secs(120);

const USER: &str = "dave";

type Outcome = Result<(), String>;

/// Runs all checks, each with a vault of its own, and gives those that failed.
///
/// Needs a tokio runtime of the caller.
pub async fn violations<V: Vault>(make: impl Fn() -> V) -> Vec<Violation> {
    let mut violations = Vec::new();
    macro_rules! run {
        ($($check:ident)*) => {$(
            let vault = make();
            let outcome = AssertUnwindSafe(tokio::time::timeout(GIVE_UP, $check(&vault)));
            let what = match outcome.catch_unwind().await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(what))) => Some(what),
                Ok(Err(_)) => Some("it never ended".to_owned()),
                Err(_) => Some("it panicked".to_owned()),
            };
            violations.extend(what.map(|what| Violation { check: stringify!($check), what }));
        )*};
    }
    run! {
        nothing_is_fetched_at_construction
        one_fetch_for_many_fields
        one_fetch_under_concurrency
        the_whole_is_the_text_as_it_is
        invalidate_fetches_anew_and_sees_a_rotation
        a_missing_member_names_source_and_member
        the_timeout_holds
        a_cancelled_fetch_blocks_nobody
        a_failure_is_not_kept
        the_earlier_value_serves_one_outage
        a_refusal_ends_the_earlier_value
        errors_name_the_secret
        nothing_leaks
        it_survives_its_first_runtime
        outside_of_a_runtime_it_does_not_panic
    }
    violations
}

/// Runs all checks.
///
/// # Panics
///
/// When one fails: the message lists all that did.
pub async fn assert_holds<V: Vault>(make: impl Fn() -> V) {
    let violations = violations(make).await;
    let lines: Vec<_> =
        violations.iter().map(|Violation { check, what }| format!("{check}: {what}")).collect();
    assert!(lines.is_empty(), "the provider does not hold to the contract:\n{}", lines.join("\n"));
}

async fn nothing_is_fetched_at_construction<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    let field = V::field(&provider, "password");
    let whole = Credential::from(provider.clone());
    let _ = format!("{provider:?}{field:?}{whole:?}");
    field.invalidate();
    fetches(vault, 0)
}

async fn one_fetch_for_many_fields<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    gives(&V::field(&provider, "username"), USER).await?;
    gives(&V::field(&provider, "password"), "p1").await?;
    gives(&V::field(&provider.clone(), "password"), "p1").await?;
    fetches(vault, 1)
}

async fn one_fetch_under_concurrency<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    let fields: Vec<_> = ["username", "password"].repeat(50);
    let resolves = fields.into_iter().map(|field| {
        let credential = V::field(&provider, field);
        tokio::spawn(async move { credential.resolve().await })
    });
    for outcome in join_all(resolves.collect::<Vec<_>>()).await {
        outcome.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    fetches(vault, 1)
}

async fn the_whole_is_the_text_as_it_is<V: Vault>(vault: &V) -> Outcome {
    for text in ["plain text", " kept as it is \n", "ünï \u{1f511}", "{\"a\": 1}", "42", "\"q\""]
    {
        vault.put(text);
        gives(&vault.provider(PATIENT).into(), text).await?;
    }
    Ok(())
}

async fn invalidate_fetches_anew_and_sees_a_rotation<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    let password = V::field(&provider, "password");
    gives(&password, "p1").await?;
    vault.put(&login("p2"));
    gives(&password, "p1").await?;
    password.invalidate();
    gives(&password, "p2").await?;
    gives(&V::field(&provider, "username"), USER).await?;
    fetches(vault, 2)
}

async fn a_missing_member_names_source_and_member<V: Vault>(vault: &V) -> Outcome {
    let canary = canary();
    vault.put(&login(&canary));
    let provider = vault.provider(PATIENT);
    let error = fails(&V::field(&provider, "pass-word")).await?;
    names(&error, &vault.name())?;
    names(&error, "pass-word")?;
    clean(&canary, &leak::printed(&error))?;
    for text in [&canary, "[1]", "{\"password\": null}", "{\"password\": {}}"] {
        vault.put(text);
        let provider = vault.provider(PATIENT);
        let error = fails(&V::field(&provider, "password")).await?;
        names(&error, &vault.name())?;
        names(&error, "password")?;
        clean(&canary, &leak::printed(&error))?;
    }
    Ok(())
}

async fn the_timeout_holds<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    vault.set(Mood::Hangs);
    let provider = vault.provider(SHORT);
    for credential in [V::field(&provider, "password"), provider.clone().into()] {
        if credential.timeout() != Some(SHORT) {
            return Err(format!("its timeout is told as {:?}", credential.timeout()));
        }
    }
    let error = fails(&V::field(&provider, "password")).await?;
    names(&error, &vault.name())?;
    // the limit that was set, and not one of the SDK's own
    let (limit, printed) = (format!("{SHORT:?}"), leak::printed(&error));
    if printed.contains(&limit) { Ok(()) } else { Err(format!("no {limit} in: {printed}")) }
}

async fn a_cancelled_fetch_blocks_nobody<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    vault.set(Mood::Hangs);
    let provider = vault.provider(PATIENT);
    let password = V::field(&provider, "password");
    let cancelled = tokio::time::timeout(SHORT, password.resolve()).await;
    if cancelled.is_ok() {
        return Err("a vault that hangs gave an answer".to_owned());
    }
    vault.set(Mood::Answers);
    gives(&password, "p1").await
}

async fn a_failure_is_not_kept<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    vault.set(Mood::Denies);
    let provider = vault.provider(PATIENT);
    let password = V::field(&provider, "password");
    fails(&password).await?;
    vault.set(Mood::Answers);
    gives(&password, "p1").await
}

async fn the_earlier_value_serves_one_outage<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(OUTAGE);
    let (username, password) = (V::field(&provider, "username"), V::field(&provider, "password"));
    gives(&password, "p1").await?;
    vault.set(Mood::Hangs);
    vault.put(&login("p2"));
    password.invalidate();
    gives(&password, "p1").await?;
    gives(&username, USER).await?;
    password.invalidate();
    fails(&password).await?;
    vault.set(Mood::Answers);
    gives(&password, "p2").await
}

async fn a_refusal_ends_the_earlier_value<V: Vault>(vault: &V) -> Outcome {
    for mood in [Mood::Denies, Mood::NotFound, Mood::Garbles] {
        vault.set(Mood::Answers);
        vault.put(&login("p1"));
        let provider = vault.provider(PATIENT);
        let password = V::field(&provider, "password");
        gives(&password, "p1").await?;
        vault.set(mood);
        password.invalidate();
        fails(&password).await.map_err(|what| format!("{mood:?}: {what}"))?;
    }
    Ok(())
}

async fn errors_name_the_secret<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    for mood in [Mood::Denies, Mood::NotFound, Mood::Garbles] {
        vault.set(mood);
        let error = fails(&vault.provider(PATIENT).into()).await?;
        names(&error, &vault.name()).map_err(|what| format!("{mood:?}: {what}"))?;
    }
    Ok(())
}

async fn nothing_leaks<V: Vault>(vault: &V) -> Outcome {
    let canary = canary();
    vault.put(&login(&canary));
    for (mood, limit) in [
        (Mood::Answers, PATIENT),
        (Mood::Denies, PATIENT),
        (Mood::NotFound, PATIENT),
        (Mood::Garbles, PATIENT),
        (Mood::Hangs, SHORT),
    ] {
        vault.set(Mood::Answers);
        let provider = vault.provider(limit.max(PATIENT));
        let served = V::field(&provider, "password");
        gives(&served, &canary).await?;
        vault.set(mood);
        let fresh = vault.provider(limit);
        for credential in [served, V::field(&fresh, "password"), fresh.clone().into()] {
            if limit == PATIENT {
                credential.invalidate();
            }
            let outcome = credential.resolve().await;
            let failed = outcome.as_ref().err().map(|error| leak::printed(error));
            let printed = format!(
                "{provider:?}{provider:#?}{fresh:?}{fresh:#?}{credential:?}{credential:#?}{:?}{}",
                outcome,
                failed.unwrap_or_default(),
            );
            clean(&canary, &printed).map_err(|what| format!("{mood:?}: {what}"))?;
        }
    }
    Ok(())
}

async fn it_survives_its_first_runtime<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    let password = V::field(&provider, "password");
    for expected in ["p1", "p2", "p3"] {
        vault.put(&login(expected));
        password.invalidate();
        thread::scope(|scope| {
            let own_runtime = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.map_err(|error| error.to_string())?.block_on(gives(&password, expected))
            };
            scope.spawn(own_runtime).join().map_err(|_| format!("{expected}: it panicked"))?
        })?;
    }
    fetches(vault, 3)
}

async fn outside_of_a_runtime_it_does_not_panic<V: Vault>(vault: &V) -> Outcome {
    vault.put(&login("p1"));
    let provider = vault.provider(PATIENT);
    let password = V::field(&provider, "password");
    thread::scope(|scope| {
        let without_runtime = || {
            let mut resolve = pin!(password.resolve());
            let poll = || resolve.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            catch_unwind(AssertUnwindSafe(poll))
        };
        let outcome = scope.spawn(without_runtime).join().and_then(|outcome| outcome);
        outcome.map(|_| ()).map_err(|_| "it panicked".to_owned())
    })?;
    gives(&password, "p1").await
}

fn login(password: &str) -> String {
    serde_json::json!({"username": USER, "password": password, "port": 443}).to_string()
}

/// A secret like no other, also in a run of many tests.
fn canary() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("cAnArY{:05}x{:05}yZ", std::process::id() % 100_000, count)
}

fn fetches(vault: &impl Vault, expected: usize) -> Outcome {
    match vault.fetches() {
        found if found == expected => Ok(()),
        found => Err(format!("{found} fetches, {expected} expected")),
    }
}

async fn gives(credential: &Credential, expected: &str) -> Outcome {
    match credential.resolve().await {
        Ok(secret) if secret.expose_secret() == expected => Ok(()),
        Ok(_) => Err("it gave another value than the vault's".to_owned()),
        Err(error) => Err(format!("it failed: {error}")),
    }
}

async fn fails(credential: &Credential) -> Result<CredentialError, String> {
    match credential.resolve().await {
        Ok(_) => Err("it gave a value where an error was expected".to_owned()),
        Err(error) => Ok(error),
    }
}

fn names(error: &impl Error, what: &str) -> Outcome {
    let text = error.to_string();
    if text.contains(what) { Ok(()) } else { Err(format!("the error does not say {what}: {text}")) }
}

fn clean(canary: &str, printed: &str) -> Outcome {
    match leak::find(canary, printed) {
        None => Ok(()),
        Some(form) => Err(format!("the secret was printed, as {form}")),
    }
}
