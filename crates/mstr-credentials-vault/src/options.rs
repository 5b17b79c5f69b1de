//! What can be said about a secret, and what of it is refused.

use std::{fmt, path::PathBuf, time::Duration};

use mstr_credentials::Credential;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where Kubernetes mounts the token of a pod's service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) mount: String,
    pub(crate) path: String,
    pub(crate) version: Option<u64>,
    pub(crate) address: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) login: Login,
    pub(crate) auth_mount: Option<String>,
    pub(crate) service_account_token: PathBuf,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) allow_plain_http: bool,
    pub(crate) timeout: Duration,
}

/// How a token is got.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// As the environment says.
    Environment,
    Token(Credential),
    AppRole {
        role_id: Credential,
        secret_id: Credential,
    },
    Kubernetes {
        role: String,
    },
}

impl Options {
    pub(crate) fn new(mount: String, path: String) -> Self {
        Self {
            mount,
            path,
            version: None,
            address: None,
            namespace: None,
            login: Login::Environment,
            auth_mount: None,
            service_account_token: SERVICE_ACCOUNT_TOKEN.into(),
            ca_file: None,
            allow_plain_http: false,
            timeout: Duration::from_secs(30),
        }
    }

    /// How errors call the secret. What is no path is not repeated: it may be anything.
    pub(crate) fn name(&self) -> String {
        match self.check() {
            Ok(()) => format!("Vault secret {}/{}", self.mount, self.path),
            Err(_) => "Vault secret".to_owned(),
        }
    }

    /// Below `/v1/`.
    pub(crate) fn resource(&self) -> String {
        format!("{}/data/{}", escaped(&self.mount), escaped(&self.path))
    }

    /// # Errors
    /// What is wrong, without repeating it.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !is_path(&self.mount) {
            return Err("a mount is like secret or team/kv, without a slash at its ends");
        }
        if !is_path(&self.path) {
            return Err("a path is like prod/mstr, without a slash at its ends");
        }
        if self.version == Some(0) {
            return Err("versions are counted from 1");
        }
        if !self.auth_mount.as_ref().is_none_or(|mount| is_path(mount)) {
            return Err("an auth mount is like approle or kubernetes, without auth/ in front");
        }
        if !self.namespace.as_ref().is_none_or(|namespace| is_path(namespace.trim_matches('/'))) {
            return Err("a namespace is like admin or admin/team");
        }
        Ok(())
    }
}

/// What stays as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path whose segments are escaped.
pub(crate) fn escaped(path: &str) -> String {
    let segments = path.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
    segments.collect::<Vec<_>>().join("/")
}

/// Dots would leave the mount once a URL is made of it.
fn is_path(text: &str) -> bool {
    let segment = |text: &str| !matches!(text, "" | "." | "..") && !text.contains(char::is_control);
    text.len() <= 1024 && text.split('/').all(segment)
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("secret", &self.name())
            .field("version", &self.version)
            .field("login", &self.login)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options::new("team/kv".to_owned(), "prod/mstr".to_owned())
    }

    #[test]
    fn resources() {
        assert_eq!(options().resource(), "team/kv/data/prod/mstr");
        assert_eq!(options().name(), "Vault secret team/kv/prod/mstr");
        let odd = Options { path: "a b/ü?#%".to_owned(), ..options() };
        assert_eq!(odd.resource(), "team/kv/data/a%20b/%C3%BC%3F%23%25");
    }

    #[test]
    fn wrong_settings_are_refused_and_not_repeated() {
        assert_eq!(options().check(), Ok(()));
        for bad in [
            Options { mount: "hunter2/".into(), ..options() },
            Options { mount: "/hunter2".into(), ..options() },
            Options { mount: "hunter2/../sys".into(), ..options() },
            Options { path: "hunter2//x".into(), ..options() },
            Options { path: "./hunter2".into(), ..options() },
            Options { path: "hunter2\n".into(), ..options() },
            Options { path: String::new(), ..options() },
            Options { version: Some(0), ..options() },
            Options { auth_mount: Some("hunter2/".into()), ..options() },
            Options { namespace: Some("hunter2\r\nX: y".into()), ..options() },
        ] {
            let printed = format!("{:?} {bad:?} {}", bad.check().unwrap_err(), bad.name());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
