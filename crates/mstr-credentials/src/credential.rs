//! The erased, cloneable form of every source.

use std::{
    borrow::Cow, ffi::OsString, fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc,
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout};

use crate::{
    CredentialError, EnvVar, IntoSecret, SecretCommand, SecretFile, SecretProvider, SecretString,
    closure::{AsyncClosure, Closure},
};

/// For sources that have no timeout of their own: a login must not hang because of them.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A secret, or where to get it: what the rest of the client takes.
///
/// Text converts into a literal, every [`SecretProvider`] into itself, and the constructors below
/// cover the sources that this crate knows. Clones share their source. `Debug` shows the kind of
/// source and its name, never the secret.
///
/// ```
/// use mstr_credentials::{Credential, CredentialError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CredentialError> {
/// let literal = Credential::from("s3cret");
/// assert_eq!(literal.resolve().await?.expose_secret(), "s3cret");
/// assert_eq!(format!("{literal:?}"), "Credential(literal)");
///
/// let unset = Credential::env("SURELY_NOT_SET_1234");
/// assert!(unset.resolve().await.unwrap_err().is_missing());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Credential(Repr);

#[derive(Clone)]
enum Repr {
    Literal(SecretString),
    Provider(Arc<dyn Erased>),
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The object-safe face of [`SecretProvider`].
trait Erased: fmt::Debug + Send + Sync {
    fn secret_dyn(&self) -> BoxFuture<'_, Result<SecretString, CredentialError>>;
    fn invalidate_dyn(&self);
    fn timeout_dyn(&self) -> Option<Duration>;
}

impl<T: SecretProvider> Erased for T {
    fn secret_dyn(&self) -> BoxFuture<'_, Result<SecretString, CredentialError>> {
        Box::pin(self.secret())
    }

    fn invalidate_dyn(&self) {
        self.invalidate();
    }

    fn timeout_dyn(&self) -> Option<Duration> {
        self.timeout()
    }
}

impl Credential {
    /// The literal text, if this is one; `None` for every other source. Runs nothing.
    ///
    /// ```
    /// use mstr_credentials::Credential;
    ///
    /// assert!(Credential::from("https://example.com/api").literal().is_some());
    /// assert!(Credential::env("MSTR_BASE_URL").literal().is_none());
    /// ```
    pub fn literal(&self) -> Option<&SecretString> {
        match &self.0 {
            Repr::Literal(secret) => Some(secret),
            Repr::Provider(_) => None,
        }
    }

    /// Asks the source for the secret, now.
    ///
    /// # Errors
    ///
    /// Whatever the source reports; [`CredentialError::is_missing`] when it has nothing. A literal
    /// never fails and may be empty.
    pub fn resolve(
        &self,
    ) -> impl Future<Output = Result<SecretString, CredentialError>> + Send + use<> {
        let source = self.0.clone();
        async move {
            match source {
                Repr::Literal(secret) => Ok(secret),
                Repr::Provider(provider) => provider.secret_dyn().await,
            }
        }
    }

    /// Asks the source for the secret, now, and fails when it does not answer in time.
    ///
    /// A source with a [`timeout`](Self::timeout) of its own keeps that one. Any other source gets
    /// 60 s. Sessions and encrypted snapshot stores resolve their credentials with this.
    /// Outside a tokio runtime there is no clock, and so no timeout.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve), and a source that took more than 60 s.
    ///
    /// ```
    /// use mstr_credentials::{Credential, CredentialError};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), CredentialError> {
    /// async fn ask_a_person() -> Result<String, CredentialError> {
    ///     Ok("s3cret".to_owned())
    /// }
    /// let password =
    ///     Credential::from_async_fn(ask_a_person).with_timeout(Duration::from_secs(300));
    /// assert_eq!(password.resolve_bounded().await?.expose_secret(), "s3cret");
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolve_bounded(
        &self,
    ) -> impl Future<Output = Result<SecretString, CredentialError>> + Send + use<> {
        let bounded = matches!(self.0, Repr::Provider(_)) && self.timeout().is_none();
        let secret = self.resolve();
        async move {
            if !bounded || Handle::try_current().is_err() {
                return secret.await;
            }
            timeout(DEFAULT_TIMEOUT, secret).await.unwrap_or_else(|_| {
                Err(CredentialError::new(format!(
                    "no secret within {DEFAULT_TIMEOUT:?}, the timeout of a source without one of \
                     its own: set one with Credential::with_timeout"
                )))
            })
        }
    }

    /// The timeout that the source keeps by itself, if it has one (see
    /// [`SecretProvider::timeout`]). `None` for a literal.
    ///
    /// ```
    /// use mstr_credentials::{Credential, SecretCommand};
    /// use std::time::Duration;
    ///
    /// let command = SecretCommand::new(["op", "read", "op://prod/mstr/password"]);
    /// let command = Credential::from(command.with_timeout(Duration::from_secs(120)));
    /// assert_eq!(command.timeout(), Some(Duration::from_secs(120)));
    /// assert_eq!(Credential::from_fn(|| Ok("s3cret")).timeout(), None);
    /// ```
    pub fn timeout(&self) -> Option<Duration> {
        match &self.0 {
            Repr::Literal(_) => None,
            Repr::Provider(provider) => provider.timeout_dyn(),
        }
    }

    /// The same source with a timeout: a resolve that takes longer is dropped and fails. For
    /// closures and providers without a timeout of their own, shorter or longer than the 60 s that
    /// they get otherwise. A source that has a timeout of its own keeps that one too.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self::from(Timed { source: self, timeout })
    }

    /// Tells the source not to trust what it has cached (see [`SecretProvider::invalidate`]).
    ///
    /// When several credentials may come from one secret, invalidate all of them before resolving
    /// the first, so that they come from one fetch.
    pub fn invalidate(&self) {
        if let Repr::Provider(provider) = &self.0 {
            provider.invalidate_dyn();
        }
    }

    /// A closure that is called at every resolve.
    ///
    /// It gives `Ok(text)`, `Ok(None)` for "there is nothing" (reported as
    /// [`CredentialError::missing`]), or an error. It runs on the thread that polls: it must be
    /// quick. For anything that waits use [`from_async_fn`](Self::from_async_fn), and for blocking
    /// libraries `tokio::task::spawn_blocking` inside of it.
    ///
    /// ```
    /// use mstr_credentials::{Credential, CredentialError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), CredentialError> {
    /// let text = Credential::from_fn(|| Ok("s3cret"));
    /// assert_eq!(text.resolve().await?.expose_secret(), "s3cret");
    ///
    /// let nothing = Credential::from_fn(|| Ok(None::<String>));
    /// assert!(nothing.resolve().await.unwrap_err().is_missing());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_fn<F, S>(f: F) -> Self
    where
        F: Fn() -> Result<S, CredentialError> + Send + Sync + 'static,
        S: IntoSecret + 'static,
    {
        Self::from(Closure::new(f))
    }

    /// A closure that returns a future; called at every resolve, not cached.
    ///
    /// Same results as [`from_fn`](Self::from_fn). For one that fetches a secret with several
    /// fields, or that should not run at every login, use [`CachedSecret`](crate::CachedSecret).
    ///
    /// ```
    /// use mstr_credentials::{Credential, CredentialError};
    ///
    /// async fn from_my_vault() -> Result<String, CredentialError> {
    ///     Ok("s3cret".to_owned())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), CredentialError> {
    /// let credential = Credential::from_async_fn(from_my_vault);
    /// assert_eq!(credential.resolve().await?.expose_secret(), "s3cret");
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_async_fn<F, Fut, S>(f: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S, CredentialError>> + Send + 'static,
        S: IntoSecret + 'static,
    {
        Self::from(AsyncClosure::new(f))
    }

    /// An environment variable, read at every resolve; unset or empty is
    /// [missing](CredentialError::missing). See [`EnvVar`].
    pub fn env(name: impl Into<String>) -> Self {
        EnvVar::new(name).into()
    }

    /// An environment variable, with the text to use when it is unset or empty (which may itself be
    /// empty).
    ///
    /// ```
    /// use mstr_credentials::{Credential, CredentialError};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), CredentialError> {
    /// let user = Credential::env_or("SURELY_NOT_SET_1234", "guest");
    /// assert_eq!(user.resolve().await?.expose_secret(), "guest");
    /// # Ok(())
    /// # }
    /// ```
    pub fn env_or(name: impl Into<String>, default: impl Into<SecretString>) -> Self {
        EnvVar::new(name).or(default).into()
    }

    /// A file, read at every resolve: for mounted Kubernetes and Docker secrets. See
    /// [`SecretFile`].
    pub fn file(path: impl Into<PathBuf>) -> Self {
        SecretFile::new(path).into()
    }

    /// The first line that a command prints, run at every resolve, without a shell. See
    /// [`SecretCommand`].
    ///
    /// ```
    /// use mstr_credentials::Credential;
    ///
    /// let password = Credential::command(["pass", "show", "mstr/prod"]);
    /// assert_eq!(format!("{password:?}"), r#"Credential(SecretCommand { program: "pass", .. })"#);
    /// ```
    pub fn command<I>(argv: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        SecretCommand::new(argv).into()
    }
}

/// A credential with a timeout: made by [`Credential::with_timeout`].
struct Timed {
    source: Credential,
    timeout: Duration,
}

impl SecretProvider for Timed {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let secret = self.source.resolve();
        if Handle::try_current().is_err() {
            return secret.await;
        }
        timeout(self.timeout, secret).await.unwrap_or_else(|_| {
            Err(CredentialError::new(format!("no secret within {:?}", self.timeout)))
        })
    }

    fn invalidate(&self) {
        self.source.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

/// Shows the source.
impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, timeout {:?}", self.source, self.timeout)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Literal(_) => f.write_str("Credential(literal)"),
            Repr::Provider(provider) => write!(f, "Credential({provider:?})"),
        }
    }
}

impl From<&str> for Credential {
    fn from(text: &str) -> Self {
        Self(Repr::Literal(text.into()))
    }
}

impl From<&String> for Credential {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Credential {
    /// Takes the text over and wipes the original.
    fn from(text: String) -> Self {
        Self(Repr::Literal(SecretString::from(text)))
    }
}

impl From<Cow<'_, str>> for Credential {
    fn from(text: Cow<'_, str>) -> Self {
        Self(Repr::Literal(SecretString::from(text)))
    }
}

impl From<Box<str>> for Credential {
    fn from(text: Box<str>) -> Self {
        Self(Repr::Literal(SecretString::from(text)))
    }
}

impl From<SecretString> for Credential {
    fn from(secret: SecretString) -> Self {
        Self(Repr::Literal(secret))
    }
}

impl From<&Self> for Credential {
    fn from(credential: &Self) -> Self {
        credential.clone()
    }
}

impl<T: SecretProvider> From<T> for Credential {
    fn from(provider: T) -> Self {
        Self(Repr::Provider(Arc::new(provider)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use zeroize::Zeroizing;

    use super::*;

    fn assert_send<T: Send>(value: T) -> T {
        value
    }

    async fn text(credential: impl Into<Credential>) -> String {
        let credential = credential.into();
        assert_send(credential.resolve()).await.unwrap().expose_secret().to_owned()
    }

    #[derive(Debug, Default)]
    struct Counter {
        resolved: AtomicUsize,
        invalidated: AtomicUsize,
    }

    impl SecretProvider for Counter {
        async fn secret(&self) -> Result<SecretString, CredentialError> {
            Ok(self.resolved.fetch_add(1, Ordering::Relaxed).to_string().into())
        }

        fn invalidate(&self) {
            self.invalidated.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn every_text_is_a_literal() {
        let string = "x".to_owned();
        let literals: Vec<Credential> = vec![
            "x".into(),
            (&string).into(),
            Cow::Borrowed("x").into(),
            Cow::<str>::Owned("x".to_owned()).into(),
            Box::<str>::from("x").into(),
            SecretString::from("x").into(),
            (&Credential::from("x")).into(),
            string.into(),
        ];
        for literal in literals {
            assert_eq!(literal.literal().unwrap().expose_secret(), "x");
            literal.invalidate();
            assert_eq!(text(literal).await, "x");
        }
        assert_eq!(text("").await, "");
    }

    #[tokio::test]
    async fn clones_share_their_provider() {
        let counter = Arc::new(Counter::default());
        let credential = Credential::from(Arc::clone(&counter));
        assert!(credential.literal().is_none());
        assert_eq!(text(&credential).await, "0");
        assert_eq!(text(credential.clone()).await, "1");
        credential.invalidate();
        assert_eq!(counter.invalidated.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn closures_run_at_every_resolve() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let credential =
            Credential::from_fn(move || Ok(counter.fetch_add(1, Ordering::Relaxed).to_string()));
        assert_eq!(calls.load(Ordering::Relaxed), 0, "making it must not run it");
        assert_eq!(text(&credential).await, "0");
        assert_eq!(text(&credential).await, "1");
        assert_eq!(format!("{credential:?}"), "Credential(from_fn)");

        let credential = Credential::from_async_fn(async || {
            tokio::task::yield_now().await;
            Ok(Zeroizing::new("later".to_owned()))
        });
        assert_eq!(text(&credential).await, "later");
        assert_eq!(format!("{credential:?}"), "Credential(from_async_fn)");
    }

    #[tokio::test]
    async fn what_closures_may_give() {
        assert_eq!(text(Credential::from_fn(|| Ok("x"))).await, "x");
        assert_eq!(text(Credential::from_fn(|| Ok(""))).await, "");
        assert_eq!(text(Credential::from_fn(|| Ok(Box::<str>::from("x")))).await, "x");
        assert_eq!(text(Credential::from_fn(|| Ok(SecretString::from("x")))).await, "x");
        assert_eq!(text(Credential::from_fn(|| Ok(Cow::Borrowed("x")))).await, "x");
        assert_eq!(text(Credential::from_fn(|| Ok(Cow::<str>::Owned("x".into())))).await, "x");
        assert_eq!(text(Credential::from_fn(|| Ok(Some("x")))).await, "x");

        let nothing = Credential::from_fn(|| Ok(None::<&str>)).resolve().await.unwrap_err();
        assert!(nothing.is_missing());
        let nothing = Credential::from_async_fn(async || Ok(None::<String>)).resolve().await;
        assert!(nothing.unwrap_err().is_missing());

        let failed = Credential::from_fn(|| Err::<String, _>(CredentialError::new("vault sealed")));
        let failed = failed.resolve().await.unwrap_err();
        assert!(!failed.is_missing());
        assert_eq!(failed.to_string(), "vault sealed");
    }
}
