//! URLs: the base URL, how the path of a call joins it, and origins.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{ParseError, Position, Url};

use crate::{Error, ErrorKind, Result};

/// What a path segment may hold unescaped (RFC 3986 `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parses the base URL of a session; it always ends with a slash. No error repeats the text: it
/// may be a secret.
pub(crate) fn parse_base(text: &str) -> Result<Url> {
    const LIKE: &str = "it should look like https://host/MicroStrategyLibrary/api/";
    let bad = |what: &str| Error::new(ErrorKind::Config, format!("the base URL {what}; {LIKE}"));
    let url = Url::parse(text.trim()).map_err(|error| match error {
        ParseError::EmptyHost => bad("has no host"),
        ParseError::RelativeUrlWithoutBase => bad("has no scheme (https://)"),
        ParseError::InvalidPort => bad("has a port that is not one"),
        other => bad(&format!("is not a URL ({other})")),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("has a scheme that is neither https nor http"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("has no host"));
    }
    if has_user_info(&url) {
        return Err(bad(
            "has user info (user:password@), which would end up in logs: use Auth, or \
             SessionBuilder::basic_auth for a gateway",
        ));
    }
    if url.query().is_some() {
        return Err(bad("has a query (?...): use SessionBuilder::default_query"));
    }
    if url.fragment().is_some() {
        return Err(bad("has a fragment (#...)"));
    }
    let mut url = url;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Warns of a base URL without TLS, unless it stays on this machine.
pub(crate) fn warn_plain_http(base: &Url) {
    if base.scheme() == "http" && !is_loopback(base) {
        tracing::warn!(
            host = base.host_str(),
            "the base URL is http: passwords and tokens can be read on the way"
        );
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(::url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(::url::Host::Ipv4(address)) => address.is_loopback(),
        Some(::url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where a call goes.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// The path that was asked for holds `//`: sent as it is, but likely a mistake.
    pub(crate) double_slash: bool,
}

/// Joins the URL of a call to the base URL.
///
/// A relative one is appended to the base path, with or without a leading slash, and can leave
/// neither the origin nor the base path. An absolute one is taken as it is.
pub(crate) fn join(base: &Url, path: &str) -> Result<Target> {
    let bad = |why: &str| Err(Error::new(ErrorKind::InvalidRequest, format!("the path {why}")));
    if path.chars().any(char::is_control) {
        return bad("holds a control character");
    }
    if let Some((scheme, _)) = path.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return bad("is an absolute URL with a scheme that is neither https nor http");
        }
        return absolute(path);
    }
    if path.starts_with("//") || path.starts_with("\\\\") {
        return bad("has a host but no scheme (//host/...): give a relative path or a whole URL");
    }
    let relative = path.strip_prefix('/').unwrap_or(path);
    let lower = relative.get(..6).unwrap_or(relative).to_ascii_lowercase();
    if lower.starts_with("http:") || lower.starts_with("https:") {
        return bad("looks like a URL that lacks its two slashes");
    }
    // A backslash would count as a slash. `./` in front: nothing in the text can then be taken for
    // a scheme or a host.
    let end = relative.find(['?', '#']).unwrap_or(relative.len());
    let (route, rest) = relative.split_at(end);
    let text = format!("./{}{rest}", route.replace('\\', "%5C"));
    let Ok(mut url) = base.join(&text) else {
        return bad("does not make a URL with the base URL");
    };
    url.set_fragment(None);
    if !same_origin(base, &url) || !url.path().starts_with(base.path()) || climbs(url.path()) {
        return bad("leaves the base URL (..): give the whole URL if that is meant");
    }
    Ok(Target { url, double_slash: route.contains("//") })
}

fn absolute(text: &str) -> Result<Target> {
    let bad = |why: &str| Err(Error::new(ErrorKind::InvalidRequest, format!("the URL {why}")));
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return bad(&format!("is not valid ({error})")),
    };
    if has_user_info(&url) {
        return bad("has user info (user:password@), which would end up in logs");
    }
    url.set_fragment(None);
    let double_slash = url.path().contains("//");
    Ok(Target { url, double_slash })
}

/// A scheme as RFC 3986 wants it.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether a server would see a dot segment that the URL parser does not: one that decodes `%2F`,
/// `%5C` or `%2E` first, or drops path parameters (`..;x`) as Tomcat does.
fn climbs(path: &str) -> bool {
    let climbs = |path: &str| {
        path.split('/').any(|segment| segment.split(';').next().is_some_and(|name| name == ".."))
    };
    if !path.contains('%') {
        return climbs(path);
    }
    let mut decoded = path.to_owned();
    for (escape, plain) in [
        ("%2F", "/"),
        ("%2f", "/"),
        ("%5C", "/"),
        ("%5c", "/"),
        ("%2E", "."),
        ("%2e", "."),
        ("%3B", ";"),
        ("%3b", ";"),
    ] {
        decoded = decoded.replace(escape, plain);
    }
    climbs(&decoded)
}

/// One path segment, escaped. `None` for what cannot be one.
pub(crate) fn segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") {
        return None;
    }
    Some(utf8_percent_encode(text, SEGMENT).to_string())
}

/// Scheme, host and port, where 80 and 443 are the defaults of their own scheme only.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// `https://host:port`.
pub(crate) fn origin(url: &Url) -> String {
    // before a path there is nothing but scheme, user info and authority; user info was refused
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{}://{host}:{port}", url.scheme()),
        (Some(host), None) => format!("{}://{host}", url.scheme()),
        (None, _) => format!("{}:", url.scheme()),
    }
}

/// For logs: no user info, no query, no fragment.
pub(crate) fn redact(url: &Url) -> String {
    format!("{}{}", origin(url), &url[Position::BeforePath..Position::AfterPath])
}

/// Whether it is the login, delegation or logout below the base URL: there `ERR009` says nothing of
/// an expired session.
pub(crate) fn is_login_path(base: &Url, url: &Url) -> bool {
    let path = url.path().strip_prefix(base.path()).map(|path| path.trim_start_matches('/'));
    matches!(path, Some("auth/login" | "auth/logout" | "auth/delegate"))
}

/// Whether the path belongs to the authentication endpoints, below whatever base.
pub(crate) fn is_auth_path(path: &str) -> bool {
    path.trim_start_matches('/').starts_with("auth/") || path.contains("/auth/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "https://mstr.example.com/api/";

    fn joined(path: &str) -> Result<String> {
        join(&parse_base(BASE).unwrap(), path).map(|target| target.url.into())
    }

    #[test]
    fn base_urls() {
        for (text, base) in [
            ("https://mstr.example.com/api", BASE),
            (" https://MSTR.example.com:443/api/\n", BASE),
            ("http://[::1]:8080", "http://[::1]:8080/"),
            ("https://h/MicroStrategyLibrary/api", "https://h/MicroStrategyLibrary/api/"),
        ] {
            assert_eq!(parse_base(text).unwrap().as_str(), base);
        }
    }

    #[test]
    fn a_bad_base_url_names_the_part_and_never_the_text() {
        for (text, part) in [
            ("canary", "scheme"),
            ("", "scheme"),
            ("canary.example/api", "scheme"),
            ("ftp://canary/api", "scheme"),
            ("mailto:canary", "scheme"),
            ("https://", "host"),
            ("https:///", "host"),
            ("https://user:canary@h/api", "user info"),
            ("https://canary@h/api", "user info"),
            ("https://:canary@h/api", "user info"),
            ("https://h/api?canary=1", "query"),
            ("https://h/api?", "query"),
            ("https://h/api#canary", "fragment"),
            ("https://h:canary/api", "port"),
            ("https://can ary/api", "not a URL"),
        ] {
            let error = parse_base(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn joins() {
        for (path, url) in [
            ("projects", "https://mstr.example.com/api/projects"),
            ("/projects", "https://mstr.example.com/api/projects"),
            ("", "https://mstr.example.com/api/"),
            ("x?a=1&b=%20#frag", "https://mstr.example.com/api/x?a=1&b=%20"),
            ("?a=1", "https://mstr.example.com/api/?a=1"),
            ("a b/\u{fc}", "https://mstr.example.com/api/a%20b/%C3%BC"),
            ("a%2Fb", "https://mstr.example.com/api/a%2Fb"),
            ("a//b", "https://mstr.example.com/api/a//b"),
            ("a:b/c", "https://mstr.example.com/api/a:b/c"),
            ("a/./b/../c", "https://mstr.example.com/api/a/c"),
            ("a\\b", "https://mstr.example.com/api/a%5Cb"),
            ("a?u=http://x/..", "https://mstr.example.com/api/a?u=http://x/.."),
            ("https://mstr.example.com:443/api/p", "https://mstr.example.com/api/p"),
            ("https://mstr.example.com/auth/x", "https://mstr.example.com/auth/x"),
            ("HTTP://other.example/y", "http://other.example/y"),
        ] {
            assert_eq!(joined(path).unwrap(), url, "{path}");
        }
    }

    #[test]
    fn refused() {
        for path in [
            "//evil.example.net/x",
            "///x",
            "\\\\evil.example.net/x",
            "../admin",
            "/../admin",
            "a/../../admin",
            "%2e%2e/admin",
            "..%2fadmin",
            "a/..%5C..%5Cadmin",
            "..\\admin",
            "a/..;/..;x/admin",
            "https:/evil.example.net",
            "http:evil.example.net",
            "ftp://h/x",
            "https://user:pw@mstr.example.com/api/x",
            "https://",
            "a\nb",
            "\t//evil.example.net",
        ] {
            let error = joined(path).expect_err(path);
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(!error.to_string().contains("evil"), "{error}");
        }
    }

    #[test]
    fn double_slashes_are_seen_in_the_path_only() {
        let base = parse_base("https://h//api/").unwrap();
        for (path, seen) in
            [("a//b", true), ("a/b", false), ("a?u=x//y", false), ("https://h/a//b", true)]
        {
            assert_eq!(join(&base, path).unwrap().double_slash, seen, "{path}");
        }
    }

    #[test]
    fn origins() {
        let same = |a: &str, b: &str| same_origin(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("https://H.example/x", "https://h.example:443/y"));
        assert!(same("http://[::1]:80/", "http://[::1]/"));
        assert!(!same("https://h.example/", "http://h.example/"));
        assert!(!same("https://h.example/", "https://h.example:8443/"));
        assert!(!same("http://h.example:443/", "https://h.example/"));
        assert!(!same("https://h.example/", "https://sub.h.example/"));
        let url = "https://u:p@h.example:8443/x?y=1#z".parse().unwrap();
        assert_eq!(redact(&url), "https://h.example:8443/x");
    }

    #[test]
    fn segments() {
        assert_eq!(segment("a/b c?#%\u{fc}").unwrap(), "a%2Fb%20c%3F%23%25%C3%BC");
        assert_eq!((segment(""), segment("."), segment("..")), (None, None, None));
    }

    proptest! {
        #[test]
        fn a_relative_path_never_leaves_the_base(path in "[ -~\u{e0}-\u{ff}\t\n]{0,40}") {
            if let Ok(target) = join(&parse_base(BASE).unwrap(), &path)
                && !path.contains("://")
            {
                prop_assert!(target.url.as_str().starts_with(BASE), "{}", target.url);
            }
        }

        #[test]
        fn nasty_pieces_never_leave_the_base(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("/"), Just("\\"), Just(".."), Just("."), Just("%2e"), Just("%2F"),
                    Just("http:"), Just("https:"), Just("evil.example"), Just("@"), Just(":"),
                    Just("?"), Just("#"), Just("\t"), Just("%5c"), Just("a"), Just(";"),
                ],
                0..8,
            ),
        ) {
            let path = pieces.concat();
            if let Ok(target) = join(&parse_base(BASE).unwrap(), &path)
                && !path.contains("://")
            {
                prop_assert!(target.url.as_str().starts_with(BASE), "{}", target.url);
                // a server that decodes first finds no way out either
                let decoded = percent_encoding::percent_decode_str(target.url.path())
                    .decode_utf8_lossy().replace('\\', "/");
                let mut depth = 0i32;
                for part in decoded.split('/').skip(2) {
                    depth += match part { "" | "." => 0, ".." => -1, _ => 1 };
                    prop_assert!(depth >= 0, "{}", decoded);
                }
            }
        }

        #[test]
        fn base_urls_never_panic(text in "\\PC{0,40}") {
            let _ = parse_base(&text);
        }
    }
}
