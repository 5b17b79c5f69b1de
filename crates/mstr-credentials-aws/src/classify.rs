//! What an error of the SDK means, in words that hold nothing of the reply.
//!
//! `SdkError` prints the raw reply in its `Debug`, and the SDK's own way of printing error chains
//! does the same: a reply that cannot be read shows the secret. So errors of the SDK are taken apart
//! here, never printed as a whole and never chained.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::StatusCode,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use mstr_credentials::{VaultError, VaultErrorKind};

pub(crate) fn classify<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> VaultError {
    use VaultErrorKind::{Other, Unreachable};
    match error {
        SdkError::ServiceError(context) => {
            let (error, status) = (context.err(), context.raw().status());
            match error.code() {
                Some(code) => VaultError::new(kind(code, status), error.message().unwrap_or(""))
                    .with_code(code),
                None => unreadable(status),
            }
        }
        SdkError::ResponseError(context) => unreadable(context.raw().status()),
        SdkError::TimeoutError(_) => VaultError::new(Unreachable, "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let Some(connector) = failure.as_connector_error() else {
                return VaultError::new(Unreachable, "the request was not sent");
            };
            match credentials_error(connector) {
                Some(error) => no_credentials(error),
                None if failure.is_timeout() => VaultError::new(Unreachable, "no answer in time"),
                None if failure.is_io() => {
                    VaultError::new(Unreachable, VaultError::texts(connector))
                }
                None if identity_timed_out(connector) => {
                    VaultError::new(VaultErrorKind::NoCredentials, "they did not come in time")
                }
                None => VaultError::new(Other, "the request was not sent"),
            }
        }
        _ => VaultError::new(Other, "the request was not sent: its settings do not fit"),
    }
}

/// The kind of an error that the service reported.
fn kind(code: &str, status: StatusCode) -> VaultErrorKind {
    match code {
        "ResourceNotFoundException"
        | "ParameterNotFound"
        | "ParameterVersionNotFound"
        | "ParameterVersionLabelNotFound" => VaultErrorKind::NotFound,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "OptInRequired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => VaultErrorKind::Denied,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown" => VaultErrorKind::Throttled,
        _ => kind_of_status(status),
    }
}

fn kind_of_status(status: StatusCode) -> VaultErrorKind {
    match status.as_u16() {
        429 => VaultErrorKind::Throttled,
        500..=599 => VaultErrorKind::Unreachable,
        _ => VaultErrorKind::Other,
    }
}

/// A reply that is not what the service sends, such as a proxy's. Of it only the status is told.
fn unreadable(status: StatusCode) -> VaultError {
    let kind = match status.as_u16() {
        401 | 403 | 407 => VaultErrorKind::Denied,
        _ => kind_of_status(status),
    };
    VaultError::new(kind, format!("a reply with status {status} that cannot be read"))
}

fn no_credentials(error: &CredentialsError) -> VaultError {
    let what = match error {
        // where it has looked, or what is wrong in the settings
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            VaultError::texts(error)
        }
        CredentialsError::ProviderTimedOut(_) => "they did not come in time".to_owned(),
        // Below may be the error output of a process, and the reply of a server that was to give
        // them.
        _ => "the source of the AWS credentials (a process, a role, a sign-on) failed; \
              `aws sts get-caller-identity` tells more"
            .to_owned(),
    };
    VaultError::new(VaultErrorKind::NoCredentials, what)
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    VaultError::sources(error).find_map(|error| error.downcast_ref())
}

/// The SDK's own limit for finding credentials: an error without a type.
fn identity_timed_out(error: &(dyn Error + 'static)) -> bool {
    VaultError::sources(error)
        .any(|error| error.to_string().contains("identity resolver timed out"))
}
