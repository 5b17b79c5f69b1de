//! All parameters below a path.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_ssm::Client;
use mstr_credentials::{
    CredentialError, FetchSecret, FetchedSecret, SecretValue, VaultError, VaultErrorKind,
};
use zeroize::Zeroizing;

use crate::{
    batch::object,
    connection::{Access, Connection, Settings, other, reached},
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
#[derive(Clone, Debug)]
pub struct ParameterStorePath(FetchedSecret<PathLookup>);

mstr_credentials::fetched_providers!(secret ParameterStorePath, PathLookup);

impl ParameterStorePath {
    pub(crate) fn new(path: &str) -> Self {
        Self::from(PathLookup::over(path, Settings::default(), Arc::default()))
    }

    /// Whether parameters further down are fetched too: `/prod/mstr/db/password` is the field
    /// `db/password`. Default: false.
    #[must_use]
    pub fn recursive(self, recursive: bool) -> Self {
        self.with(|lookup| lookup.recursive = recursive)
    }

    reached!(Client);
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

    async fn pages(&self) -> Result<SecretValue, VaultError> {
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

impl FetchSecret for PathLookup {
    /// It is part of the access, which other parameters may share.
    type Client = ();

    fn name(&self) -> String {
        format!("AWS parameters below {}", self.path)
    }

    fn timeout(&self) -> Duration {
        self.access.timeout()
    }

    fn client(&self) {}

    async fn fetch(&self, (): &()) -> Result<SecretValue, CredentialError> {
        self.access.fetch(&self.name(), self.pages()).await
    }
}

/// Shows the path.
impl fmt::Debug for PathLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathLookup").field("path", &self.path).finish_non_exhaustive()
    }
}
