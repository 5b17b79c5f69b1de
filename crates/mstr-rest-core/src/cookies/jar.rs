//! The cookie jar of one login. Replies change it: a load balancer sends a new cookie with each
//! one.

use std::cmp::Reverse;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cookie_store::{CookiePath, CookieStore, RawCookie};
use http::{HeaderMap, HeaderValue, header};
use url::Url;
use zeroize::Zeroizing;

/// The cookies of one login. A late reply to a request of an earlier login changes the jar of that
/// login.
///
/// `cookie_store` ignores ports and sends domain cookies to sub-domains. So callers must use the
/// jar for URLs of the base origin only; the exchange does.
#[derive(Default)]
pub(crate) struct Jar {
    pub(super) store: Mutex<Store>,
}

#[derive(Default)]
pub(super) struct Store {
    pub(super) cookies: CookieStore,
    /// A cookie was stored. Until then, requests skip the look-up.
    pub(super) any: bool,
    /// The header of the last request. Most requests send the same header again, without a look-up.
    cached: Option<CachedHeader>,
}

/// A `Cookie` header with all cookies of the jar. None of them has an expiry time, so the header is
/// valid until the jar changes.
struct CachedHeader {
    https: bool,
    host: String,
    /// The longest path of all cookies: every URL below it receives all cookies.
    below: CookiePath,
    value: HeaderValue,
}

impl CachedHeader {
    fn is_for(&self, url: &Url) -> bool {
        self.https == (url.scheme() == "https")
            && url.host_str() == Some(&self.host)
            && self.below.matches(url)
    }
}

impl Jar {
    /// The `Cookie` header for a request.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !store.any {
            return None;
        }
        if let Some(cached) = store.cached.as_ref().filter(|cached| cached.is_for(url)) {
            return Some(cached.value.clone());
        }
        let (value, cached) = store.look_up(url)?;
        store.cached = cached;
        Some(value)
    }

    /// Stores the cookies of the `Set-Cookie` headers of a reply.
    pub(crate) fn store(&self, url: &Url, headers: &HeaderMap) {
        let mut lines = headers.get_all(header::SET_COOKIE).iter().peekable();
        if lines.peek().is_none() {
            return;
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.cached = None;
        for line in lines {
            // do not use `store_response_cookies`: it logs values
            if let Ok(line) = std::str::from_utf8(line.as_bytes())
                && store.cookies.parse(line, url).is_ok()
            {
                store.any = true;
            }
        }
    }

    /// Adopts a cookie with a known name and value. It is sent to the host of `url` only, for the
    /// path `/`, and over TLS only if `url` is https.
    pub(crate) fn adopt(&self, url: &Url, name: &str, value: &str) -> bool {
        if !is_name(name) || !is_clean(value) {
            return false;
        }
        let cookie = RawCookie::build((name, value)).path("/").secure(url.scheme() == "https");
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.cached = None;
        let stored = store.cookies.insert_raw(&cookie.build(), url).is_ok();
        store.any |= stored;
        stored
    }

    /// The cookies of the jar, without their values.
    pub(crate) fn list(&self) -> Vec<CookieInfo> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = store
            .cookies
            .iter_unexpired()
            .map(|cookie| CookieInfo {
                name: cookie.name().to_owned(),
                // not `cookie.path()`: that is the attribute, which may be missing or not a path
                path: String::from(&cookie.path),
                secure: cookie.secure().unwrap_or(false),
                http_only: cookie.http_only().unwrap_or(false),
                persistent: cookie.is_persistent(),
            })
            .collect();
        all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        all
    }
}

impl Store {
    /// The `Cookie` header for a URL, and the header to cache if it has all cookies of the jar.
    fn look_up(&self, url: &Url) -> Option<(HeaderValue, Option<CachedHeader>)> {
        let mut line = String::new();
        let mut cookies = self.cookies.matches(url);
        // RFC 6265, 5.4: longer paths first
        cookies.sort_by_key(|cookie| Reverse(cookie.path.len()));
        for cookie in &cookies {
            let (name, value) = cookie.name_value();
            if !is_clean(name) || !is_clean(value) {
                continue;
            }
            if !line.is_empty() {
                line.push_str("; ");
            }
            line.push_str(name);
            line.push('=');
            line.push_str(value);
        }
        if line.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from(line)).ok()?;
        value.set_sensitive(true);
        let is_all = cookies.len() == self.cookies.iter_any().count()
            && !cookies.iter().any(|cookie| cookie.is_persistent());
        let cached = cookies.first().filter(|_| is_all).and_then(|longest| {
            Some(CachedHeader {
                https: url.scheme() == "https",
                host: url.host_str()?.to_owned(),
                below: longest.path.clone(),
                value: value.clone(),
            })
        });
        Some((value, cached))
    }
}

/// Merges the `Cookie` headers of the jar and of the caller. If two headers have the same name, the
/// first one is used, so a caller cannot replace a cookie of the login.
pub(crate) fn merged<const N: usize>(
    jar: Option<HeaderValue>,
    others: [Option<&HeaderValue>; N],
) -> Option<HeaderValue> {
    if others.iter().all(Option::is_none) {
        return jar;
    }
    let mut line = Zeroizing::new(Vec::new());
    let mut names: Vec<&[u8]> = Vec::new();
    for header in jar.as_ref().into_iter().chain(others.into_iter().flatten()) {
        let mut own: Vec<&[u8]> = Vec::new();
        for pair in header.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii) {
            let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
            if pair.is_empty() || names.contains(&name) {
                continue;
            }
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(pair);
            own.push(name);
        }
        // one header may have the same name twice, for different paths
        names.append(&mut own);
    }
    if line.is_empty() {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&line).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns `true` for a text that can be the name of a cookie.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && is_clean(text) && !text.contains('=')
}

/// Returns `true` for a text without characters that would end the `Cookie` header or the pair.
pub(crate) fn is_clean(text: &str) -> bool {
    text.bytes().all(|b| b >= b' ' && b != 0x7f && b != b';')
}

impl fmt::Debug for Jar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.list().iter().map(|cookie| &cookie.name)).finish()
    }
}

/// A cookie of a session, without its value. [`Session::cookies`](crate::Session::cookies) returns
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieInfo {
    /// The name, for example `JSESSIONID`, `iSession` or `AWSALB`.
    pub name: String,
    /// The path below which it is sent, for example `/MicroStrategyLibrary`.
    pub path: String,
    /// It is sent over TLS only.
    pub secure: bool,
    /// It is hidden from scripts in a browser.
    pub http_only: bool,
    /// It has an expiry time. The session cookies of the server have none.
    pub persistent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar(url: &str, lines: &[&str]) -> Jar {
        let jar = Jar::default();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::SET_COOKIE, line.parse().unwrap());
        }
        jar.store(&url.parse().unwrap(), &headers);
        jar
    }

    fn sent(jar: &Jar, url: &str) -> Vec<String> {
        let header = jar.header(&url.parse().unwrap());
        let text = header.map(|h| h.to_str().unwrap().to_owned()).unwrap_or_default();
        let mut names: Vec<_> =
            text.split("; ").filter(|s| !s.is_empty()).map(str::to_owned).collect();
        names.sort();
        names
    }

    const LOGIN: &str = "https://h.example/MicroStrategyLibrary/api/auth/login";
    const SET: [&str; 3] = [
        "JSESSIONID=J; Path=/MicroStrategyLibrary; HttpOnly; Secure",
        "iSession=T; Path=/MicroStrategyLibrary; HttpOnly; Secure",
        "AWSALB=a; Path=/; Expires=Wed, 09 Jun 2100 10:18:14 GMT",
    ];

    #[test]
    fn a_cached_header_is_sent_only_where_a_look_up_finds_the_same() {
        let at = |path: &str| format!("https://h.example/MicroStrategyLibrary{path}");
        let jar = jar(LOGIN, &["a=1; Path=/; Secure", "b=2; Path=/MicroStrategyLibrary/api"]);
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=2"]);
        assert_eq!(sent(&jar, &at("/api")), ["a=1", "b=2"]);
        assert_eq!(sent(&jar, &at("/apis")), ["a=1"]);
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=2"]);
        assert_eq!(sent(&jar, "http://h.example/MicroStrategyLibrary/api/x"), ["b=2"]);
        assert!(sent(&jar, "https://other.example/MicroStrategyLibrary/api/x").is_empty());
        // a change of the jar clears the cached header
        let set = |line: &str| {
            let headers = HeaderMap::from_iter([(header::SET_COOKIE, line.parse().unwrap())]);
            jar.store(&LOGIN.parse().unwrap(), &headers);
        };
        set("b=3; Path=/MicroStrategyLibrary/api");
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=3"]);
        set("c=4; Path=/MicroStrategyLibrary/api/x");
        assert_eq!(sent(&jar, &at("/api/y")), ["a=1", "b=3"]);
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=3", "c=4"]);
        assert_eq!(sent(&jar, &at("/api/y")), ["a=1", "b=3"]);
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=3", "c=4"]);
        assert!(jar.adopt(&LOGIN.parse().unwrap(), "d", "5"));
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=3", "c=4", "d=5"]);
        // a cookie with an expiry time is looked up each time
        set("c=6; Path=/MicroStrategyLibrary/api/x; Max-Age=1");
        assert_eq!(sent(&jar, &at("/api/x")), ["a=1", "b=3", "c=6", "d=5"]);
        assert!(jar.store.lock().unwrap().cached.is_none());
    }

    #[test]
    fn cookie_attributes_decide_where_a_cookie_is_sent() {
        let jar = jar(LOGIN, &SET);
        let all = ["AWSALB=a", "JSESSIONID=J", "iSession=T"];
        assert_eq!(sent(&jar, "https://h.example/MicroStrategyLibrary/api/x"), all);
        assert_eq!(sent(&jar, "https://h.example/other"), ["AWSALB=a"]);
        assert_eq!(sent(&jar, "https://h.example/MicroStrategyLibraryX/api"), ["AWSALB=a"]);
        assert_eq!(sent(&jar, "http://h.example/MicroStrategyLibrary/api"), ["AWSALB=a"]);
        assert!(sent(&jar, "https://sub.h.example/MicroStrategyLibrary/api").is_empty());
    }

    #[test]
    fn cookies_of_other_domains_are_not_stored() {
        let jar = jar(LOGIN, &["evil=1; Domain=other.example", "a=1; Domain=sub.h.example"]);
        assert!(jar.list().is_empty());
    }

    #[test]
    fn a_reissued_cookie_replaces_the_old_one_and_an_expired_one_is_removed() {
        let jar = jar(LOGIN, &SET);
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, "AWSALB=b; Path=/".parse().unwrap());
        let gone = "iSession=; Max-Age=0; Path=/MicroStrategyLibrary";
        headers.append(header::SET_COOKIE, gone.parse().unwrap());
        jar.store(&LOGIN.parse().unwrap(), &headers);
        assert_eq!(
            sent(&jar, "https://h.example/MicroStrategyLibrary/api/x"),
            ["AWSALB=b", "JSESSIONID=J"]
        );
    }

    #[test]
    fn a_cookie_without_a_path_has_the_folder_of_the_request() {
        let jar = jar(LOGIN, &["a=1", "b=2; Path=", "c=3; Path=/x"]);
        let paths: Vec<_> = jar.list().into_iter().map(|cookie| cookie.path).collect();
        let folder = "/MicroStrategyLibrary/api/auth";
        assert_eq!(paths, [folder, folder, "/x"]);
    }

    #[test]
    fn adopted_cookies_are_host_only() {
        let jar = Jar::default();
        let base = "https://h.example/api/".parse().unwrap();
        assert!(jar.adopt(&base, "JSESSIONID", "abc"));
        for (name, value) in [("", "x"), ("a=b", "x"), ("a", "x\r\ny"), ("a", "x; b=y"), ("a;", "")]
        {
            assert!(!jar.adopt(&base, name, value), "{name}");
        }
        assert_eq!(sent(&jar, "https://h.example/anything"), ["JSESSIONID=abc"]);
        assert!(sent(&jar, "http://h.example/anything").is_empty());
        assert!(sent(&jar, "https://sub.h.example/anything").is_empty());
    }

    #[test]
    fn debug_and_list_show_no_values() {
        let jar = jar(LOGIN, &["JSESSIONID=canary; Path=/MicroStrategyLibrary; HttpOnly"]);
        for text in [format!("{jar:?}"), format!("{:?}", jar.list())] {
            assert!(text.contains("JSESSIONID") && !text.contains("canary"), "{text}");
        }
        assert!(!format!("{:?}", jar.header(&LOGIN.parse().unwrap())).contains("canary"));
    }

    #[test]
    fn invalid_cookies_do_not_affect_other_cookies() {
        let jar = Jar::default();
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_bytes(b"a=\xff; Path=/").unwrap());
        headers.append(header::SET_COOKIE, HeaderValue::from_bytes(b"b=\xc3\xbc; Path=/").unwrap());
        headers.append(header::SET_COOKIE, HeaderValue::from_static("c=1=2; Path=/"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("d=x\ty; Path=/"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("garbage"));
        jar.store(&LOGIN.parse().unwrap(), &headers);
        let header = jar.header(&LOGIN.parse().unwrap()).unwrap();
        let line = String::from_utf8_lossy(header.as_bytes());
        assert!(line.contains("c=1=2") && !line.contains("d="), "{line}");
    }
}
