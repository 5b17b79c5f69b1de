//! Where a vault is, and where it may send a request on to.

use std::fmt;

use reqwest::Url;

/// The address of a vault: a base URL without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    base: Url,
    allow_plain_http: bool,
}

impl Address {
    /// # Errors
    /// What is wrong, without repeating the text.
    pub(crate) fn parse(text: &str, allow_plain_http: bool) -> Result<Self, &'static str> {
        let wrong = "an address is like https://vault.example.com:8200";
        let base = Url::parse(text.trim_end_matches('/')).map_err(|_| wrong)?;
        let is_plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() || !is_plain {
            return Err(wrong);
        }
        let address = Self { base, allow_plain_http };
        if !address.may_be_asked(&address.base) {
            return Err(
                "http would send the token and the secret in clear text: use https, or allow it \
                 with the option `allow_plain_http`",
            );
        }
        Ok(address)
    }

    /// The URL of a resource below `/v1/`, whose path is escaped.
    pub(crate) fn resource(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    pub(crate) fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// A proxy is not asked for what is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    fn may_be_asked(&self, url: &Url) -> bool {
        url.scheme() == "https"
            || url.scheme() == "http" && (is_loopback(url) || self.allow_plain_http)
    }

    /// Where a standby node sends the request for `asked` on to: the active node of its cluster. It
    /// gets the token, so only the very same path counts, never by http where https was asked, and
    /// never by http to another machine (unless that is allowed).
    pub(crate) fn redirected(&self, asked: &Url, location: &str) -> Option<Url> {
        let to = asked.join(location).ok()?;
        let same = to.path() == asked.path() && to.query() == asked.query();
        let plain = to.username().is_empty() && to.password().is_none();
        let downgrade = asked.scheme() == "https" && to.scheme() != "https";
        (same && plain && !downgrade && self.may_be_asked(&to)).then_some(to)
    }
}

/// The address as errors name it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<Address, &'static str> {
        Address::parse(text, false)
    }

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("https://v", "https://v"),
            ("https://v:8200/", "https://v:8200"),
            ("https://h/vault/", "https://h/vault"),
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
            ("http://localhost:8100", "http://localhost:8100"),
            ("http://[::1]:8200", "http://[::1]:8200"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), shown);
        }
        for bad in [
            "hunter2",
            "hunter2:8200",
            "ftp://hunter2",
            "https://u:hunter2@v",
            "https://v?hunter2",
            "https://v#hunter2",
            "http://hunter2",
            "http://127.0.0.1.hunter2",
            "unix:///hunter2",
        ] {
            let said = address(bad).unwrap_err();
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(Address::parse("http://v", true).is_ok());
        let url =
            address("https://h/vault").unwrap().resource("secret/data/a%20b", Some("version=3"));
        assert_eq!(url.as_str(), "https://h/vault/v1/secret/data/a%20b?version=3");
    }

    #[test]
    fn only_the_active_node_is_asked_instead() {
        let standby = address("https://standby:8200").unwrap();
        let asked = standby.resource("secret/data/mstr", Some("version=3"));
        let path = "/v1/secret/data/mstr?version=3";
        let to = |location: &str| standby.redirected(&asked, location).map(String::from);
        for good in ["https://active:8200", "https://10.0.0.2:8200", "https://standby:8200"] {
            assert_eq!(to(&format!("{good}{path}")), Some(format!("{good}{path}")));
        }
        for bad in [
            "https://active/login".to_owned(),
            "https://active/v1/secret/data/mstr".to_owned(),
            format!("https://active/vault{path}"),
            format!("http://active{path}"),
            format!("http://127.0.0.1{path}"),
            format!("https://u:p@active{path}"),
            "://".to_owned(),
        ] {
            assert_eq!(to(&bad), None, "{bad}");
        }
        let local = address("http://127.0.0.1:1").unwrap();
        let asked = local.resource("x", None);
        assert!(local.redirected(&asked, "http://127.0.0.1:2/v1/x").is_some());
        assert!(local.redirected(&asked, "https://active/v1/x").is_some());
        assert_eq!(local.redirected(&asked, "http://active/v1/x"), None);
    }
}
