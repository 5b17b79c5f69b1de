//! Kinds of errors, and how the server's codes map to them.

/// What kind of error it is: what to match on. More kinds may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server refused the login (`ERR003`), or answered it without a session token. Do not
    /// repeat it blindly: accounts are locked after a few failures.
    LoginFailure,
    /// A credential's source yields nothing: an environment variable that is not set, for
    /// instance. Nothing was sent.
    MissingCredential,
    /// A credential's source failed, or what it holds cannot be used. Nothing was sent.
    Credential,
    /// An error of the Intelligence Server (`ERR002`, `ERR013`).
    IServer,
    /// What was asked for does not exist: `ERR004`, or `ERR001` with an I-Server code that says so
    /// (objects of the metadata); or no project has that name.
    ResourceNotFound,
    /// Missing or invalid input, by the server's judgement (`ERR005` to `ERR007`) or by ours
    /// before anything was sent.
    InvalidRequest,
    /// The server does not know the session (`ERR009`): missing, unknown and expired tokens look
    /// the same.
    SessionExpired,
    /// The call needs a session and this one holds no token, or was closed. Nothing was sent.
    NoSession,
    /// Something must be loaded first. Nothing was sent.
    NotLoaded,
    /// A session snapshot cannot be used.
    Snapshot,
    /// The user lacks a privilege (`ERR014`) or a permission on the object (`ERR017`).
    InsufficientPrivileges,
    /// The object exists already (`ERR015`).
    ObjectAlreadyExists,
    /// The execution was cancelled.
    ExecutionCancelled,
    /// The server does not support this (`ERR010`), or a prompt must be answered first.
    NotSupported,
    /// The server says that the service is not available (`ERR016`).
    ServiceUnavailable,
    /// Any other error of the server that has a code (`ERR001` and others).
    Api,
    /// An error status with JSON that has no code.
    Unknown,
    /// An error status without any body of the server's own: a proxy's HTML page, say.
    Http,
    /// A redirect that is not followed: too many, unusable, or it asked to repeat a body or a
    /// login elsewhere.
    Redirect,
    /// A time limit was over.
    Timeout,
    /// No connection: name resolution, TCP, TLS or proxy. Nothing was sent.
    Connect,
    /// The exchange broke: reset, truncated reply, invalid HTTP.
    Transport,
    /// The reply came but is not what was asked for.
    Decode,
    /// A local file or folder cannot be read or written.
    Io,
    /// The work did not come to an end: its task panicked, or its runtime stopped, or what it worked
    /// for was replaced meanwhile.
    Interrupted,
    /// The session is set up wrongly, or a future is polled outside a Tokio runtime.
    Config,
}

/// The number of `ERR004`; `None` for anything but the exact prefix and digits.
pub(super) fn number(code: &str) -> Option<u32> {
    let digits = code.strip_prefix("ERR")?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// I-Server codes that say that a job was cancelled, by a user or an administrator:
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

/// I-Server codes that say that an object is not there: `MDSVR_E_NO_ID`, `MDSVR_E_NO_OBJECT`,
/// `DSSCOM_E_OBJECT_NOT_FOUND`. Servers send them with `ERR001` and status 500.
const NOT_FOUND: [i64; 3] = [-2_147_216_373, -2_147_216_364, -2_147_217_381];

/// The kind of an error reply that has a code. The server prints the number with three digits,
/// its documentation with four: only the number counts.
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
    fn only_the_number_counts() {
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
    fn the_prefix_is_exact() {
        for code in ["err009", "ERR", "ERR 9", "ERR+9", "ERR009x", "XERR009", "8004cc41", ""] {
            assert_eq!(of_code(code, None), ErrorKind::Api, "{code}");
        }
        assert_eq!(number("ERR99999999999999999999"), None);
    }

    #[test]
    fn an_object_that_is_not_there_is_not_found() {
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
