//! `KeyringStore`: snapshots in the keyring of the operating system.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyring_core::api::CredentialStore;
use keyring_core::{Entry, Error as KeyringError};
use mstr_rest_core::{Error, ErrorKind, Result, SessionSnapshot};
use zeroize::Zeroizing;

use crate::directory::Directory;
use crate::file::{blocking, lock_file};
use crate::store::check_profile;
use crate::{MemoryStore, SnapshotExt, SnapshotStore, StoreFuture, StoreLock, unusable};

/// A store with one entry for each profile, in the keyring of the operating system.
///
/// [`new`](Self::new) uses
/// - on Linux the keyring of the kernel. It lasts until the machine restarts and needs neither a
///   desktop nor D-Bus;
/// - on macOS the Keychain;
/// - on Windows the Credential Manager. Its entries have up to 2,560 bytes, enough for most
///   sessions.
///
/// [`with`](Self::with) uses any store of [`keyring-core`](https://docs.rs/keyring-core), for
/// example the Secret Service of a Linux desktop.
///
/// A keyring has no locks. Set a directory for lock files with [`lock_in`](Self::lock_in). Without
/// it, locks only work between the tasks of this process.
///
/// ```no_run
/// use mstr_rest_persist::KeyringStore;
///
/// # fn main() -> mstr_rest_core::Result<()> {
/// let store = KeyringStore::new("nightly-report")?.lock_in("/run/user/1000/nightly-report");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyringStore {
    service: Arc<str>,
    keyring: Arc<CredentialStore>,
    locks: Option<PathBuf>,
    /// Only its locks are used.
    process: MemoryStore,
}

/// The timeout for the lock of a profile, which another process holds while it logs in.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

impl KeyringStore {
    /// Makes a store in the keyring of this platform. User interfaces of the keyring show
    /// `service`; use the name of your program, for example.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) if the platform has no keyring.
    pub fn new(service: impl AsRef<str>) -> Result<Self> {
        Ok(Self::with(service, platform()?))
    }

    /// Makes a store in any store of `keyring-core` 1.x.
    pub fn with(service: impl AsRef<str>, keyring: Arc<CredentialStore>) -> Self {
        Self { service: service.as_ref().into(), keyring, locks: None, process: MemoryStore::new() }
    }

    /// Sets a directory for lock files, so that only one process logs in. Default: none. It is
    /// created with mode 0700 and contains no secrets.
    #[must_use]
    pub fn lock_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.locks = Some(directory.into());
        self
    }

    async fn entry<T: Send + 'static>(
        &self,
        profile: &str,
        work: impl FnOnce(&Entry) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<Option<T>> {
        check_profile(profile)?;
        let (keyring, service) = (Arc::clone(&self.keyring), Arc::clone(&self.service));
        let profile = profile.to_owned();
        blocking(move || {
            let done = keyring.build(&service, &profile, None).and_then(|entry| work(&entry));
            match done {
                Ok(value) => Ok(Some(value)),
                Err(KeyringError::NoEntry) => Ok(None),
                Err(error) => Err(failed(&error)),
            }
        })
        .await
    }
}

#[cfg(target_os = "linux")]
fn platform() -> Result<Arc<CredentialStore>> {
    match linux_keyutils_keyring_store::Store::new() {
        Ok(store) => Ok(store),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(target_os = "macos")]
fn platform() -> Result<Arc<CredentialStore>> {
    match apple_native_keyring_store::keychain::Store::new() {
        Ok(store) => Ok(store),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(target_os = "windows")]
fn platform() -> Result<Arc<CredentialStore>> {
    match windows_native_keyring_store::Store::new() {
        Ok(store) => Ok(store),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn platform() -> Result<Arc<CredentialStore>> {
    Err(unusable("no keyring of this platform is supported: use KeyringStore::with"))
}

/// Converts an error of the keyring. It does not become the source: some kinds contain the entry.
fn failed(error: &KeyringError) -> Error {
    let what = match error {
        KeyringError::PlatformFailure(_) => "has failed".to_owned(),
        KeyringError::NoStorageAccess(_) => {
            "cannot be accessed: unlock it if it is locked".to_owned()
        }
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            "has an entry that is not a snapshot".to_owned()
        }
        KeyringError::TooLong(_, limit) => format!("accepts at most {limit} bytes"),
        KeyringError::Ambiguous(_) => "has several entries for this profile".to_owned(),
        _ => "does not support this operation".to_owned(),
    };
    Error::new(ErrorKind::Snapshot, format!("the keyring {what}"))
}

impl SnapshotStore for KeyringStore {
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>> {
        Box::pin(async move {
            let Some(bytes) = self.entry(profile, Entry::get_secret).await? else {
                return Ok(None);
            };
            let bytes = Zeroizing::new(bytes);
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| unusable("the keyring has an entry that is not a snapshot"))?;
            SessionSnapshot::from_json(text).map(Some)
        })
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let json = snapshot.to_json()?;
            let saved = self
                .entry(profile, move |entry| entry.set_secret(json.expose_secret().as_bytes()))
                .await?;
            saved.ok_or_else(|| unusable("the keyring did not store the snapshot"))
        })
    }

    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.entry(profile, Entry::delete_credential).await?;
            Ok(())
        })
    }

    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock> {
        Box::pin(async move {
            check_profile(profile)?;
            match &self.locks {
                None => self.process.lock(profile).await,
                Some(path) => {
                    let folder = Directory { path: path.clone(), allow_others: false };
                    lock_file(&folder, profile, LOCK_TIMEOUT).await
                }
            }
        })
    }
}

impl fmt::Debug for KeyringStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringStore").field("service", &self.service).finish_non_exhaustive()
    }
}
