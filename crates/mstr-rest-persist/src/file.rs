//! Snapshots in files.

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

/// How often it is tried to get a lock that somebody holds.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Keeps each profile in a file `PROFILE.json` of one directory.
///
/// The directory is made with mode 0700, files with 0600; what others have access to is refused. A
/// file is replaced in one step, synced before: after a crash, a kill or on a full disk it holds
/// the snapshot from before or the new one. One that is damaged gives an error and is renamed to
/// `PROFILE.damaged-...`, so that the next login can be saved. Locks are advisory
/// ([`flock`](https://man7.org/linux/man-pages/man2/flock.2.html)) and end with their process; the
/// files `.PROFILE.lock` stay. On Windows the access rights are those of the directory.
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
    /// A store in that directory. It is made when the first snapshot is saved; nothing is read
    /// before.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            folder: Directory { path: directory.into(), open: false },
            lock_timeout: Duration::from_secs(60),
            #[cfg(feature = "encryption")]
            key: None,
        }
    }

    /// Whether directory and files may be open to other users. They are refused otherwise: whoever
    /// reads a snapshot has the session.
    #[must_use]
    pub fn allow_open_permissions(mut self, yes: bool) -> Self {
        self.folder.open = yes;
        self
    }

    /// How long to wait for the lock of a profile while another process logs in: 60 s unless set
    /// here.
    #[must_use]
    pub fn lock_timeout(mut self, limit: Duration) -> Self {
        self.lock_timeout = limit;
        self
    }

    /// Encrypts snapshots with XChaCha20-Poly1305. The key is 32 random bytes in base64
    /// (`openssl rand -base64 32`), asked for with every load and save; it is no password.
    /// Profiles cannot be exchanged for one another. Files that are not encrypted are refused.
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
        expect(clippy::unused_async, reason = "asks for the key")
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

    /// Reads what a file holds. The outer error is about this store, the inner one about the file:
    /// it is damaged.
    #[cfg_attr(
        not(feature = "encryption"),
        expect(clippy::unused_async, reason = "asks for the key")
    )]
    async fn understood(&self, profile: &str, content: &[u8]) -> Result<Result<SessionSnapshot>> {
        let Ok(text) = std::str::from_utf8(content) else {
            return Ok(Err(unusable("it is not text")));
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
        let damaged = match self.understood(profile, &content).await? {
            Ok(snapshot) => return Ok(Some(snapshot)),
            Err(damaged) => damaged,
        };
        let (folder, name) = (self.folder.clone(), profile.to_owned());
        let aside = blocking(move || folder.set_aside(&name, &content)).await?;
        let place = match aside {
            Some(path) => format!("it was kept as {}", path.display()),
            None => "it is no longer there".to_owned(),
        };
        let message = format!("the snapshot `{profile}` is damaged; {place}");
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

/// Tries again and again: a thread that waits in the kernel could not be called back.
pub(crate) async fn lock_file(
    folder: &Directory,
    profile: &str,
    limit: Duration,
) -> Result<StoreLock> {
    in_runtime()?;
    let end = Instant::now().checked_add(limit);
    loop {
        let (folder, name) = (folder.clone(), profile.to_owned());
        if let Some(file) = blocking(move || folder.try_lock(&name)).await? {
            return Ok(StoreLock::new(Arc::new(file)));
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!(
                    "the lock of the profile `{profile}` was not free within {limit:?}: another \
                     process holds it while it logs in"
                ),
            ));
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}

/// Runs what blocks where it may.
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
