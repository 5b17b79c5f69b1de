//! What the providers of all vaults have in common.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use crate::{
    CachedSecret, CredentialError, SecretField, SecretProvider, SecretString, SecretValue,
};

/// Which secret of a vault it is, and how it is fetched: what the crate of a vault implements.
///
/// [`FetchedSecret`] and [`FetchedValue`] make providers of it. The type is a set of options, cheap to
/// clone; its client is what is expensive.
///
/// ```
/// use mstr_credentials::{
///     Credential, CredentialError, FetchSecret, FetchedSecret, SecretValue,
/// };
/// use std::time::Duration;
///
/// #[derive(Clone, Debug)]
/// struct Safe {
///     drawer: String,
///     timeout: Duration,
/// }
///
/// impl FetchSecret for Safe {
///     type Client = (); // a connection that is made when it is first needed
///
///     fn name(&self) -> String {
///         format!("drawer {}", self.drawer)
///     }
///
///     fn timeout(&self) -> Duration {
///         self.timeout
///     }
///
///     fn client(&self) -> Self::Client {}
///
///     async fn fetch(&self, _: &Self::Client) -> Result<SecretValue, CredentialError> {
///         Ok(SecretValue::from(r#"{"password": "s3cret"}"#))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CredentialError> {
/// let safe = Safe { drawer: "left".into(), timeout: Duration::from_secs(30) };
/// let login = FetchedSecret::new(safe);
/// let password = Credential::from(login.field("password"));
/// assert_eq!(password.resolve().await?.expose_secret(), "s3cret");
/// # Ok(())
/// # }
/// ```
pub trait FetchSecret: Clone + fmt::Debug + Send + Sync + 'static {
    /// What fetches share: usually a client of an SDK that is made at the first fetch.
    type Client: Send + Sync + 'static;

    /// How errors call the secret. Never a text that may be a secret itself.
    fn name(&self) -> String;

    /// The timeout that [`fetch`](Self::fetch) keeps, with all that it needs.
    fn timeout(&self) -> Duration;

    /// A new client. Makes no request.
    fn client(&self) -> Self::Client;

    /// The field that the secret itself is as a provider, where the options name one. Default: none, it
    /// is the whole text.
    fn own_field(&self) -> Option<&str> {
        None
    }

    /// Fetches the whole secret.
    ///
    /// # Errors
    ///
    /// As [`SecretProvider::secret`] has them.
    fn fetch(
        &self,
        client: &Self::Client,
    ) -> impl Future<Output = Result<SecretValue, CredentialError>> + Send;
}

/// A secret that is fetched once for all of its fields: a [`CachedSecret`] with options that can be
/// changed.
///
/// Nothing is fetched when it is made. Clones share the client and the value; changed options make
/// a secret that shares neither.
#[derive(Clone)]
pub struct FetchedSecret<F> {
    options: F,
    time_to_live: Option<Duration>,
    serve_stale_for: Option<Duration>,
    cached: CachedSecret,
}

impl<F: FetchSecret> FetchedSecret<F> {
    /// A secret with these options.
    pub fn new(options: F) -> Self {
        Self::made(options, None, None)
    }

    fn made(options: F, time_to_live: Option<Duration>, serve_stale_for: Option<Duration>) -> Self {
        let shared = Arc::new((options.clone(), options.client()));
        let mut cached = CachedSecret::new(options.name(), move || {
            let shared = Arc::clone(&shared);
            async move { shared.0.fetch(&shared.1).await }
        });
        cached = cached.with_timeout(options.timeout());
        if let Some(time) = time_to_live {
            cached = cached.time_to_live(time);
        }
        if let Some(time) = serve_stale_for {
            cached = cached.serve_stale_for(time);
        }
        Self { options, time_to_live, serve_stale_for, cached }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(self, change: impl FnOnce(&mut F)) -> Self {
        let mut options = self.options;
        change(&mut options);
        Self::made(options, self.time_to_live, self.serve_stale_for)
    }

    /// As [`CachedSecret::time_to_live`].
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        Self::made(self.options, Some(time), self.serve_stale_for)
    }

    /// As [`CachedSecret::serve_stale_for`].
    #[must_use]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        Self::made(self.options, self.time_to_live, Some(time))
    }

    /// As [`CachedSecret::field`].
    pub fn field(&self, field: impl Into<String>) -> SecretField {
        self.cached.field(field)
    }

    /// The secret without its options: what the factory of a scheme gives.
    pub fn into_cached(self) -> CachedSecret {
        self.cached
    }
}

/// The whole secret as text, or [its own field](FetchSecret::own_field).
impl<F: FetchSecret> SecretProvider for FetchedSecret<F> {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        match self.options.own_field() {
            Some(field) => self.cached.field(field).secret().await,
            None => self.cached.secret().await,
        }
    }

    fn invalidate(&self) {
        self.cached.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.cached.timeout()
    }
}

/// A secret that is fetched at every resolve, or one field of it.
///
/// Nothing is fetched when it is made. Clones share the client; changed options make a secret that
/// does not.
pub struct FetchedValue<F: FetchSecret> {
    options: F,
    client: Arc<F::Client>,
    field: Option<String>,
}

impl<F: FetchSecret> FetchedValue<F> {
    /// A secret with these options.
    pub fn new(options: F) -> Self {
        Self { client: Arc::new(options.client()), options, field: None }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(self, change: impl FnOnce(&mut F)) -> Self {
        let mut options = self.options;
        change(&mut options);
        Self { field: self.field, ..Self::new(options) }
    }

    /// The secret fetched once for all of its fields, with the same options. A field that was taken does
    /// not count.
    pub fn into_cached(self) -> CachedSecret {
        FetchedSecret::new(self.options).into_cached()
    }

    /// Takes one field of the JSON object that the secret holds (rules: [`SecretValue::field`]).
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl<F: FetchSecret> SecretProvider for FetchedValue<F> {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let value = self.options.fetch(&self.client).await?;
        let name = self.options.name();
        match self.field.as_deref().or_else(|| self.options.own_field()) {
            Some(field) => value.field(&name, field),
            None => value.text(&name),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.options.timeout())
    }
}

impl<F: FetchSecret> Clone for FetchedValue<F> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            client: Arc::clone(&self.client),
            field: self.field.clone(),
        }
    }
}

/// Shows the options.
impl<F: fmt::Debug> fmt::Debug for FetchedSecret<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FetchedSecret").field(&self.options).finish()
    }
}

/// Shows the options and the field.
impl<F: FetchSecret> fmt::Debug for FetchedValue<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FetchedValue").field(&self.options).field(&self.field).finish()
    }
}

/// For the crates of vaults: the methods and traits of a pair of providers that wrap a
/// [`FetchedSecret`] and a [`FetchedValue`] of the same options, or of one of them alone.
///
/// The private method `with` changes the options; what they are is up to the crate.
#[doc(hidden)]
#[macro_export]
macro_rules! fetched_providers {
    ($secret:ident, $value:ident, $options:ty) => {
        $crate::fetched_providers!(secret $secret, $options);
        $crate::fetched_providers!(value $value, $options);
    };
    (secret $secret:ident, $options:ty) => {
        impl $secret {
            /// One field of the JSON object that the secret holds.
            pub fn field(&self, field: impl Into<String>) -> $crate::SecretField {
                self.0.field(field)
            }

            /// After which time the value is fetched anew. Default: never.
            #[must_use]
            pub fn time_to_live(self, time: ::std::time::Duration) -> Self {
                Self(self.0.time_to_live(time))
            }

            /// How long past its time to live a value may serve while fetches fail
            /// ([`CachedSecret::serve_stale_for`](mstr_credentials::CachedSecret::serve_stale_for)).
            #[must_use]
            pub fn serve_stale_for(self, time: ::std::time::Duration) -> Self {
                Self(self.0.serve_stale_for(time))
            }

            pub(crate) fn into_cached(self) -> $crate::CachedSecret {
                self.0.into_cached()
            }
        }

        $crate::fetched_providers!(@each $secret $options, $crate::FetchedSecret::new);
    };
    (value $value:ident, $options:ty) => {
        impl $value {
            /// Takes one field of the JSON object that the secret holds.
            #[must_use]
            #[doc(alias = "key")]
            pub fn field(self, field: impl Into<String>) -> Self {
                Self(self.0.field(field))
            }
        }

        $crate::fetched_providers!(@each $value $options, $crate::FetchedValue::new);
    };
    (@each $provider:ident $options:ty, $new:path) => {
        impl $provider {
            fn with(self, change: impl FnOnce(&mut $options)) -> Self {
                Self(self.0.with(change))
            }
        }

        impl From<$options> for $provider {
            fn from(options: $options) -> Self {
                Self($new(options))
            }
        }

        /// The whole secret as text, or the field that was taken.
        impl $crate::SecretProvider for $provider {
            async fn secret(&self) -> Result<$crate::SecretString, $crate::CredentialError> {
                self.0.secret().await
            }

            fn invalidate(&self) {
                self.0.invalidate();
            }

            fn timeout(&self) -> Option<::std::time::Duration> {
                self.0.timeout()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Clone, Debug)]
    struct Safe {
        drawer: &'static str,
        timeout: Duration,
        own: Option<&'static str>,
    }

    impl FetchSecret for Safe {
        /// How often it was used.
        type Client = AtomicUsize;

        fn name(&self) -> String {
            format!("drawer {}", self.drawer)
        }

        fn timeout(&self) -> Duration {
            self.timeout
        }

        fn client(&self) -> AtomicUsize {
            AtomicUsize::new(0)
        }

        fn own_field(&self) -> Option<&str> {
            self.own
        }

        async fn fetch(&self, used: &AtomicUsize) -> Result<SecretValue, CredentialError> {
            let used = used.fetch_add(1, Ordering::Relaxed);
            Ok(format!(r#"{{"drawer":"{}","fetch":"{used}"}}"#, self.drawer).into())
        }
    }

    fn safe() -> Safe {
        Safe { drawer: "left", timeout: Duration::from_secs(1), own: None }
    }

    async fn text(provider: &impl SecretProvider) -> String {
        provider.secret().await.unwrap().expose_secret().to_owned()
    }

    #[tokio::test]
    async fn a_value_is_fetched_at_every_resolve_by_one_client() {
        let value = FetchedValue::new(safe()).field("fetch");
        assert_eq!(text(&value).await, "0");
        assert_eq!(text(&value.clone()).await, "1");
        // the field stays, the client does not
        let other = value.with(|safe| safe.timeout = Duration::from_secs(2));
        assert_eq!(text(&other).await, "0");
        assert_eq!(other.timeout(), Some(Duration::from_secs(2)));
        let own = FetchedValue::new(Safe { own: Some("drawer"), ..safe() });
        assert_eq!(text(&own).await, "left");
        assert_eq!(text(&own.field("fetch")).await, "1");
        let error = other.field("none").secret().await.unwrap_err();
        assert!(error.to_string().starts_with("drawer left"), "{error}");
    }

    #[tokio::test]
    async fn a_secret_is_fetched_once_until_it_is_invalidated() {
        let secret = FetchedSecret::new(safe());
        let (drawer, fetch) = (secret.field("drawer"), secret.clone().field("fetch"));
        assert_eq!((text(&drawer).await, text(&fetch).await), ("left".into(), "0".into()));
        secret.invalidate();
        assert_eq!(text(&fetch).await, "1");
        assert_eq!(text(&secret).await, r#"{"drawer":"left","fetch":"1"}"#);
        let own = FetchedSecret::new(Safe { own: Some("drawer"), ..safe() });
        assert_eq!(text(&own).await, "left");
        let other = secret.with(|safe| safe.drawer = "right");
        assert_eq!(text(&other.field("drawer")).await, "right");
        assert_eq!(text(&other.into_cached().field("fetch")).await, "0");
    }

    #[tokio::test(start_paused = true)]
    async fn times_survive_a_change_of_options() {
        let time = Duration::from_secs(60);
        let secret = FetchedSecret::new(safe()).time_to_live(time).serve_stale_for(time);
        let secret = secret.with(|safe| safe.timeout = Duration::from_secs(5));
        assert_eq!(secret.timeout(), Some(Duration::from_secs(5)));
        assert_eq!(text(&secret.field("fetch")).await, "0");
        tokio::time::advance(time).await;
        assert_eq!(text(&secret.field("fetch")).await, "1");
    }
}
