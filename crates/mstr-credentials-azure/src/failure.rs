//! What an error of the SDK means, in words that hold no secret.

use std::error::Error;

use azure_core::{
    Error as SdkError,
    error::{ErrorKind, ErrorResponse},
};
use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::login_failure;

pub(crate) const UNREADABLE: &str = "the reply cannot be read";

/// The error is used up: it may hold a raw reply.
pub(crate) fn explain(error: SdkError) -> VaultError {
    if let Some(failure) = login_failure::of(&error, None) {
        return failure.why;
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
            VaultError::new(Kind::Unreachable, network_text(&error))
        }
        _ => VaultError::new(Kind::Other, other_text(&error)),
    }
}

/// The errors of the SDK, from the outside in.
pub(crate) fn sdk_errors<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a SdkError> {
    VaultError::sources(error).filter_map(<dyn Error>::downcast_ref)
}

/// What happened to a connection, without the queries of URLs.
pub(crate) fn network_text(error: &SdkError) -> String {
    VaultError::without_queries(&VaultError::texts(innermost(error)))
}

/// The SDK wraps errors in "will not be retried" and the like.
fn innermost(error: &SdkError) -> &SdkError {
    sdk_errors(error).last().unwrap_or(error)
}

/// The text of an error that is neither a reply nor a network that is down.
fn other_text(error: &SdkError) -> String {
    let text = innermost(error).to_string();
    let without_advice = text.split(". Set verify_challenge_resource").next().unwrap_or_default();
    if without_advice.starts_with("challenge resource ") {
        return format!("no token is sent: {without_advice}");
    }
    if text.contains("authentication challenge: ") || text.contains("audience in challenge: ") {
        return "the vault does not say for what it wants a token".to_owned();
    }
    // parsers quote
    if sdk_errors(error).any(|error| *error.kind() == ErrorKind::DataConversion) {
        return UNREADABLE.to_owned();
    }
    // an error of the HTTP library, for example an invalid header
    if VaultError::sources(error).any(<dyn Error>::is::<reqwest::Error>) {
        return network_text(error);
    }
    VaultError::without_queries(&text)
}
