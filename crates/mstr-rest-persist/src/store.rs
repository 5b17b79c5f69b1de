//! `SnapshotStore`: the trait of the stores, and the names of profiles.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use mstr_rest_core::{Error, ErrorKind, Result, SessionSnapshot};

/// The future that the methods of [`SnapshotStore`] return. It is `Send`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A store for snapshots with names (profiles). Implement it for a store of your own, for example a
/// shared cache.
///
/// The name of a profile has up to 64 characters: lowercase letters, digits, `.`, `_` and `-`. The
/// first one is a letter or a digit. Stores of this crate fail with
/// [`InvalidRequest`](ErrorKind::InvalidRequest) for other names.
///
/// ```
/// use std::sync::Arc;
/// use mstr_rest_persist::{MemoryStore, SnapshotStore};
///
/// // the store can be chosen at run time
/// let store: Arc<dyn SnapshotStore> = Arc::new(MemoryStore::new());
/// ```
pub trait SnapshotStore: Send + Sync {
    /// Loads the snapshot of the profile. `None` if there is none.
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>>;

    /// Replaces the snapshot of the profile, atomically.
    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()>;

    /// Deletes the snapshot of the profile. It is no error if there is none.
    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()>;

    /// Waits for the lock of the profile and takes it, so that one process or task logs in while
    /// the others wait. Dropping the lock releases it. Loading and saving do not need the lock.
    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock>;
}

impl<S: SnapshotStore + ?Sized> SnapshotStore for Arc<S> {
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>> {
        (**self).load(profile)
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        (**self).save(profile, snapshot)
    }

    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()> {
        (**self).delete(profile)
    }

    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock> {
        (**self).lock(profile)
    }
}

/// The lock of a profile. Dropping it releases the lock.
#[must_use = "dropping it releases the lock"]
pub struct StoreLock {
    _guard: Box<dyn Any + Send + Sync>,
}

impl StoreLock {
    /// Makes a lock that is released when `guard` is dropped.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _guard: Box::new(guard) }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
}

/// Fails for a name that is not a valid file name on all platforms. Uppercase letters are not
/// allowed, because some file systems ignore letter case.
pub(crate) fn check_profile(profile: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // device names of Windows, with any extension
    let stem = profile.split('.').next().unwrap_or_default();
    let numbered = |name: &str| stem.strip_prefix(name).is_some_and(|rest| rest.len() == 1);
    let is_device =
        ["con", "prn", "aux", "nul"].contains(&stem) || numbered("com") || numbered("lpt");
    let good = !is_device
        && (1..=64).contains(&profile.len())
        && profile.bytes().all(|b| plain(b) || b"._-".contains(&b))
        && profile.bytes().next().is_some_and(plain);
    if good {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidRequest,
        "invalid name of a profile: use up to 64 lowercase letters, digits, `.`, `_` and `-`, \
         start with a letter or a digit, and do not use the name of a device (con, nul, com1)",
    ))
}

#[cfg(test)]
mod tests {
    use super::check_profile;

    #[test]
    fn profile_names_are_portable_file_names() {
        for good in ["a", "nightly", "console", "com10", "com", "2.x_y-z", &"a".repeat(64)] {
            assert!(check_profile(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".a",
            "-a",
            "A",
            "a/b",
            "..",
            "a\\b",
            "a b",
            "\u{fc}",
            "con",
            "nul.x",
            "com1",
            &"a".repeat(65),
        ] {
            assert!(check_profile(bad).is_err(), "{bad}");
        }
    }
}
