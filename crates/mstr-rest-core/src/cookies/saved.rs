//! `SavedCookie`: a cookie of a snapshot, and how a jar saves and restores it.

use std::fmt;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use cookie_store::{CookieExpiration, RawCookie};
use mstr_credentials::SecretString;
use url::Url;

use super::jar::{Jar, is_clean};
use crate::{Error, ErrorKind, Result};

/// The last second of the year 9999, the latest HTTP date.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A cookie of a [`SessionSnapshot`](crate::SessionSnapshot), with all its attributes.
#[derive(Clone)]
#[non_exhaustive]
pub struct SavedCookie {
    /// The name, for example `JSESSIONID`, `iSession` or `AWSALB`.
    pub name: String,
    /// The value.
    pub value: SecretString,
    /// The path below which it is sent.
    pub path: String,
    /// The domain that the server set. It is for information only: a restored cookie is sent to the
    /// host of the base URL only.
    pub domain: Option<String>,
    /// It is sent over TLS only. If the base URL is https, this is true of every restored cookie.
    pub secure: bool,
    /// It is hidden from scripts in a browser.
    pub http_only: bool,
    /// The `SameSite` attribute, if the server set it: `Strict`, `Lax` or `None`.
    pub same_site: Option<String>,
    /// The expiry time. `None`: it ends with the session.
    pub expires: Option<SystemTime>,
}

impl SavedCookie {
    /// Makes a cookie with a name and a value, for the path `/`, without an expiry time.
    pub fn new(name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".to_owned(),
            domain: None,
            secure: false,
            http_only: false,
            same_site: None,
            expires: None,
        }
    }
}

impl fmt::Debug for SavedCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl Jar {
    /// Saves all cookies, sorted by name and path.
    pub(crate) fn save(&self) -> Vec<SavedCookie> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = store
            .cookies
            .iter_unexpired()
            .map(|cookie| SavedCookie {
                path: cookie.path.to_string(),
                domain: cookie.domain().map(str::to_owned),
                secure: cookie.secure().unwrap_or(false),
                http_only: cookie.http_only().unwrap_or(false),
                same_site: cookie.same_site().map(|site| site.to_string()),
                expires: match &cookie.expires {
                    CookieExpiration::AtUtc(time) => Some((*time).into()),
                    CookieExpiration::SessionEnd => None,
                },
                ..SavedCookie::new(cookie.name(), cookie.value())
            })
            .collect();
        all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        all
    }

    /// Makes a jar for the host of `base` only.
    pub(crate) fn restored(base: &Url, cookies: &[SavedCookie]) -> Result<Self> {
        let jar = Self::default();
        let mut store = jar.store.lock().unwrap_or_else(PoisonError::into_inner);
        for saved in cookies {
            let Some(cookie) = raw_cookie(base, saved) else {
                return Err(Error::new(
                    ErrorKind::Snapshot,
                    "the snapshot has a cookie that cannot be sent",
                ));
            };
            // the store rejects an expired cookie: the jar does not need it
            if store.cookies.insert_raw(&cookie, base).is_ok() {
                store.any = true;
            }
        }
        drop(store);
        Ok(jar)
    }
}

/// Converts a saved cookie. `None` for a cookie with characters that would end its header.
fn raw_cookie(base: &Url, saved: &SavedCookie) -> Option<RawCookie<'static>> {
    let value = saved.value.expose_secret();
    let clean = [&saved.name, value, &saved.path].into_iter().all(is_clean);
    if !clean || saved.name.is_empty() || saved.name.contains('=') || !saved.path.starts_with('/') {
        return None;
    }
    // parse a text: setting the expiry time directly needs a date type that is not a dependency
    let mut attributes = String::from("name=value");
    if let Some(expires) = saved.expires {
        let since = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since.min(LAST_DATE));
        attributes.push_str("; Expires=");
        attributes.push_str(&date);
    }
    if let Some(site) = saved.same_site.as_deref().filter(|site| is_clean(site)) {
        attributes.push_str("; SameSite=");
        attributes.push_str(site);
    }
    let mut cookie = RawCookie::parse(attributes).ok()?;
    cookie.set_name(saved.name.clone());
    cookie.set_value(value.to_owned());
    cookie.set_path(saved.path.clone());
    cookie.set_secure(saved.secure || base.scheme() == "https");
    cookie.set_http_only(saved.http_only);
    Some(cookie)
}
