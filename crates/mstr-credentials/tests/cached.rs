//! A secret with several fields: fetched once, invalidated, stale.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mstr_credentials::{CachedSecret, Credential, CredentialError};
use tokio::sync::Semaphore;

/// A vault whose contents, health and speed the test decides.
#[derive(Debug)]
struct Vault {
    fetches: AtomicUsize,
    holds: Mutex<Result<String, CredentialError>>,
    /// Each fetch takes a permit.
    gate: Semaphore,
}

impl Vault {
    /// Open: fetches do not wait.
    fn new(holds: &str) -> Arc<Self> {
        Arc::new(Self {
            fetches: AtomicUsize::new(0),
            holds: Mutex::new(Ok(holds.to_owned())),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// Closed: fetches wait for [`Vault::release`].
    fn closed(holds: &str) -> Arc<Self> {
        let vault = Self::new(holds);
        vault.gate.forget_permits(Semaphore::MAX_PERMITS);
        vault
    }

    fn release(&self, fetches: usize) {
        self.gate.add_permits(fetches);
    }

    fn set(&self, holds: &str) {
        *self.holds.lock().unwrap() = Ok(holds.to_owned());
    }

    fn fail(&self, what: &'static str) {
        *self.holds.lock().unwrap() = Err(CredentialError::new(what));
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }

    fn secret(self: &Arc<Self>) -> CachedSecret {
        let vault = Arc::clone(self);
        CachedSecret::new("vault secret s", move || {
            let vault = Arc::clone(&vault);
            async move {
                vault.fetches.fetch_add(1, Ordering::Relaxed);
                // what it holds when it is asked, handed out when the gate opens
                let holds = vault.holds.lock().unwrap().clone();
                vault.gate.acquire().await.unwrap().forget();
                holds
            }
        })
    }
}

async fn text(credential: impl Into<Credential>) -> Result<String, CredentialError> {
    credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

async fn ok(credential: impl Into<Credential>) -> String {
    text(credential).await.unwrap()
}

async fn err(credential: impl Into<Credential>) -> String {
    text(credential).await.unwrap_err().to_string()
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

const OLD: &str = r#"{"user": "u1", "pw": "p1"}"#;
const NEW: &str = r#"{"user": "u2", "pw": "p2"}"#;

#[tokio::test]
async fn one_fetch_for_all_fields_and_the_whole() {
    let vault = Vault::new(OLD);
    let secret = vault.secret();
    let (user, pw) = (secret.field("user"), secret.field("pw"));
    assert_eq!(vault.fetches(), 0, "making it must not fetch");
    assert_eq!(ok(user).await, "u1");
    assert_eq!(ok(pw).await, "p1");
    assert_eq!(ok(secret.clone()).await, OLD);
    assert_eq!(ok(secret.field("user")).await, "u1");
    assert_eq!(vault.fetches(), 1);
}

#[tokio::test]
async fn one_fetch_under_concurrency() {
    let vault = Vault::closed(OLD);
    let secret = vault.secret();
    let tasks: Vec<_> = (0..50)
        .map(|n| tokio::spawn(text(secret.field(if n % 2 == 0 { "user" } else { "pw" }))))
        .collect();
    settle().await;
    assert_eq!(vault.fetches(), 1);
    vault.release(1);
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), if n % 2 == 0 { "u1" } else { "p1" });
    }
    assert_eq!(vault.fetches(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_fetch_on_many_threads() {
    for _ in 0..200 {
        let vault = Vault::new(OLD);
        let secret = vault.secret();
        let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(text(secret.field("pw")))).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), "p1");
        }
        assert_eq!(vault.fetches(), 1);
    }
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_waited_and_not_kept() {
    let vault = Vault::closed(OLD);
    vault.fail("sealed");
    let secret = vault.secret();
    let tasks: Vec<_> = (0..50).map(|_| tokio::spawn(err(secret.field("pw")))).collect();
    settle().await;
    vault.release(1);
    for task in tasks {
        assert_eq!(task.await.unwrap(), "sealed");
    }
    assert_eq!(vault.fetches(), 1);

    vault.set(OLD);
    vault.release(1);
    assert_eq!(ok(secret.field("pw")).await, "p1");
    assert_eq!(vault.fetches(), 2);
}

#[tokio::test]
async fn a_cancelled_fetch_hands_over_to_the_next() {
    let vault = Vault::closed(OLD);
    let secret = vault.secret();
    let leader = tokio::spawn(text(secret.field("pw")));
    settle().await;
    let waiters: Vec<_> = (0..5).map(|_| tokio::spawn(text(secret.field("pw")))).collect();
    settle().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    settle().await;
    assert_eq!(vault.fetches(), 2);
    vault.release(1);
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().unwrap(), "p1");
    }
    assert_eq!(vault.fetches(), 2);
}

#[tokio::test]
async fn a_panicking_fetch_wedges_nobody() {
    let calls = Arc::new(AtomicUsize::new(0));
    let secret = CachedSecret::new("vault secret s", move || {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                std::panic::resume_unwind(Box::new("quiet"));
            }
            Ok("s3cret")
        }
    });
    assert!(tokio::spawn(text(secret.clone())).await.unwrap_err().is_panic());
    assert_eq!(ok(secret).await, "s3cret");
}

#[tokio::test]
async fn invalidate_makes_the_next_resolve_fetch() {
    let vault = Vault::new(OLD);
    let secret = vault.secret();
    let pw = Credential::from(secret.field("pw"));
    assert_eq!(ok(&pw).await, "p1");
    vault.set(NEW);
    assert_eq!(ok(&pw).await, "p1");
    pw.invalidate();
    pw.invalidate();
    assert_eq!(vault.fetches(), 1, "invalidating must not fetch");
    assert_eq!(ok(&pw).await, "p2");
    assert_eq!(ok(secret.field("user")).await, "u2");
    assert_eq!(vault.fetches(), 2);
}

#[tokio::test]
async fn a_fetch_from_before_the_invalidation_is_not_trusted() {
    let vault = Vault::closed(OLD);
    let secret = vault.secret();
    let before = tokio::spawn(text(secret.field("pw")));
    settle().await;
    // the password is rotated, and refused, while the old one is still on its way
    vault.set(NEW);
    secret.invalidate();
    let after = tokio::spawn(text(secret.field("pw")));
    settle().await;
    vault.release(2);
    assert_eq!(before.await.unwrap().unwrap(), "p1");
    assert_eq!(after.await.unwrap().unwrap(), "p2");
    assert_eq!(vault.fetches(), 2);
    assert_eq!(ok(secret.field("pw")).await, "p2");
    assert_eq!(vault.fetches(), 2);
}

#[tokio::test]
async fn when_the_source_is_down_the_old_value_serves_one_login() {
    let vault = Vault::new(OLD);
    let secret = vault.secret();
    let (user, pw) = (Credential::from(secret.field("user")), Credential::from(secret.field("pw")));
    assert_eq!((ok(&user).await, ok(&pw).await), ("u1".into(), "p1".into()));

    // first re-login: both fields, one fetch
    vault.fail("sealed");
    user.invalidate();
    pw.invalidate();
    assert_eq!((ok(&user).await, ok(&pw).await), ("u1".into(), "p1".into()));
    assert_eq!(vault.fetches(), 2);
    // the vault is back in between: still one pair
    vault.set(NEW);
    assert_eq!((ok(&user).await, ok(&pw).await), ("u1".into(), "p1".into()));
    assert_eq!(vault.fetches(), 2);

    // second one: they had their turn
    vault.fail("sealed");
    user.invalidate();
    pw.invalidate();
    assert_eq!((err(&user).await, err(&pw).await), ("sealed".into(), "sealed".into()));
    // and stay without until a fetch succeeds
    assert_eq!(err(&pw).await, "sealed");

    vault.set(NEW);
    assert_eq!((ok(&user).await, ok(&pw).await), ("u2".into(), "p2".into()));
    vault.fail("sealed");
    pw.invalidate();
    assert_eq!(ok(&pw).await, "p2");
    pw.invalidate();
    assert_eq!(err(&pw).await, "sealed");
}

#[tokio::test]
async fn one_login_gets_both_fields_even_when_it_invalidates_in_between() {
    let vault = Vault::new(OLD);
    let secret = vault.secret();
    let (user, pw) = (Credential::from(secret.field("user")), Credential::from(secret.field("pw")));
    ok(&user).await;
    vault.fail("sealed");
    user.invalidate();
    assert_eq!(ok(&user).await, "u1");
    pw.invalidate();
    assert_eq!(ok(&pw).await, "p1");
    pw.invalidate();
    assert_eq!(err(&pw).await, "sealed");
}

#[tokio::test]
async fn those_who_wait_for_a_failing_refresh_share_the_old_value() {
    let vault = Vault::closed(OLD);
    let secret = vault.secret();
    vault.release(1);
    ok(secret.field("pw")).await;
    vault.fail("sealed");
    secret.invalidate();
    let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(text(secret.field("pw")))).collect();
    settle().await;
    vault.release(1);
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), "p1");
    }
    assert_eq!(vault.fetches(), 2);

    secret.invalidate();
    let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(err(secret.field("pw")))).collect();
    settle().await;
    vault.release(1);
    for task in tasks {
        assert_eq!(task.await.unwrap(), "sealed");
    }
    assert_eq!(vault.fetches(), 3);
}

#[tokio::test]
async fn a_source_that_never_worked_has_nothing_to_fall_back_on() {
    let vault = Vault::new(OLD);
    vault.fail("sealed");
    let secret = vault.secret();
    secret.invalidate();
    assert_eq!(err(secret.field("pw")).await, "sealed");
}

#[tokio::test(start_paused = true)]
async fn time_to_live() {
    let vault = Vault::new(OLD);
    let secret = vault.secret().time_to_live(Duration::from_secs(60));
    let pw = Credential::from(secret.field("pw"));
    assert_eq!(ok(&pw).await, "p1");
    vault.set(NEW);
    tokio::time::advance(Duration::from_secs(59)).await;
    assert_eq!(ok(&pw).await, "p1");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ok(&pw).await, "p2");
    assert_eq!(vault.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_serves_within_its_limit() {
    for (limit, seconds) in [(None, 60), (Some(Duration::from_secs(600)), 600)] {
        let vault = Vault::new(OLD);
        let mut secret = vault.secret().time_to_live(Duration::from_secs(60));
        if let Some(limit) = limit {
            secret = secret.serve_stale_for(limit);
        }
        let pw = Credential::from(secret.field("pw"));
        ok(&pw).await;
        vault.fail("sealed");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(ok(&pw).await, "p1");
        assert_eq!(ok(&pw).await, "p1");
        assert_eq!(vault.fetches(), 3, "each resolve tries");
        tokio::time::advance(Duration::from_secs(seconds - 1)).await;
        assert_eq!(ok(&pw).await, "p1");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(err(&pw).await, "sealed");
        vault.set(NEW);
        assert_eq!(ok(&pw).await, "p2");
    }
}

#[tokio::test(start_paused = true)]
async fn no_stale_values_where_none_are_wanted() {
    let vault = Vault::new(OLD);
    let secret =
        vault.secret().time_to_live(Duration::from_secs(60)).serve_stale_for(Duration::ZERO);
    ok(secret.field("pw")).await;
    vault.fail("sealed");
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(err(secret.field("pw")).await, "sealed");
}

#[tokio::test(start_paused = true)]
async fn past_its_limit_an_invalidated_value_does_not_serve_either() {
    let vault = Vault::new(OLD);
    let secret = vault.secret().time_to_live(Duration::from_secs(60));
    ok(secret.field("pw")).await;
    vault.fail("sealed");
    tokio::time::advance(Duration::from_secs(120)).await;
    secret.invalidate();
    assert_eq!(err(secret.field("pw")).await, "sealed");
}

#[tokio::test]
async fn a_cached_value_without_the_member_is_looked_at_once_more() {
    let vault = Vault::new(OLD);
    let secret = vault.secret();
    let expected = r#"vault secret s has no field "token""#;
    // just fetched: no use in asking again
    assert_eq!(err(secret.field("token")).await, expected);
    assert_eq!(vault.fetches(), 1);
    // cached: it may have been mended
    assert_eq!(err(secret.field("token")).await, expected);
    assert_eq!(vault.fetches(), 2);
    vault.set(r#"{"user": "u1", "pw": "p1", "token": "t1"}"#);
    assert_eq!(ok(secret.field("token")).await, "t1");
    assert_eq!(vault.fetches(), 3);
    // the other fields were never affected
    assert_eq!(ok(secret.field("pw")).await, "p1");
    assert_eq!(vault.fetches(), 3);

    vault.fail("sealed");
    assert_eq!(err(secret.field("nope")).await, r#"vault secret s has no field "nope""#);
    assert_eq!(ok(secret.field("pw")).await, "p1");
}

#[tokio::test]
async fn an_empty_secret_is_missing_an_empty_member_is_text() {
    let vault = Vault::new("");
    assert!(text(vault.secret()).await.unwrap_err().is_missing());
    let vault = Vault::new(r#"{"pw": ""}"#);
    assert_eq!(ok(vault.secret().field("pw")).await, "");
}
