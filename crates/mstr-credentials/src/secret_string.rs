//! A text that is never printed and is wiped when it is dropped.

use std::{borrow::Cow, fmt};

use zeroize::Zeroizing;

/// A secret text: a password, an API key, a token.
///
/// `Debug` never shows it, it has no `Display`, cannot be serialized and cannot be compared. Its
/// memory is overwritten when it is dropped; a clone is a copy with memory of its own.
/// [`expose_secret`](Self::expose_secret) is the only way to the text.
///
/// ```
/// use mstr_credentials::SecretString;
///
/// let password = SecretString::from("s3cret");
/// assert_eq!(password.expose_secret(), "s3cret");
/// assert_eq!(format!("{password:?}"), "SecretString([redacted])");
/// ```
#[derive(Clone)]
pub struct SecretString(Zeroizing<Box<str>>);

impl SecretString {
    /// The text. Keep what is copied from it as short as possible: copies are not wiped.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString([redacted])")
    }
}

impl From<&str> for SecretString {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl From<String> for SecretString {
    /// Takes the text over and wipes the original.
    fn from(text: String) -> Self {
        // copied: `into_boxed_str` may reallocate and leave the old memory as it was
        Zeroizing::new(text).as_str().into()
    }
}

impl From<&String> for SecretString {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Box<str>> for SecretString {
    /// Takes the text over: no copy is made.
    fn from(text: Box<str>) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Cow<'_, str>> for SecretString {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}
