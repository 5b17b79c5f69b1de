//! Hosts: which cloud a vault is in, and which addresses may be asked.

use std::{net::IpAddr, sync::Arc};

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::Url,
};

/// The cloud of a vault's host.
pub(crate) fn of_vault(host: &str) -> CloudConfiguration {
    let within = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if within("vault.azure.cn") {
        CloudConfiguration::AzureChina
    } else if within("vault.usgovcloudapi.net") {
        CloudConfiguration::AzureGovernment
    } else {
        CloudConfiguration::AzurePublic
    }
}

/// The cloud whose tokens come from that authority.
pub(crate) fn with_authority(authority: &Url) -> Arc<CloudConfiguration> {
    let mut custom = CustomConfiguration::default();
    // the SDK takes nothing but https; for loopback the wire sets it right again
    custom.authority_host = secure(authority).to_string();
    Arc::new(custom.into())
}

/// The same URL with https.
pub(crate) fn secure(url: &Url) -> Url {
    let mut secure = url.clone();
    // http to https, which is always allowed
    let _ = secure.set_scheme("https");
    secure
}

/// An https URL, or an http one on loopback, without anything but host, port and path.
pub(crate) fn endpoint(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (allowed && is_plain(&url)).then_some(url)
}

/// Without user, query and fragment.
pub(crate) fn is_plain(url: &Url) -> bool {
    let named = url.host_str().is_some_and(|host| !host.is_empty());
    let user = !url.username().is_empty() || url.password().is_some();
    named && !user && url.query().is_none() && url.fragment().is_none()
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    is_host(url, |ip| ip.is_loopback()) || url.host_str() == Some("localhost")
}

/// Loopback, or link-local, where metadata services are: no proxy leads there.
pub(crate) fn is_local(url: &Url) -> bool {
    is_loopback(url) || is_host(url, |ip| matches!(ip, IpAddr::V4(ip) if ip.is_link_local()))
}

fn is_host(url: &Url, what: impl Fn(IpAddr) -> bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_matches(['[', ']']).parse().is_ok_and(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_of_vaults() {
        for (host, cloud) in [
            ("v.vault.azure.net", CloudConfiguration::AzurePublic),
            ("v.vault.azure.cn", CloudConfiguration::AzureChina),
            ("v.vault.usgovcloudapi.net", CloudConfiguration::AzureGovernment),
            ("evilvault.azure.cn", CloudConfiguration::AzurePublic),
        ] {
            assert_eq!(of_vault(host), cloud, "{host}");
        }
    }

    #[test]
    fn endpoints() {
        for good in ["https://h", "https://h:8443/", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(endpoint(good).is_some(), "{good}");
        }
        for bad in
            ["http://h", "http://127.0.0.1.evil.example", "https://u:p@h", "https://h?q", "h", ""]
        {
            assert!(endpoint(bad).is_none(), "{bad}");
        }
        assert!(is_local(&Url::parse("http://169.254.169.254/x").unwrap()));
        assert!(!is_local(&Url::parse("https://login.microsoftonline.com").unwrap()));
    }
}
