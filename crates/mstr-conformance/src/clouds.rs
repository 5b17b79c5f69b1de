//! Backend: the real providers, against a server on loopback that speaks the vaults' protocols. What
//! was called is read from what arrived there.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mstr_cloud_stub::{Reply, Request, Responder};
use mstr_credentials::{Credential, CredentialError};
use mstr_credentials_aws as aws;
use mstr_rest_core::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::azure_gcp;
use crate::case::Backend;
use crate::drive::Outcome;

/// What Secrets Manager holds under one id.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsSecret {
    #[serde(rename = "SecretString")]
    text: Option<String>,
    /// Here as text; on the wire in base64.
    #[serde(rename = "SecretBinary")]
    binary: Option<String>,
}

/// A provider of one text.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Single {
    AwsSecret { id: String, key: Option<String>, region: Option<String> },
    AwsParameter { name: String, region: Option<String> },
    AzureSecret { vault: String, name: String, key: Option<String> },
    GcpSecret { project: String, id: String, version: Option<String>, key: Option<String> },
}

/// A provider of several fields.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Group {
    #[serde(rename = "aws_secret_group")]
    AwsSecret { id: String, region: Option<String> },
    #[serde(rename = "aws_parameter_group")]
    AwsParameter { region: Option<String> },
    #[serde(rename = "azure_secret_group")]
    AzureSecret { vault: String, name: String },
    #[serde(rename = "gcp_secret_group")]
    GcpSecret { project: String, id: String },
}

/// One field of a group, as an option of a session.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    aws_group_field: GroupField,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupField {
    id: String,
    field: String,
}

pub(crate) struct Clouds {
    held: Arc<Mutex<Backend>>,
    /// Started when it is needed: few cases have a vault.
    server: OnceCell<Responder>,
}

impl Clouds {
    pub(crate) fn new(held: &Backend) -> Self {
        Self { held: Arc::new(Mutex::new(held.clone())), server: OnceCell::new() }
    }

    /// The vaults hold something else from now on.
    pub(crate) fn set(&self, held: &Backend) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held.clone();
    }

    fn url(&self) -> String {
        let start = || {
            let held = Arc::clone(&self.held);
            Responder::start(move |request| {
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                azure_gcp::reply(request, &held).unwrap_or_else(|| aws_reply(request, &held))
            })
        };
        self.server.get_or_init(start).url()
    }

    pub(crate) fn single(&self, of: &Single) -> Credential {
        match of {
            Single::AwsSecret { id, key, region } => {
                let mut secret =
                    aws::secrets_manager(id).sdk_config(aws_config()).endpoint(self.url());
                if let Some(region) = region {
                    secret = secret.region(region);
                }
                match key {
                    Some(key) => secret.field(key).into(),
                    None => secret.into(),
                }
            }
            Single::AwsParameter { name, region } => {
                let parameter =
                    aws::parameter_store(name).sdk_config(aws_config()).endpoint(self.url());
                match region {
                    Some(region) => parameter.region(region).into(),
                    None => parameter.into(),
                }
            }
            Single::AzureSecret { vault, name, key } => {
                azure_gcp::key_vault(&self.url(), vault, name, key.as_ref())
            }
            Single::GcpSecret { project, id, version, key } => {
                let (version, key) = (version.as_ref(), key.as_ref());
                azure_gcp::secret_manager(&self.url(), project, id, version, key)
            }
        }
    }

    /// The fields of one group.
    pub(crate) fn fields<'a>(
        &self,
        of: &Group,
        names: impl Iterator<Item = &'a String>,
    ) -> Vec<Credential> {
        match of {
            Group::AwsSecret { id, region } => {
                let mut secret = aws::SecretsManagerSecret::new(id)
                    .sdk_config(aws_config())
                    .endpoint(self.url());
                if let Some(region) = region {
                    secret = secret.region(region);
                }
                names.map(|name| secret.field(name).into()).collect()
            }
            Group::AwsParameter { region } => {
                let mut values =
                    aws::ParameterStoreValues::new().sdk_config(aws_config()).endpoint(self.url());
                if let Some(region) = region {
                    values = values.region(region);
                }
                names.map(|name| values.parameter(name).into()).collect()
            }
            Group::AzureSecret { vault, name } => {
                let secret = azure_gcp::key_vault_secret(&self.url(), vault, name);
                names.map(|name| secret.field(name).into()).collect()
            }
            Group::GcpSecret { project, id } => {
                let secret = azure_gcp::secret_manager_secret(&self.url(), project, id);
                names.map(|name| secret.field(name).into()).collect()
            }
        }
    }

    pub(crate) fn field(&self, of: &Field) -> Credential {
        let GroupField { id, field } = &of.aws_group_field;
        aws::SecretsManagerSecret::new(id)
            .sdk_config(aws_config())
            .endpoint(self.url())
            .field(field)
            .into()
    }

    /// What was called, in order; a client before its first call.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let mut calls: Vec<Value> = Vec::new();
        for request in self.server.get().map(Responder::requests).unwrap_or_default() {
            if let Some(made) = azure_gcp::calls(&request) {
                calls.extend(made);
                continue;
            }
            let [client, call] = aws_call(&request);
            if !calls.contains(&client) {
                calls.push(client);
            }
            calls.push(call);
        }
        calls
    }
}

/// Resolves one after the other: the first error, or the value of each.
pub(crate) async fn resolve(credentials: &[Credential]) -> Result<Vec<Value>, Outcome> {
    let mut values = Vec::new();
    for credential in credentials {
        let secret = credential.resolve().await.map_err(failed)?;
        values.push(json!(secret.expose_secret()));
    }
    Ok(values)
}

fn failed(error: CredentialError) -> Outcome {
    let kind =
        if error.is_missing() { ErrorKind::MissingCredential } else { ErrorKind::Credential };
    Error::with_source(kind, error.to_string(), error).into()
}

/// What the cases write as null.
const DEFAULT_REGION: &str = "default-region-1";

/// Nothing of the machine that runs the cases.
fn aws_config() -> aws::aws_config::SdkConfig {
    use aws::aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws::aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
    let credentials = Credentials::new("id", "key", None, None, "conformance");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(DEFAULT_REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

fn aws_reply(request: &Request, held: &Backend) -> Reply {
    let asked = request.json();
    let missing = |code: &str| Reply::json(400, json!({"__type": code}).to_string());
    let body = match request.header("x-amz-target") {
        "secretsmanager.GetSecretValue" => {
            let id = asked["SecretId"].as_str().unwrap_or_default();
            let Some(secret) = held.aws_secrets.get(id) else {
                return missing("ResourceNotFoundException");
            };
            let mut body = json!({"Name": id});
            if let Some(text) = &secret.text {
                body["SecretString"] = json!(text);
            }
            if let Some(bytes) = &secret.binary {
                body["SecretBinary"] = json!(STANDARD.encode(bytes));
            }
            body
        }
        "AmazonSSM.GetParameter" => {
            let name = asked["Name"].as_str().unwrap_or_default();
            let Some(value) = held.aws_parameters.get(name) else {
                return missing("ParameterNotFound");
            };
            json!({"Parameter": {"Name": name, "Value": value}})
        }
        _ => return missing("UnknownOperationException"),
    };
    Reply::json(200, body.to_string())
}

/// The client and the call, as the cases write them. The region is the one that was signed for.
fn aws_call(request: &Request) -> [Value; 2] {
    let signed: Vec<_> = request.header("authorization").split('/').collect();
    let region = signed.get(2).filter(|region| **region != DEFAULT_REGION);
    let service = signed.get(3).copied().unwrap_or_default();
    let asked = request.json();
    let call = match request.header("x-amz-target") {
        "secretsmanager.GetSecretValue" => json!(["get_secret_value", asked["SecretId"]]),
        "AmazonSSM.GetParameter" => {
            json!(["get_parameter", asked["Name"], asked["WithDecryption"]])
        }
        other => json!([other]),
    };
    [json!(["client", service, region]), call]
}
