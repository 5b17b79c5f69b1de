//! Settings, and the SDK's configuration that is made of them when the first secret is fetched.

use std::{
    future::Future,
    sync::{Arc, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::service_config::ServiceConfigKey;
use mstr_credentials::{CredentialError, VaultError, VaultErrorKind};
use tokio::{runtime::Handle, sync::Mutex};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{
    classify::{CHECK_NETWORK, classify},
    http::{Client, InClear},
    login::Login,
};

/// For everything that one fetch does: finding credentials and region, all attempts, the reply.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// For one attempt, so that three of them fit. The SDK's default is to wait for ever.
const CONNECT: Duration = Duration::from_secs(3);
const READ: Duration = Duration::from_secs(8);

#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) sdk_config: Option<SdkConfig>,
    pub(crate) timeout: Option<Duration>,
}

impl Settings {
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    async fn load(&self) -> Result<Loaded, VaultError> {
        if let Some(config) = &self.sdk_config {
            return Ok(Loaded { config: config.clone(), login: Login::default() });
        }
        let login = Login::of_profile(self.profile.as_deref()).await;
        let http = SharedHttpClient::new(Client::new(&login)?);
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ);
        // not `latest()`: what the SDK does by itself must not change with a patch release
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .timeout_config(timeouts.build());
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        Ok(Loaded { config: loader.load().await, login })
    }
}

/// The SDK's configuration with region and credentials, loaded by the first fetch and shared by all
/// secrets that are reached alike.
///
/// It is kept while it works. One without a region is not kept at all, and [`Access::failed`] drops
/// one whose credentials failed: the metadata service may answer next time, files may appear, a
/// sign-on may be renewed. The next fetch then loads a new one. A fetch holds the lock while it loads;
/// when it is cancelled, the next in line loads.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<Arc<Loaded>>>);

/// What was loaded.
pub(crate) struct Loaded {
    config: SdkConfig,
    login: Login,
}

impl Loaded {
    /// The endpoint that must be told to the SDK: that of the settings, or one that the profile names
    /// under `section` of its `services`, which is AWS' own spelling and not the SDK's. All others the
    /// SDK finds by itself.
    fn endpoint(&self, settings: &Settings, section: &str) -> Result<Option<String>, VaultError> {
        // that of the environment too, where the configuration is not ours and has another client
        for url in [settings.endpoint.as_deref(), self.config.endpoint_url()] {
            if let Some(refused) = url.and_then(InClear::of) {
                return Err(other(&refused.to_string()));
            }
        }
        if settings.endpoint.is_some() {
            return Ok(settings.endpoint.clone());
        }
        let Some(services) = self.config.service_config() else { return Ok(None) };
        let of = |section: &str| {
            let key = ServiceConfigKey::builder()
                .service_id(section)
                .profile("endpoint_url")
                .env("AWS_ENDPOINT_URL");
            services.load_config(key.build().ok()?)
        };
        // what holds for every service, which the SDK finds too
        let general = of("none");
        let hyphenated = of(&section.replace('_', "-"));
        Ok(of(section).filter(|url| Some(url) != general.as_ref() && hyphenated == general))
    }
}

impl Connection {
    async fn get(&self, settings: &Settings) -> Result<Arc<Loaded>, VaultError> {
        let mut kept = self.0.lock().await;
        if let Some(loaded) = &*kept {
            return Ok(Arc::clone(loaded));
        }
        let loaded = Arc::new(settings.load().await?);
        if settings.region.is_none() && loaded.config.region().is_none() {
            return Err(no_region(settings));
        }
        *kept = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Unless another fetch has done so already.
    async fn forget(&self, loaded: &Arc<Loaded>) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, loaded)) {
            *kept = None;
        }
    }
}

/// How one or more secrets are reached.
pub(crate) struct Access<C> {
    settings: Settings,
    connection: Arc<Connection>,
    /// A client that the program made.
    given: Option<C>,
    /// The client of a configuration.
    made: std::sync::Mutex<Option<Used<C>>>,
}

/// The client of a service, and the configuration that it was made of.
#[derive(Clone)]
pub(crate) struct Used<C> {
    pub(crate) client: C,
    loaded: Option<Arc<Loaded>>,
}

impl<C: Service> Access<C> {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Self::over(settings, Arc::default())
    }

    /// Shares the configuration with others that have the same settings.
    pub(crate) fn over(settings: Settings, connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self { settings, connection, given: None, made: std::sync::Mutex::default() })
    }

    /// The same with other settings, and nothing shared but a client that was given.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Settings)) -> Arc<Self> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let (given, made) = (self.given.clone(), std::sync::Mutex::default());
        Arc::new(Self { settings, connection: Arc::default(), given, made })
    }

    pub(crate) fn with_client(&self, client: C) -> Arc<Self> {
        Arc::new(Self {
            settings: self.settings.clone(),
            connection: Arc::default(),
            given: Some(client),
            made: std::sync::Mutex::default(),
        })
    }

    /// The client: the one that was given, or one of the configuration.
    pub(crate) async fn client(&self) -> Result<Used<C>, VaultError> {
        if let Some(client) = self.given.clone() {
            return Ok(Used { client, loaded: None });
        }
        let loaded = self.connection.get(&self.settings).await?;
        let endpoint = loaded.endpoint(&self.settings, C::PROFILE_SECTION)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = &*made
            && used.loaded.as_ref().is_some_and(|of| Arc::ptr_eq(of, &loaded))
        {
            return Ok(used.clone());
        }
        let client = C::make(&loaded.config, self.settings.region.as_deref(), endpoint);
        let used = Used { client, loaded: Some(loaded) };
        *made = Some(used.clone());
        Ok(used)
    }

    /// What a failed call means. Credentials that do not work are looked for again by the next fetch.
    pub(crate) async fn failed<E: ProvideErrorMetadata>(
        &self,
        used: &Used<C>,
        error: SdkError<E, HttpResponse>,
    ) -> VaultError {
        let nothing = Login::default();
        let login = used.loaded.as_ref().map_or(&nothing, |loaded| &loaded.login);
        let failure = classify(&error, login);
        if let Some(loaded) = used.loaded.as_ref().filter(|_| failure.of_credentials) {
            self.connection.forget(loaded).await;
        }
        failure.why
    }

    #[cfg(feature = "ssm")]
    pub(crate) fn region(&self) -> Option<&str> {
        self.settings.region.as_deref()
    }

    /// The timeout of one fetch.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout()
    }

    /// Does one fetch within the timeout.
    pub(crate) async fn fetch<T>(
        &self,
        name: &str,
        fetch: impl Future<Output = Result<T, VaultError>> + Send,
    ) -> Result<T, CredentialError> {
        if Handle::try_current().is_err() {
            let what = other("it is not resolved inside of a tokio runtime");
            return Err(CredentialError::vault(name, what));
        }
        let timeout = self.timeout();
        // Without a subscriber: at level TRACE the SDK logs the headers of requests, and whole replies
        // where LOG_SENSITIVE_BODIES is set.
        let quiet = Box::pin(fetch.with_subscriber(NoSubscriber::default()));
        let outcome = tokio::time::timeout(timeout, quiet).await.unwrap_or_else(|_| {
            let what = format!("no answer within {timeout:?}: {CHECK_NETWORK}");
            Err(VaultError::new(VaultErrorKind::Unreachable, what))
        });
        outcome.map_err(|why| CredentialError::vault(name, why))
    }
}

/// A service of AWS: its client.
pub(crate) trait Service: Clone + Send + Sync {
    /// How a profile calls it, below `services`.
    const PROFILE_SECTION: &str;

    fn make(config: &SdkConfig, region: Option<&str>, endpoint: Option<String>) -> Self;
}

/// `make` of both services: their builders have the same methods, and no trait for them.
macro_rules! service {
    ($client:ty, $builder:ty, $section:literal) => {
        impl crate::connection::Service for $client {
            const PROFILE_SECTION: &str = $section;

            fn make(
                config: &aws_config::SdkConfig,
                region: Option<&str>,
                endpoint: Option<String>,
            ) -> Self {
                let mut builder = <$builder>::from(config);
                if let Some(region) = region {
                    builder = builder.region(aws_config::Region::new(region.to_owned()));
                }
                if let Some(url) = endpoint {
                    builder = builder.endpoint_url(url);
                }
                Self::from_conf(builder.build())
            }
        }
    };
}
pub(crate) use service;

fn no_region(settings: &Settings) -> VaultError {
    let disabled = std::env::var("AWS_EC2_METADATA_DISABLED");
    let machine = if settings.sdk_config.is_some() {
        "the given configuration has none"
    } else if disabled.is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
        "the metadata service is not asked (AWS_EC2_METADATA_DISABLED)"
    } else {
        "the metadata service of the machine gave none"
    };
    other(&format!(
        "no region: set AWS_REGION, name it in the profile, or give it to the provider; {machine}"
    ))
}

pub(crate) fn other(message: &str) -> VaultError {
    VaultError::new(VaultErrorKind::Other, message)
}

/// The client and the settings of a provider of one secret, whose options have an `access`.
macro_rules! reached {
    ($client:ty) => {
        /// A client of the SDK that you have made. The other settings then do not count, but for the
        /// timeout.
        #[must_use]
        pub fn client(self, client: $client) -> Self {
            self.with(|lookup| lookup.access = lookup.access.with_client(client))
        }

        crate::connection::settings!();

        fn change(self, change: impl FnOnce(&mut crate::connection::Settings)) -> Self {
            self.with(|lookup| lookup.access = lookup.access.changed(change))
        }
    };
}
pub(crate) use reached;

/// The settings that every provider has. Changing one makes a provider that shares nothing with the
/// one it was made of.
macro_rules! settings {
    () => {
        /// The region, as in `eu-west-1`. Otherwise that of an ARN, of the environment
        /// (`AWS_REGION`), of the profile, or of the machine it runs on.
        #[must_use]
        pub fn region(self, region: impl Into<String>) -> Self {
            self.change(|settings| settings.region = Some(region.into()))
        }

        /// The profile of the shared configuration files: its region, its credentials, the role
        /// that it assumes. Otherwise that of the environment (`AWS_PROFILE`), or the default one.
        #[must_use]
        pub fn profile(self, profile: impl Into<String>) -> Self {
            self.change(|settings| settings.profile = Some(profile.into()))
        }

        /// Where the service is, instead of AWS: an emulator, or an endpoint of your network. An
        /// https URL, or http on loopback. (`AWS_ENDPOINT_URL` and its like, and the endpoints of a
        /// profile, count too.)
        #[must_use]
        pub fn endpoint(self, url: impl Into<String>) -> Self {
            self.change(|settings| settings.endpoint = Some(url.into()))
        }

        /// A configuration of the SDK that you have made, instead of the default chain: for
        /// credentials of your own, a role to assume, another HTTP client. Region and endpoint that
        /// are set here count more than those of the configuration; the profile does not count.
        #[must_use]
        pub fn sdk_config(self, config: aws_config::SdkConfig) -> Self {
            self.change(|settings| settings.sdk_config = Some(config))
        }

        /// Timeout of one fetch in all: finding credentials, all attempts, the reply.
        /// Default: 30 seconds.
        #[must_use]
        pub fn with_timeout(self, timeout: std::time::Duration) -> Self {
            self.change(|settings| settings.timeout = Some(timeout))
        }
    };
}
pub(crate) use settings;
