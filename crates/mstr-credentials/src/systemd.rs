//! Credentials of a systemd unit.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crate::{
    Credential, CredentialError, SecretFile, SecretProvider, SecretString,
    env::lookup,
    field::{Field, Whole},
    value::SecretValue,
};

/// Where systemd tells a service that its credentials are.
const DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A credential that systemd hands to a service, read at every resolve.
///
/// `LoadCredential=`, `LoadCredentialEncrypted=`, `SetCredential=` and `ImportCredential=` of a unit
/// put files into a directory that only the service can read; the variable `CREDENTIALS_DIRECTORY`
/// names it. The file is read as [`SecretFile`] reads one, without its warning: systemd sets the
/// mode of these files.
///
/// ```text
/// [Service]
/// LoadCredentialEncrypted=mstr-password:/etc/mstr/password.cred
/// Environment=MSTR_PASSWORD=systemd:mstr-password
/// ```
///
/// ```
/// use mstr_credentials::{Credential, SystemdCredential};
///
/// let password = Credential::from(SystemdCredential::new("mstr-password"));
/// // {"username": "dave", "password": ".."} in one credential
/// let field = SystemdCredential::new("mstr").field("password");
/// # let _ = (password, field);
/// ```
///
/// # Errors
///
/// [Missing](CredentialError::missing) when the variable is not set or has no such file. A name has
/// up to 255 printable ASCII characters without `/` and `:`, and is neither `.` nor `..`: any other
/// is an error that does not repeat it.
#[derive(Clone, Debug)]
pub struct SystemdCredential {
    name: String,
    timeout: Option<Duration>,
    /// Made by the first resolve: the directory of a process does not change.
    file: Arc<OnceLock<SecretFile>>,
}

impl SystemdCredential {
    /// The credential of that name, the part before the colon in `LoadCredential=NAME:PATH`. Reads
    /// nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), timeout: None, file: Arc::default() }
    }

    /// Timeout of reading. Default: 10 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { name: self.name, timeout: Some(timeout), file: Arc::default() }
    }

    /// One field of the JSON object in the credential, read at every resolve (rules:
    /// [`SecretValue::field`]).
    pub fn field(self, field: impl Into<String>) -> Credential {
        Field::new(self, field).into()
    }

    pub(crate) fn check(&self) -> Result<(), CredentialError> {
        if is_name(&self.name) {
            return Ok(());
        }
        Err(CredentialError::new(
            "a systemd credential has a name of up to 255 printable ASCII characters, without / and :",
        ))
    }

    fn file(&self) -> Result<&SecretFile, CredentialError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        self.check()?;
        let directory = lookup(DIRECTORY).filter(|directory| !directory.is_empty());
        let directory = directory.ok_or_else(|| {
            let name = &self.name;
            CredentialError::missing(format!(
                "systemd credential {name}: the environment variable {DIRECTORY} is not set; add \
                 LoadCredential={name}:PATH to the unit of the service"
            ))
        })?;
        let file = self.at(&Path::new(&directory).join(&self.name));
        Ok(self.file.get_or_init(|| file))
    }

    fn at(&self, path: &Path) -> SecretFile {
        let file = SecretFile::new(path).permission_warning(false);
        match self.timeout {
            Some(timeout) => file.with_timeout(timeout),
            None => file,
        }
    }
}

impl SecretProvider for SystemdCredential {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.file()?.secret().await
    }

    fn timeout(&self) -> Option<Duration> {
        SecretProvider::timeout(&self.at(Path::new("")))
    }
}

impl Whole for SystemdCredential {
    fn name(&self) -> String {
        self.file.get().map_or_else(|| "systemd credential".to_owned(), Whole::name)
    }

    async fn whole(&self) -> Result<SecretValue, CredentialError> {
        self.file()?.whole().await
    }

    fn timeout(&self) -> Option<Duration> {
        SecretProvider::timeout(self)
    }
}

/// What systemd takes for the name of a credential.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b' '..=b'~') && !b"/:".contains(&byte);
    (1..=255).contains(&name.len()) && !matches!(name, "." | "..") && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{References, env::tests::set};

    async fn resolve(credential: impl Into<Credential>) -> Result<String, CredentialError> {
        credential.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn files_of_the_directory_are_read_at_every_resolve() {
        let directory = tempfile::tempdir().unwrap();
        set(DIRECTORY, directory.path());
        let path = directory.path().join("mstr.login");
        let credential = References::default().credential("systemd:mstr.login").unwrap();
        let error = resolve(&credential).await.unwrap_err();
        assert!(error.is_missing());
        assert_eq!(error.to_string(), format!("secret file {} does not exist", path.display()));

        fs::write(&path, "s3cret\n").unwrap();
        assert_eq!(resolve(&credential).await.unwrap(), "s3cret");
        fs::write(&path, r#"{"password": "rotated"}"#).unwrap();
        assert_eq!(resolve(&credential).await.unwrap(), r#"{"password": "rotated"}"#);
        let field = References::default().credential("systemd:mstr.login#password").unwrap();
        assert_eq!(resolve(&field).await.unwrap(), "rotated");
        let error = resolve(SystemdCredential::new("mstr.login").field("x")).await.unwrap_err();
        let expected = format!("secret file {} has no field \"x\"", path.display());
        assert_eq!(error.to_string(), expected);
        assert_eq!(field.timeout(), Some(Duration::from_secs(10)));
        let patient = SystemdCredential::new("x").with_timeout(Duration::from_secs(99));
        assert_eq!(Credential::from(patient).timeout(), Some(Duration::from_secs(99)));
    }

    #[tokio::test]
    async fn without_systemd_the_error_says_what_to_add_to_the_unit() {
        for unset in [false, true] {
            set(DIRECTORY, "");
            if unset {
                crate::env::tests::unset(DIRECTORY);
            }
            let error = resolve(SystemdCredential::new("mstr")).await.unwrap_err();
            assert!(error.is_missing());
            assert_eq!(
                error.to_string(),
                "systemd credential mstr: the environment variable CREDENTIALS_DIRECTORY is not set; \
                 add LoadCredential=mstr:PATH to the unit of the service"
            );
        }
    }

    #[tokio::test]
    async fn no_name_leaves_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(directory.path().join("outside"), "s3cret").unwrap();
        set(DIRECTORY, &inside);
        let long = "x".repeat(256);
        let absolute = directory.path().join("outside");
        let absolute = absolute.to_str().unwrap();
        for name in ["", ".", "..", "../outside", "a/b", "a:b", "a\0b", "é", &long, absolute] {
            let error = resolve(SystemdCredential::new(name)).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                "a systemd credential has a name of up to 255 printable ASCII characters, without / \
                 and :"
            );
        }
        assert!(References::default().credential("systemd:../outside").is_err());
    }
}
