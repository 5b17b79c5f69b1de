//! What an error of the SDK means, in words that hold no secret.

use std::error::Error;

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_gax::{
    client_builder::Error as BuilderError,
    error::{CredentialsError, Error as SdkError, rpc::Code},
};
use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::words;

const UNREADABLE: &str = "the reply cannot be read";

/// An error of a request. The text of the error itself is used only where it is known to quote no
/// reply.
pub(crate) fn explain(error: &SdkError) -> VaultError {
    // "exhausted" wraps the error of the last attempt
    let errors: Vec<&SdkError> =
        VaultError::sources(error).filter_map(<dyn Error>::downcast_ref).collect();
    if let Some(error) = errors.iter().find(|error| error.is_authentication()) {
        return explain_login(*error);
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
        return VaultError::new(Kind::Unreachable, words::of(error));
    }
    VaultError::new(Kind::Other, "the request could not be made")
}

/// An error of making the client.
pub(crate) fn explain_build(error: &BuilderError) -> VaultError {
    let kind = if error.is_default_credentials() { Kind::NoCredentials } else { Kind::Other };
    VaultError::new(kind, words::of(error))
}

/// An error of making credentials.
pub(crate) fn explain_credentials(error: &BuildError) -> VaultError {
    VaultError::new(Kind::NoCredentials, words::of(error))
}

/// An error of getting a token: a login that is refused, or a server that has trouble.
pub(crate) fn explain_login(error: &(dyn Error + 'static)) -> VaultError {
    let kind = match words::status(error) {
        Some(429) => Kind::Throttled,
        Some(408 | 500..=599) => Kind::Unreachable,
        // nothing answers where a metadata server would be: nobody has set up credentials
        None if is_network(error) && !words::says_how_to_log_in(error) => Kind::Unreachable,
        _ => Kind::NoCredentials,
    };
    VaultError::new(kind, words::of(error))
}

/// Whether to ask for a token once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No: the answer would be the same.
    Never,
    /// For some seconds. There may be a metadata server that is not up yet, or none at all.
    ForAWhile,
    /// As long as there is time: the server is there and has trouble.
    Always,
}

/// What the SDK calls transient, if it is the trouble of a server or of the network. (The SDK
/// counts programs that fail as well.)
pub(crate) fn again(error: &CredentialsError) -> Again {
    let status = words::status(error);
    if !error.is_transient() || (status.is_none() && !is_network(error)) {
        Again::Never
    } else if status.is_none() && words::says_how_to_log_in(error) {
        Again::ForAWhile
    } else {
        Again::Always
    }
}

fn is_network(error: &(dyn Error + 'static)) -> bool {
    VaultError::sources(error).any(|error| {
        let sdk: Option<&SdkError> = error.downcast_ref();
        words::is_of_transport(error)
            || sdk.is_some_and(|error| error.is_io() || error.is_timeout() || error.is_connect())
    })
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn only_trouble_that_may_pass_is_waited_for() {
        let reply = |status| SdkError::http(status, http::HeaderMap::new(), "".into());
        for (transient, status, expected) in
            [(true, 503, Again::Always), (true, 429, Again::Always), (false, 400, Again::Never)]
        {
            let error = CredentialsError::new(transient, "failed to fetch token", reply(status));
            assert_eq!(again(&error), expected, "{status}");
        }
        // a program that failed
        assert_eq!(again(&CredentialsError::from_msg(true, "stderr=<x>")), Again::Never);
        let advice = "run `gcloud auth application-default login`";
        let nobody = CredentialsError::new(true, advice, SdkError::io("no such host"));
        assert_eq!(again(&nobody), Again::ForAWhile);
        assert_eq!(explain_login(&nobody).kind(), Kind::NoCredentials);
        let there = CredentialsError::new(true, advice, reply(503));
        assert_eq!(again(&there), Again::Always);
        assert_eq!(explain_login(&there).kind(), Kind::Unreachable);
    }
}
