//! Errors of pages that cannot be read.

use mstr_rest_core::{Error, ErrorKind};

/// An error of decoding: the page is not what it should be.
pub(crate) fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Decode, format!("this page of the grid cannot be read: {}", what.into()))
}

/// The parser's own words hold no value: line, column and what was expected.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn not_a_page(error: serde_json::Error) -> Error {
    broken(error.to_string())
}

/// A page without a definition or without data.
pub(crate) fn no_grid(status: Option<i64>) -> Error {
    match status {
        Some(2) => Error::new(
            ErrorKind::Decode,
            "there is no data yet: the instance waits for answers to its prompts",
        ),
        Some(status) if status != 1 => broken(format!(
            "it has no data, and its status is {status}: the execution is not ready"
        )),
        _ => broken("it has no definition or no data"),
    }
}
