//! Snapshots in the keyring of the operating system.

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

/// Keeps each profile as an entry of the operating system's keyring.
///
/// [`new`](Self::new) takes the kernel's keyring on Linux (kept until the machine restarts; it
/// needs neither a desktop nor D-Bus), the Keychain on macOS, and the Credential Manager on Windows
/// (entries up to 2,560 bytes: enough for most sessions). [`with`](Self::with) takes any store of
/// [`keyring-core`](https://docs.rs/keyring-core), the Secret Service of a Linux desktop for
/// instance.
///
/// A keyring has no locks: [`lock_in`](Self::lock_in) names a directory for lock files. Without it
/// only tasks of this process wait for one another.
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
    /// For its locks alone.
    process: MemoryStore,
}

/// How long another process may log in.
const LOCKED: Duration = Duration::from_secs(60);

impl KeyringStore {
    /// The keyring of this platform; `service` is what its user interfaces show, the name of your
    /// program for instance.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) when there is none.
    pub fn new(service: impl AsRef<str>) -> Result<Self> {
        Ok(Self::with(service, platform()?))
    }

    /// Any store of `keyring-core` 1.x.
    pub fn with(service: impl AsRef<str>, keyring: Arc<CredentialStore>) -> Self {
        Self { service: service.as_ref().into(), keyring, locks: None, process: MemoryStore::new() }
    }

    /// A directory for lock files, so that processes do not log in twice. It is made with mode
    /// 0700; nothing secret is in it.
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
    Err(unusable("this platform has no keyring that is known: use KeyringStore::with"))
}

/// The keyring's own error is not chained: some of its kinds hold what was read.
fn failed(error: &KeyringError) -> Error {
    let what = match error {
        KeyringError::PlatformFailure(_) => "fails".to_owned(),
        KeyringError::NoStorageAccess(_) => "cannot be accessed; is it locked?".to_owned(),
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            "holds something that is no snapshot".to_owned()
        }
        KeyringError::TooLong(_, limit) => format!("takes no more than {limit} bytes"),
        KeyringError::Ambiguous(_) => "holds several entries of that profile".to_owned(),
        _ => "does not do this".to_owned(),
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
                .map_err(|_| unusable("the keyring holds something that is no snapshot"))?;
            SessionSnapshot::from_json(text).map(Some)
        })
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let json = snapshot.to_json()?;
            let saved = self
                .entry(profile, move |entry| entry.set_secret(json.expose_secret().as_bytes()))
                .await?;
            saved.ok_or_else(|| unusable("the keyring did not take the snapshot"))
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
                    let folder = Directory { path: path.clone(), open: false };
                    lock_file(&folder, profile, LOCKED).await
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
