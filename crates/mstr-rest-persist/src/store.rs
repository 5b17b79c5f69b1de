//! Where snapshots are kept.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use mstr_rest_core::{Error, ErrorKind, Result, SessionSnapshot};

/// What a store gives back: a future that may be sent between threads.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Keeps snapshots under names, the profiles. Implement it for a store of your own, a shared cache
/// for instance.
///
/// A profile is up to 64 small letters, digits, `.`, `_` and `-`, the first of them a letter or a
/// digit; stores of this crate refuse others with [`InvalidRequest`](ErrorKind::InvalidRequest).
///
/// ```
/// use std::sync::Arc;
/// use mstr_rest_persist::{MemoryStore, SnapshotStore};
///
/// // which store it is may be decided when the program runs
/// let store: Arc<dyn SnapshotStore> = Arc::new(MemoryStore::new());
/// ```
pub trait SnapshotStore: Send + Sync {
    /// The snapshot of the profile; `None` when there is none.
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>>;

    /// Puts the snapshot in the place of the profile's last one: all or nothing.
    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()>;

    /// Forgets the snapshot of the profile. It is fine when there is none.
    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()>;

    /// Waits until nobody else, in whatever process the store reaches, holds the profile, and
    /// holds it until the lock is dropped: so that one logs in while the others wait. Loading and
    /// saving go on while it is held.
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

/// A profile that is held. Dropping it lets the next one in.
#[must_use = "dropping it lets the next one in"]
pub struct StoreLock {
    _held: Box<dyn Any + Send + Sync>,
}

impl StoreLock {
    /// A lock that is held as long as `guard` lives.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self { _held: Box::new(guard) }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
}

/// A name that is a file name everywhere, and one only: some file systems know no letter case.
pub(crate) fn check_profile(profile: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    // names of devices on Windows, whatever follows behind a point
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
        "a profile is up to 64 small letters, digits, `.`, `_` and `-`, the first of them a letter \
         or a digit, and not the name of a device (con, nul, com1)",
    ))
}

#[cfg(test)]
mod tests {
    use super::check_profile;

    #[test]
    fn profiles() {
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
