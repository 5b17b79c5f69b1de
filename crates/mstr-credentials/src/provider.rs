//! The trait that every source implements.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use crate::{CredentialError, SecretString};

/// A source of one secret text.
///
/// Implement it for your own vault; everything that implements it (and an [`Arc`] of it) converts
/// into a [`Credential`](crate::Credential). For a quick one, a closure does:
/// [`Credential::from_async_fn`](crate::Credential::from_async_fn).
///
/// What an implementation owes its callers:
///
/// * `Debug` and errors name the source and never hold the secret;
/// * nothing is fetched before [`secret`](Self::secret) is called;
/// * `secret` ends: put a timeout on what can hang, and tell it in [`timeout`](Self::timeout);
/// * what is cached is dropped, or at least not trusted, after [`invalidate`](Self::invalidate).
///   [`CachedSecret`](crate::CachedSecret) does the caching for you.
///
/// ```
/// use mstr_credentials::{Credential, CredentialError, SecretProvider, SecretString};
///
/// #[derive(Debug)]
/// struct Keychain {
///     account: String,
/// }
///
/// impl SecretProvider for Keychain {
///     async fn secret(&self) -> Result<SecretString, CredentialError> {
///         match self.account.as_str() {
///             "dave" => Ok("s3cret".into()),
///             other => Err(CredentialError::missing(format!("no keychain entry for {other}"))),
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CredentialError> {
/// let credential = Credential::from(Keychain { account: "dave".into() });
/// assert_eq!(credential.resolve().await?.expose_secret(), "s3cret");
/// # Ok(())
/// # }
/// ```
pub trait SecretProvider: fmt::Debug + Send + Sync + 'static {
    /// The secret as it is now.
    ///
    /// Called at every login. Write it as `async fn secret(&self)`.
    ///
    /// # Errors
    ///
    /// [`CredentialError::missing`] when the source has nothing, any other [`CredentialError`] when
    /// it failed. Neither may hold the secret.
    fn secret(&self) -> impl Future<Output = Result<SecretString, CredentialError>> + Send;

    /// Stop trusting cached values: the server did not accept them, or may soon not.
    ///
    /// A session calls it before it logs in again. Sources that read afresh every time have nothing
    /// to do here.
    fn invalidate(&self) {}

    /// The timeout that [`secret`](Self::secret) keeps by itself. Default: `None`, no timeout.
    ///
    /// A session sets no timeout around a source that has one; any other source gets 60 s (see
    /// [`Credential::resolve_bounded`](crate::Credential::resolve_bounded)).
    fn timeout(&self) -> Option<Duration> {
        None
    }
}

/// A shared provider is a provider.
///
/// (A crate that defines a provider could not write this itself: `Arc` is not its own type.)
impl<T: SecretProvider> SecretProvider for Arc<T> {
    fn secret(&self) -> impl Future<Output = Result<SecretString, CredentialError>> + Send {
        T::secret(self)
    }

    fn invalidate(&self) {
        T::invalidate(self);
    }

    fn timeout(&self) -> Option<Duration> {
        T::timeout(self)
    }
}
