//! What an error of the SDK means, in words that hold no secret.

use std::error::Error;

use google_cloud_gax::{
    client_builder::Error as BuilderError,
    error::{Error as SdkError, rpc::Code},
};
use mstr_credentials::{VaultError, VaultErrorKind as Kind};

const UNREADABLE: &str = "the reply cannot be read";

/// An error of a request. The text of the error itself is used only where it is known to quote no
/// reply.
pub(crate) fn explain(error: &SdkError) -> VaultError {
    // "exhausted" wraps the error of the last attempt
    let errors: Vec<&SdkError> =
        VaultError::sources(error).filter_map(<dyn Error>::downcast_ref).collect();
    if let Some(error) = errors.iter().find(|error| error.is_authentication()) {
        return VaultError::new(Kind::NoCredentials, login_text(*error));
    }
    if let Some(status) = errors.iter().find_map(|error| error.status()) {
        let kind = match status.code {
            Code::NotFound => Kind::NotFound,
            Code::PermissionDenied | Code::FailedPrecondition | Code::Unauthenticated => {
                Kind::Denied
            }
            Code::ResourceExhausted => Kind::Throttled,
            Code::Unavailable | Code::DeadlineExceeded | Code::Internal => Kind::Unreachable,
            _ => Kind::Other,
        };
        return VaultError::new(kind, &status.message).with_code(status.code.name());
    }
    if errors.iter().any(|error| error.is_deserialization()) {
        return VaultError::new(Kind::Other, UNREADABLE);
    }
    // its text is the raw reply
    if let Some(status) = errors.iter().find_map(|error| error.http_status_code()) {
        let kind = match status {
            404 => Kind::NotFound,
            401 | 403 | 407 => Kind::Denied,
            429 => Kind::Throttled,
            500..=599 => Kind::Unreachable,
            _ => Kind::Other,
        };
        return VaultError::new(kind, format!("a reply with status {status}"));
    }
    if errors.iter().any(|error| {
        error.is_connect() || error.is_io() || error.is_timeout() || error.is_transport()
    }) {
        return VaultError::new(Kind::Unreachable, VaultError::texts(error));
    }
    VaultError::new(Kind::Other, "the request could not be made")
}

/// An error of making the client.
pub(crate) fn explain_build(error: &BuilderError) -> VaultError {
    let kind = if error.is_default_credentials() { Kind::NoCredentials } else { Kind::Other };
    VaultError::new(kind, login_text(error))
}

/// The text of credentials that failed. Parsers of tokens and key files quote what they parsed.
pub(crate) fn login_text(error: &(dyn Error + 'static)) -> String {
    let parser = |error: &(dyn Error + 'static)| error.is::<serde_json::Error>();
    if VaultError::sources(error).any(parser) {
        return "the credentials, or the reply with a token, cannot be read".to_owned();
    }
    VaultError::texts(error)
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::CredentialsError;

    use super::*;

    #[test]
    fn parsers_are_not_quoted() {
        let parser = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert!(parser.to_string().contains("hunter2"));
        let error = explain(&SdkError::deser(parser));
        assert_eq!((error.kind(), error.message()), (Kind::Other, UNREADABLE));

        let parser = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        let error = CredentialsError::new(false, "no token", parser);
        let error = explain(&SdkError::exhausted(SdkError::authentication(error)));
        assert_eq!(error.kind(), Kind::NoCredentials);
        assert!(!error.message().contains("hunter2"), "{error}");
    }

    #[test]
    fn raw_replies_are_not_quoted() {
        let reply = SdkError::http(502, http::HeaderMap::new(), "<html>hunter2</html>".into());
        assert!(reply.to_string().contains("hunter2"));
        let error = explain(&SdkError::exhausted(reply));
        assert_eq!((error.kind(), error.message()), (Kind::Unreachable, "a reply with status 502"));
    }
}
