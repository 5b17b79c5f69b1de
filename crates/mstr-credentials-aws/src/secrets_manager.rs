//! AWS Secrets Manager.

use std::{fmt, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{Client, config::Builder};
use mstr_credentials::{CredentialError, FetchSecret, FetchedSecret, FetchedValue, SecretValue};

use crate::{
    arn::{SecretId, region_of_arn},
    connection::{Access, Connection, Settings, other, reached, service},
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
    SecretsManagerValue::from(Lookup::new(&id.into()))
}

/// One secret text of AWS Secrets Manager, fetched at every resolve: made by [`secrets_manager`].
///
/// Text is given as it is; a binary secret must be UTF-8. With a [`field`](Self::field) it is that
/// field of the JSON object (rules: [`SecretValue::field`]).
#[derive(Clone, Debug)]
pub struct SecretsManagerValue(FetchedValue<Lookup>);

/// A secret of AWS Secrets Manager with several fields: fetched once for all of them, and again
/// after it was invalidated, which a session does before it logs in again.
///
/// Set it up first, then take the fields: they share what is fetched. What serves when AWS cannot be
/// reached is told at [`CachedSecret`](mstr_credentials::CachedSecret). As a provider itself it is the whole
/// text.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::SecretsManagerSecret;
///
/// let login = SecretsManagerSecret::new("prod/mstr").region("eu-west-1");
/// let username = Credential::from(login.field("username"));
/// let password = Credential::from(login.field("password"));
/// ```
#[derive(Clone, Debug)]
pub struct SecretsManagerSecret(FetchedSecret<Lookup>);

impl SecretsManagerSecret {
    /// A secret by its name or ARN. Fetches nothing. If the ARN names a field, as in `valueFrom` of
    /// an ECS task definition, the secret as a provider itself is that field.
    pub fn new(id: impl Into<String>) -> Self {
        Self::from(Lookup::new(&id.into()))
    }
}

mstr_credentials::fetched_providers!(SecretsManagerSecret, SecretsManagerValue, Lookup);

macro_rules! options {
    ($provider:ident) => {
        impl $provider {
            /// The version, by its id. The newest unless set.
            #[must_use]
            pub fn version(self, id: impl Into<String>) -> Self {
                self.with(|lookup| lookup.version = Some(id.into()))
            }

            /// The version, by its stage: `AWSCURRENT` (which is the default), `AWSPREVIOUS`, or one
            /// of your own.
            #[must_use]
            pub fn version_stage(self, stage: impl Into<String>) -> Self {
                self.with(|lookup| lookup.stage = Some(stage.into()))
            }

            reached!(Client);
        }
    };
}

options!(SecretsManagerSecret);
options!(SecretsManagerValue);

/// What is asked for, and how.
#[derive(Clone)]
pub(crate) struct Lookup {
    id: String,
    /// The field that the id names.
    field: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) stage: Option<String>,
    access: Arc<Access<Client>>,
}

impl Lookup {
    fn new(id: &str) -> Self {
        let SecretId { id, field, stage, version } = SecretId::parse(id);
        let settings = Settings { region: region_of_arn(&id), ..Settings::default() };
        Self { id, field, version, stage, access: Access::new(settings) }
    }

    pub(crate) fn over(id: String, settings: Settings, connection: Arc<Connection>) -> Self {
        let access = Access::over(settings, connection);
        Self { id, field: None, version: None, stage: None, access }
    }
}

impl FetchSecret for Lookup {
    /// It is part of the access, which other secrets may share.
    type Client = ();

    fn name(&self) -> String {
        format!("AWS secret {}", self.id)
    }

    fn timeout(&self) -> Duration {
        self.access.timeout()
    }

    fn client(&self) {}

    fn own_field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    async fn fetch(&self, (): &()) -> Result<SecretValue, CredentialError> {
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

/// Shows id and field.
impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("id", &self.id)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

service!(Client, Builder, "secrets_manager");
