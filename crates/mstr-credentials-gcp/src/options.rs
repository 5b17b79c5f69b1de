//! What can be said about a secret, and what of it is refused.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use google_cloud_auth::credentials::Credentials;
use google_cloud_secretmanager_v1::client::SecretManagerService;

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) project: String,
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) location: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) credentials_file: Option<PathBuf>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) client: Option<SecretManagerService>,
    pub(crate) quota_project: Option<String>,
    pub(crate) timeout: Duration,
}

impl Options {
    pub(crate) fn new(project: String, id: String) -> Self {
        Self {
            project,
            id,
            version: "latest".to_owned(),
            location: None,
            endpoint: None,
            credentials_file: None,
            credentials: None,
            client: None,
            quota_project: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// By its resource name. What is none is refused by [`check`](Self::check).
    pub(crate) fn from_name(name: &str) -> Self {
        Self::parse_name(name)
            .map_or_else(|| Self::new(String::new(), String::new()), |(options, _)| options)
    }

    /// The parts of a resource name, if the text is one, and whether it names a version.
    pub(crate) fn parse_name(name: &str) -> Option<(Self, bool)> {
        // a full resource name, as Google's asset inventory and audit logs have it
        let name = name.strip_prefix("//secretmanager.googleapis.com/").unwrap_or(name);
        let words: Vec<&str> = name.split('/').collect();
        let (project, rest) = match words.as_slice() {
            ["projects", project, rest @ ..] => (*project, rest),
            _ => return None,
        };
        let (location, rest) = match rest {
            ["locations", location, rest @ ..] => (Some(*location), rest),
            rest => (None, rest),
        };
        let (id, version) = match rest {
            ["secrets", id] => (*id, None),
            ["secrets", id, "versions", version] => (*id, Some(*version)),
            _ => return None,
        };
        let mut options = Self::new(project.to_owned(), id.to_owned());
        options.location = location.map(str::to_owned);
        if let Some(version) = version {
            version.clone_into(&mut options.version);
        }
        Some((options, version.is_some()))
    }

    /// How errors call the secret. What is no id is not repeated: it may be anything.
    pub(crate) fn name(&self) -> String {
        match self.check() {
            Ok(()) => format!("Google secret {:?} of project {}", self.id, self.project),
            Err(_) => "Google secret".to_owned(),
        }
    }

    /// The version's resource name.
    pub(crate) fn resource(&self) -> String {
        let Self { project, id, version, .. } = self;
        let location = self.location.as_ref().map(|at| format!("/locations/{at}"));
        format!(
            "projects/{project}{}/secrets/{id}/versions/{version}",
            location.unwrap_or_default()
        )
    }

    /// Where the service is asked, unless it is Google's default.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let regional = || {
            self.location
                .as_ref()
                .map(|at| format!("https://secretmanager.{at}.rep.googleapis.com"))
        };
        self.endpoint.clone().or_else(regional)
    }

    /// # Errors
    /// What is wrong, without repeating it.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.project.is_empty() && self.id.is_empty() {
            return Err("it is no name like projects/PROJECT/secrets/ID");
        }
        // "example.com:project" is a project of a domain
        if !is_made_of(&self.project, ".:-", 100) {
            return Err("a project is an id or a number");
        }
        if !is_made_of(&self.id, "_-", 255) {
            return Err("an id has up to 255 letters, digits, hyphens and underscores");
        }
        if !is_made_of(&self.version, "_-", 63) {
            return Err("a version is a number, an alias, or latest");
        }
        if !self.location.as_ref().is_none_or(|location| is_made_of(location, "-", 63)) {
            return Err("a location is like europe-west3");
        }
        if !self.endpoint.as_ref().is_none_or(|endpoint| is_endpoint(endpoint)) {
            return Err("the endpoint is no https URL, and no http URL on loopback");
        }
        Ok(())
    }
}

fn is_made_of(text: &str, more: &str, limit: usize) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    (1..=limit).contains(&text.len()) && text.chars().all(allowed)
}

/// The SDK would send a token to any http address.
fn is_endpoint(text: &str) -> bool {
    let (rest, secure) = match text.split_once("://") {
        Some(("https", rest)) => (rest, true),
        Some(("http", rest)) => (rest, false),
        _ => return false,
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty()
        || rest.contains(['@', '?', '#', '\\'])
        || rest.contains(char::is_whitespace)
    {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    secure || host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("secret", &self.name())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("my-project".to_owned(), "a_Secret-1".to_owned())
    }

    #[test]
    fn resources() {
        assert_eq!(options().resource(), "projects/my-project/secrets/a_Secret-1/versions/latest");
        assert_eq!(options().endpoint(), None);
        let regional = Options { location: Some("europe-west3".into()), ..options() };
        assert_eq!(
            regional.resource(),
            "projects/my-project/locations/europe-west3/secrets/a_Secret-1/versions/latest"
        );
        let host = "https://secretmanager.europe-west3.rep.googleapis.com";
        assert_eq!(regional.endpoint().as_deref(), Some(host));
        let elsewhere = Options { endpoint: Some("https://h".into()), ..regional };
        assert_eq!(elsewhere.endpoint().as_deref(), Some("https://h"));
    }

    #[test]
    fn names_as_they_are_pasted() {
        for name in [
            "projects/p/secrets/s/versions/3",
            "//secretmanager.googleapis.com/projects/p/secrets/s/versions/3",
        ] {
            assert_eq!(Options::from_name(name).resource(), "projects/p/secrets/s/versions/3");
        }
        for bad in ["hunter2", "//hunter2/projects/p/secrets/s", "projects/p/secrets/s/hunter2"] {
            let bad = Options::from_name(bad);
            let printed = format!("{:?} {bad:?} {}", bad.check().unwrap_err(), bad.name());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    #[test]
    fn wrong_settings_are_refused_and_not_repeated() {
        assert_eq!(options().check(), Ok(()));
        for bad in [
            Options { project: "hunter2/x".into(), ..options() },
            Options { id: "hunter2/../x".into(), ..options() },
            Options { id: String::new(), ..options() },
            Options { version: "hunter2:x".into(), ..options() },
            Options { location: Some("hunter2.evil".into()), ..options() },
            Options { endpoint: Some("http://hunter2".into()), ..options() },
        ] {
            let printed = format!("{:?} {bad:?} {}", bad.check().unwrap_err(), bad.name());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }

    #[test]
    fn endpoints() {
        for good in [
            "https://h",
            "https://h:1/x",
            "http://127.0.0.1:80",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "http://h",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1:1@evil.example",
            "http://evil.example#127.0.0.1",
            "http://localhost\\@evil.example",
            "ftp://h",
            "h",
            "https://",
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }
}
