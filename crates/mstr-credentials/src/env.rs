//! Environment variables.

use std::{ffi::OsString, fmt, time::Duration};

use zeroize::Zeroizing;

use crate::{
    Credential, CredentialError, SecretProvider, SecretString,
    field::{Field, Whole},
    value::SecretValue,
};

/// An environment variable, read at every resolve.
///
/// Unset and empty are the same: [missing](CredentialError::missing), unless a default is given. A
/// blank `" "` is a value. Nothing is trimmed. A value that is not Unicode is an error that does not
/// quote it.
///
/// ```
/// use mstr_credentials::{Credential, EnvVar};
///
/// let password = Credential::from(EnvVar::new("MSTR_PASSWORD"));
/// let user = Credential::from(EnvVar::new("MSTR_USERNAME").or("guest"));
/// // {"username": "dave", "password": ".."} in one variable
/// let field = EnvVar::new("MSTR_LOGIN").field("password");
/// # let _ = (password, user, field);
/// ```
#[derive(Clone)]
pub struct EnvVar {
    name: String,
    default: Option<SecretString>,
}

impl EnvVar {
    /// The variable of that name. Reads nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), default: None }
    }

    /// What to give when the variable is unset or empty; `""` is allowed.
    #[must_use]
    pub fn or(mut self, default: impl Into<SecretString>) -> Self {
        self.default = Some(default.into());
        self
    }

    /// One field of the JSON object that the variable holds, read at every resolve (rules:
    /// [`SecretValue::field`]).
    pub fn field(self, field: impl Into<String>) -> Credential {
        Field::new(self, field).into()
    }

    fn read(&self, value: Option<OsString>) -> Result<SecretString, CredentialError> {
        let state = match value {
            Some(value) if !value.is_empty() => {
                return value.into_string().map(SecretString::from).map_err(|value| {
                    drop(Zeroizing::new(value.into_encoded_bytes()));
                    CredentialError::new(format!("{} is not valid Unicode", self.name()))
                });
            }
            Some(_) => "empty",
            None => "not set",
        };
        self.default
            .clone()
            .ok_or_else(|| CredentialError::missing(format!("{} is {state}", self.name())))
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EnvVar");
        out.field("name", &self.name);
        if self.default.is_some() {
            out.field("default", &format_args!("[redacted]"));
        }
        out.finish()
    }
}

impl SecretProvider for EnvVar {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.read(lookup(&self.name))
    }
}

impl Whole for EnvVar {
    fn name(&self) -> String {
        format!("environment variable {}", self.name)
    }

    async fn whole(&self) -> Result<SecretValue, CredentialError> {
        self.secret().await.map(SecretValue::from)
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }
}

#[cfg(not(test))]
pub(crate) fn lookup(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

// Changing the real environment is `unsafe`, which this workspace forbids: the unit tests have one
// of their own in front of it.
#[cfg(test)]
pub(crate) fn lookup(name: &str) -> Option<OsString> {
    tests::FAKE
        .with_borrow(|fake| fake.get(name).cloned())
        .unwrap_or_else(|| std::env::var_os(name))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::RefCell, collections::HashMap};

    use super::*;

    thread_local! {
        pub(super) static FAKE: RefCell<HashMap<String, Option<OsString>>> = RefCell::default();
    }

    pub(crate) fn set(name: &str, value: impl Into<OsString>) {
        FAKE.with_borrow_mut(|fake| fake.insert(name.to_owned(), Some(value.into())));
    }

    pub(crate) fn unset(name: &str) {
        FAKE.with_borrow_mut(|fake| fake.insert(name.to_owned(), None));
    }

    async fn text(credential: &Credential) -> String {
        credential.resolve().await.unwrap().expose_secret().to_owned()
    }

    #[tokio::test]
    async fn read_at_every_resolve() {
        let credential = Credential::env("X");
        set("X", "first");
        assert_eq!(text(&credential).await, "first");
        set("X", "second");
        assert_eq!(text(&credential).await, "second");
    }

    #[tokio::test]
    async fn unset_and_empty_are_missing_and_name_the_variable() {
        let unset = Credential::env("MSTR_UNSET_FOR_SURE").resolve().await.unwrap_err();
        assert!(unset.is_missing());
        assert_eq!(unset.to_string(), "environment variable MSTR_UNSET_FOR_SURE is not set");

        set("X", "");
        let empty = Credential::env("X").resolve().await.unwrap_err();
        assert!(empty.is_missing());
        assert_eq!(empty.to_string(), "environment variable X is empty");
    }

    #[tokio::test]
    async fn default_stands_in_for_unset_and_empty_only() {
        assert_eq!(text(&Credential::env_or("MSTR_UNSET_FOR_SURE", "fallback")).await, "fallback");
        assert_eq!(text(&Credential::env_or("MSTR_UNSET_FOR_SURE", "")).await, "");
        set("X", "");
        assert_eq!(text(&Credential::env_or("X", "fallback")).await, "fallback");
        set("X", " ");
        assert_eq!(text(&Credential::env_or("X", "fallback")).await, " ");
        set("X", "value\n");
        assert_eq!(text(&Credential::env("X")).await, "value\n");
    }

    #[tokio::test]
    async fn impossible_names_are_missing_not_a_panic() {
        for name in ["", "A=B", "A\0B"] {
            assert!(Credential::env(name).resolve().await.unwrap_err().is_missing(), "{name:?}");
        }
    }

    #[tokio::test]
    async fn field_of_a_variable() {
        set("X", r#"{"username": "dave", "port": 1.10}"#);
        assert_eq!(text(&EnvVar::new("X").field("username")).await, "dave");
        assert_eq!(text(&EnvVar::new("X").field("port")).await, "1.10");
        let error = EnvVar::new("X").field("password").resolve().await.unwrap_err();
        assert_eq!(error.to_string(), r#"environment variable X has no field "password""#);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn not_unicode_is_an_error_without_the_value() {
        use std::os::unix::ffi::OsStringExt;

        set("X", OsString::from_vec(b"CANARY-\xff-CANARY".to_vec()));
        let error = Credential::env("X").resolve().await.unwrap_err();
        assert!(!error.is_missing());
        assert_eq!(error.to_string(), "environment variable X is not valid Unicode");
        assert!(!format!("{error:?}").contains("CANARY"), "{error:?}");
    }
}
