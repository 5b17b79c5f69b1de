//! One fetch.

use std::time::Duration;

use mstr_credentials::{
    CredentialError, FetchSecret, SecretValue, VaultError, VaultErrorKind as Kind,
};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{runtime::Handle, time::Instant};

use crate::{
    login::Tokens,
    options::Options,
    settings::{Environment, Identity, NO_TOKEN, Settings, other},
    wire::{Reply, Wire},
};

impl FetchSecret for Options {
    /// The token of a login, for all fetches of one secret.
    type Client = Tokens;

    fn name(&self) -> String {
        Self::name(self)
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn client(&self) -> Tokens {
        Tokens::default()
    }

    async fn fetch(&self, tokens: &Tokens) -> Result<SecretValue, CredentialError> {
        let value = fetch(self, tokens).await;
        value.map_err(|why| CredentialError::vault(&Self::name(self), why))
    }
}

async fn fetch(options: &Options, tokens: &Tokens) -> Result<SecretValue, VaultError> {
    if Handle::try_current().is_err() {
        return Err(other("it is not resolved inside of a tokio runtime"));
    }
    let timeout = options.timeout;
    // on the heap: it holds the HTTP client
    let reply = tokio::time::timeout(timeout, Box::pin(read(options, tokens))).await;
    reply.unwrap_or_else(|_| {
        Err(VaultError::new(Kind::Unreachable, format!("no answer within {timeout:?}")))
    })
}

async fn read(options: &Options, tokens: &Tokens) -> Result<SecretValue, VaultError> {
    let settings = Settings::new(options, &Environment::of_process())?;
    let wire = Wire::new(&settings, Instant::now() + options.timeout)?;
    let path = options.resource();
    let query = options.version.map(|version| format!("version={version}"));
    let mut again = true;
    loop {
        let token = tokens.token(&settings.identity, &wire).await?;
        let reply = wire.get(&path, query.as_deref(), &token.secret).await?;
        // a token that expired is refused as one that may not read the secret
        let refused = reply.status == StatusCode::FORBIDDEN;
        if refused && tokens.refused(&token, &settings.identity).await && again {
            again = false;
            continue;
        }
        let no_token = matches!(settings.identity, Identity::Agent);
        if no_token && matches!(reply.status.as_u16(), 400 | 401 | 403) {
            return Err(VaultError::new(Kind::NoCredentials, NO_TOKEN));
        }
        if !reply.status.is_success() {
            return Err(reply.failure(&[&token.secret]));
        }
        return value(&reply);
    }
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    data: Version<'a>,
}

#[derive(Deserialize)]
struct Version<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    /// Tells a version 2 engine from others.
    #[serde(borrow, rename = "metadata")]
    _metadata: &'a RawValue,
}

/// The members of the secret as the vault wrote them. The parser's error would quote them.
fn value(reply: &Reply) -> Result<SecretValue, VaultError> {
    let Ok(read) = serde_json::from_slice::<Read<'_>>(&reply.body) else {
        return Err(other("the reply is not that of a KV version 2 secrets engine"));
    };
    if read.data.data.get() == "null" {
        return Err(VaultError::new(Kind::NotFound, "this version is deleted"));
    }
    Ok(SecretValue::from(read.data.data.get()))
}
