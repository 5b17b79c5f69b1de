//! What an error of the SDK means, in words that hold no secret.

use std::error::Error;

use azure_core::{
    Error as SdkError,
    error::{ErrorKind, ErrorResponse},
};
use mstr_credentials::{VaultError, VaultErrorKind as Kind};

/// The error is used up: it may hold a raw reply.
pub(crate) fn explain(error: SdkError) -> VaultError {
    if let Some(text) = credential_text(&error) {
        return VaultError::new(Kind::NoCredentials, text);
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => {
            let status = u16::from(*status);
            let kind = match status {
                404 => Kind::NotFound,
                401 | 403 | 407 => Kind::Denied,
                429 => Kind::Throttled,
                500..=599 => Kind::Unreachable,
                _ => Kind::Other,
            };
            // not the error's own code: that is "403" where the text of the reply has an escape
            let said = ErrorResponse::try_from(error).ok().and_then(|reply| reply.error);
            let Some((detail, code)) =
                said.and_then(|detail| detail.code.clone().map(|c| (detail, c)))
            else {
                return VaultError::new(kind, format!("a reply with status {status}"));
            };
            let inner = detail.inner_error.and_then(|inner| inner.code);
            let inner = inner.map(|code| format!(" ({code})")).unwrap_or_default();
            VaultError::new(kind, detail.message.unwrap_or_default())
                .with_code(format!("{code}{inner}"))
        }
        ErrorKind::Connection | ErrorKind::Io => {
            VaultError::new(Kind::Unreachable, VaultError::texts(&error))
        }
        ErrorKind::DataConversion => VaultError::new(Kind::Other, UNREADABLE),
        _ => VaultError::new(Kind::Other, error.to_string()),
    }
}

const UNREADABLE: &str = "the reply cannot be read";

/// What a credential said, if it is a credential that failed.
pub(crate) fn credential_text(error: &SdkError) -> Option<String> {
    let errors: Vec<&SdkError> =
        VaultError::sources(error).filter_map(<dyn Error>::downcast_ref).collect();
    // the SDK wraps it in "will not be retried"
    let failed = errors.iter().rfind(|error| *error.kind() == ErrorKind::Credential)?;
    // The texts of parsers quote what they parsed, which was meant to be a token. Entra's errors
    // come to us that way too, when they have an escape.
    if errors.iter().any(|error| *error.kind() == ErrorKind::DataConversion) {
        let text = VaultError::texts(error);
        let code = text.find("AADSTS").map(|at| {
            let digits = text[at + 6..].bytes().take_while(u8::is_ascii_digit).count();
            text[at..at + 6 + digits].to_owned()
        });
        return Some(code.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    let mut text = failed.to_string();
    if errors.iter().any(|error| matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io)) {
        text = VaultError::texts(*failed);
    }
    Some(text)
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
        let error = quoting("invalid type: string \"eyJ0eXAi\", expected i64");
        assert_eq!((error.kind(), error.message()), (Kind::NoCredentials, UNREADABLE));
        let error = quoting("invalid type: string \"AADSTS7000215: Invalid client secret");
        assert_eq!(error.message(), "AADSTS7000215");
    }
}
