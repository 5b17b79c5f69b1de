//! The transport of the SDK: a client of our own, with timeouts, that can send requests elsewhere.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use azure_core::{
    http::headers::WWW_AUTHENTICATE,
    http::{AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request},
    http::{RetryOptions, Transport, Url},
    time::Duration as SdkDuration,
};

use crate::{Identity, cloud};

const CONNECT: Duration = Duration::from_secs(3);
const READ: Duration = Duration::from_secs(10);

/// Sends what the SDK asks for. Each secret has its own.
#[derive(Debug)]
pub(crate) struct Wire {
    client: reqwest::Client,
    /// Past all proxies.
    direct: reqwest::Client,
    /// What is meant for the first goes to the second.
    elsewhere: Vec<(Url, Url)>,
    /// The status of the last reply; 0 before the first.
    last_status: AtomicU16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whose token is waited for.
    waiting_for: Option<Identity>,
    /// The tenant that the vault names in its challenge.
    tenant: Option<String>,
}

impl Wire {
    /// # Errors
    /// Without any CA certificate on the system, for one; in that case the SDK's own would panic.
    pub(crate) fn new(elsewhere: Vec<(Url, Url)>) -> Result<Arc<Self>, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT)
                .read_timeout(READ)
                .redirect(reqwest::redirect::Policy::none())
        };
        Ok(Arc::new(Self {
            client: builder().build()?,
            direct: builder().no_proxy().build()?,
            elsewhere,
            last_status: AtomicU16::new(0),
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status of the last reply.
    pub(crate) fn last_status(&self) -> Option<u16> {
        Some(self.last_status.load(Ordering::Relaxed)).filter(|status| *status > 0)
    }

    /// Whose token is waited for; none, when it is the vault.
    pub(crate) fn waiting_for(&self) -> Option<Identity> {
        self.state().waiting_for
    }

    pub(crate) fn wait_for_token_of(&self, link: Option<Identity>) {
        if link.is_some() {
            // that was the vault
            self.last_status.store(0, Ordering::Relaxed);
        }
        self.state().waiting_for = link;
    }

    /// The tenant that the vault wants a token of.
    pub(crate) fn challenge_tenant(&self) -> Option<String> {
        self.state().tenant.clone()
    }

    /// Options for a client of the SDK.
    pub(crate) fn options(self: &Arc<Self>) -> ClientOptions {
        let transport: Arc<dyn HttpClient> = Arc::<Self>::clone(self);
        ClientOptions {
            transport: Some(Transport::new(transport)),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: 2,
                max_total_elapsed: SdkDuration::seconds(10),
                ..ExponentialRetryOptions::default()
            }),
            ..ClientOptions::default()
        }
    }

    /// The status of a GET without any header.
    pub(crate) async fn probe(&self, url: &Url) -> Option<u16> {
        let reply = self.direct.get(url.clone()).send().await.ok()?;
        Some(reply.status().as_u16())
    }
}

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let meant = request.url();
        let elsewhere = self.elsewhere.iter().find(|(from, _)| from.origin() == meant.origin());
        let moved = elsewhere.map(|(_, to)| {
            let mut request = request.clone();
            let url = request.url_mut();
            let path = format!("{}{}", to.path().trim_end_matches('/'), url.path());
            let query = url.query().map(str::to_owned);
            url.clone_from(to);
            url.set_path(&path);
            url.set_query(query.as_deref());
            request
        });
        let request = moved.as_ref().unwrap_or(request);
        let client = if cloud::is_local(request.url()) { &self.direct } else { &self.client };
        let reply = client.execute_request(request).await?;
        let status = u16::from(reply.status());
        self.last_status.store(status, Ordering::Relaxed);
        if status == 401
            && let Ok(challenge) = reply.headers().get_str(&WWW_AUTHENTICATE)
            && let Some(tenant) = tenant_of(challenge)
        {
            self.state().tenant = Some(tenant);
        }
        Ok(reply)
    }
}

/// The tenant of a vault's challenge: `Bearer authorization="https://HOST/TENANT", resource=".."`.
fn tenant_of(challenge: &str) -> Option<String> {
    let (_, rest) = challenge.split_once("authorization=\"")?;
    let url = Url::parse(rest.split('"').next()?).ok()?;
    let tenant = url.path_segments()?.next()?;
    is_tenant(tenant).then(|| tenant.to_owned())
}

/// An id or a domain: it becomes an argument of a command.
pub(crate) fn is_tenant(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    (1..=255).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_of_challenges() {
        let of = |url: &str| tenant_of(&format!("Bearer authorization=\"{url}\", resource=\"r\""));
        let id = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        assert_eq!(of(&format!("https://login.microsoftonline.com/{id}")).as_deref(), Some(id));
        assert_eq!(of("https://h/example.com/x").as_deref(), Some("example.com"));
        for none in ["https://h", "https://h/$(touch x)", "https://h/a;b", "https://h/-x", "h"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(tenant_of("Basic realm=x"), None);
    }
}
