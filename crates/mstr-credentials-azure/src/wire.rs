//! The transport of the SDK: a client of our own, with timeouts, that can send requests elsewhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use azure_core::{
    http::{AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request},
    http::{RetryOptions, Transport, Url},
    time::Duration as SdkDuration,
};

use crate::cloud;

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
    throttled: AtomicBool,
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
            throttled: AtomicBool::new(false),
        }))
    }

    /// Whether the last reply said that there were too many requests.
    pub(crate) fn throttled(&self) -> bool {
        self.throttled.load(Ordering::Relaxed)
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
        self.throttled.store(u16::from(reply.status()) == 429, Ordering::Relaxed);
        Ok(reply)
    }
}
