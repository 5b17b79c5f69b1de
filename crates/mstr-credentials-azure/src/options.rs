//! What can be said about a secret, and what of it is refused.

use std::{fmt, sync::Arc, time::Duration};

use azure_core::{credentials::TokenCredential, http::Url};
use azure_security_keyvault_secrets::SecretClient;

use crate::{Identity, cloud};

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) vault: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) identity: Identity,
    pub(crate) client_id: Option<String>,
    pub(crate) credential: Option<Arc<dyn TokenCredential>>,
    pub(crate) client: Option<Arc<SecretClient>>,
    pub(crate) endpoint: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) serve_stale_for: Option<Duration>,
}

/// The URLs of options that are fit for use.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    pub(crate) vault: Url,
    pub(crate) endpoint: Option<Url>,
    pub(crate) authority: Option<Url>,
}

impl Options {
    pub(crate) fn new(vault: String, name: String) -> Self {
        Self {
            vault,
            name,
            version: None,
            identity: Identity::default(),
            client_id: None,
            credential: None,
            client: None,
            endpoint: None,
            authority: None,
            timeout: Duration::from_secs(30),
            time_to_live: None,
            serve_stale_for: None,
        }
    }

    /// How errors call the secret. A vault that is no URL is not repeated: it may be anything.
    pub(crate) fn name(&self) -> String {
        let host = Url::parse(&self.vault).ok().filter(cloud::is_plain);
        let host = host.as_ref().and_then(Url::host_str).map(|host| format!(" of {host}"));
        let name = if is_name(&self.name) { &self.name } else { "" };
        format!("Azure secret {name:?}{}", host.unwrap_or_default())
    }

    /// # Errors
    /// What is wrong, without repeating it.
    pub(crate) fn check(&self) -> Result<Urls, &'static str> {
        let vault = Url::parse(&self.vault)
            .ok()
            .filter(|url| url.scheme() == "https" && cloud::is_plain(url) && url.path() == "/")
            .ok_or("the vault is no URL like https://NAME.vault.azure.net")?;
        if !is_name(&self.name) {
            return Err("a name has up to 127 letters, digits and hyphens");
        }
        if self.version.as_ref().is_some_and(|version| !is_version(version)) {
            return Err("a version is made of letters and digits");
        }
        let endpoint = |text: &Option<String>, what| match text {
            None => Ok(None),
            Some(text) => cloud::endpoint(text).map(Some).ok_or(what),
        };
        Ok(Urls {
            vault,
            endpoint: endpoint(
                &self.endpoint,
                "the endpoint is no https URL, and no http URL on loopback",
            )?,
            authority: endpoint(
                &self.authority,
                "the authority is no https URL, and no http URL on loopback",
            )?,
        })
    }
}

/// The SDK puts names into paths as they are.
fn is_name(text: &str) -> bool {
    (1..=127).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_version(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("secret", &self.name())
            .field("version", &self.version.as_ref().filter(|version| is_version(version)))
            .field("identity", &self.identity)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(vault: &str, name: &str) -> Options {
        Options::new(vault.to_owned(), name.to_owned())
    }

    #[test]
    fn wrong_settings_are_refused_and_not_repeated() {
        let good = options("https://v.vault.azure.net/", "a-Name-1");
        assert_eq!(good.check().unwrap().vault.as_str(), "https://v.vault.azure.net/");
        assert_eq!(good.name(), r#"Azure secret "a-Name-1" of v.vault.azure.net"#);
        for bad in [
            options("http://v.vault.azure.net", "n"),
            options("https://u:hunter2@v.vault.azure.net", "n"),
            options("https://v.vault.azure.net/hunter2", "n"),
            options("https://v.vault.azure.net?hunter2", "n"),
            options("hunter2", "n"),
            options("https://v.vault.azure.net", "hunter2/../x"),
            options("https://v.vault.azure.net", "hunter2?x"),
            options("https://v.vault.azure.net", ""),
            Options { version: Some("hunter2/..".into()), ..good.clone() },
            Options { endpoint: Some("http://hunter2.example".into()), ..good.clone() },
            Options { authority: Some("hunter2".into()), ..good.clone() },
        ] {
            let error = bad.check().unwrap_err();
            let printed = format!("{error} {bad:?}");
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
