//! The keyring of the operating system.

use std::{fmt, sync::Arc, time::Duration};

use keyring_core::{Error as KeyringError, api::CredentialStore};
use zeroize::Zeroizing;

use crate::{
    Credential, CredentialError, SecretProvider, SecretString,
    blocking::{Blocking, Unfinished},
    field::{Field, Whole},
    value::SecretValue,
};

/// The keyring may ask a person to unlock it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How to store an entry on this platform.
#[cfg(target_os = "macos")]
const STORE: &str = "security add-generic-password -s SERVICE -a USER -w";
#[cfg(target_os = "windows")]
const STORE: &str = "cmdkey /generic:USER.SERVICE /user:USER /pass";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const STORE: &str = "keyctl padd user keyring:USER@SERVICE @u";

/// What to do about a keyring that does not let us in.
#[cfg(any(target_os = "macos", target_os = "windows"))]
const ACCESS: &str = "unlock it, and run in the session of its user";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const ACCESS: &str = "containers often forbid keyrings: use a file or a variable there";

/// An entry of the operating system's keyring, read at every resolve.
///
/// [`new`](Self::new) reads the Keychain on macOS, the Credential Manager on Windows, and the
/// kernel's keyring on Linux (kept until the machine restarts; it needs neither a desktop nor
/// D-Bus). [`with`](Self::with) takes any store of [`keyring-core`](keyring_core), the Secret Service
/// of a Linux desktop for instance; `cmd:secret-tool lookup service SERVICE username USER` reads that
/// without one.
///
/// | platform | store an entry, which asks for the secret |
/// | --- | --- |
/// | Linux | `keyctl padd user keyring:USER@SERVICE @u` (reads standard input to its end: Ctrl-D) |
/// | macOS | `security add-generic-password -s SERVICE -a USER -w` |
/// | Windows | `cmdkey /generic:USER.SERVICE /user:USER /pass` |
///
/// Line ends (LF, CR LF) at the end are stripped, as of a file; all else is the secret.
///
/// # Blocking
///
/// The entry is read on a thread of its own, with a timeout of 60 seconds: a keyring may ask a person
/// to unlock it. While such a read is still stuck, further resolves of this value fail at once.
/// Outside a tokio runtime the polling thread waits for the read.
///
/// ```
/// use mstr_credentials::{Credential, SecretKeyring, keyring_core::mock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let password = Credential::from(SecretKeyring::new("mstr", "dave"));
/// # let _ = password;
///
/// // another store
/// let store = mock::Store::new()?;
/// let password = SecretKeyring::with("mstr", "dave", store);
/// assert!(Credential::from(password).resolve().await.unwrap_err().is_missing());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [Missing](CredentialError::missing) when there is no entry, or an empty one; else the keyring
/// cannot be used. All of them say what to do. They name the service and the user.
#[derive(Clone)]
pub struct SecretKeyring {
    service: String,
    user: String,
    store: Option<Arc<CredentialStore>>,
    timeout: Duration,
    reading: Blocking,
}

impl SecretKeyring {
    /// The entry of `user` for `service`, in the keyring of this platform. Reads nothing yet.
    pub fn new(service: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            user: user.into(),
            store: None,
            timeout: DEFAULT_TIMEOUT,
            reading: Blocking::default(),
        }
    }

    /// The same in any store of `keyring-core` 1.x.
    pub fn with(
        service: impl Into<String>,
        user: impl Into<String>,
        store: Arc<CredentialStore>,
    ) -> Self {
        Self { store: Some(store), ..Self::new(service, user) }
    }

    /// Timeout of reading. Default: 60 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// One field of the JSON object in the entry, read at every resolve (rules:
    /// [`SecretValue::field`]).
    pub fn field(self, field: impl Into<String>) -> Credential {
        Field::new(self, field).into()
    }

    async fn read(&self) -> Result<SecretValue, CredentialError> {
        let (service, user, store) = (self.service.clone(), self.user.clone(), self.store.clone());
        let read = move || {
            let store = match store {
                Some(store) => store,
                None => platform()?,
            };
            // it knows how the platform encodes text
            let password = store.build(&service, &user, None)?.get_password()?;
            Ok(SecretValue::from(password))
        };
        let name = Whole::name(self);
        match self.reading.run("mstr-secret-keyring", self.timeout, read).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.error(error)),
            Err(Unfinished::Thread(error)) => {
                Err(CredentialError::with_source(format!("{name} cannot be read"), error))
            }
            Err(unfinished) => Err(CredentialError::new(match unfinished {
                Unfinished::Stuck => {
                    format!("{name} is still being read by an earlier attempt that hangs")
                }
                Unfinished::GivenUp => format!("{name} was not read: the keyring's code panicked"),
                _ => format!(
                    "{name} could not be read within {:?}: does the keyring wait for someone to \
                     unlock it?",
                    self.timeout
                ),
            })),
        }
    }

    /// The keyring's own error is not chained, and only the platform's part of it is shown: other
    /// kinds hold what was read.
    fn error(&self, error: KeyringError) -> CredentialError {
        let what = match error {
            KeyringError::NoEntry => {
                let store = STORE.replace("SERVICE", &self.service).replace("USER", &self.user);
                let what = format!("{} does not exist: store it with `{store}`", Whole::name(self));
                return CredentialError::missing(what);
            }
            KeyringError::NoStorageAccess(why) => {
                format!("cannot be read: the keyring gives no access ({why}); {ACCESS}")
            }
            KeyringError::PlatformFailure(why) => {
                format!("cannot be read: the keyring fails ({why}); is its service running?")
            }
            KeyringError::BadEncoding(bytes) | KeyringError::BadDataFormat(bytes, _) => {
                drop(Zeroizing::new(bytes));
                "is not text: store it anew".to_owned()
            }
            KeyringError::Ambiguous(_) => "exists more than once: delete the others".to_owned(),
            KeyringError::Invalid(..) | KeyringError::TooLong(..) => {
                "has a service or user that this keyring does not take".to_owned()
            }
            KeyringError::NoDefaultStore => {
                "cannot be read: this platform has no keyring that is known; pass a store to \
                 SecretKeyring::with"
                    .to_owned()
            }
            _ => "cannot be read: this keyring cannot do that".to_owned(),
        };
        CredentialError::new(format!("{} {what}", Whole::name(self)))
    }
}

#[cfg(target_os = "linux")]
fn platform() -> Result<Arc<CredentialStore>, KeyringError> {
    Ok(linux_keyutils_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn platform() -> Result<Arc<CredentialStore>, KeyringError> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(target_os = "windows")]
fn platform() -> Result<Arc<CredentialStore>, KeyringError> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
fn platform() -> Result<Arc<CredentialStore>, KeyringError> {
    Err(KeyringError::NoDefaultStore)
}

impl SecretProvider for SecretKeyring {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.read().await?.text_without_line_ends(&Whole::name(self))
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

impl Whole for SecretKeyring {
    fn name(&self) -> String {
        format!("keyring entry {}/{}", self.service, self.user)
    }

    async fn whole(&self) -> Result<SecretValue, CredentialError> {
        self.read().await
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

/// Shows service and user.
impl fmt::Debug for SecretKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SecretKeyring");
        out.field("service", &self.service).field("user", &self.user).finish_non_exhaustive()
    }
}
