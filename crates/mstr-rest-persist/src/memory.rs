//! `MemoryStore`: snapshots in memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use mstr_rest_core::SessionSnapshot;

use crate::store::check_profile;
use crate::{SnapshotStore, StoreFuture, StoreLock};

/// A store in the memory of this process, for tests and for sessions that several parts of one
/// program share. Clones share their snapshots.
///
/// ```
/// use mstr_rest_persist::{MemoryStore, SnapshotStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mstr_rest_core::Result<()> {
/// let store = MemoryStore::new();
/// assert!(store.load("nightly").await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<String, Profile>>>);

#[derive(Default)]
struct Profile {
    snapshot: Option<SessionSnapshot>,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, profile: &str, work: impl FnOnce(&mut Profile) -> T) -> T {
        let mut profiles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(profiles.entry(profile.to_owned()).or_default())
    }
}

impl SnapshotStore for MemoryStore {
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>> {
        Box::pin(async move {
            check_profile(profile)?;
            Ok(self.with(profile, |stored| stored.snapshot.clone()))
        })
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            check_profile(profile)?;
            self.with(profile, |stored| stored.snapshot = Some(snapshot.clone()));
            Ok(())
        })
    }

    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            check_profile(profile)?;
            self.with(profile, |stored| stored.snapshot = None);
            Ok(())
        })
    }

    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock> {
        Box::pin(async move {
            check_profile(profile)?;
            let lock = self.with(profile, |stored| Arc::clone(&stored.lock));
            Ok(StoreLock::new(lock.lock_owned().await))
        })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}
