//! One JSON field of a source that is read afresh every time.

use std::{fmt, future::Future, time::Duration};

use crate::{CredentialError, SecretProvider, SecretString, value::SecretValue};

/// A source whose whole value can be had, for the sake of one field of it.
pub(crate) trait Whole: fmt::Debug + Send + Sync + 'static {
    /// How errors call it.
    fn name(&self) -> String;
    fn whole(&self) -> impl Future<Output = Result<SecretValue, CredentialError>> + Send;
    /// As [`SecretProvider::timeout`].
    fn timeout(&self) -> Option<Duration>;
}

#[derive(Debug)]
pub(crate) struct Field<T> {
    of: T,
    field: String,
}

impl<T: Whole> Field<T> {
    pub(crate) fn new(of: T, field: impl Into<String>) -> Self {
        Self { of, field: field.into() }
    }
}

impl<T: Whole> SecretProvider for Field<T> {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.of.whole().await?.field(&self.of.name(), &self.field)
    }

    fn timeout(&self) -> Option<Duration> {
        self.of.timeout()
    }
}
