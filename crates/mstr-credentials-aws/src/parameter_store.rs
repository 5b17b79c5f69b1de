//! Systems Manager Parameter Store. Parameters are always fetched with decryption.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_ssm::{Client, config::Builder};
use mstr_credentials::{CachedSecret, CredentialError, SecretProvider, SecretString, SecretValue};

use crate::{
    arn::region_of_arn,
    connection::{Access, Connection, Keep, Settings, other, service, settings},
};

/// A parameter of Systems Manager Parameter Store: [`ParameterStoreValue`], fetched at every
/// resolve. `name:3` is its version 3, `name:label` the version with that label; an ARN will do too.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::parameter_store;
///
/// let password = Credential::from(parameter_store("/prod/mstr/password").region("eu-west-1"));
/// ```
pub fn parameter_store(name: impl Into<String>) -> ParameterStoreValue {
    let name = name.into();
    let settings = Settings { region: region_of_arn(&name), ..Settings::default() };
    ParameterStoreValue { lookup: Lookup { name, access: Access::new(settings) }, field: None }
}

/// One parameter, fetched at every resolve, with decryption: made by [`parameter_store`].
#[derive(Clone)]
pub struct ParameterStoreValue {
    lookup: Lookup,
    field: Option<String>,
}

impl ParameterStoreValue {
    /// The field of the JSON object that the parameter holds (rules: [`SecretValue::field`]).
    #[must_use]
    #[doc(alias = "key")]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The parameter as a secret with fields: one fetch serves all of them until it is invalidated.
    ///
    /// ```no_run
    /// use mstr_credentials::Credential;
    /// use mstr_credentials_aws::parameter_store;
    ///
    /// let login = parameter_store("/prod/mstr").cached();
    /// let username = Credential::from(login.field("username"));
    /// let password = Credential::from(login.field("password"));
    /// ```
    pub fn cached(self) -> CachedSecret {
        self.lookup.cached(Keep::default())
    }

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.lookup.access = self.lookup.access.with_client(client);
        self
    }

    settings!();

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.lookup.access = self.lookup.access.changed(change);
        self
    }
}

impl SecretProvider for ParameterStoreValue {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let value = self.lookup.fetch().await?;
        match &self.field {
            Some(field) => value.field(&self.lookup.shown(), field),
            None => value.text(&self.lookup.shown()),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.lookup.access.timeout())
    }
}

/// Shows name and field.
impl fmt::Debug for ParameterStoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStoreValue")
            .field("name", &self.lookup.name)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// What is asked for, and how.
#[derive(Clone)]
pub(crate) struct Lookup {
    pub(crate) name: String,
    pub(crate) access: Arc<Access<Client>>,
}

impl Lookup {
    pub(crate) fn over(name: String, settings: Settings, connection: Arc<Connection>) -> Self {
        Self { name, access: Access::over(settings, connection) }
    }

    fn shown(&self) -> String {
        format!("AWS parameter {}", self.name)
    }

    pub(crate) fn cached(self, keep: Keep) -> CachedSecret {
        let timeout = self.access.timeout();
        let secret = CachedSecret::new(self.shown(), move || {
            let lookup = self.clone();
            async move { lookup.fetch().await }
        });
        keep.of(secret).with_timeout(timeout)
    }

    async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let fetch = async {
            if self.name.is_empty() {
                return Err(other("the parameter has no name"));
            }
            let used = self.access.client().await?;
            let call = used.client.get_parameter().name(&self.name).with_decryption(true);
            let output = match call.send().await {
                Ok(output) => output,
                Err(error) => return Err(self.access.failed(&used, error).await),
            };
            let value = output.parameter.and_then(|parameter| parameter.value);
            // reading nothing says that it is empty
            Ok(SecretValue::from(value.unwrap_or_default()))
        };
        self.access.fetch(&self.shown(), fetch).await
    }
}

service!(Client, Builder, "ssm");
