//! The provider.

use std::{path::PathBuf, time::Duration};

use mstr_credentials::{
    CachedSecret, Credential, CredentialError, FetchedSecret, SecretField, SecretProvider,
    SecretString,
};

use crate::options::{Login, Options};

/// A secret of a KV version 2 engine: `kv("secret", "prod/mstr")`. Same as [`VaultSecret::new`].
///
/// ```
/// use mstr_credentials::Credential;
/// use mstr_credentials_vault::kv;
///
/// let login = kv("secret", "prod/mstr").address("https://vault.example.com:8200");
/// let username: Credential = login.field("username").into();
/// let password: Credential = login.field("password").into(); // one fetch for both
/// # let _ = (username, password);
/// ```
pub fn kv(mount: impl Into<String>, path: impl Into<String>) -> VaultSecret {
    VaultSecret::new(mount, path)
}

/// A secret that is fetched once for all of its fields, and again when it is
/// [invalidated](SecretProvider::invalidate).
///
/// Nothing is fetched or checked when it is made. Clones share the value, and the token of a login.
/// What serves when the vault is down is told at [`CachedSecret`]. Each option makes a secret of its
/// own: set them before it is cloned or used.
///
/// # Errors
///
/// Resolving gives a [`CredentialError`] that names the secret; [`CredentialError::vault_error`]
/// tells why, in the vault's own words.
#[derive(Clone, Debug)]
pub struct VaultSecret(FetchedSecret<Options>);

impl VaultSecret {
    /// The secret at `path` of the KV version 2 engine that is mounted at `mount`:
    /// `VaultSecret::new("secret", "prod/mstr")`.
    pub fn new(mount: impl Into<String>, path: impl Into<String>) -> Self {
        Self::from(Options::new(mount.into(), path.into()))
    }

    /// One field of the secret.
    #[doc(alias = "key")]
    pub fn field(&self, field: impl Into<String>) -> SecretField {
        self.0.field(field)
    }

    /// One version, counted from 1. Default: the newest.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        self.with(|options| options.version = Some(version))
    }

    /// Where the vault is: an https URL, or http on loopback. Default: `VAULT_ADDR`.
    #[must_use]
    pub fn address(self, url: impl Into<String>) -> Self {
        self.with(|options| options.address = Some(url.into()))
    }

    /// The namespace that holds the mount and the login. Default: `VAULT_NAMESPACE`.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        self.with(|options| options.namespace = Some(namespace.into()))
    }

    /// The token that reads the secret, asked for at every fetch. Default: as the
    /// [environment](crate#who-asks) says.
    #[must_use]
    pub fn token(self, token: impl Into<Credential>) -> Self {
        self.with(|options| options.login = Login::Token(token.into()))
    }

    /// Logs in by AppRole.
    ///
    /// Both ids are asked for at each login. A secret id that can be used once serves one login: let
    /// `secret_id` give another one, or use a token.
    #[must_use]
    pub fn app_role(
        self,
        role_id: impl Into<Credential>,
        secret_id: impl Into<Credential>,
    ) -> Self {
        self.with(|options| {
            options.login = Login::AppRole { role_id: role_id.into(), secret_id: secret_id.into() };
        })
    }

    /// Logs in with the service account of the pod, under a role of the auth method `kubernetes`.
    #[must_use]
    pub fn kubernetes(self, role: impl Into<String>) -> Self {
        self.with(|options| options.login = Login::Kubernetes { role: role.into() })
    }

    /// Where the auth method is mounted, without `auth/`. Default: `approle` and `kubernetes`.
    #[must_use]
    pub fn auth_mount(self, mount: impl Into<String>) -> Self {
        self.with(|options| options.auth_mount = Some(mount.into()))
    }

    /// The file with the token of the service account, read at each login. Default:
    /// `/var/run/secrets/kubernetes.io/serviceaccount/token`.
    #[must_use]
    pub fn service_account_token(self, file: impl Into<PathBuf>) -> Self {
        self.with(|options| options.service_account_token = file.into())
    }

    /// A PEM file with the CA certificates to trust, in place of the platform's; read at each fetch.
    /// Default: `VAULT_CACERT_BYTES` (PEM), then `VAULT_CACERT` (a file).
    #[must_use]
    pub fn ca_file(self, file: impl Into<PathBuf>) -> Self {
        self.with(|options| options.ca_file = Some(file.into()))
    }

    /// Whether http is allowed where the vault is on another machine. Token and secret cross the
    /// network in clear text then. Default: false.
    #[must_use]
    pub fn allow_plain_http(self, allow: bool) -> Self {
        self.with(|options| options.allow_plain_http = allow)
    }

    /// Timeout of one fetch with all that it needs, logins and retries too. Default: 30 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|options| options.timeout = timeout)
    }

    /// After which time the value is fetched anew; never, unless set.
    #[must_use]
    pub fn time_to_live(self, time: Duration) -> Self {
        Self(self.0.time_to_live(time))
    }

    /// How long past its time to live a value may serve while the vault cannot answer
    /// ([`CachedSecret::serve_stale_for`]).
    #[must_use]
    pub fn serve_stale_for(self, time: Duration) -> Self {
        Self(self.0.serve_stale_for(time))
    }

    pub(crate) fn into_cached(self) -> CachedSecret {
        self.0.into_cached()
    }

    fn with(self, change: impl FnOnce(&mut Options)) -> Self {
        Self(self.0.with(change))
    }
}

impl From<Options> for VaultSecret {
    fn from(options: Options) -> Self {
        Self(FetchedSecret::new(options))
    }
}

/// The whole secret as the text of its JSON object.
impl SecretProvider for VaultSecret {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        self.0.secret().await
    }

    fn invalidate(&self) {
        self.0.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.0.timeout()
    }
}
