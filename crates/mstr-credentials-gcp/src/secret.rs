//! The providers.

use std::{path::PathBuf, time::Duration};

use google_cloud_auth::credentials::Credentials;
use google_cloud_secretmanager_v1::client::SecretManagerService;
use mstr_credentials::{CredentialError, FetchSecret, FetchedSecret, FetchedValue, SecretValue};

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
pub struct SecretManagerValue(FetchedValue<Options>);

/// A secret that is fetched once for all of its fields, and again when it is
/// [invalidated](mstr_credentials::SecretProvider::invalidate).
///
/// Nothing is fetched or checked when it is made. The client of the SDK is made at the first fetch
/// and kept as long as its runtime is the one in use; clones share it, and the value. What serves
/// when Google is down is told at [`CachedSecret`](mstr_credentials::CachedSecret).
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
pub struct SecretManagerSecret(FetchedSecret<Options>);

impl SecretManagerSecret {
    /// The secret `id` of a project, which goes by its id or its number.
    pub fn new(project: impl Into<String>, id: impl Into<String>) -> Self {
        Self::from(Options::new(project.into(), id.into()))
    }

    /// A secret by its resource name, as the console shows it: `projects/PROJECT/secrets/ID`, with
    /// `/versions/VERSION` for one version, and with `//secretmanager.googleapis.com/` before it or
    /// without.
    pub fn from_name(name: impl AsRef<str>) -> Self {
        Self::from(Options::from_name(name.as_ref()))
    }
}

impl SecretManagerValue {
    /// A secret by its resource name ([`SecretManagerSecret::from_name`]).
    pub fn from_name(name: impl AsRef<str>) -> Self {
        Self::from(Options::from_name(name.as_ref()))
    }
}

mstr_credentials::fetched_providers!(SecretManagerSecret, SecretManagerValue, Options);

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
        }
    };
}

options!(SecretManagerSecret);
options!(SecretManagerValue);

impl FetchSecret for Options {
    type Client = Manager;

    fn name(&self) -> String {
        Self::name(self)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn client(&self) -> Manager {
        Manager::new(self.clone())
    }

    async fn fetch(&self, manager: &Manager) -> Result<SecretValue, CredentialError> {
        manager.fetch().await
    }
}
