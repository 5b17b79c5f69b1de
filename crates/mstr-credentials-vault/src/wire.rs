//! Requests to the vault: retries, the active node, and what comes back.

use std::time::Duration;

use mstr_credentials::{SecretString, VaultError, VaultErrorKind as Kind};
use reqwest::{
    Method, RequestBuilder, StatusCode, Url,
    header::{HeaderValue, LOCATION, RETRY_AFTER},
};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::{
    address::Address,
    failure::{self, is_untrusted, unreachable},
    settings::{Settings, other},
};

const CONNECT: Duration = Duration::from_secs(5);
/// A request is sent once, and again twice, as the vendor's own client does it.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// More than a vault keeps in one secret.
const LONGEST_BODY: usize = 1024 * 1024;

/// The connection of one fetch. A client that is kept would be tied to the runtime it was made in.
pub(crate) struct Wire {
    client: reqwest::Client,
    address: Address,
    namespace: Option<HeaderValue>,
    deadline: Instant,
}

/// A reply. Its body may hold the secret, and is wiped.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Zeroizing<Vec<u8>>,
    retry_after: Option<Duration>,
}

impl Wire {
    pub(crate) fn new(settings: &Settings, deadline: Instant) -> Result<Self, VaultError> {
        let address = settings.address.clone();
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .http1_only()
            .user_agent(concat!("mstr-credentials-vault/", env!("CARGO_PKG_VERSION")));
        let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
        let builder = tls(builder, settings)?;
        let client = builder
            .build()
            .map_err(|error| other(format!("no HTTPS: {}", VaultError::texts(&error))))?;
        let namespace = settings.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let namespace = namespace.map(HeaderValue::from_str).transpose();
        let namespace = namespace.map_err(|_| other("the namespace cannot be sent in a header"))?;
        Ok(Self { client, address, namespace, deadline })
    }

    pub(crate) async fn get(
        &self,
        path: &str,
        query: Option<&str>,
        token: &SecretString,
    ) -> Result<Reply, VaultError> {
        let token = secret_header(token)?;
        self.send(self.address.resource(path, query), |url| {
            let request = self.client.request(Method::GET, url);
            // without a token, a Vault Agent sends its own
            if token.is_empty() { request } else { request.header("X-Vault-Token", token.clone()) }
        })
        .await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Zeroizing<Vec<u8>>,
    ) -> Result<Reply, VaultError> {
        self.send(self.address.resource(path, None), |url| {
            // a copy that the client does not wipe
            self.client.request(Method::POST, url).body(body.to_vec())
        })
        .await
    }

    /// Sends it until there is a reply that counts, or no time or attempt is left.
    async fn send(
        &self,
        url: Url,
        request: impl Fn(Url) -> RequestBuilder + Send + Sync,
    ) -> Result<Reply, VaultError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let outcome = self.once(&url, &request).await;
            let (last, retry_after) = match &outcome {
                Ok(reply) if is_transient(reply.status) => (attempt >= ATTEMPTS, reply.retry_after),
                Ok(_) => return outcome,
                Err(error) => {
                    let is_final =
                        error.kind() != Kind::Unreachable || is_untrusted(error.message());
                    (attempt >= ATTEMPTS || is_final, None)
                }
            };
            let pause = retry_after.unwrap_or_else(|| wait.mul_f64(0.5 + fastrand::f64() / 2.0));
            // a pause that ends after the timeout would only hide this outcome
            if last || Instant::now() + pause >= self.deadline {
                return outcome;
            }
            sleep(pause).await;
            wait *= 2;
        }
        Err(other("no request was sent"))
    }

    /// One request, sent on once where a standby node says so.
    async fn once(
        &self,
        url: &Url,
        request: impl Fn(Url) -> RequestBuilder + Send + Sync,
    ) -> Result<Reply, VaultError> {
        let send = async |url: Url| {
            let mut request = request(url).header("X-Vault-Request", "true");
            if let Some(namespace) = &self.namespace {
                request = request.header("X-Vault-Namespace", namespace.clone());
            }
            request.send().await.map_err(|error| unreachable(&self.address, error))
        };
        let mut response = send(url.clone()).await?;
        if is_redirect(response.status()) {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let active = location.and_then(|location| self.address.redirected(url, location));
            response = match active {
                Some(active) => send(active).await?,
                None => response,
            };
        }
        if response.status().is_redirection() {
            return Err(other(format!(
                "{} answers with a redirect that is not followed: pass the address of the vault itself",
                self.address
            )));
        }
        self.read(response).await
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Reply, VaultError> {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let mut body = Zeroizing::new(Vec::new());
        while let Some(chunk) =
            response.chunk().await.map_err(|error| unreachable(&self.address, error))?
        {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(other(format!("the reply is longer than {LONGEST_BODY} bytes")));
            }
            // moved by hand: growing in place leaves a copy behind that is not wiped
            if body.len() + chunk.len() > body.capacity() {
                let size = (2 * body.capacity()).max(body.len() + chunk.len());
                let mut larger = Zeroizing::new(Vec::with_capacity(size));
                larger.extend_from_slice(&body);
                body = larger;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status: response.status(), body, retry_after })
    }
}

impl Reply {
    /// What went wrong. `sent` is masked, should the vault repeat it.
    pub(crate) fn failure(&self, sent: &[&SecretString]) -> VaultError {
        failure::of_reply(self.status, &self.body, sent)
    }
}

/// Too many requests, an index that is not there yet, a server that is sealed, restarting or broken.
fn is_transient(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED)
}

/// Both leave method and body as they are.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT)
}

fn secret_header(secret: &SecretString) -> Result<HeaderValue, VaultError> {
    let value = HeaderValue::from_str(secret.expose_secret().trim());
    let mut value = value.map_err(|_| {
        VaultError::new(Kind::NoCredentials, "the token holds characters that no token has")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
fn tls(
    builder: reqwest::ClientBuilder,
    settings: &Settings,
) -> Result<reqwest::ClientBuilder, VaultError> {
    #[cfg(not(feature = "rustls"))]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err(other(
            "no TLS crypto provider is installed: call install_default() of a rustls \
             CryptoProvider first, or turn on the feature `rustls`",
        ));
    }
    let Some(pem) = &settings.ca_pem else {
        // without TLS the platform's certificates are not needed, and need not be there
        let https = settings.address.is_https();
        return Ok(if https { builder } else { builder.tls_certs_only([]) });
    };
    match reqwest::Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(builder.tls_certs_only(certificates)),
        _ => Err(other("the CA file holds no certificates in PEM form")),
    }
}

#[cfg(not(any(feature = "rustls", feature = "rustls-no-provider")))]
fn tls(
    builder: reqwest::ClientBuilder,
    settings: &Settings,
) -> Result<reqwest::ClientBuilder, VaultError> {
    if settings.address.is_https() || settings.ca_pem.is_some() {
        return Err(other(
            "no HTTPS without one of the features `rustls` and `rustls-no-provider`",
        ));
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use mstr_cloud_stub::{Reply, Responder};

    use super::*;
    use crate::settings::Identity;

    #[tokio::test]
    async fn an_agent_is_asked_without_a_token() {
        let agent = Responder::scripted([Reply::json(200, "{}")]);
        let settings = Settings {
            address: Address::parse(&agent.url(), false).unwrap(),
            namespace: None,
            ca_pem: None,
            identity: Identity::Agent,
        };
        let wire = Wire::new(&settings, Instant::now() + Duration::from_secs(60)).unwrap();
        assert!(wire.get("secret/data/x", None, &"".into()).await.unwrap().status.is_success());
        assert!(!agent.requests()[0].headers.contains_key("x-vault-token"));
        // a proxy may need it to tell requests from those of a browser
        assert_eq!(agent.requests()[0].header("x-vault-request"), "true");
    }
}
