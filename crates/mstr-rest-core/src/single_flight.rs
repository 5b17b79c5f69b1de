//! Single flight: one piece of work for all callers that need it at the same time.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::Result;

/// A value that is fetched once for all who wait for it.
///
/// **States.** Empty; or it holds a value. Besides, a fetch may be running: its task holds `fetching`.
/// Tasks that come meanwhile wait for that lock and then share the outcome, a value or a failure
/// (`last`). A failure is not kept for later: a task that comes after it fetches anew. When the task
/// that fetches is cancelled, the next in line fetches.
///
/// [`forget`](Self::forget) empties it. A fetch that runs at that moment began before, so what it
/// brings is neither kept nor given out: it fetches again.
pub(crate) struct SingleFlight<T> {
    shared: RwLock<Shared<T>>,
    fetching: Mutex<()>,
}

struct Shared<T> {
    value: Option<Arc<T>>,
    /// How many fetches have ended, and how the last one did.
    fetches: u64,
    last: Option<Result<Arc<T>>>,
    forgotten: u64,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        let shared = Shared { value: None, fetches: 0, last: None, forgotten: 0 };
        Self { shared: RwLock::new(shared), fetching: Mutex::default() }
    }
}

impl<T: Send + Sync> SingleFlight<T> {
    fn peek<U>(&self, look: impl FnOnce(&Shared<T>) -> U) -> U {
        look(&self.shared.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<U>(&self, change: impl FnOnce(&mut Shared<T>) -> U) -> U {
        change(&mut self.shared.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The value that is there. Nothing is waited for.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.peek(|shared| shared.value.clone())
    }

    /// Fetches the value, or waits for a fetch that runs and shares its outcome.
    pub(crate) async fn fetch<F>(&self, fetch: impl Fn() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let seen = self.peek(|shared| shared.fetches);
        let _one = self.fetching.lock().await;
        let shared = self.peek(|shared| {
            let ended_meanwhile = shared.fetches != seen;
            shared.last.clone().filter(|_| ended_meanwhile)
        });
        if let Some(outcome) = shared {
            return outcome;
        }
        loop {
            let forgotten = self.peek(|shared| shared.forgotten);
            let outcome = fetch().await.map(Arc::new);
            let current = self.with(|shared| {
                if shared.forgotten != forgotten && outcome.is_ok() {
                    return false;
                }
                shared.fetches += 1;
                shared.last = Some(outcome.clone());
                if let Ok(value) = &outcome {
                    shared.value = Some(Arc::clone(value));
                }
                true
            });
            if current {
                return outcome;
            }
        }
    }

    /// Empties it.
    pub(crate) fn forget(&self) {
        self.with(|shared| {
            shared.forgotten += 1;
            shared.value = None;
            shared.last = None;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::{Error, ErrorKind};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_one_failure() {
        let cell = SingleFlight::<u32>::default();
        let fetches = AtomicU32::new(0);
        let fetch = || {
            fetches.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::time::sleep(SECOND).await;
                Err(Error::new(ErrorKind::Credential, "the vault is down"))
            }
        };
        let start = tokio::time::Instant::now();
        let (first, second, third) =
            tokio::join!(cell.fetch(fetch), cell.fetch(fetch), cell.fetch(fetch));
        for outcome in [first, second, third] {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Credential);
        }
        assert_eq!((fetches.load(Ordering::SeqCst), start.elapsed()), (1, SECOND));
        assert!(cell.fetch(fetch).await.is_err());
        assert_eq!(fetches.load(Ordering::SeqCst), 2, "a failure is not kept for later");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fetched_before_it_was_forgotten_is_not_given_out() {
        let cell = SingleFlight::<u32>::default();
        let fetches = AtomicU32::new(0);
        let fetch = || {
            let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                tokio::time::sleep(SECOND).await;
                Ok(number)
            }
        };
        let forgetting = async {
            tokio::time::sleep(SECOND / 2).await;
            cell.forget();
        };
        let (value, ()) = tokio::join!(cell.fetch(fetch), forgetting);
        assert_eq!((*value.unwrap(), cell.get().as_deref().copied()), (2, Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_fetch_is_taken_over() {
        let cell = SingleFlight::<u32>::default();
        let slow = || async {
            tokio::time::sleep(SECOND * 60).await;
            Ok(1)
        };
        let cancelled = tokio::time::timeout(SECOND, cell.fetch(slow));
        let (cancelled, next) = tokio::join!(cancelled, cell.fetch(|| async { Ok(2) }));
        assert!(cancelled.is_err());
        assert_eq!(*next.unwrap(), 2);
    }
}
