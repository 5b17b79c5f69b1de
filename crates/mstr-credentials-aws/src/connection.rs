//! Settings, and the SDK's configuration that is made of them when the first secret is fetched.

use std::{future::Future, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use mstr_credentials::{CredentialError, VaultError, VaultErrorKind};
use tokio::{runtime::Handle, sync::OnceCell};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// For everything that one fetch does: finding credentials and region, all attempts, the reply.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// For one attempt, so that three of them fit. The SDK's default is to wait for ever.
const CONNECT: Duration = Duration::from_secs(3);
const READ: Duration = Duration::from_secs(8);

#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) region: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) sdk_config: Option<SdkConfig>,
    pub(crate) timeout: Option<Duration>,
}

impl Settings {
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }

    async fn load(&self) -> Result<SdkConfig, VaultError> {
        if let Some(config) = &self.sdk_config {
            return Ok(config.clone());
        }
        some_ca()?;
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ);
        // not `latest()`: what the SDK does by itself must not change with a patch release
        let mut loader =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts.build());
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &self.profile {
            loader = loader.profile_name(profile);
        }
        Ok(loader.load().await)
    }
}

/// The SDK's configuration, loaded once: region, and credentials that the SDK caches.
pub(crate) type Connection = OnceCell<SdkConfig>;

/// How one or more secrets are reached: the client of a service, made when it is first needed.
pub(crate) struct Access<C> {
    settings: Settings,
    connection: Arc<Connection>,
    client: OnceCell<C>,
    given: bool,
}

impl<C: Clone + Send + Sync> Access<C> {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Self::over(settings, Arc::default())
    }

    /// Shares the configuration with others that have the same settings.
    pub(crate) fn over(settings: Settings, connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self { settings, connection, client: OnceCell::new(), given: false })
    }

    /// The same with other settings, and nothing shared but a client that was given.
    pub(crate) fn changed(&self, change: impl FnOnce(&mut Settings)) -> Arc<Self> {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let given = self.client.get().filter(|_| self.given).cloned();
        Arc::new(Self {
            settings,
            connection: Arc::default(),
            given: given.is_some(),
            client: OnceCell::new_with(given),
        })
    }

    pub(crate) fn with_client(&self, client: C) -> Arc<Self> {
        Arc::new(Self {
            settings: self.settings.clone(),
            connection: Arc::default(),
            client: OnceCell::new_with(Some(client)),
            given: true,
        })
    }

    /// The client, made by `make` if there is none yet.
    pub(crate) async fn client(
        &self,
        make: fn(&SdkConfig, &Settings) -> Result<C, VaultError>,
    ) -> Result<&C, VaultError> {
        let make = async || {
            let config = self.connection.get_or_try_init(|| self.settings.load()).await?;
            make(config, &self.settings)
        };
        self.client.get_or_try_init(make).await
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
            return Err(CredentialError::new(format!("{name} needs a tokio runtime")));
        }
        let timeout = self.timeout();
        // Without a subscriber: at level TRACE the SDK logs the headers of requests, and whole replies
        // where LOG_SENSITIVE_BODIES is set.
        let quiet = Box::pin(fetch.with_subscriber(NoSubscriber::default()));
        let outcome = tokio::time::timeout(timeout, quiet).await.unwrap_or_else(|_| {
            let what = format!("no answer within {timeout:?}");
            Err(VaultError::new(VaultErrorKind::Unreachable, what))
        });
        outcome.map_err(|why| CredentialError::vault(name, why))
    }
}

/// An error if the system trusts no certificate authority, as in a container without the package
/// `ca-certificates`. The SDK would panic, also where only HTTP is used.
fn some_ca() -> Result<(), VaultError> {
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(other(
            "the system has no CA certificates: install the package ca-certificates, or set \
             SSL_CERT_FILE",
        ));
    }
    Ok(())
}

pub(crate) fn no_region() -> VaultError {
    other("no region: set AWS_REGION, name it in the profile, or give it to the provider")
}

pub(crate) fn other(message: &str) -> VaultError {
    VaultError::new(VaultErrorKind::Other, message)
}

/// The region that an ARN names. Nothing else has that secret.
pub(crate) fn region_of_arn(id: &str) -> Option<String> {
    let mut parts = id.strip_prefix("arn:")?.split(':');
    let region = parts.nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

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

        /// Where the service is, instead of AWS: an emulator, or an endpoint of your network. (The
        /// SDK also reads `AWS_ENDPOINT_URL` and its like.)
        #[must_use]
        pub fn endpoint_url(self, url: impl Into<String>) -> Self {
            self.change(|settings| settings.endpoint_url = Some(url.into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_their_region() {
        for (id, region) in [
            ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf", Some("eu-west-1")),
            ("arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a/b", Some("cn-north-1")),
            ("arn:aws:secretsmanager::1:secret:x", None),
            ("arn:aws", None),
            ("prod/mstr", None),
            ("a:b:c:d:e", None),
        ] {
            assert_eq!(region_of_arn(id).as_deref(), region, "{id}");
        }
    }
}
