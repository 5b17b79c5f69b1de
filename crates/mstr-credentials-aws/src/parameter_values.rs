//! Several parameters of Parameter Store, fetched together or one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_ssm::Client;
use mstr_credentials::{
    CachedSecret, CredentialError, FetchedSecret, SecretProvider, SecretString,
};

use crate::{
    batch::{Batch, BatchField, Regions},
    connection::{Access, Settings, settings},
    parameter_path::ParameterStorePath,
    parameter_store::Lookup,
};

/// Parameters that are each fetched once, and again after they were invalidated, which a session
/// does before it logs in again.
///
/// Set it up first, then take the parameters: they share one client, and clones share what was
/// fetched. An ARN is asked for in its region, whatever [`region`](Self::region) says. What serves
/// when AWS cannot be reached is told at [`CachedSecret`].
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::ParameterStoreValues;
///
/// let parameters = ParameterStoreValues::new()
///     .region("eu-west-1")
///     // one call for both
///     .prefetch(["/prod/mstr/username", "/prod/mstr/password"]);
/// let username = Credential::from(parameters.parameter("/prod/mstr/username"));
/// let password = Credential::from(parameters.parameter("/prod/mstr/password"));
/// ```
#[derive(Clone)]
pub struct ParameterStoreValues {
    access: Arc<Access<Client>>,
    keep: Keep,
    together: BTreeSet<String>,
    regions: Arc<Regions>,
    single: Arc<Mutex<BTreeMap<String, CachedSecret>>>,
    batch: Arc<Batch>,
}

impl ParameterStoreValues {
    /// No parameter yet. Fetches nothing.
    pub fn new() -> Self {
        Self::over(Access::new(Settings::default()), Keep::default(), BTreeSet::new())
    }

    /// All parameters below a path, as one secret with fields: [`ParameterStorePath`].
    pub fn path(path: impl AsRef<str>) -> ParameterStorePath {
        ParameterStorePath::new(path.as_ref())
    }

    /// Nothing that was fetched with other settings may serve.
    fn over(access: Arc<Access<Client>>, keep: Keep, together: BTreeSet<String>) -> Self {
        let regions = Arc::new(Regions::new(Arc::clone(&access)));
        Self {
            batch: Batch::new(Arc::clone(&regions), together.iter().cloned().collect(), keep),
            access,
            keep,
            together,
            regions,
            single: Arc::default(),
        }
    }

    /// These come together, in one call for each ten of a region, when the first of them is needed.
    /// They are invalidated together too. Adds to those named before.
    ///
    /// One that does not exist is `NotFound` when it is resolved; the others are not affected, and not
    /// fetched again for it. When it is resolved once more, it alone is asked for: it may be there
    /// now.
    #[must_use]
    pub fn prefetch<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.together.extend(names.into_iter().map(Into::into));
        Self::over(self.access, self.keep, self.together)
    }

    /// One parameter, by its name: `/prod/mstr/password`, `name:3` for version 3, `name:label`, an
    /// ARN. One call for each name, unless it is [prefetched](Self::prefetch).
    pub fn parameter(&self, name: impl Into<String>) -> ParameterStoreField {
        let name = name.into();
        if self.together.contains(&name) {
            return ParameterStoreField(Source::Batch(self.batch.field(name)));
        }
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = single.entry(name).or_insert_with_key(|name| {
            let lookup = Lookup { name: name.clone(), access: self.regions.of(name) };
            self.keep.of(FetchedSecret::new(lookup).into_cached())
        });
        ParameterStoreField(Source::Single(secret.clone()))
    }

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        Self::over(self.access.with_client(client), self.keep, self.together)
    }

    /// After which time a value is fetched anew. Default: never.
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        self.keep(|keep| keep.time_to_live = Some(time))
    }

    /// How long past its time to live a value may serve while fetches fail
    /// ([`CachedSecret::serve_stale_for`]).
    #[must_use]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        self.keep(|keep| keep.serve_stale_for = Some(time))
    }

    settings!();

    fn keep(mut self, change: impl FnOnce(&mut Keep)) -> Self {
        change(&mut self.keep);
        Self::over(self.access, self.keep, self.together)
    }

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(self.access.changed(change), self.keep, self.together)
    }
}

impl Default for ParameterStoreValues {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the names that are fetched together.
impl fmt::Debug for ParameterStoreValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStoreValues")
            .field("together", &self.together)
            .finish_non_exhaustive()
    }
}

/// One parameter of [`ParameterStoreValues`]; converts into a
/// [`Credential`](mstr_credentials::Credential).
#[derive(Clone, Debug)]
pub struct ParameterStoreField(Source);

#[derive(Clone, Debug)]
enum Source {
    Single(CachedSecret),
    Batch(BatchField),
}

impl SecretProvider for ParameterStoreField {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        match &self.0 {
            Source::Single(secret) => secret.secret().await,
            Source::Batch(field) => field.secret().await,
        }
    }

    fn invalidate(&self) {
        match &self.0 {
            Source::Single(secret) => secret.invalidate(),
            Source::Batch(field) => field.invalidate(),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        match &self.0 {
            Source::Single(secret) => secret.timeout(),
            Source::Batch(field) => field.timeout(),
        }
    }
}

/// How long a value that was fetched serves.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keep {
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) serve_stale_for: Option<Duration>,
}

impl Keep {
    pub(crate) fn of(self, mut secret: CachedSecret) -> CachedSecret {
        if let Some(time) = self.time_to_live {
            secret = secret.time_to_live(time);
        }
        if let Some(time) = self.serve_stale_for {
            secret = secret.serve_stale_for(time);
        }
        secret
    }
}
