//! Why a server could not start.

use std::fmt;
use std::io;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a server could not start: the address is taken or the certificates could not be made.
#[derive(Debug)]
pub struct Error {
    what: &'static str,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn io(what: &'static str, error: io::Error) -> Self {
        Self { what, source: Some(error.into()) }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(error: impl Into<Source>) -> Self {
        Self { what: "cannot make the certificates", source: Some(error.into()) }
    }

    pub(crate) fn stopped() -> Self {
        Self { what: "the server stopped before it started", source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
