//! What the I-Server's own codes say about executions.

use std::fmt;

use http::StatusCode;
use mstr_rest_core::{Error, ErrorKind};

use crate::sealed;

const INSTANCE_GONE: i64 = -2_147_468_986;
const REQUEST_TIMEOUT: i64 = -2_147_206_497;
const ROW_LIMIT: i64 = -2_147_205_488;
const NOT_PUBLISHED: i64 = -2_147_072_488;
const PROMPTED: i64 = -2_147_468_903;

/// Questions about errors of executions. The codes were seen on servers, by others too.
///
/// ```
/// use mstr_rest_api::{ErrorExt, Instance};
///
/// # async fn example(instance: Instance) -> mstr_rest_core::Result<()> {
/// let mut lines = 50_000;
/// let page = loop {
///     match instance.page(0, lines).await {
///         Err(error) if error.is_request_timeout() && lines > 1 => lines /= 2,
///         other => break other?,
///     }
/// };
/// # let _ = page;
/// # Ok(())
/// # }
/// ```
pub trait ErrorExt: sealed::Sealed {
    /// The instance is not there any more: its session ended, or the server cleared it away
    /// (-2147468986, or 404 `ERR004` without an I-Server code; an endpoint that the server does
    /// not know is something else). To be asked of errors of instances: a 404 of other calls can
    /// look the same. [`Instance::reexecute`](crate::Instance::reexecute) helps.
    fn is_instance_gone(&self) -> bool;

    /// The server's own time for a request was over (-2147206497): ask for fewer lines at once.
    fn is_request_timeout(&self) -> bool;

    /// The result has more rows than the project allows (-2147205488).
    fn is_row_limit_exceeded(&self) -> bool;

    /// The cube is not published (-2147072488): [`Cube::publish`](crate::Cube::publish).
    fn is_cube_unpublished(&self) -> bool;

    /// An execution that was repeated has other data than the one before: what was read so far does
    /// not fit, and has to be read from the start. No reply of the server; other data with the
    /// same number of lines are not noticed here.
    fn is_data_changed(&self) -> bool;

    /// The server does not have the endpoint, or not with this method: its version may be older. A
    /// server says so as 404 `HTTP 404 Not Found` or 405 `HTTP 405 Method Not Allowed`
    /// ([`NotSupported`](mstr_rest_core::ErrorKind::NotSupported)), or without its JSON by 404, 405
    /// or 501, which a proxy can send as well ([`Http`](mstr_rest_core::ErrorKind::Http)).
    fn is_unknown_endpoint(&self) -> bool;

    /// Prompts are open (-2147468903): [`Instance::answer`](crate::Instance::answer).
    fn is_prompted(&self) -> bool;
}

impl ErrorExt for Error {
    fn is_instance_gone(&self) -> bool {
        match self.iserver_code() {
            Some(code) if code != 0 => code == INSTANCE_GONE,
            _ => {
                self.status() == Some(StatusCode::NOT_FOUND)
                    && self.number() == Some(4)
                    && self.kind() == ErrorKind::ResourceNotFound
            }
        }
    }

    fn is_request_timeout(&self) -> bool {
        self.iserver_code() == Some(REQUEST_TIMEOUT)
    }

    fn is_row_limit_exceeded(&self) -> bool {
        self.iserver_code() == Some(ROW_LIMIT)
    }

    fn is_cube_unpublished(&self) -> bool {
        self.iserver_code() == Some(NOT_PUBLISHED)
    }

    fn is_data_changed(&self) -> bool {
        std::error::Error::source(self).is_some_and(<dyn std::error::Error>::is::<DataChanged>)
    }

    fn is_unknown_endpoint(&self) -> bool {
        let Some(status) = self.status() else { return false };
        match self.kind() {
            ErrorKind::NotSupported => {
                self.message().trim_start().starts_with(&format!("HTTP {} ", status.as_u16()))
            }
            ErrorKind::Http => matches!(status.as_u16(), 404 | 405 | 501),
            _ => false,
        }
    }

    fn is_prompted(&self) -> bool {
        self.iserver_code() == Some(PROMPTED)
    }
}

/// The error for an execution that was repeated and has another number of lines; `gone` says why
/// it was repeated.
pub(crate) fn total_changed(before: Option<u64>, after: Option<u64>, gone: Option<Error>) -> Error {
    let lines = |total: Option<u64>| total.map_or("unknown".to_owned(), |total| total.to_string());
    let message = format!(
        "the instance was gone, and executed again it has another number of lines ({} before, {} \
         now): read it from the start",
        lines(before),
        lines(after),
    );
    Error::with_source(ErrorKind::Api, message, DataChanged { gone })
}

/// The source of errors of which [`ErrorExt::is_data_changed`] is true. For layers above, which
/// compare more than the number of lines.
#[derive(Debug, Clone, Default)]
pub struct DataChanged {
    gone: Option<Error>,
}

impl fmt::Display for DataChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data changed between two executions")
    }
}

impl std::error::Error for DataChanged {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.gone.as_ref().map(|gone| gone as _)
    }
}
