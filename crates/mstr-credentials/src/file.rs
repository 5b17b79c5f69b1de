//! Files: mounted Kubernetes and Docker secrets, or any other.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use tokio::runtime::Handle;
use zeroize::Zeroizing;

use crate::{
    Credential, CredentialError, MAX_SECRET_BYTES, SecretProvider, SecretString,
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
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    warned: AtomicBool,
    /// Alive as long as a read that ran out of time has not come back.
    stuck: Mutex<Weak<()>>,
}

impl SecretFile {
    /// The file at that path. Reads nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            timeout: DEFAULT_TIMEOUT,
            permission_warning: true,
            shared: Arc::default(),
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
        let (shared, timeout) = (Arc::clone(&self.shared), self.timeout);
        let bounded = move || in_time(timeout, &shared, move || read(&path));
        let outcome = match Handle::try_current() {
            // ends within the timeout, so that it cannot hold up a shutdown; and unlike a bare
            // thread it stops tokio's paused clock from running ahead
            Ok(runtime) => runtime.spawn_blocking(bounded).await.unwrap_or(Err(Failure::GivenUp)),
            Err(_) => bounded(),
        };
        let contents = outcome.map_err(|failure| self.error(failure))?;
        if self.permission_warning
            && contents.open_to_others
            && !self.shared.warned.swap(true, Ordering::Relaxed)
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
            Failure::Io(error) => {
                return CredentialError::with_source(format!("{name} cannot be read"), error);
            }
            Failure::Directory => "is a directory".to_owned(),
            Failure::TooLarge => format!("is larger than {MAX_SECRET_BYTES} bytes"),
            Failure::Timeout => format!("could not be read within {:?}", self.timeout),
            Failure::Stuck => "is still being read by an earlier attempt that hangs".to_owned(),
            Failure::GivenUp => "was not read: the runtime is shutting down".to_owned(),
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
        let contents = self.read().await?;
        let mut bytes = contents.bytes();
        while let [rest @ .., b'\n'] = bytes {
            bytes = rest.strip_suffix(b"\r").unwrap_or(rest);
        }
        SecretValue::from(bytes).text(&self.name())
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
    Timeout,
    Stuck,
    GivenUp,
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

/// Runs `job` on a thread that is left behind when it takes longer than `timeout`.
fn in_time<T: Send + 'static>(
    timeout: Duration,
    shared: &Shared,
    job: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let stuck = || shared.stuck.lock().unwrap_or_else(PoisonError::into_inner);
    if stuck().strong_count() > 0 {
        return Err(Failure::Stuck);
    }
    let running = Arc::new(());
    let watch = Arc::downgrade(&running);
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("mstr-secret-file".to_owned()).spawn(move || {
        let outcome = job();
        drop(running);
        // nobody is waiting any more: the outcome is dropped (and wiped)
        let _ = sender.send(outcome);
    })?;
    receiver.recv_timeout(timeout).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => {
            *stuck() = watch;
            Err(Failure::Timeout)
        }
        RecvTimeoutError::Disconnected => Err(Failure::GivenUp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_read_ends_and_starts_no_second_thread() {
        let shared = Shared::default();
        let (release, blocked) = mpsc::channel::<()>();
        let (done, finished) = mpsc::channel::<()>();
        let outcome = in_time(Duration::from_millis(1), &shared, move || {
            let _ = blocked.recv();
            let _done = done;
            Ok(())
        });
        assert!(matches!(outcome, Err(Failure::Timeout)));
        let outcome = in_time(Duration::MAX, &shared, || -> Result<(), _> { unreachable!() });
        assert!(matches!(outcome, Err(Failure::Stuck)));

        // once it has come back, the next one runs
        drop(release);
        assert!(finished.recv().is_err());
        while shared.stuck.lock().unwrap().strong_count() > 0 {
            thread::yield_now();
        }
        assert!(matches!(in_time(DEFAULT_TIMEOUT, &shared, || Ok(7)), Ok(7)));
    }

    #[test]
    fn a_panicking_read_is_an_error() {
        let outcome = in_time(DEFAULT_TIMEOUT, &Shared::default(), || -> Result<(), _> {
            std::panic::resume_unwind(Box::new("quiet"))
        });
        assert!(matches!(outcome, Err(Failure::GivenUp)));
    }
}
