//! What can be said about a secret, and what of it is refused.

use std::{fmt, sync::Arc, time::Duration};

use azure_core::{credentials::TokenCredential, http::Url};
use azure_security_keyvault_secrets::SecretClient;

use crate::{Identity, cloud, wire::is_tenant};

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) vault: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) identity: Identity,
    pub(crate) client_id: Option<String>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) credential: Option<Arc<dyn TokenCredential>>,
    pub(crate) client: Option<Arc<SecretClient>>,
    pub(crate) endpoint: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) timeout: Duration,
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
            tenant_id: None,
            credential: None,
            client: None,
            endpoint: None,
            authority: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// By its identifier, as the portal copies it: `https://VAULT/secrets/NAME/VERSION`. What is none
    /// is refused by [`check`](Self::check).
    pub(crate) fn from_id(id: &str) -> Self {
        Self::parse_id(id).unwrap_or_else(|| Self::new(String::new(), String::new()))
    }

    /// The parts of an identifier, if the text is one.
    pub(crate) fn parse_id(id: &str) -> Option<Self> {
        let (vault, path) = id.split_once("://")?.1.split_once("/secrets/")?;
        if vault.contains('/') {
            return None;
        }
        let (name, version) = match path.trim_end_matches('/').split_once('/') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (path.trim_end_matches('/'), None),
        };
        let scheme = id.split("://").next()?;
        let options = Self::new(format!("{scheme}://{vault}"), name.to_owned());
        Some(Self { version, ..options })
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
        if self.vault.is_empty() && self.name.is_empty() {
            return Err("it is no identifier like https://NAME.vault.azure.net/secrets/SECRET");
        }
        let mut vault = Url::parse(&self.vault)
            .ok()
            .filter(|url| {
                let path = url.path().trim_matches('/');
                url.scheme() == "https" && cloud::is_plain(url) && path.is_empty()
            })
            .ok_or("the vault is no URL like https://NAME.vault.azure.net")?;
        vault.set_path("/");
        if !is_name(&self.name) {
            return Err("a name has up to 127 letters, digits and hyphens");
        }
        if self.version.as_ref().is_some_and(|version| !is_version(version)) {
            return Err("a version is made of letters and digits");
        }
        // the SDK's own errors would repeat it
        if self.tenant_id.as_ref().is_some_and(|tenant| !is_tenant(tenant)) {
            return Err("a tenant is an id or a domain");
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
    fn identifiers_and_vaults_as_they_are_pasted() {
        for (id, version) in [
            ("https://v.vault.azure.net/secrets/n/6f", Some("6f")),
            ("https://v.vault.azure.net:443/secrets/n", None),
            ("https://v.vault.azure.net/secrets/n/", None),
        ] {
            let options = Options::from_id(id);
            assert_eq!(options.check().unwrap().vault.as_str(), "https://v.vault.azure.net/");
            assert_eq!((options.name.as_str(), options.version.as_deref()), ("n", version));
        }
        let slashes = options("https://v.vault.azure.net//", "n").check().unwrap();
        assert_eq!(slashes.vault.as_str(), "https://v.vault.azure.net/");
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
            Options { tenant_id: Some("hunter2; x".into()), ..good.clone() },
            Options::from_id("hunter2"),
            Options::from_id("https://v.vault.azure.net/keys/hunter2"),
            Options::from_id("https://v.vault.azure.net/x/secrets/hunter2"),
            Options::from_id("https://v.vault.azure.net/secrets/n/1/hunter2"),
            Options::from_id("https://v.vault.azure.net/secrets/"),
            Options { endpoint: Some("http://hunter2.example".into()), ..good.clone() },
            Options { authority: Some("hunter2".into()), ..good.clone() },
        ] {
            let error = bad.check().unwrap_err();
            let printed = format!("{error} {bad:?}");
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
