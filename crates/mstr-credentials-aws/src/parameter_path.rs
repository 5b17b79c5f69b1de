//! All parameters below a path.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_ssm::Client;
use mstr_credentials::{
    CachedSecret, CredentialError, SecretField, SecretProvider, SecretString, SecretValue,
    VaultError, VaultErrorKind,
};
use zeroize::Zeroizing;

use crate::{
    batch::object,
    connection::{Access, Connection, Keep, Settings, keeping, other, settings},
};

/// The parameters below a path, as one secret: made by
/// [`ParameterStoreValues::path`](crate::ParameterStoreValues::path). Their fields are named by what
/// follows the path: `/prod/mstr/password` is the field `password` of `/prod/mstr/`.
///
/// One fetch (`GetParametersByPath`, with decryption, ten parameters a call) serves all fields until
/// it is invalidated. As a provider itself it is a JSON object with all of them.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::ParameterStoreValues;
///
/// let login = ParameterStoreValues::path("/prod/mstr/").region("eu-west-1");
/// let username = Credential::from(login.field("username"));
/// let password = Credential::from(login.field("password"));
/// ```
#[derive(Clone)]
pub struct ParameterStorePath {
    lookup: PathLookup,
    keep: Keep,
    secret: CachedSecret,
}

impl ParameterStorePath {
    pub(crate) fn new(path: &str) -> Self {
        let access = Access::new(Settings::default());
        let lookup = PathLookup { path: normal(path), recursive: false, access };
        let keep = Keep::default();
        Self { secret: lookup.cached(keep), lookup, keep }
    }

    /// One parameter, by what follows the path.
    pub fn field(&self, name: impl Into<String>) -> SecretField {
        self.secret.field(name)
    }

    /// Whether parameters further down are fetched too: `/prod/mstr/db/password` is the field
    /// `db/password`. Default: false.
    #[must_use]
    pub fn recursive(self, recursive: bool) -> Self {
        self.rebuilt(|lookup| lookup.recursive = recursive)
    }

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        self.rebuilt(|lookup| lookup.access = lookup.access.with_client(client))
    }

    keeping!();
    settings!();

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.rebuilt(|lookup| lookup.access = lookup.access.changed(change))
    }

    fn keep(mut self, change: impl FnOnce(&mut Keep)) -> Self {
        change(&mut self.keep);
        self.rebuilt(|_| ())
    }

    /// Nothing that was fetched with other settings may serve.
    fn rebuilt(mut self, change: impl FnOnce(&mut PathLookup)) -> Self {
        change(&mut self.lookup);
        self.secret = self.lookup.cached(self.keep);
        self
    }
}

impl SecretProvider for ParameterStorePath {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        SecretProvider::secret(&self.secret).await
    }

    fn invalidate(&self) {
        self.secret.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.secret.timeout()
    }
}

/// Shows the path.
impl fmt::Debug for ParameterStorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStorePath")
            .field("path", &self.lookup.path)
            .finish_non_exhaustive()
    }
}

/// A path that ends with a slash: the names of fields follow it.
fn normal(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}

/// What is asked for, and how.
#[derive(Clone)]
pub(crate) struct PathLookup {
    path: String,
    pub(crate) recursive: bool,
    access: Arc<Access<Client>>,
}

impl PathLookup {
    pub(crate) fn over(path: &str, settings: Settings, connection: Arc<Connection>) -> Self {
        let access = Access::over(settings, connection);
        Self { path: normal(path), recursive: false, access }
    }

    fn shown(&self) -> String {
        format!("AWS parameters below {}", self.path)
    }

    pub(crate) fn cached(&self, keep: Keep) -> CachedSecret {
        let lookup = self.clone();
        let secret = CachedSecret::new(self.shown(), move || {
            let lookup = lookup.clone();
            async move { lookup.access.fetch(&lookup.shown(), lookup.fetch()).await }
        });
        keep.of(secret).with_timeout(self.access.timeout())
    }

    async fn fetch(&self) -> Result<SecretValue, VaultError> {
        let used = self.access.client().await?;
        let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let call = used
                .client
                .get_parameters_by_path()
                .path(&self.path)
                .recursive(self.recursive)
                .with_decryption(true)
                .set_next_token(page.clone());
            let output = match call.send().await {
                Ok(output) => output,
                Err(error) => return Err(self.access.failed(&used, error).await),
            };
            for parameter in output.parameters.unwrap_or_default() {
                let value = Zeroizing::new(parameter.value.unwrap_or_default());
                let name = parameter.name.unwrap_or_default();
                if let Some(field) = name.strip_prefix(&self.path) {
                    found.push((field.to_owned(), value));
                }
            }
            match output.next_token.filter(|token| !token.is_empty()) {
                None => break,
                // it would never end
                Some(next) if Some(&next) == page.as_ref() => {
                    return Err(other("the reply names the same next page again"));
                }
                next => page = next,
            }
        }
        if found.is_empty() {
            let what = "there are no parameters below the path: check it and the region";
            return Err(VaultError::new(VaultErrorKind::NotFound, what));
        }
        object(&found)
    }
}
