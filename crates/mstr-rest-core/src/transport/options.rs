//! The settings of the HTTP client.

use std::time::Duration;

use mstr_credentials::SecretString;

/// The settings of the HTTP client.
#[derive(Clone)]
pub(crate) struct TransportOptions {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) user_agent: String,
    pub(crate) gzip: bool,
    pub(crate) http1_only: bool,
    pub(crate) http2_prior_knowledge: bool,
    pub(crate) environment_proxies: bool,
    pub(crate) no_proxy: Option<String>,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) only_these_roots: bool,
    pub(crate) accept_invalid_certs: bool,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(10)),
            user_agent: concat!("mstr-rest/", env!("CARGO_PKG_VERSION")).to_owned(),
            gzip: true,
            http1_only: false,
            http2_prior_knowledge: false,
            environment_proxies: true,
            no_proxy: None,
            roots: Vec::new(),
            only_these_roots: false,
            accept_invalid_certs: false,
        }
    }
}

/// The settings of the HTTP client that come from credentials, resolved.
#[derive(Default)]
pub(crate) struct TransportSecrets {
    pub(crate) proxy: Option<SecretString>,
    pub(crate) identity: Option<SecretString>,
}
