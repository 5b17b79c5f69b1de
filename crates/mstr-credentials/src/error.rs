//! The error of every source.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

/// A source did not give its secret.
///
/// The text names the source (a variable, a path, a secret's id, a field) and never what the
/// source holds. It is cheap to clone, because one failed fetch is handed to everyone who waited
/// for it.
///
/// ```
/// use mstr_credentials::CredentialError;
///
/// let error = CredentialError::missing("environment variable MSTR_PASSWORD is not set");
/// assert!(error.is_missing());
/// assert_eq!(error.to_string(), "environment variable MSTR_PASSWORD is not set");
/// ```
#[derive(Clone)]
pub struct CredentialError(Arc<Inner>);

struct Inner {
    what: Cow<'static, str>,
    missing: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CredentialError {
    /// A source that failed, or that holds something unusable.
    ///
    /// `what` is shown to users and written to logs: name the source, never its value.
    pub fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self::build(what.into(), false, None)
    }

    /// A source that works and has nothing: an unset variable, an empty file, a closure that gave
    /// `None`. A session reports it as a missing credential.
    pub fn missing(what: impl Into<Cow<'static, str>>) -> Self {
        Self::build(what.into(), true, None)
    }

    /// A source that failed for a reason of its own.
    ///
    /// `source` becomes [`Error::source`], so its `Display` and `Debug` are printed by whoever
    /// prints the chain. **Never chain an error that can quote a secret**: parser errors quote
    /// their input, [`std::env::VarError`] holds the value, and the errors of some cloud SDKs hold
    /// the raw reply.
    ///
    /// ```
    /// use mstr_credentials::CredentialError;
    /// use std::{error::Error, io};
    ///
    /// let cause = io::Error::from(io::ErrorKind::PermissionDenied);
    /// let error = CredentialError::with_source("secret file /run/secrets/mstr", cause);
    /// assert_eq!(error.source().unwrap().to_string(), "permission denied");
    /// ```
    pub fn with_source(
        what: impl Into<Cow<'static, str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::build(what.into(), false, Some(Box::new(source)))
    }

    /// [`with_source`](Self::with_source) for a source that is not there.
    pub(crate) fn missing_with_source(
        what: impl Into<Cow<'static, str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::build(what.into(), true, Some(Box::new(source)))
    }

    /// Whether the source simply has no value (see [`missing`](Self::missing)).
    pub fn is_missing(&self) -> bool {
        self.0.missing
    }

    fn build(
        what: Cow<'static, str>,
        missing: bool,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { what, missing, source }))
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CredentialError");
        out.field("what", &self.0.what).field("missing", &self.0.missing);
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl Error for CredentialError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
