//! What an error of the SDK means, in words that hold nothing of the reply.
//!
//! `SdkError` prints the raw reply in its `Debug`, and the SDK's own way of printing error chains
//! does the same: a reply that cannot be read shows the secret. So errors of the SDK are taken apart
//! here, never printed as a whole and never chained.

use std::{error::Error, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::{
    client::{
        orchestrator::HttpResponse,
        result::{ConnectorError, SdkError},
    },
    http::StatusCode,
};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata, retry::ErrorKind};
use mstr_credentials::{VaultError, VaultErrorKind};

use crate::{http::InClear, login::Login};

/// What to do where nothing was reached.
pub(crate) const CHECK_NETWORK: &str = "check the network, HTTPS_PROXY and the endpoint";

/// Why a call failed.
pub(crate) struct Failure {
    pub(crate) why: VaultError,
    /// AWS credentials are missing or were not accepted: they are looked for again.
    pub(crate) of_credentials: bool,
}

pub(crate) fn classify<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
    login: &Login,
) -> Failure {
    let cause = match error {
        SdkError::DispatchFailure(failure) => failure.as_connector_error(),
        _ => None,
    };
    if let Some(why) = cause.and_then(|cause| without_credentials(cause, login)) {
        return Failure { why, of_credentials: true };
    }
    let why = refusal(error);
    let of_credentials = why.code().is_some_and(|code| NOT_ACCEPTED.contains(&code));
    Failure { why, of_credentials }
}

/// The same for a call whose credentials are not of interest.
pub(crate) fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> VaultError {
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
        // the body is put back when it was read to its end
        SdkError::ResponseError(context) if context.raw().body().bytes().is_none() => {
            let what = format!("the connection was closed within the reply: {CHECK_NETWORK}");
            VaultError::new(Unreachable, what)
        }
        SdkError::ResponseError(context) => unreadable(context.raw().status()),
        SdkError::TimeoutError(_) => no_answer(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(cause) => not_sent(cause),
            None => VaultError::new(Unreachable, "the request was not sent"),
        },
        _ => VaultError::new(Other, "the request was not sent: its settings do not fit"),
    }
}

fn no_answer() -> VaultError {
    let what = format!("no answer in time: {CHECK_NETWORK}");
    VaultError::new(VaultErrorKind::Unreachable, what)
}

/// A connection that was not made, or not kept.
fn not_sent(cause: &ConnectorError) -> VaultError {
    use VaultErrorKind::{Other, Unreachable};
    if cause.is_timeout() {
        return no_answer();
    }
    let in_clear = VaultError::sources(cause).find_map(|error| error.downcast_ref::<InClear>());
    if let Some(refused) = in_clear {
        return VaultError::new(Other, refused.to_string());
    }
    if is_of_certificate(cause) {
        let texts = VaultError::texts(cause);
        let hint = "trust its CA by AWS_CA_BUNDLE or SSL_CERT_FILE";
        return VaultError::new(Unreachable, format!("{texts}: {hint}"));
    }
    if cause.is_io() {
        let texts = VaultError::texts(cause);
        return VaultError::new(Unreachable, format!("{texts}: {CHECK_NETWORK}"));
    }
    match cause.as_other() {
        // closed, cleanly or not, after the request was sent
        Some(ErrorKind::TransientError) => {
            let what = format!("the connection was closed before the reply: {CHECK_NETWORK}");
            VaultError::new(Unreachable, what)
        }
        _ => VaultError::new(Other, format!("the request was not sent: {CHECK_NETWORK}")),
    }
}

/// Whether the certificate of the server is what failed. The source of an `io::Error` is not what it
/// holds, but the source of that.
fn is_of_certificate(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|held| held as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

/// Codes of credentials that another look may replace.
const NOT_ACCEPTED: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

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
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => VaultErrorKind::Denied,
        code if NOT_ACCEPTED.contains(&code) => VaultErrorKind::Denied,
        code if THROTTLING_ERRORS.contains(&code) => VaultErrorKind::Throttled,
        "InternalFailure" | "InternalServerError" | "InternalServiceError" => {
            VaultErrorKind::Unreachable
        }
        code if TRANSIENT_ERRORS.contains(&code) => VaultErrorKind::Unreachable,
        _ => kind_of_status(status.as_u16()),
    }
}

pub(crate) fn kind_of_status(status: u16) -> VaultErrorKind {
    match status {
        429 => VaultErrorKind::Throttled,
        500..=599 => VaultErrorKind::Unreachable,
        _ => VaultErrorKind::Other,
    }
}

/// A reply that is not what the service sends, such as a proxy's. Of it only the status is told.
fn unreadable(status: StatusCode) -> VaultError {
    let kind = match status.as_u16() {
        401 | 403 | 407 => VaultErrorKind::Denied,
        status => kind_of_status(status),
    };
    let what = format!(
        "a reply with status {status} that cannot be read: does a proxy answer in place of AWS? \
         Check HTTPS_PROXY and the endpoint"
    );
    VaultError::new(kind, what)
}

/// If the call failed for want of credentials.
fn without_credentials(cause: &ConnectorError, login: &Login) -> Option<VaultError> {
    let error =
        VaultError::sources(cause).find_map(|error| error.downcast_ref::<CredentialsError>());
    match error {
        Some(error) => Some(login.explain(error)),
        None if identity_timed_out(cause) => Some(Login::timed_out()),
        None => None,
    }
}

/// The SDK's own limit for finding credentials: an error without a type.
fn identity_timed_out(error: &(dyn Error + 'static)) -> bool {
    VaultError::sources(error)
        .any(|error| error.to_string().contains("identity resolver timed out"))
}
