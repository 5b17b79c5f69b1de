//! `SingleFlight`: a value that is fetched once for all callers that need it at the same time.

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::Result;

/// A value that is fetched once for all tasks that wait for it.
///
/// **States.** It is empty or has a value. In both states a fetch may be running; its task holds
/// the lock `fetching`.
///
/// - A task that calls [`fetch`](Self::fetch) during a fetch waits for the lock and then shares the
///   outcome (`last`), a value or an error.
/// - A task that calls `fetch` after the end of a fetch starts a new fetch. So an error is shared
///   by the tasks that waited for it, and by no later task.
/// - If the fetching task is cancelled, the next waiting task gets the lock and fetches.
/// - [`forget`](Self::forget) empties it. A fetch that runs at that moment has started before, so
///   its value is neither stored nor returned: the same task fetches again.
pub(crate) struct SingleFlight<T> {
    shared: RwLock<Shared<T>>,
    fetching: Mutex<()>,
}

struct Shared<T> {
    value: Option<Arc<T>>,
    /// The number of ended fetches, and the outcome of the last one.
    fetches: u64,
    last: Option<Result<Arc<T>>>,
    /// The number of calls of `forget`.
    forgotten: u64,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        let shared = Shared { value: None, fetches: 0, last: None, forgotten: 0 };
        Self { shared: RwLock::new(shared), fetching: Mutex::default() }
    }
}

impl<T: Send + Sync> SingleFlight<T> {
    fn read<U>(&self, read: impl FnOnce(&Shared<T>) -> U) -> U {
        read(&self.shared.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<U>(&self, change: impl FnOnce(&mut Shared<T>) -> U) -> U {
        change(&mut self.shared.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stored value, without waiting for a fetch.
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.read(|shared| shared.value.clone())
    }

    /// Fetches the value, or waits for the running fetch and shares its outcome.
    pub(crate) async fn fetch<F>(&self, fetch: impl Fn() -> F + Send) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let fetches_before = self.read(|shared| shared.fetches);
        let _fetching = self.fetching.lock().await;
        let shared_outcome = self.read(|shared| {
            let ended_meanwhile = shared.fetches != fetches_before;
            shared.last.clone().filter(|_| ended_meanwhile)
        });
        if let Some(outcome) = shared_outcome {
            return outcome;
        }
        loop {
            let forgotten = self.read(|shared| shared.forgotten);
            let outcome = fetch().await.map(Arc::new);
            let current = self.write(|shared| {
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

    /// Removes the value.
    pub(crate) fn forget(&self) {
        self.write(|shared| {
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
    async fn waiting_tasks_share_one_failure() {
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
    async fn a_value_fetched_before_forget_is_not_returned() {
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
    async fn a_waiting_task_fetches_after_a_cancelled_fetch() {
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
