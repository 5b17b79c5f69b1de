//! What went wrong, in kinds and in words that hold no secret.

use std::{error::Error, fmt};

use azure_core::{
    Error as SdkError,
    error::{ErrorKind, ErrorResponse},
};
use mstr_credentials::CredentialError;

/// Why a secret was not read: the source of the [`CredentialError`].
///
/// ```
/// use mstr_credentials_azure::{Failure, key_vault};
///
/// # async fn example() {
/// let secret = mstr_credentials::Credential::from(key_vault("https://prod.vault.azure.net", "mstr"));
/// if let Err(error) = secret.resolve().await {
///     if Failure::of(&error) == Some(Failure::Denied) {
///         println!("give the identity the role `Key Vault Secrets User`");
///     }
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No such secret or version.
    NotFound,
    /// The identity may not read it, or it is disabled.
    Denied,
    /// No identity was found, or its login failed.
    NoCredentials,
    /// Too many requests.
    Throttled,
    /// No connection, or no answer in time.
    Unreachable,
    /// Anything else: a reply that cannot be read, a wrong setting.
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

/// Kind and text of an error of the SDK. The error is used up: it may hold a raw reply.
pub(crate) fn explain(error: SdkError) -> (Failure, String) {
    if let Some(text) = credential_text(&error) {
        return (Failure::NoCredentials, text);
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => {
            let status = u16::from(*status);
            let failure = match status {
                404 => Failure::NotFound,
                401 | 403 => Failure::Denied,
                429 => Failure::Throttled,
                _ => Failure::Other,
            };
            // not the error's own code: that is "403" where the text of the reply has an escape
            let said = ErrorResponse::try_from(error).ok().and_then(|reply| reply.error);
            let text = said.map_or_else(String::new, |detail| {
                let inner = detail.inner_error.and_then(|inner| inner.code);
                let inner = inner.map(|code| format!(" ({code})")).unwrap_or_default();
                let code = detail.code.unwrap_or_default();
                format!(": {code}{inner}: {}", detail.message.unwrap_or_default())
            });
            (failure, tidy(&format!("status {status}{text}")))
        }
        ErrorKind::Connection | ErrorKind::Io => (Failure::Unreachable, tidy(&chain(&error))),
        ErrorKind::DataConversion => (Failure::Other, UNREADABLE.to_owned()),
        _ => (Failure::Other, tidy(&error.to_string())),
    }
}

const UNREADABLE: &str = "the reply cannot be read";

/// What a credential said, if it is a credential that failed.
pub(crate) fn credential_text(error: &SdkError) -> Option<String> {
    let errors: Vec<&SdkError> = sources(error).filter_map(<dyn Error>::downcast_ref).collect();
    let failed = errors.iter().find(|error| *error.kind() == ErrorKind::Credential)?;
    // The texts of parsers quote what they parsed, which was meant to be a token. Entra's errors
    // come to us that way too, when they have an escape.
    if errors.iter().any(|error| *error.kind() == ErrorKind::DataConversion) {
        let text = chain(error);
        let code = text.find("AADSTS").map(|at| {
            let digits = text[at + 6..].bytes().take_while(u8::is_ascii_digit).count();
            text[at..at + 6 + digits].to_owned()
        });
        return Some(code.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    let mut text = failed.to_string();
    if errors.iter().any(|error| matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io)) {
        text = chain(*failed);
    }
    Some(tidy(&text))
}

pub(crate) fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
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
    use super::*;

    #[test]
    fn parsers_of_token_replies_are_not_quoted() {
        let quoting = |text: &str| {
            let parser = SdkError::with_message(ErrorKind::DataConversion, text.to_owned());
            let text = format!("ClientSecretCredential authentication failed. {parser}");
            let failed = SdkError::with_error(ErrorKind::Credential, parser, text);
            explain(SdkError::with_error(ErrorKind::Credential, failed, "not retried"))
        };
        let (failure, text) = quoting("invalid type: string \"eyJ0eXAi\", expected i64");
        assert_eq!((failure, text.as_str()), (Failure::NoCredentials, UNREADABLE));
        let (_, text) = quoting("invalid type: string \"AADSTS7000215: Invalid client secret");
        assert_eq!(text, "AADSTS7000215");
    }

    #[test]
    fn texts_are_one_short_line() {
        assert_eq!(tidy("a\r\n  b\tc\u{1b}"), "a b c");
        assert!(tidy(&"ä".repeat(2000)).ends_with("ää .."));
    }
}
