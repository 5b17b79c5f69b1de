//! AWS Secrets Manager.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{Client, config::Builder};
use mstr_credentials::{
    CachedSecret, CredentialError, SecretField, SecretProvider, SecretString, SecretValue,
};

use crate::{
    arn::{SecretId, region_of_arn},
    connection::{Access, Connection, Keep, Settings, keeping, other, service, settings},
};

/// A secret of AWS Secrets Manager, by name or ARN: [`SecretsManagerValue`], fetched at every
/// resolve. For several fields of one secret take [`SecretsManagerSecret`].
///
/// An ARN may go on as in `valueFrom` of an ECS task definition, with field, stage and version:
/// `arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/mstr-AbCdEf:password::`.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::secrets_manager;
///
/// let secret = secrets_manager("prod/mstr").region("eu-west-1");
/// let password = Credential::from(secret.field("password"));
/// ```
pub fn secrets_manager(id: impl Into<String>) -> SecretsManagerValue {
    let (lookup, field) = Lookup::new(&id.into());
    SecretsManagerValue { lookup, field }
}

/// One secret text of AWS Secrets Manager, fetched at every resolve: made by [`secrets_manager`].
///
/// Text is given as it is; a binary secret must be UTF-8. With a [`field`](Self::field) it is that
/// field of the JSON object (rules: [`SecretValue::field`]).
#[derive(Clone)]
pub struct SecretsManagerValue {
    lookup: Lookup,
    field: Option<String>,
}

impl SecretsManagerValue {
    /// The field of the JSON object that the secret holds.
    #[must_use]
    #[doc(alias = "key")]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The version, by its id. The newest unless set.
    #[must_use]
    pub fn version(mut self, id: impl Into<String>) -> Self {
        self.lookup.version = Some(id.into());
        self
    }

    /// The version, by its stage: `AWSCURRENT` (which is the default), `AWSPREVIOUS`, or one of your
    /// own.
    #[must_use]
    pub fn version_stage(mut self, stage: impl Into<String>) -> Self {
        self.lookup.stage = Some(stage.into());
        self
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

impl SecretProvider for SecretsManagerValue {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let value = self.lookup.fetch().await?;
        match &self.field {
            Some(field) => value.field(&self.lookup.name(), field),
            None => value.text(&self.lookup.name()),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.lookup.access.timeout())
    }
}

/// Shows id and field.
impl fmt::Debug for SecretsManagerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerValue")
            .field("id", &self.lookup.id)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// A secret of AWS Secrets Manager with several fields: fetched once for all of them, and again
/// after it was invalidated, which a session does before it logs in again.
///
/// Set it up first, then take the fields: they share what is fetched. What serves when AWS cannot be
/// reached is told at [`CachedSecret`]. As a provider itself it is the whole text.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::SecretsManagerSecret;
///
/// let login = SecretsManagerSecret::new("prod/mstr").region("eu-west-1");
/// let username = Credential::from(login.field("username"));
/// let password = Credential::from(login.field("password"));
/// ```
#[derive(Clone)]
pub struct SecretsManagerSecret {
    lookup: Lookup,
    keep: Keep,
    secret: CachedSecret,
    /// The field that the id names.
    own_field: Option<String>,
}

impl SecretsManagerSecret {
    /// A secret by its name or ARN. Fetches nothing. If the ARN names a field, as in `valueFrom` of
    /// an ECS task definition, the secret as a provider itself is that field.
    pub fn new(id: impl Into<String>) -> Self {
        let (lookup, own_field) = Lookup::new(&id.into());
        let keep = Keep::default();
        Self { secret: lookup.cached(keep), lookup, keep, own_field }
    }

    /// One field of the JSON object that the secret holds (rules: [`SecretValue::field`]).
    pub fn field(&self, field: impl Into<String>) -> SecretField {
        self.secret.field(field)
    }

    /// The version, by its id. The newest unless set.
    #[must_use]
    pub fn version(self, id: impl Into<String>) -> Self {
        self.rebuilt(|lookup| lookup.version = Some(id.into()))
    }

    /// The version, by its stage: `AWSCURRENT` (which is the default), `AWSPREVIOUS`, or one of your
    /// own.
    #[must_use]
    pub fn version_stage(self, stage: impl Into<String>) -> Self {
        self.rebuilt(|lookup| lookup.stage = Some(stage.into()))
    }

    keeping!();

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        self.rebuilt(|lookup| lookup.access = lookup.access.with_client(client))
    }

    settings!();

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.rebuilt(|lookup| lookup.access = lookup.access.changed(change))
    }

    fn keep(mut self, change: impl FnOnce(&mut Keep)) -> Self {
        change(&mut self.keep);
        self.rebuilt(|_| ())
    }

    /// Nothing that was fetched with other settings may serve.
    fn rebuilt(mut self, change: impl FnOnce(&mut Lookup)) -> Self {
        change(&mut self.lookup);
        self.secret = self.lookup.cached(self.keep);
        self
    }
}

impl SecretProvider for SecretsManagerSecret {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        match &self.own_field {
            Some(field) => self.secret.field(field).secret().await,
            None => SecretProvider::secret(&self.secret).await,
        }
    }

    fn invalidate(&self) {
        self.secret.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.secret.timeout()
    }
}

/// Shows the id.
impl fmt::Debug for SecretsManagerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManagerSecret").field("id", &self.lookup.id).finish_non_exhaustive()
    }
}

/// What is asked for, and how.
#[derive(Clone)]
pub(crate) struct Lookup {
    id: String,
    pub(crate) version: Option<String>,
    pub(crate) stage: Option<String>,
    access: Arc<Access<Client>>,
}

impl Lookup {
    /// And the field that the id names.
    fn new(id: &str) -> (Self, Option<String>) {
        let SecretId { id, field, stage, version } = SecretId::parse(id);
        let settings = Settings { region: region_of_arn(&id), ..Settings::default() };
        (Self { id, version, stage, access: Access::new(settings) }, field)
    }

    pub(crate) fn over(id: String, settings: Settings, connection: Arc<Connection>) -> Self {
        Self { id, version: None, stage: None, access: Access::over(settings, connection) }
    }

    fn name(&self) -> String {
        format!("AWS secret {}", self.id)
    }

    pub(crate) fn cached(&self, keep: Keep) -> CachedSecret {
        let lookup = self.clone();
        let secret = CachedSecret::new(self.name(), move || {
            let lookup = lookup.clone();
            async move { lookup.fetch().await }
        });
        keep.of(secret).with_timeout(self.access.timeout())
    }

    async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let fetch = async {
            if self.id.is_empty() {
                return Err(other("the secret has no name"));
            }
            let used = self.access.client().await?;
            let call = used
                .client
                .get_secret_value()
                .secret_id(&self.id)
                .set_version_id(self.version.clone())
                .set_version_stage(self.stage.clone());
            let output = match call.send().await {
                Ok(output) => output,
                Err(error) => return Err(self.access.failed(&used, error).await),
            };
            Ok(match (output.secret_string, output.secret_binary) {
                (Some(text), _) => text.into(),
                (None, Some(bytes)) => bytes.into_inner().into(),
                // reading it says that it is empty
                (None, None) => SecretValue::from(""),
            })
        };
        self.access.fetch(&self.name(), fetch).await
    }
}

service!(Client, Builder, "secrets_manager");
