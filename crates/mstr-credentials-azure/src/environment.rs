//! Environment variables.

use std::env::{self, VarError};

use azure_core::{Error, Result, error::ErrorKind};

/// A variable that is set and not empty.
///
/// # Errors
/// One that is not valid Unicode: the SDK takes it for one that is not set, and another identity
/// would be asked.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        // the error would quote the value
        Err(VarError::NotUnicode(_)) => {
            let what = format!("{name} is not valid Unicode");
            Err(Error::with_message(ErrorKind::Credential, what))
        }
    }
}
