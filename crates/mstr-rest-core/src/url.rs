//! URLs: parsing the base URL, joining the path of a call to it, comparing origins.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::{ParseError, Position, Url};

use crate::{Error, ErrorKind, Result};

/// The characters that a path segment may contain unescaped (RFC 3986 `unreserved`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Parses the base URL of a session. The result always ends with a slash. No error repeats the
/// text: it may contain a secret.
pub(crate) fn parse_base(text: &str) -> Result<Url> {
    const LIKE: &str = "it should look like https://host/MicroStrategyLibrary/api/";
    let bad = |what: &str| Error::new(ErrorKind::Config, format!("the base URL {what}; {LIKE}"));
    let url = Url::parse(text.trim()).map_err(|error| match error {
        ParseError::EmptyHost => bad("has no host"),
        ParseError::RelativeUrlWithoutBase => bad("has no scheme (https://)"),
        ParseError::InvalidPort => bad("has an invalid port"),
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
            "has user info (user:password@), which would appear in logs: use Auth, or \
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

/// Logs a warning for a base URL without TLS, unless its host is this machine.
pub(crate) fn warn_plain_http(base: &Url) {
    if base.scheme() == "http" && !is_loopback(base) {
        tracing::warn!(
            host = base.host_str(),
            "the base URL uses http: passwords and tokens are sent unencrypted"
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

/// The URL of a call.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// The given path contains `//`. It is sent unchanged, but is probably an error.
    pub(crate) double_slash: bool,
}

/// Joins the path of a call to the base URL.
///
/// A relative path is appended to the base path, with or without a leading slash. It can leave
/// neither the base origin nor the base path. An absolute URL is used unchanged.
pub(crate) fn join(base: &Url, path: &str) -> Result<Target> {
    let bad = |why: &str| Err(Error::new(ErrorKind::InvalidRequest, format!("the path {why}")));
    if path.chars().any(char::is_control) {
        return bad("contains a control character");
    }
    if let Some((scheme, _)) = path.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return bad("is an absolute URL with a scheme that is neither https nor http");
        }
        return absolute(path);
    }
    if path.starts_with("//") || path.starts_with("\\\\") {
        return bad(
            "has a host but no scheme (//host/...): pass a relative path or a complete URL",
        );
    }
    let relative = path.strip_prefix('/').unwrap_or(path);
    let lower = relative.get(..6).unwrap_or(relative).to_ascii_lowercase();
    if lower.starts_with("http:") || lower.starts_with("https:") {
        return bad("starts with a URL scheme, but has no two slashes after it");
    }
    // The URL parser treats a backslash as a slash: escape it. With `./` in front, the parser finds
    // neither a scheme nor a host in the text.
    let end = relative.find(['?', '#']).unwrap_or(relative.len());
    let (route, rest) = relative.split_at(end);
    let text = format!("./{}{rest}", route.replace('\\', "%5C"));
    let Ok(mut url) = base.join(&text) else {
        return bad("cannot be joined to the base URL");
    };
    url.set_fragment(None);
    let inside = same_origin(base, &url) && url.path().starts_with(base.path());
    if !inside || has_parent_segment(url.path()) {
        return bad("leaves the base URL (..): pass the complete URL if this is intended");
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
        return bad("has user info (user:password@), which would appear in logs");
    }
    url.set_fragment(None);
    let double_slash = url.path().contains("//");
    Ok(Target { url, double_slash })
}

/// Returns `true` for a valid scheme (RFC 3986).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Returns `true` for a path with a `..` segment that a server may find although the URL parser
/// does not: some servers decode `%2F`, `%5C` and `%2E` first, or drop path parameters (`..;x`) as
/// Tomcat does.
fn has_parent_segment(path: &str) -> bool {
    let has_parent = |path: &str| {
        path.split('/').any(|segment| segment.split(';').next().is_some_and(|name| name == ".."))
    };
    if !path.contains('%') {
        return has_parent(path);
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
    has_parent(&decoded)
}

/// Escapes a text as one path segment. `None` for the empty text, `.` and `..`.
pub(crate) fn segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") {
        return None;
    }
    Some(utf8_percent_encode(text, SEGMENT).to_string())
}

/// Compares scheme, host and port. A missing port is the default port of its scheme.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host() == b.host()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// `https://host:port`.
pub(crate) fn origin(url: &Url) -> String {
    // without user info, only scheme, host and port come before the path
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{}://{host}:{port}", url.scheme()),
        (Some(host), None) => format!("{}://{host}", url.scheme()),
        (None, _) => format!("{}:", url.scheme()),
    }
}

/// The URL for logs: without user info, query and fragment.
pub(crate) fn redact(url: &Url) -> String {
    format!("{}{}", origin(url), &url[Position::BeforePath..Position::AfterPath])
}

/// Returns `true` for the URLs of login, delegation and logout below the base URL. `ERR009` from
/// them does not mean that the session has expired.
pub(crate) fn is_login_path(base: &Url, url: &Url) -> bool {
    let path = url.path().strip_prefix(base.path()).map(|path| path.trim_start_matches('/'));
    matches!(path, Some("auth/login" | "auth/logout" | "auth/delegate"))
}

/// Returns `true` for a path of the authentication endpoints, below any base path.
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
    fn base_urls_are_normalized() {
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
    fn paths_are_joined_to_the_base_url() {
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
    fn unsafe_paths_are_invalid_requests() {
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
    fn double_slashes_are_found_in_the_path_only() {
        let base = parse_base("https://h//api/").unwrap();
        for (path, seen) in
            [("a//b", true), ("a/b", false), ("a?u=x//y", false), ("https://h/a//b", true)]
        {
            assert_eq!(join(&base, path).unwrap().double_slash, seen, "{path}");
        }
    }

    #[test]
    fn origins_compare_scheme_host_and_port() {
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
    fn path_segments_are_escaped() {
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
        fn a_path_of_special_pieces_never_leaves_the_base(
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
                // a server that decodes first does not leave the base path either
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
        fn parsing_a_base_url_never_panics(text in "\\PC{0,40}") {
            let _ = parse_base(&text);
        }
    }
}
