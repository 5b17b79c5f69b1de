//! Paths of the API as patterns: what faults, routes and counts are addressed by.

use percent_encoding::percent_decode_str;

/// A path pattern, relative to the API's base path.
///
/// `*` or `{name}` stands for one segment, a last `**` for any number of them. As in a relative
/// URL, `..` climbs out of the API: `/../auth/oidc/token` lies in the Library application beside
/// `/api`. A leading slash and a trailing slash make no difference.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    pub(crate) fn new(base: &str, pattern: &str) -> Self {
        let mut segments: Vec<String> = split(base).map(decode).collect();
        for segment in split(pattern) {
            match segment {
                ".." => {
                    segments.pop();
                }
                "." => {}
                other => segments.push(decode(other)),
            }
        }
        Self(segments)
    }

    /// Whether the path of a request (as sent, from the root) is meant.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut wanted = self.0.iter().map(String::as_str);
        let mut sent = split(path);
        loop {
            match (wanted.next(), sent.next()) {
                (None, None) | (Some("**"), _) => return true,
                (Some(wanted), Some(sent)) if fits(wanted, sent) => {}
                _ => return false,
            }
        }
    }
}

fn fits(wanted: &str, sent: &str) -> bool {
    wanted == "*" || (wanted.starts_with('{') && wanted.ends_with('}')) || wanted == decode(sent)
}

/// Empty segments inside a path count, those at its ends do not.
fn split(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').skip(usize::from(path.is_empty()))
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The path of a request as a pattern would write it: `/auth/login`, and `/../..` + path for what
/// lies outside of the API.
pub(crate) fn endpoint(base: &str, path: &str) -> String {
    match path.strip_prefix(base.trim_end_matches('/')) {
        Some("") => "/".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => format!("{}{path}", "/..".repeat(split(base).count())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/MicroStrategyLibrary/api";

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(BASE, pattern).matches(path)
    }

    #[test]
    fn patterns_are_relative_to_the_api() {
        assert!(matches("/auth/login", "/MicroStrategyLibrary/api/auth/login"));
        assert!(matches("auth/login", "/MicroStrategyLibrary/api/auth/login/"));
        assert!(!matches("/auth/login", "/auth/login"));
        assert!(!matches("/auth", "/MicroStrategyLibrary/api/auth/login"));
    }

    #[test]
    fn wildcards() {
        assert!(matches("/projects/{id}", "/MicroStrategyLibrary/api/projects/A"));
        assert!(!matches("/projects/*", "/MicroStrategyLibrary/api/projects"));
        assert!(matches("/projects/**", "/MicroStrategyLibrary/api/projects"));
        assert!(matches("**", "/MicroStrategyLibrary/api/a/b"));
        assert!(!matches("**", "/elsewhere"));
        assert!(matches("/projects/My Project", "/MicroStrategyLibrary/api/projects/My%20Project"));
    }

    #[test]
    fn dots_climb_out() {
        assert!(matches("/../auth/oidc/token", "/MicroStrategyLibrary/auth/oidc/token"));
        assert!(matches("/../../gate/**", "/gate/in"));
        assert!(matches("/../../**", "/"));
    }

    #[test]
    fn endpoints_read_like_patterns() {
        assert_eq!(endpoint(BASE, "/MicroStrategyLibrary/api/auth/login"), "/auth/login");
        assert_eq!(endpoint(BASE, "/MicroStrategyLibrary/api"), "/");
        assert_eq!(endpoint(BASE, "/gate"), "/../../gate");
        assert_eq!(
            endpoint(BASE, "/MicroStrategyLibrary/apix"),
            "/../../MicroStrategyLibrary/apix"
        );
    }
}
