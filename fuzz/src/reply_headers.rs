//! `Set-Cookie` and the token: what one reply teaches a session, and what of it goes out.

use mstr_rest_core::__testing::learn;
use url::Url;

const BASE: &str = "https://mstr.example.com/MicroStrategyLibrary/api/auth/login";
/// Where the next request goes, always in the same origin.
const NEXT: [&str; 3] = [
    "https://mstr.example.com/MicroStrategyLibrary/api/projects",
    "https://mstr.example.com/",
    "https://mstr.example.com/MicroStrategyLibraryX/api/projects",
];

/// The first byte chooses the next URL; the rest is header lines.
pub fn check(data: &[u8]) {
    let Some((choice, lines)) = data.split_first() else { return };
    let base = Url::parse(BASE).expect("a URL");
    let next = Url::parse(NEXT[usize::from(*choice) % NEXT.len()]).expect("a URL");
    let headers = crate::headers(lines);
    let learnt = learn(&base, &headers, &next);

    if let Some(token) = &learnt.token {
        assert!(token.is_sensitive());
        assert!(headers.get_all("x-mstr-authtoken").iter().any(|sent| sent == token));
    }
    for cookie in &learnt.cookies {
        let named = |line: &http::HeaderValue| {
            String::from_utf8_lossy(line.as_bytes()).contains(cookie.name.as_str())
        };
        assert!(headers.get_all("set-cookie").iter().any(named), "a cookie from nowhere");
        assert!(cookie.path.starts_with('/'), "{cookie:?}");
    }
    let Some(header) = learnt.cookie_header else { return };
    assert!(header.is_sensitive(), "cookies would be logged");
    let text = String::from_utf8_lossy(header.as_bytes()).into_owned();
    assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
    // every pair is a cookie that was stored, so that no value can smuggle in another cookie
    let known: Vec<&str> = learnt.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    for pair in text.split("; ") {
        let name = pair.split_once('=').map(|(name, _)| name);
        assert!(name.is_some_and(|name| known.contains(&name)), "a smuggled cookie: {text:?}");
    }
}
