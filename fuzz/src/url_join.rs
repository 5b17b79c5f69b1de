//! The URL of a call. A relative one never reaches another origin and never leaves the base path,
//! whichever of the usual servers decodes it.

use mstr_rest_core::__testing::join;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::CANARY;

const BASES: [&str; 4] = [
    "https://mstr.example.com/MicroStrategyLibrary/api/",
    "http://127.0.0.1:8080/MicroStrategyLibrary/api",
    "https://[::1]:8443/",
    "https://mstr.example.com/a%20b/api/",
];

/// The first byte chooses the base, the rest is the path.
pub fn check(data: &[u8]) {
    let Some((choice, path)) = data.split_first() else { return };
    let Ok(path) = std::str::from_utf8(path) else { return };
    let base = BASES[usize::from(*choice) % BASES.len()];
    // an error does not repeat the path: it may hold a secret in its query
    if let Err(error) = join(base, &format!("{path}{CANARY}")) {
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    }
    let Ok(url) = join(base, path) else { return };
    assert!(url.fragment().is_none(), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    if is_absolute(path) {
        return;
    }
    let base = Url::parse(base).expect("a base is a URL");
    let authority = |url: &Url| {
        (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default())
    };
    assert_eq!(authority(&url), authority(&base), "another origin: {url}");
    let below = format!("{}/", base.path().trim_end_matches('/'));
    assert!(url.path().starts_with(&below), "outside of the base path: {url}");
    let rest = &url.path()[below.len()..];
    assert!(depth(rest) >= 0, "climbs as it is: {url}");
    let decoded = percent_decode_str(rest).decode_utf8_lossy().into_owned();
    assert!(depth(&decoded) >= 0, "climbs when decoded: {url}");
    let again = join(base.as_str(), url.as_str()).expect("what was joined is a URL of a call");
    assert_eq!(again, url, "an absolute URL is taken as it is");
}

/// Whether the text begins with a scheme and `://`.
fn is_absolute(path: &str) -> bool {
    path.find("://").is_some_and(|end| {
        let scheme = &path.as_bytes()[..end];
        scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b))
    })
}

/// The lowest point that the segments lead to, where 0 is the base; path parameters do not count.
fn depth(path: &str) -> i64 {
    let (mut at, mut lowest) = (0, 0);
    let segments: Vec<&str> = path.split(['/', '\\']).collect();
    for segment in segments {
        match segment.split(';').next().unwrap_or_default() {
            ".." => at -= 1,
            "" | "." => {}
            _ => at += 1,
        }
        lowest = lowest.min(at);
    }
    lowest
}
