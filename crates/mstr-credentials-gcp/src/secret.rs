//! The providers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use google_cloud_auth::credentials::Credentials;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use mstr_credentials::{CachedSecret, CredentialError, SecretField, SecretProvider, SecretString};

use crate::{manager::Manager, options::Options};

/// A secret of a project, fetched at every resolve: `secret_manager("my-project", "mstr")`.
///
/// For one that is fetched once for several fields use [`SecretManagerSecret`].
///
/// ```
/// use mstr_credentials::Credential;
/// use mstr_credentials_gcp::secret_manager;
///
/// let password: Credential = secret_manager("my-project", "mstr-password").into();
/// let secret = secret_manager("my-project", "mstr").version("42");
/// let field: Credential = secret.field("password").into();
/// # let _ = (password, field);
/// ```
pub fn secret_manager(project: impl Into<String>, id: impl Into<String>) -> SecretManagerValue {
    SecretManagerValue::from(Options::new(project.into(), id.into()))
}

/// A secret that is fetched at every resolve: made by [`secret_manager`].
///
/// Nothing is fetched or checked when it is made. The client of the SDK is made at the first resolve
/// and kept as long as its runtime is the one in use; clones share it.
#[derive(Clone, Debug)]
pub struct SecretManagerValue {
    options: Options,
    manager: Arc<Manager>,
    field: Option<String>,
}

/// A secret that is fetched once for all of its fields, and again when it is
/// [invalidated](SecretProvider::invalidate).
///
/// Nothing is fetched or checked when it is made. The client of the SDK is made at the first fetch
/// and kept as long as its runtime is the one in use; clones share it, and the value. What serves
/// when Google is down is told at [`CachedSecret`].
///
/// ```
/// use mstr_credentials::Credential;
/// use mstr_credentials_gcp::SecretManagerSecret;
///
/// let login = SecretManagerSecret::new("my-project", "mstr");
/// let username: Credential = login.field("username").into();
/// let password: Credential = login.field("password").into();
/// # let _ = (username, password);
/// ```
///
/// # Errors
///
/// Resolving gives a [`CredentialError`] that names the secret; [`CredentialError::vault_error`]
/// tells why.
#[derive(Clone, Debug)]
pub struct SecretManagerSecret {
    options: Options,
    cached: CachedSecret,
}

impl SecretManagerSecret {
    /// The secret `id` of a project, which goes by its id or its number.
    pub fn new(project: impl Into<String>, id: impl Into<String>) -> Self {
        Self::from(Options::new(project.into(), id.into()))
    }

    /// One field of the JSON object that the secret holds.
    pub fn field(&self, field: impl Into<String>) -> SecretField {
        self.cached.field(field)
    }

    /// After which time the value is fetched anew; never, unless set.
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        self.with(|options| options.time_to_live = Some(time))
    }

    /// How long past its time to live a value may serve while fetches fail
    /// ([`CachedSecret::serve_stale_for`]).
    #[must_use]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        self.with(|options| options.serve_stale_for = Some(time))
    }

    pub(crate) fn into_cached(self) -> CachedSecret {
        self.cached
    }

    fn made_anew(self) -> Self {
        Self::from(self.options)
    }
}

impl SecretManagerValue {
    /// Takes one field of the JSON object that the secret holds.
    #[must_use]
    #[doc(alias = "key")]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    fn made_anew(self) -> Self {
        Self { field: self.field, ..Self::from(self.options) }
    }
}

macro_rules! options {
    ($provider:ident) => {
        impl $provider {
            /// One version, by its number or an alias; `latest` unless set.
            #[must_use]
            pub fn version(self, version: impl Into<String>) -> Self {
                self.with(|options| options.version = version.into())
            }

            /// The location of a regional secret, such as `europe-west3`. It is asked at the
            /// endpoint of its region.
            #[must_use]
            pub fn location(self, location: impl Into<String>) -> Self {
                self.with(|options| options.location = Some(location.into()))
            }

            /// A key file or a login, instead of Application Default Credentials. It is read when
            /// the client is made.
            #[must_use]
            pub fn credentials_file(self, path: impl Into<PathBuf>) -> Self {
                self.with(|options| options.credentials_file = Some(path.into()))
            }

            /// Credentials of the SDK, instead of Application Default Credentials. They live with
            /// the runtime that they were made in.
            #[must_use]
            pub fn credentials(self, credentials: Credentials) -> Self {
                self.with(|options| options.credentials = Some(credentials))
            }

            /// A client of the SDK, with all that it was made with: credentials and endpoint of
            /// this provider are not used. It lives with the runtime that it was made in.
            #[must_use]
            pub fn client(self, client: SecretManagerService) -> Self {
                self.with(|options| options.client = Some(client))
            }

            /// The project that is billed for a user's login.
            #[must_use]
            pub fn quota_project(self, project: impl Into<String>) -> Self {
                self.with(|options| options.quota_project = Some(project.into()))
            }

            /// Where the service is asked: a private gateway, an emulator. An https URL, or http on
            /// loopback.
            #[must_use]
            pub fn endpoint(self, url: impl Into<String>) -> Self {
                self.with(|options| options.endpoint = Some(url.into()))
            }

            /// Timeout of one fetch with all that it needs, tokens and retries too.
            /// Default: 30 s.
            #[must_use]
            pub fn with_timeout(self, timeout: Duration) -> Self {
                self.with(|options| options.timeout = timeout)
            }

            fn with(self, change: impl FnOnce(&mut Options)) -> Self {
                let mut provider = self;
                change(&mut provider.options);
                provider.made_anew()
            }
        }
    };
}

options!(SecretManagerSecret);
options!(SecretManagerValue);

impl From<Options> for SecretManagerSecret {
    fn from(options: Options) -> Self {
        let manager = Manager::new(options.clone());
        let mut cached = CachedSecret::new(options.name(), move || {
            let manager = Arc::clone(&manager);
            async move { manager.fetch().await }
        });
        cached = cached.with_timeout(options.timeout);
        if let Some(time) = options.time_to_live {
            cached = cached.time_to_live(time);
        }
        if let Some(time) = options.serve_stale_for {
            cached = cached.serve_stale_for(time);
        }
        Self { options, cached }
    }
}

impl From<Options> for SecretManagerValue {
    fn from(options: Options) -> Self {
        Self { manager: Manager::new(options.clone()), options, field: None }
    }
}

/// The whole secret as text.
impl SecretProvider for SecretManagerSecret {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.cached.secret().await
    }

    fn invalidate(&self) {
        self.cached.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.options.timeout)
    }
}

impl SecretProvider for SecretManagerValue {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let value = self.manager.fetch().await?;
        let name = self.options.name();
        match &self.field {
            Some(field) => value.field(&name, field),
            None => value.text(&name),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.options.timeout)
    }
}
