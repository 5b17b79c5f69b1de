//! Closures as sources.

use std::{borrow::Cow, fmt, future::Future, marker::PhantomData};

use zeroize::Zeroizing;

use crate::{CredentialError, SecretProvider, SecretString};

/// What a closure may give: text, or an `Option` of it.
///
/// `None` is reported as [`CredentialError::missing`]. Implemented for the usual text types and for
/// `Option` of them; implement it for a secret type of your own, or convert that to
/// [`SecretString`] first.
///
/// ```
/// use mstr_credentials::IntoSecret;
///
/// assert!("text".into_secret().is_some());
/// assert!(None::<String>.into_secret().is_none());
/// ```
pub trait IntoSecret {
    /// The secret, or `None` when there is nothing.
    fn into_secret(self) -> Option<SecretString>;
}

impl IntoSecret for SecretString {
    fn into_secret(self) -> Option<SecretString> {
        Some(self)
    }
}

impl IntoSecret for &str {
    fn into_secret(self) -> Option<SecretString> {
        Some(self.into())
    }
}

impl IntoSecret for String {
    fn into_secret(self) -> Option<SecretString> {
        Some(SecretString::from(self))
    }
}

impl IntoSecret for Box<str> {
    fn into_secret(self) -> Option<SecretString> {
        Some(SecretString::from(self))
    }
}

impl IntoSecret for Cow<'_, str> {
    fn into_secret(self) -> Option<SecretString> {
        Some(SecretString::from(self))
    }
}

impl IntoSecret for Zeroizing<String> {
    fn into_secret(self) -> Option<SecretString> {
        Some(self.as_str().into())
    }
}

impl<T: IntoSecret> IntoSecret for Option<T> {
    fn into_secret(self) -> Option<SecretString> {
        self.and_then(T::into_secret)
    }
}

fn present(secret: impl IntoSecret) -> Result<SecretString, CredentialError> {
    secret
        .into_secret()
        .ok_or_else(|| CredentialError::missing("the credential closure gave no value"))
}

pub(crate) struct Closure<F, S>(F, PhantomData<fn() -> S>);

impl<F, S> Closure<F, S> {
    pub(crate) fn new(f: F) -> Self {
        Self(f, PhantomData)
    }
}

impl<F, S> fmt::Debug for Closure<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("from_fn")
    }
}

impl<F, S> SecretProvider for Closure<F, S>
where
    F: Fn() -> Result<S, CredentialError> + Send + Sync + 'static,
    S: IntoSecret + 'static,
{
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        present((self.0)()?)
    }
}

pub(crate) struct AsyncClosure<F, S>(F, PhantomData<fn() -> S>);

impl<F, S> AsyncClosure<F, S> {
    pub(crate) fn new(f: F) -> Self {
        Self(f, PhantomData)
    }
}

impl<F, S> fmt::Debug for AsyncClosure<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("from_async_fn")
    }
}

impl<F, Fut, S> SecretProvider for AsyncClosure<F, S>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, CredentialError>> + Send + 'static,
    S: IntoSecret + 'static,
{
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        present((self.0)().await?)
    }
}
