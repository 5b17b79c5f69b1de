//! Why a vault gave no secret, in words that are the same for all vaults.

use std::{error::Error, fmt};

use crate::CredentialError;

/// How much of a vault's message is kept, in characters.
const MESSAGE_SHOWN: usize = 500;

/// What kind of failure a vault reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VaultErrorKind {
    /// There is no such secret, or no such version of it.
    NotFound,
    /// The vault knows who is asking, and says no; or it does not accept the credentials.
    Denied,
    /// No credentials for the vault were found.
    NoCredentials,
    /// Too many requests, also after the SDK's retries.
    Throttled,
    /// No connection, no answer in time, or a server that is out of order.
    Unreachable,
    /// Anything else: a deleted secret, an answer that cannot be read, settings that do not fit.
    Other,
}

impl fmt::Display for VaultErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::Denied => "access denied",
            Self::NoCredentials => "no credentials to fetch it with",
            Self::Throttled => "throttled",
            Self::Unreachable => "not reachable",
            Self::Other => "cannot be fetched",
        })
    }
}

/// Why a vault gave no secret. The providers of the cloud crates chain it as the
/// [source](Error::source) of their errors; [`CredentialError::vault_error`] finds it.
///
/// ```
/// use mstr_credentials::{CredentialError, VaultError, VaultErrorKind};
///
/// let why = VaultError::new(VaultErrorKind::Denied, "not authorized to read it")
///     .with_code("AccessDeniedException");
/// let error = CredentialError::vault("AWS secret prod/mstr", why);
/// assert_eq!(error.to_string(), "AWS secret prod/mstr: access denied");
///
/// let why = error.vault_error().unwrap();
/// assert_eq!(why.kind(), VaultErrorKind::Denied);
/// assert_eq!(why.to_string(), "AccessDeniedException: not authorized to read it");
/// ```
#[derive(Clone, Debug)]
pub struct VaultError {
    kind: VaultErrorKind,
    code: Option<String>,
    message: String,
}

impl VaultError {
    /// `message` is shown to users and written to logs. It must not come from a part of a reply
    /// that can hold the secret.
    pub fn new(kind: VaultErrorKind, message: impl AsRef<str>) -> Self {
        Self { kind, code: None, message: one_line(message.as_ref()) }
    }

    /// Adds the vault's own code for it.
    #[must_use]
    pub fn with_code(self, code: impl AsRef<str>) -> Self {
        Self { code: Some(one_line(code.as_ref())), ..self }
    }

    /// The kind of failure.
    pub fn kind(&self) -> VaultErrorKind {
        self.kind
    }

    /// The vault's own code, as in `ResourceNotFoundException`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The vault's own message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// An error and its sources, from the outside in: what the crate of a vault looks through for
    /// errors of its SDK.
    pub fn sources<'a>(
        error: &'a (dyn Error + 'static),
    ) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
        std::iter::successors(Some(error), |error| (*error).source())
    }

    /// The texts of an error and its sources, each said once: a message for [`new`](Self::new),
    /// where none of them quotes a reply.
    ///
    /// ```
    /// use mstr_credentials::VaultError;
    ///
    /// let refused = std::io::Error::other("connection refused");
    /// assert_eq!(VaultError::texts(&refused), "connection refused");
    /// ```
    pub fn texts(error: &(dyn Error + 'static)) -> String {
        Self::sources(error).fold(String::new(), |text, error| {
            let more = error.to_string();
            match text.as_str() {
                "" => more,
                said if said.contains(&more) => text,
                said => format!("{said}: {more}"),
            }
        })
    }
}

/// Code and message.
impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) if self.message.is_empty() => f.write_str(code),
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Error for VaultError {}

impl CredentialError {
    /// A vault that gave no secret: `name` is how the secret is called.
    pub fn vault(name: &str, why: VaultError) -> Self {
        Self::with_source(format!("{name}: {}", why.kind), why)
    }

    /// Why a vault gave no secret, if that is what happened.
    pub fn vault_error(&self) -> Option<&VaultError> {
        self.source()?.downcast_ref()
    }

    /// Whether the source could not answer: what it gave before may still be right. Where nothing
    /// tells why it failed, it counts as an outage; a source that has nothing has answered.
    pub(crate) fn is_outage(&self) -> bool {
        match self.vault_error() {
            Some(why) => {
                matches!(why.kind(), VaultErrorKind::Unreachable | VaultErrorKind::Throttled)
            }
            None => !self.is_missing(),
        }
    }
}

/// What comes from a server shall not forge lines of a log, nor fill it.
fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let mut shown: String = text.trim().chars().take(MESSAGE_SHOWN).map(visible).collect();
    if shown.len() < text.trim().len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_short_line() {
        let error = VaultError::new(VaultErrorKind::Other, " a\r\nb\u{1b}[0m ");
        assert_eq!(error.to_string(), "a  b [0m");
        let error = VaultError::new(VaultErrorKind::Other, "é".repeat(501));
        assert_eq!(error.message().chars().count(), MESSAGE_SHOWN + 3);
        assert_eq!(VaultError::new(VaultErrorKind::Other, "").with_code("X").to_string(), "X");
    }

    #[test]
    fn other_errors_have_none() {
        assert!(CredentialError::new("x").vault_error().is_none());
        let error = CredentialError::with_source("x", std::io::Error::other("y"));
        assert!(error.vault_error().is_none());
    }
}
