//! Files: mounted Kubernetes and Docker secrets, or any other.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zeroize::Zeroizing;

use crate::{
    Credential, CredentialError, MAX_SECRET_BYTES, SecretProvider, SecretString,
    blocking::{Blocking, Unfinished},
    field::{Field, Whole},
    value::SecretValue,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A file with a secret in it, read at every resolve.
///
/// Made for secrets that an orchestrator mounts and rotates: `/run/secrets/..`, a Kubernetes volume.
///
/// * Line ends (LF, CR LF) at the end are stripped; all else is the secret.
/// * A file that is not there, or is empty after that, is [missing](CredentialError::missing).
/// * Larger than [`MAX_SECRET_BYTES`], a directory, unreadable, not UTF-8: an error that names the
///   path.
/// * On Unix, a regular file that its group or others can read is reported with one
///   [`tracing`](https://docs.rs/tracing) warning per `SecretFile`.
///   [`permission_warning(false)`](Self::permission_warning) turns that off where the mode is not
///   yours to choose.
///
/// # Blocking
///
/// The file is read on a thread of its own, with a timeout of 10 seconds: a FIFO that nobody
/// writes to, or a network mount that went away, gives an error instead of a hang. (Not
/// `tokio::fs`: a read that never returns would keep its runtime from shutting down.) While such a
/// read is still stuck, further resolves of this `SecretFile` fail at once and start no more threads.
/// Outside a tokio runtime the polling thread waits for the read.
///
/// ```
/// use mstr_credentials::{Credential, CredentialError, SecretFile};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("mstr-password");
/// std::fs::write(&path, "s3cret\n")?;
/// let password = Credential::from(SecretFile::new(&path).permission_warning(false));
/// assert_eq!(password.resolve().await?.expose_secret(), "s3cret");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SecretFile {
    path: PathBuf,
    timeout: Duration,
    permission_warning: bool,
    warned: Arc<AtomicBool>,
    reading: Blocking,
}

impl SecretFile {
    /// The file at that path. Reads nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            timeout: DEFAULT_TIMEOUT,
            permission_warning: true,
            warned: Arc::default(),
            reading: Blocking::default(),
        }
    }

    /// Timeout of reading. Default: 10 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether to warn about a file that others can read (on by default; Unix only).
    #[must_use]
    pub fn permission_warning(mut self, warn: bool) -> Self {
        self.permission_warning = warn;
        self
    }

    /// One field of the JSON object in the file, read at every resolve (rules:
    /// [`SecretValue::field`]).
    ///
    /// ```
    /// use mstr_credentials::SecretFile;
    ///
    /// let password = SecretFile::new("/run/secrets/mstr.json").field("password");
    /// # let _ = password;
    /// ```
    pub fn field(self, field: impl Into<String>) -> Credential {
        Field::new(self, field).into()
    }

    async fn read(&self) -> Result<Contents, CredentialError> {
        let path = self.path.clone();
        let read = self.reading.run("mstr-secret-file", self.timeout, move || read(&path)).await;
        let contents = read
            .unwrap_or_else(|unfinished| Err(Failure::Unfinished(unfinished)))
            .map_err(|failure| self.error(failure))?;
        if self.permission_warning
            && contents.open_to_others
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                path = %self.path.display(),
                "secret file can be read by its group or by others"
            );
        }
        Ok(contents)
    }

    fn error(&self, failure: Failure) -> CredentialError {
        let name = self.name();
        let what = match failure {
            Failure::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("{name} does not exist");
                return CredentialError::missing_with_source(what, error);
            }
            Failure::Io(error) | Failure::Unfinished(Unfinished::Thread(error)) => {
                return CredentialError::with_source(format!("{name} cannot be read"), error);
            }
            Failure::Directory => "is a directory".to_owned(),
            Failure::TooLarge => format!("is larger than {MAX_SECRET_BYTES} bytes"),
            Failure::Unfinished(Unfinished::Timeout) => {
                format!("could not be read within {:?}", self.timeout)
            }
            Failure::Unfinished(Unfinished::Stuck) => {
                "is still being read by an earlier attempt that hangs".to_owned()
            }
            Failure::Unfinished(Unfinished::GivenUp) => {
                "was not read: the runtime is shutting down".to_owned()
            }
        };
        CredentialError::new(format!("{name} {what}"))
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SecretProvider for SecretFile {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.whole().await?.text_without_line_ends(&self.name())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

impl Whole for SecretFile {
    fn name(&self) -> String {
        format!("secret file {}", self.path.display())
    }

    async fn whole(&self) -> Result<SecretValue, CredentialError> {
        Ok(self.read().await?.bytes().into())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

struct Contents {
    buffer: Zeroizing<Vec<u8>>,
    len: usize,
    open_to_others: bool,
}

impl Contents {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

enum Failure {
    Io(io::Error),
    Directory,
    TooLarge,
    Unfinished(Unfinished),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads into a buffer that never moves, so that no copy stays behind.
fn read(path: &Path) -> Result<Contents, Failure> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(Failure::Directory);
    }
    #[cfg(unix)]
    let open_to_others = {
        use std::os::unix::fs::PermissionsExt;
        metadata.is_file() && metadata.permissions().mode() & 0o044 != 0
    };
    #[cfg(not(unix))]
    let open_to_others = false;

    let mut buffer = Zeroizing::new(vec![0; MAX_SECRET_BYTES + 1]);
    let mut len = 0;
    loop {
        match file.read(&mut buffer[len..]) {
            Ok(0) => return Ok(Contents { buffer, len, open_to_others }),
            Ok(n) => len += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        if len > MAX_SECRET_BYTES {
            return Err(Failure::TooLarge);
        }
    }
}
