//! Cookies of a snapshot, with all their attributes.

use std::fmt;
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use cookie_store::{CookieExpiration, RawCookie};
use mstr_credentials::SecretString;
use url::Url;

use super::jar::{Jar, is_clean};
use crate::{Error, ErrorKind, Result};

/// The last second of the year 9999: HTTP dates end there.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A cookie of a [`SessionSnapshot`](crate::SessionSnapshot), with all its attributes.
#[derive(Clone)]
#[non_exhaustive]
pub struct SavedCookie {
    /// Its name: `JSESSIONID`, `iSession`, `AWSALB`.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// The path below which it is sent.
    pub path: String,
    /// The domain that the server gave it. Kept for the record: a restored cookie goes to the host
    /// of the base URL alone.
    pub domain: Option<String>,
    /// Sent over TLS only. A restored cookie is, whenever the base URL is https.
    pub secure: bool,
    /// Hidden from scripts in a browser.
    pub http_only: bool,
    /// `Strict`, `Lax` or `None`, where the server said so.
    pub same_site: Option<String>,
    /// When it ends; `None` with the session.
    pub expires: Option<SystemTime>,
}

impl SavedCookie {
    /// A cookie of which only name and value are known: for the path `/`, until the session ends.
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
    /// All cookies, sorted by name and path.
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

    /// A jar for the host of `base` alone.
    pub(crate) fn restored(base: &Url, cookies: &[SavedCookie]) -> Result<Self> {
        let jar = Self::default();
        let mut store = jar.store.lock().unwrap_or_else(PoisonError::into_inner);
        for saved in cookies {
            let Some(cookie) = raw_cookie(base, saved) else {
                return Err(Error::new(
                    ErrorKind::Snapshot,
                    "the snapshot holds a cookie that cannot be sent",
                ));
            };
            // what has ended meanwhile is not taken, and need not be
            if store.cookies.insert_raw(&cookie, base).is_ok() {
                store.any = true;
            }
        }
        drop(store);
        Ok(jar)
    }
}

/// `None` for a cookie that would break out of its header.
fn raw_cookie(base: &Url, saved: &SavedCookie) -> Option<RawCookie<'static>> {
    let value = saved.value.expose_secret();
    let clean = [&saved.name, value, &saved.path].into_iter().all(is_clean);
    if !clean || saved.name.is_empty() || saved.name.contains('=') || !saved.path.starts_with('/') {
        return None;
    }
    // parsed: only so does the cookie library take a time without its own type
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
