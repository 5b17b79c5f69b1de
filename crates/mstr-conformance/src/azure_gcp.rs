//! The vaults of Azure and Google: the real providers, and what the server answers them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mstr_cloud_stub::{Azure, Reply, Request};
use mstr_credentials::Credential;
use mstr_credentials_azure::azure_core::{
    Result,
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    time::{Duration, OffsetDateTime},
};
use mstr_credentials_azure::{self as azure, KeyVaultSecret};
use mstr_credentials_gcp::google_cloud_auth::credentials::{Credentials, anonymous};
use mstr_credentials_gcp::{self as gcp, SecretManagerSecret};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::Backend;

/// What Secret Manager holds: text, or bytes.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Payload {
    Text(String),
    Bytes(Hex),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hex {
    hex: String,
}

pub(crate) fn key_vault(url: &str, vault: &str, name: &str, key: Option<&String>) -> Credential {
    let secret = azure::key_vault(vault, name).credential(Arc::new(Token)).endpoint(url);
    match key {
        Some(key) => secret.field(key).into(),
        None => secret.into(),
    }
}

pub(crate) fn key_vault_secret(url: &str, vault: &str, name: &str) -> KeyVaultSecret {
    KeyVaultSecret::new(vault, name).credential(Arc::new(Token)).endpoint(url)
}

pub(crate) fn secret_manager(
    url: &str,
    project: &str,
    id: &str,
    version: Option<&String>,
    key: Option<&String>,
) -> Credential {
    let mut secret = gcp::secret_manager(project, id).credentials(nobody()).endpoint(url);
    if let Some(version) = version {
        secret = secret.version(version);
    }
    match key {
        Some(key) => secret.field(key).into(),
        None => secret.into(),
    }
}

pub(crate) fn secret_manager_secret(url: &str, project: &str, id: &str) -> SecretManagerSecret {
    SecretManagerSecret::new(project, id).credentials(nobody()).endpoint(url)
}

/// Nothing of the machine that runs the cases.
fn nobody() -> Credentials {
    anonymous::Builder::new().build()
}

#[derive(Debug)]
struct Token;

#[async_trait::async_trait]
impl TokenCredential for Token {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> Result<AccessToken> {
        let expires = OffsetDateTime::now_utc() + Duration::hours(1);
        Ok(AccessToken::new(Secret::new(TOKEN), expires))
    }
}

/// The first that the stub gives out.
const TOKEN: &str = "azure-token-0";

/// `None` for a request to another cloud.
pub(crate) fn reply(request: &Request, held: &Backend) -> Option<Reply> {
    if let Some(version) = version(request) {
        let data = match held.gcp.get(version) {
            None => {
                let error = json!({"code": 404, "message": "none", "status": "NOT_FOUND"});
                return Some(Reply::json(404, json!({"error": error}).to_string()));
            }
            Some(Payload::Text(text)) => text.clone().into_bytes(),
            Some(Payload::Bytes(bytes)) => bytes.decoded(),
        };
        let payload = json!({"data": STANDARD.encode(data)});
        return Some(Reply::json(200, json!({"name": version, "payload": payload}).to_string()));
    }
    let azure = Azure::default();
    azure.token();
    for (at, value) in &held.azure {
        let (_vault, name) = at.split_once('|').unwrap_or_default();
        azure.put(name, value.as_deref());
    }
    azure.answer(request)
}

/// The calls of a request as the cases write them: none for the question that only asks for a
/// challenge; `None` for a request to another cloud.
pub(crate) fn calls(request: &Request) -> Option<Vec<Value>> {
    if let Some(version) = version(request) {
        return Some(vec![json!(["access_secret_version", version])]);
    }
    let name = request.path.strip_prefix("/secrets/")?.split('/').next()?;
    let challenge = request.header("authorization").is_empty();
    Some(if challenge { Vec::new() } else { vec![json!(["get_secret", name])] })
}

fn version(request: &Request) -> Option<&str> {
    let (version, _) = request.path.strip_prefix("/v1/")?.split_once(":access")?;
    Some(version)
}

impl Hex {
    fn decoded(&self) -> Vec<u8> {
        let digits: Vec<u8> = self
            .hex
            .chars()
            .filter_map(|c| c.to_digit(16))
            .filter_map(|d| d.try_into().ok())
            .collect();
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
    }
}
