//! `ErrorKind`, and how the server's codes map to it.

/// The kind of an [`Error`](crate::Error), to match on. Later versions may add kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server rejected the login (`ERR003`), or its reply has no session token. Do not repeat
    /// the login blindly: servers lock accounts after a few failures.
    LoginFailure,
    /// A secret provider has no value, for example because an environment variable is not set.
    /// Nothing was sent.
    MissingCredential,
    /// A secret provider failed, or its value cannot be used. Nothing was sent.
    Credential,
    /// An error of the Intelligence Server (`ERR002`, `ERR013`).
    IServer,
    /// The resource does not exist: `ERR004` (but not for an unknown endpoint), or `ERR001` with an I-Server code that means it
    /// (objects of the metadata), or no project has the given name.
    ResourceNotFound,
    /// Missing or invalid input. The server found it (`ERR005` to `ERR007`), or this client did
    /// before it sent anything.
    InvalidRequest,
    /// The server does not know the session (`ERR009`). It sends the same error for missing,
    /// unknown and expired tokens.
    SessionExpired,
    /// The call needs a login, and the session has no token or was closed. Nothing was sent.
    NoSession,
    /// An object must be loaded first. Nothing was sent.
    NotLoaded,
    /// A session snapshot cannot be used.
    Snapshot,
    /// The user lacks a privilege (`ERR014`) or a permission on the object (`ERR017`).
    InsufficientPrivileges,
    /// The object exists already (`ERR015`).
    ObjectAlreadyExists,
    /// The execution was cancelled.
    ExecutionCancelled,
    /// The server does not support this: `ERR010`, or its version does not have the endpoint
    /// (`HTTP 404 Not Found`, `HTTP 405 Method Not Allowed` with the codes of other errors). Or a
    /// prompt must be answered first.
    NotSupported,
    /// The service is not available (`ERR016`).
    ServiceUnavailable,
    /// Any other error of the server with a code (`ERR001` and others).
    Api,
    /// An error status with JSON that has no code.
    Unknown,
    /// An error status without a JSON body of the Library server, for example the HTML page of a
    /// proxy.
    Http,
    /// A redirect that is not followed: too many redirects, an unusable URL, or a redirect that
    /// would repeat a body or a login at another origin.
    Redirect,
    /// A timeout passed.
    Timeout,
    /// No connection: name resolution, TCP, TLS or proxy failed. Nothing was sent.
    Connect,
    /// The exchange broke: connection reset, truncated reply, invalid HTTP.
    Transport,
    /// The reply does not have the expected form.
    Decode,
    /// A local file or folder cannot be read or written.
    Io,
    /// The work was not completed: its task panicked, its runtime stopped, or its session was
    /// replaced meanwhile.
    Interrupted,
    /// The session is configured wrongly, or a future is polled outside a Tokio runtime.
    Config,
}

/// The number in a code such as `ERR004`. `None` if the code is not exactly `ERR` and digits.
pub(super) fn number(code: &str) -> Option<u32> {
    let digits = code.strip_prefix("ERR")?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// I-Server codes for a job that a user or an administrator cancelled:
/// `MSI_INBOXMSG_RQSTCANCELLED`, `MSI_STR_JOB_CANCELED`, `DFC_E_JOB_IS_CANCELED`,
/// `DSSCOM_E_PROCESS_CANCELED`, `MDSVR_E_QUERY_CANCELLED`, `MSI_JOB_CANCELED_ERROR`,
/// `MSI_REQUEST_CANCELED`.
const CANCELLED: [i64; 7] = [
    -2_147_468_878,
    -2_147_468_463,
    -2_147_441_634,
    -2_147_217_371,
    -2_147_216_378,
    -2_147_209_196,
    -2_147_025_396,
];

/// I-Server codes for an object that does not exist: `MDSVR_E_NO_ID`, `MDSVR_E_NO_OBJECT`,
/// `DSSCOM_E_OBJECT_NOT_FOUND`. Servers send them with `ERR001` and status 500.
const NOT_FOUND: [i64; 3] = [-2_147_216_373, -2_147_216_364, -2_147_217_381];

/// The kind of an error reply with a code. The number alone decides: the server prints it with
/// three digits, the vendor's documentation with four.
pub(super) fn of_code(code: &str, iserver_code: Option<i64>) -> ErrorKind {
    let kind = match number(code) {
        Some(2 | 13) => ErrorKind::IServer,
        Some(3) => ErrorKind::LoginFailure,
        Some(4) => ErrorKind::ResourceNotFound,
        Some(5..=7) => ErrorKind::InvalidRequest,
        Some(9) => ErrorKind::SessionExpired,
        Some(10) => ErrorKind::NotSupported,
        Some(14 | 17) => ErrorKind::InsufficientPrivileges,
        Some(15) => ErrorKind::ObjectAlreadyExists,
        Some(16) => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Api,
    };
    match (kind, iserver_code) {
        (ErrorKind::Api | ErrorKind::IServer, Some(n)) if CANCELLED.contains(&n) => {
            ErrorKind::ExecutionCancelled
        }
        (ErrorKind::Api | ErrorKind::IServer, Some(n)) if NOT_FOUND.contains(&n) => {
            ErrorKind::ResourceNotFound
        }
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_of_a_code_do_not_change_its_kind() {
        for (code, kind) in [
            ("ERR014", ErrorKind::InsufficientPrivileges),
            ("ERR0014", ErrorKind::InsufficientPrivileges),
            ("ERR17", ErrorKind::InsufficientPrivileges),
            ("ERR0017", ErrorKind::InsufficientPrivileges),
            ("ERR009", ErrorKind::SessionExpired),
            ("ERR0013", ErrorKind::IServer),
            ("ERR015", ErrorKind::ObjectAlreadyExists),
            ("ERR0010", ErrorKind::NotSupported),
            ("ERR999", ErrorKind::Api),
        ] {
            assert_eq!(of_code(code, None), kind, "{code}");
        }
    }

    #[test]
    fn a_code_without_the_exact_prefix_is_api() {
        for code in ["err009", "ERR", "ERR 9", "ERR+9", "ERR009x", "XERR009", "8004cc41", ""] {
            assert_eq!(of_code(code, None), ErrorKind::Api, "{code}");
        }
        assert_eq!(number("ERR99999999999999999999"), None);
    }

    #[test]
    fn a_missing_metadata_object_is_not_found() {
        assert_eq!(of_code("ERR001", Some(-2_147_216_373)), ErrorKind::ResourceNotFound);
        assert_eq!(of_code("ERR001", Some(-2_147_216_374)), ErrorKind::Api);
        assert_eq!(of_code("ERR017", Some(-2_147_216_373)), ErrorKind::InsufficientPrivileges);
        #[cfg(feature = "iserver-codes")]
        for (code, name) in NOT_FOUND.into_iter().zip([
            "MDSVR_E_NO_ID",
            "MDSVR_E_NO_OBJECT",
            "DSSCOM_E_OBJECT_NOT_FOUND",
        ]) {
            let code = i32::try_from(code).unwrap();
            assert_eq!(super::super::iserver_table::name(code), Some(name));
        }
    }

    #[test]
    fn a_cancelled_job_has_its_own_kind() {
        assert_eq!(of_code("ERR002", Some(-2_147_209_196)), ErrorKind::ExecutionCancelled);
        assert_eq!(of_code("ERR009", Some(-2_147_209_196)), ErrorKind::SessionExpired);
    }
}
