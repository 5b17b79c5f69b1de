//! Systems Manager Parameter Store. Parameters are always fetched with decryption.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_ssm::{Client, config::Builder};
use mstr_credentials::{CachedSecret, CredentialError, FetchSecret, FetchedValue, SecretValue};

use crate::{
    arn::region_of_arn,
    connection::{Access, Connection, Settings, other, reached, service},
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
    ParameterStoreValue::from(Lookup { name, access: Access::new(settings) })
}

/// One parameter, fetched at every resolve, with decryption: made by [`parameter_store`].
#[derive(Clone, Debug)]
pub struct ParameterStoreValue(FetchedValue<Lookup>);

mstr_credentials::fetched_providers!(value ParameterStoreValue, Lookup);

impl ParameterStoreValue {
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
        self.0.into_cached()
    }

    reached!(Client);
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
}

impl FetchSecret for Lookup {
    /// It is part of the access, which other parameters may share.
    type Client = ();

    fn name(&self) -> String {
        format!("AWS parameter {}", self.name)
    }

    fn timeout(&self) -> Duration {
        self.access.timeout()
    }

    fn client(&self) {}

    async fn fetch(&self, (): &()) -> Result<SecretValue, CredentialError> {
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
        self.access.fetch(&self.name(), fetch).await
    }
}

/// Shows the name.
impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("name", &self.name).finish_non_exhaustive()
    }
}

service!(Client, Builder, "ssm");
