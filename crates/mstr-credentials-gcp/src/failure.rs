//! What went wrong, in kinds and in words that hold no secret.

use std::{error::Error, fmt, iter};

use google_cloud_gax::{
    client_builder::Error as BuilderError,
    error::{Error as SdkError, rpc::Code},
};
use mstr_credentials::CredentialError;

/// Why a secret was not read: the source of the [`CredentialError`].
///
/// ```
/// use mstr_credentials_gcp::{Failure, secret_manager};
///
/// # async fn example() {
/// let secret = mstr_credentials::Credential::from(secret_manager("my-project", "mstr"));
/// if let Err(error) = secret.resolve().await {
///     if Failure::of(&error) == Some(Failure::Denied) {
///         println!("grant roles/secretmanager.secretAccessor");
///     }
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No such secret or version.
    NotFound,
    /// Not allowed to read it (Google may say so of what does not exist), or it is disabled.
    Denied,
    /// No credentials were found, or they were refused.
    NoCredentials,
    /// Too many requests.
    Throttled,
    /// No connection, or no answer in time.
    Unreachable,
    /// Anything else: a reply that cannot be read, a wrong checksum, a wrong setting.
    Other,
}

impl Failure {
    /// The kind of a failure that came from this crate.
    pub fn of(error: &CredentialError) -> Option<Self> {
        error.source().and_then(|source| source.downcast_ref()).copied()
    }

    /// The error for a secret of that name.
    pub(crate) fn error(self, name: &str, text: &str) -> CredentialError {
        CredentialError::with_source(format!("{name}: {self}: {text}"), self)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::Denied => "denied",
            Self::NoCredentials => "no credentials",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Other => "failed",
        })
    }
}

impl Error for Failure {}

pub(crate) const UNREADABLE: &str = "the reply cannot be read";

/// Kind and text of an error of a request. The text of the error itself is used only where it is
/// known to quote no reply.
pub(crate) fn explain(error: &SdkError) -> (Failure, String) {
    // "exhausted" wraps the error of the last attempt
    let errors: Vec<&SdkError> = sources(error).filter_map(<dyn Error>::downcast_ref).collect();
    if let Some(error) = errors.iter().find(|error| error.is_authentication()) {
        return (Failure::NoCredentials, login_text(*error));
    }
    if let Some(status) = errors.iter().find_map(|error| error.status()) {
        let failure = match status.code {
            Code::NotFound => Failure::NotFound,
            Code::PermissionDenied | Code::FailedPrecondition => Failure::Denied,
            Code::Unauthenticated => Failure::NoCredentials,
            Code::ResourceExhausted => Failure::Throttled,
            Code::Unavailable | Code::DeadlineExceeded => Failure::Unreachable,
            _ => Failure::Other,
        };
        return (failure, tidy(&format!("{}: {}", status.code.name(), status.message)));
    }
    if errors.iter().any(|error| error.is_deserialization()) {
        return (Failure::Other, UNREADABLE.to_owned());
    }
    // its text is the raw reply
    if let Some(status) = errors.iter().find_map(|error| error.http_status_code()) {
        let failure = match status {
            404 => Failure::NotFound,
            401 => Failure::NoCredentials,
            403 => Failure::Denied,
            429 => Failure::Throttled,
            _ => Failure::Other,
        };
        return (failure, format!("status {status} without an error of the service"));
    }
    if errors.iter().any(|error| {
        error.is_connect() || error.is_io() || error.is_timeout() || error.is_transport()
    }) {
        return (Failure::Unreachable, tidy(&chain(error)));
    }
    (Failure::Other, "the request could not be made".to_owned())
}

/// Kind and text of an error of making the client.
pub(crate) fn explain_build(error: &BuilderError) -> (Failure, String) {
    let failure =
        if error.is_default_credentials() { Failure::NoCredentials } else { Failure::Other };
    (failure, login_text(error))
}

/// The text of credentials that failed. Parsers of tokens and key files quote what they parsed.
pub(crate) fn login_text(error: &(dyn Error + 'static)) -> String {
    let parser = |error: &(dyn Error + 'static)| error.is::<serde_json::Error>();
    if sources(error).any(parser) {
        return "the credentials, or the reply with a token, cannot be read".to_owned();
    }
    tidy(&chain(error))
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error| (*error).source())
}

/// The texts of an error and its sources, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    sources(error).fold(String::new(), |text, error| {
        let more = error.to_string();
        match text.as_str() {
            "" => more,
            said if said.contains(&more) => text,
            said => format!("{said}: {more}"),
        }
    })
}

/// One line, and not a long one.
fn tidy(text: &str) -> String {
    const LIMIT: usize = 600;
    let text = text.split(|c: char| c.is_whitespace() || c.is_control());
    let text = text.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{} ..", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::CredentialsError;

    use super::*;

    #[test]
    fn parsers_are_not_quoted() {
        let parser = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert!(parser.to_string().contains("hunter2"));
        let (failure, text) = explain(&SdkError::deser(parser));
        assert_eq!((failure, text.as_str()), (Failure::Other, UNREADABLE));

        let parser = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        let error = CredentialsError::new(false, "no token", parser);
        let (failure, text) = explain(&SdkError::exhausted(SdkError::authentication(error)));
        assert_eq!(failure, Failure::NoCredentials);
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn raw_replies_are_not_quoted() {
        let reply = SdkError::http(502, http::HeaderMap::new(), "<html>hunter2</html>".into());
        assert!(reply.to_string().contains("hunter2"));
        let (failure, text) = explain(&SdkError::exhausted(reply));
        assert_eq!(failure, Failure::Other);
        assert_eq!(text, "status 502 without an error of the service");
    }
}
