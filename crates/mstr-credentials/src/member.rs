//! One JSON member of a source that is read afresh every time.

use std::{fmt, future::Future, time::Duration};

use crate::{CredentialError, SecretProvider, SecretString, value::SecretValue};

/// A source whose whole value can be had, for the sake of one member of it.
pub(crate) trait Whole: fmt::Debug + Send + Sync + 'static {
    /// How errors call it.
    fn name(&self) -> String;
    fn whole(&self) -> impl Future<Output = Result<SecretValue, CredentialError>> + Send;
    /// As [`SecretProvider::timeout`].
    fn timeout(&self) -> Option<Duration>;
}

#[derive(Debug)]
pub(crate) struct Member<T> {
    of: T,
    member: String,
}

impl<T: Whole> Member<T> {
    pub(crate) fn new(of: T, member: impl Into<String>) -> Self {
        Self { of, member: member.into() }
    }
}

impl<T: Whole> SecretProvider for Member<T> {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.of.whole().await?.member(&self.of.name(), &self.member)
    }

    fn timeout(&self) -> Option<Duration> {
        self.of.timeout()
    }
}
