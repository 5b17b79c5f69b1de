//! A secret that is fetched once for all of its fields.

use std::{
    collections::BTreeSet,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{CredentialError, SecretProvider, SecretString, value::SecretValue};

/// How much later than its timeout a fetch is dropped: where it has the same timeout of its own,
/// its own error comes first.
const GRACE: Duration = Duration::from_millis(250);

/// A secret that is fetched once for all of its fields, and again when it is
/// [invalidated](Self::invalidate).
///
/// It wraps a fetch: any closure that returns a future of something that becomes a [`SecretValue`].
/// The providers of the cloud crates are made of it. Clones share the value.
///
/// ```
/// use mstr_credentials::{CachedSecret, Credential, CredentialError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CredentialError> {
/// let login = CachedSecret::new("vault secret prod/mstr", || async {
///     // ask the vault here
///     Ok::<_, CredentialError>(r#"{"username": "dave", "password": "s3cret"}"#)
/// });
///
/// let username = Credential::from(login.field("username"));
/// let password = Credential::from(login.field("password"));
/// assert_eq!(username.resolve().await?.expose_secret(), "dave"); // fetches
/// assert_eq!(password.resolve().await?.expose_secret(), "s3cret"); // does not
///
/// // the whole secret, as it is
/// let whole = Credential::from(login);
/// assert!(whole.resolve().await?.expose_secret().starts_with('{'));
/// # Ok(())
/// # }
/// ```
///
/// # One fetch
///
/// Making it, or a field of it, fetches nothing. Of resolves that come together one fetches and the
/// rest wait for it: they share its value, or its failure. A failure is not kept: the next resolve
/// fetches again. When the one that fetches is cancelled, the next in line takes over.
///
/// A value without the field that is asked for is fetched once more, in case it was corrected
/// since.
///
/// # Time to live
///
/// Without one a value serves until it is invalidated. [`time_to_live`](Self::time_to_live) makes
/// the first resolve after that time fetch; if the source cannot answer then, the old value goes on
/// serving (with a `tracing` warning, and with a fetch tried at each resolve) for as long as
/// [`serve_stale_for`](Self::serve_stale_for) says.
///
/// # Invalidation, and what serves when the source is down
///
/// After [`invalidate`](Self::invalidate) the next resolve fetches. If the source cannot answer and
/// an earlier value is there (not older than [`serve_stale_for`](Self::serve_stale_for) allows),
/// **that value serves once**: sessions expire for reasons that have nothing to do with the password,
/// and then a vault that is down at that moment must not end them. But a value that may well have
/// been refused is not offered twice.
///
/// | the fetch failed with | the earlier value |
/// | --- | --- |
/// | [`Unreachable`] (also a timeout), [`Throttled`] | serves |
/// | [`Denied`], [`NotFound`], [`NoCredentials`], [`Other`] (a deleted secret, an answer that cannot be read) | is forgotten |
/// | [`CredentialError::missing`] | is forgotten |
/// | any other error, as of a closure or a command | serves: nothing tells why it failed |
///
/// A forgotten value never serves again, so that a secret that was revoked in the vault stays revoked.
/// A closure that asks a vault of your own denies a secret with [`CredentialError::vault`].
///
/// [`Unreachable`]: crate::VaultErrorKind::Unreachable
/// [`Throttled`]: crate::VaultErrorKind::Throttled
/// [`Denied`]: crate::VaultErrorKind::Denied
/// [`NotFound`]: crate::VaultErrorKind::NotFound
/// [`NoCredentials`]: crate::VaultErrorKind::NoCredentials
/// [`Other`]: crate::VaultErrorKind::Other
///
/// In detail:
///
/// * "Once" counts for each field (and for the whole value), so that a login gets both its user
///   name and its password.
/// * Until the next invalidation all fields come from that value, without another fetch: a login
///   never mixes an old user name with a new password.
/// * After the next invalidation a failing fetch is an error for the fields that had their turn.
/// * A fetch that succeeds starts afresh.
///
/// A fetch that runs when `invalidate` is called may have read the old value. Resolves that began
/// before get it; later ones wait for a new fetch.
#[derive(Clone)]
pub struct CachedSecret(Arc<Inner>);

type Fetch = dyn Fn() -> Pin<Box<dyn Future<Output = Result<SecretValue, CredentialError>> + Send>>
    + Send
    + Sync;

pub(crate) struct Inner {
    name: String,
    fetch: Box<Fetch>,
    /// Held by the one that fetches.
    flight: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The held value may not serve without a fetch first.
    invalid: bool,
    /// How often it was invalidated.
    invalidations: u64,
    /// The held value came back after a failed fetch ...
    reprieved: bool,
    /// ... and these have had it since (`None`: the whole).
    served: BTreeSet<Option<String>>,
    failures: u64,
    last_failure: Option<CredentialError>,
    time_to_live: Option<Duration>,
    serve_stale_for: Option<Duration>,
    fetch_timeout: Option<Duration>,
}

struct Held {
    value: Arc<SecretValue>,
    fetched: Instant,
}

impl CachedSecret {
    /// A secret from a fetch. `name` is how errors call it: `AWS secret prod/mstr`.
    ///
    /// `fetch` has to end: set a timeout [here](Self::with_timeout) or in it. Its errors name the
    /// source and hold nothing of the secret; note that the errors of some SDKs and all parsers do.
    pub fn new<F, Fut, V>(name: impl Into<String>, fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<V, CredentialError>> + Send + 'static,
        V: Into<SecretValue>,
    {
        let fetch = move || {
            let fetched = fetch();
            Box::pin(async move { fetched.await.map(Into::into) }) as Pin<Box<_>>
        };
        Self(Arc::new(Inner {
            name: name.into(),
            fetch: Box::new(fetch),
            flight: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }))
    }

    /// After which time a value is fetched anew; never, unless set. Counts for all clones.
    ///
    /// ```
    /// use mstr_credentials::{CachedSecret, CredentialError};
    /// use std::time::Duration;
    ///
    /// let login = CachedSecret::new("vault secret", || async { Ok::<_, CredentialError>("s3cret") })
    ///     .time_to_live(Duration::from_secs(300))
    ///     .serve_stale_for(Duration::from_secs(3600));
    /// # let _ = login;
    /// ```
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        self.0.state().time_to_live = Some(time);
        self
    }

    /// How long past its time to live a value may go on serving while the source cannot answer; as
    /// long as the time to live itself, unless set. Zero: not at all. Without a time to live there is
    /// no limit.
    #[must_use]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        self.0.state().serve_stale_for = Some(time);
        self
    }

    /// Timeout of one fetch: one that takes longer is dropped and fails, and an earlier value may
    /// serve instead. Without it, a resolve gets 60 s and no value serves instead
    /// ([`Credential::resolve_bounded`](crate::Credential::resolve_bounded)).
    ///
    /// A fetch with the same timeout of its own, as those of the cloud crates have, fails with its
    /// own error, which says more. Counts for all clones.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.0.state().fetch_timeout = Some(timeout);
        self
    }

    /// One field of the JSON object that the secret holds (rules: [`SecretValue::field`]).
    pub fn field(&self, field: impl Into<String>) -> SecretField {
        SecretField { secret: self.clone(), field: field.into() }
    }

    /// How errors call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The next resolve fetches. Idempotent until then.
    pub fn invalidate(&self) {
        let mut state = self.0.state();
        state.invalid = true;
        state.invalidations += 1;
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn upgrade(weak: &Weak<Inner>) -> Option<Self> {
        weak.upgrade().map(Self)
    }

    async fn resolve(&self, field: Option<&str>) -> Result<SecretString, CredentialError> {
        let read = |value: &SecretValue| match field {
            Some(field) => value.field(self.name(), field),
            None => value.text(self.name()),
        };
        let (value, fresh) = self.0.value(field, None).await?;
        match read(&value) {
            Err(unreadable) if !fresh => match self.0.value(field, Some(&value)).await {
                Ok((value, _)) => read(&value),
                Err(_) => Err(unreadable),
            },
            result => result,
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One fetch, within its timeout. Without a Tokio runtime there is no clock to end it.
    async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let longest = self.state().fetch_timeout;
        match longest {
            Some(longest) if Handle::try_current().is_ok() => {
                let fetched = timeout(longest.saturating_add(GRACE), (self.fetch)()).await;
                fetched.unwrap_or_else(|_| {
                    let name = &self.name;
                    Err(CredentialError::new(format!("{name}: no secret within {longest:?}")))
                })
            }
            _ => (self.fetch)().await,
        }
    }

    /// A value to read `field` from, other than `but`, and whether it is fresh (fetched since this
    /// was called).
    async fn value(
        &self,
        field: Option<&str>,
        but: Option<&Arc<SecretValue>>,
    ) -> Result<(Arc<SecretValue>, bool), CredentialError> {
        let seen = {
            let mut state = self.state();
            if let Some(value) = state.current(field, but) {
                return Ok((value, false));
            }
            state.failures
        };
        // Cancelled while fetching: the lock is released, the next one fetches.
        let _flight = self.flight.lock().await;
        let started = {
            let mut state = self.state();
            if let Some(value) = state.current(field, but) {
                return Ok((value, true));
            }
            if state.failures != seen
                && let Some(error) = state.last_failure.clone()
            {
                return state.instead(&self.name, field, but, error);
            }
            state.invalidations
        };
        let outcome = self.fetch().await;
        let mut state = self.state();
        match outcome {
            Ok(value) => {
                let value = Arc::new(value);
                state.held = Some(Held { value: Arc::clone(&value), fetched: Instant::now() });
                state.invalid = state.invalidations != started;
                state.reprieved = false;
                state.served.clear();
                state.last_failure = None;
                Ok((value, true))
            }
            Err(error) => {
                state.failures += 1;
                state.last_failure = Some(error.clone());
                if !error.is_outage() {
                    state.held = None;
                }
                state.instead(&self.name, field, but, error)
            }
        }
    }
}

impl State {
    /// The value that may serve `field` as things are.
    fn current(
        &mut self,
        field: Option<&str>,
        but: Option<&Arc<SecretValue>>,
    ) -> Option<Arc<SecretValue>> {
        let held = self.held.as_ref().filter(|held| !held.is(but))?;
        if self.invalid || self.time_to_live.is_some_and(|time| held.fetched.elapsed() >= time) {
            return None;
        }
        if self.reprieved {
            self.served.insert(field.map(str::to_owned));
        }
        Some(Arc::clone(&held.value))
    }

    /// What serves `field` instead of a fetch that failed. Nothing is held after a refusal.
    fn instead(
        &mut self,
        name: &str,
        field: Option<&str>,
        but: Option<&Arc<SecretValue>>,
        error: CredentialError,
    ) -> Result<(Arc<SecretValue>, bool), CredentialError> {
        let longest =
            self.time_to_live.map(|time| time.saturating_add(self.serve_stale_for.unwrap_or(time)));
        let Some(held) = self.held.as_ref().filter(|held| {
            !held.is(but) && longest.is_none_or(|longest| held.fetched.elapsed() < longest)
        }) else {
            return Err(error);
        };
        let value = Arc::clone(&held.value);
        if self.invalid {
            if !self.served.insert(field.map(str::to_owned)) {
                return Err(error);
            }
            self.invalid = false;
            self.reprieved = true;
        }
        tracing::warn!(secret = name, %error, "secret cannot be fetched: the earlier value serves");
        // fresh, in the sense that asking again would not help
        Ok((value, true))
    }
}

impl Held {
    fn is(&self, other: Option<&Arc<SecretValue>>) -> bool {
        other.is_some_and(|other| Arc::ptr_eq(&self.value, other))
    }
}

/// Shows the name only.
impl fmt::Debug for CachedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSecret").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// The whole secret as text.
impl SecretProvider for CachedSecret {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.resolve(None).await
    }

    fn invalidate(&self) {
        self.invalidate();
    }

    /// That of one fetch ([`with_timeout`](Self::with_timeout)).
    fn timeout(&self) -> Option<Duration> {
        self.0.state().fetch_timeout
    }
}

/// One field of a [`CachedSecret`]: made by [`CachedSecret::field`], converts into a
/// [`Credential`](crate::Credential).
#[derive(Clone, Debug)]
pub struct SecretField {
    secret: CachedSecret,
    field: String,
}

impl SecretProvider for SecretField {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.secret.resolve(Some(&self.field)).await
    }

    /// Invalidates the whole secret, with all of its fields.
    fn invalidate(&self) {
        self.secret.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.secret.timeout()
    }
}
