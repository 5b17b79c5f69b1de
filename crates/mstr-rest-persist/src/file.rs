//! `FileStore`: snapshots in files.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mstr_rest_core::{Error, ErrorKind, Result, SessionSnapshot};
use tokio::runtime::Handle;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::directory::Directory;
use crate::store::check_profile;
use crate::{SnapshotExt, SnapshotStore, StoreFuture, StoreLock, form, unusable};

#[cfg(feature = "encryption")]
use mstr_rest_core::{Credential, SecretString};

/// The interval of attempts to take a lock that another process holds.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// A store with one file `PROFILE.json` for each profile, in one directory.
///
/// - **Permissions**: The directory is created with mode 0700, files with mode 0600. If other users
///   have access to either, reading fails with [`Snapshot`](ErrorKind::Snapshot). On Windows, files
///   have the access rights of the directory.
/// - **Atomic replacement**: A file is written, synced and renamed. After a crash, a kill or on a
///   full disk, it has either the old or the new snapshot.
/// - **Damaged files**: A file that cannot be read as a snapshot is an error and is renamed to
///   `PROFILE.damaged-...`, so that the next login can be saved.
/// - **Locks**: They are advisory ([`flock`](https://man7.org/linux/man-pages/man2/flock.2.html))
///   and end with their process. The files `.PROFILE.lock` are not removed.
///
/// ```no_run
/// use mstr_rest_persist::FileStore;
///
/// let store = FileStore::new("/var/lib/nightly/sessions");
/// ```
#[derive(Clone)]
pub struct FileStore {
    folder: Directory,
    lock_timeout: Duration,
    #[cfg(feature = "encryption")]
    key: Option<Credential>,
}

impl FileStore {
    /// Makes a store in that directory. The directory is created when the first snapshot is saved.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            folder: Directory { path: directory.into(), allow_others: false },
            lock_timeout: Duration::from_secs(60),
            #[cfg(feature = "encryption")]
            key: None,
        }
    }

    /// Accepts a directory and files that other users have access to. Default: false, because a
    /// user who reads a snapshot can use the session.
    #[must_use]
    pub fn allow_open_permissions(mut self, yes: bool) -> Self {
        self.folder.allow_others = yes;
        self
    }

    /// Sets the timeout for the lock of a profile, which another process holds while it logs in.
    /// Default: 60 s.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Encrypts snapshots with XChaCha20-Poly1305. Default: no encryption.
    ///
    /// The key is 32 random bytes in base64 (`openssl rand -base64 32`), not a password. It is
    /// resolved at every load and save. The file of one profile cannot be used for another profile.
    /// Loading a file that is not encrypted fails with [`Snapshot`](ErrorKind::Snapshot).
    ///
    /// ```no_run
    /// use mstr_rest_core::Credential;
    /// use mstr_rest_persist::FileStore;
    ///
    /// let store = FileStore::new("sessions").encrypted(Credential::env("SNAPSHOT_KEY"));
    /// ```
    #[cfg(feature = "encryption")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encryption")))]
    #[must_use]
    pub fn encrypted(mut self, key: impl Into<Credential>) -> Self {
        self.key = Some(key.into());
        self
    }

    #[cfg(feature = "encryption")]
    async fn key(&self) -> Result<Option<SecretString>> {
        match &self.key {
            None => Ok(None),
            Some(key) => crate::seal::resolve(key).await.map(Some),
        }
    }

    #[cfg_attr(
        not(feature = "encryption"),
        expect(clippy::unused_async, reason = "resolves the key")
    )]
    async fn content(
        &self,
        profile: &str,
        snapshot: &SessionSnapshot,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let json = snapshot.to_json()?;
        #[cfg(feature = "encryption")]
        if let Some(key) = self.key().await? {
            return crate::seal::seal(&key, profile, json.expose_secret());
        }
        let _ = profile;
        Ok(Zeroizing::new(json.expose_secret().as_bytes().to_vec()))
    }

    /// Decodes the content of a file. The inner error means that the file is damaged; the outer one
    /// is any other error.
    #[cfg_attr(
        not(feature = "encryption"),
        expect(clippy::unused_async, reason = "resolves the key")
    )]
    async fn decode(&self, profile: &str, content: &[u8]) -> Result<Result<SessionSnapshot>> {
        let Ok(text) = std::str::from_utf8(content) else {
            return Ok(Err(unusable("the file is not UTF-8 text")));
        };
        #[cfg(feature = "encryption")]
        if let Some(key) = self.key().await? {
            return match crate::seal::envelope(text) {
                Ok(envelope) => {
                    let json = envelope.open(&key, profile)?;
                    SessionSnapshot::from_json(json.expose_secret()).map(Ok)
                }
                Err(_)
                    if form::parse::<form::Kind<'_>>(text).is_ok_and(|k| k.version.is_some()) =>
                {
                    Err(unusable(format!("the snapshot `{profile}` is not encrypted")))
                }
                Err(damaged) => Ok(Err(damaged)),
            };
        }
        match form::parse::<form::Kind<'_>>(text) {
            Err(damaged) => Ok(Err(damaged)),
            Ok(kind) if kind.sealed.is_some() => Err(unusable(format!(
                "the snapshot `{profile}` is encrypted: call FileStore::encrypted"
            ))),
            Ok(kind) => match SessionSnapshot::from_json(text) {
                Err(error) if kind.is_newer() => Err(error),
                read => Ok(read),
            },
        }
    }

    async fn load(&self, profile: &str) -> Result<Option<SessionSnapshot>> {
        check_profile(profile)?;
        let name = profile.to_owned();
        let folder = self.folder.clone();
        let Some(content) = blocking(move || folder.read(&name)).await? else { return Ok(None) };
        let damaged = match self.decode(profile, &content).await? {
            Ok(snapshot) => return Ok(Some(snapshot)),
            Err(damaged) => damaged,
        };
        let (folder, name) = (self.folder.clone(), profile.to_owned());
        let aside = blocking(move || folder.set_aside(&name, &content)).await?;
        let place = match aside {
            Some(path) => format!("it was renamed to {}", path.display()),
            None => "it was replaced meanwhile".to_owned(),
        };
        let message = format!("the snapshot `{profile}` is damaged: {place}");
        Err(Error::with_source(ErrorKind::Snapshot, message, damaged))
    }
}

impl SnapshotStore for FileStore {
    fn load<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, Option<SessionSnapshot>> {
        Box::pin(self.load(profile))
    }

    fn save<'a>(&'a self, profile: &'a str, snapshot: &'a SessionSnapshot) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            check_profile(profile)?;
            let content = self.content(profile, snapshot).await?;
            let (folder, profile) = (self.folder.clone(), profile.to_owned());
            blocking(move || folder.replace(&profile, &content)).await
        })
    }

    fn delete<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            check_profile(profile)?;
            let (folder, profile) = (self.folder.clone(), profile.to_owned());
            blocking(move || folder.remove(&profile)).await
        })
    }

    fn lock<'a>(&'a self, profile: &'a str) -> StoreFuture<'a, StoreLock> {
        Box::pin(async move {
            check_profile(profile)?;
            lock_file(&self.folder, profile, self.lock_timeout).await
        })
    }
}

/// Waits for the lock of a profile. It polls, because a thread that waits in the kernel cannot be
/// cancelled.
pub(crate) async fn lock_file(
    folder: &Directory,
    profile: &str,
    timeout: Duration,
) -> Result<StoreLock> {
    in_runtime()?;
    let end = Instant::now().checked_add(timeout);
    loop {
        let (folder, name) = (folder.clone(), profile.to_owned());
        if let Some(file) = blocking(move || folder.try_lock(&name)).await? {
            return Ok(StoreLock::new(Arc::new(file)));
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!(
                    "the lock of the profile `{profile}` was not free within {timeout:?}: another \
                     process holds it while it logs in"
                ),
            ));
        }
        tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
    }
}

/// Runs blocking work on a thread for blocking work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    in_runtime()?;
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::interrupted("the work on the store")))
}

pub(crate) fn in_runtime() -> Result<()> {
    Handle::try_current().map(|_| ()).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "not inside a Tokio runtime: use #[tokio::main], or mstr_rest::blocking",
        )
    })
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("directory", &self.folder.path).finish_non_exhaustive()
    }
}
