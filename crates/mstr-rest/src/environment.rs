//! A session from environment variables, and credential references with every scheme that is
//! built in.

use std::sync::LazyLock;

use mstr_credentials::References;

use crate::{Auth, Credential, CredentialError, Error, ErrorKind, Result, Session, SessionBuilder};

/// The schemes of credential references: `env`, `file` and `cmd`, always, and those of the clouds
/// whose feature is on: `aws-sm`, `aws-ssm`, `azure-kv`, `gcp-sm` (`mstr_rest::aws::register` and
/// the like have their grammar). Of a scheme whose feature is off the error names the feature. Clone
/// it and register your own.
///
/// ```
/// assert!(mstr_rest::references().is_reference("env:MSTR_PASSWORD"));
/// ```
pub fn references() -> &'static References {
    static REFERENCES: LazyLock<References> = LazyLock::new(|| {
        let mut references = References::default();
        // before the clouds, which replace what they have
        for (scheme, feature) in OF_FEATURES {
            references.register_unavailable(*scheme, *feature);
        }
        #[cfg(any(feature = "aws-secrets-manager", feature = "aws-ssm"))]
        crate::aws::register(&mut references);
        #[cfg(feature = "azure")]
        crate::azure::register(&mut references);
        #[cfg(feature = "gcp")]
        crate::gcp::register(&mut references);
        references
    });
    &REFERENCES
}

/// Schemes that need a feature.
const OF_FEATURES: &[(&str, &str)] = &[
    ("aws-sm", "aws-secrets-manager"),
    ("aws-ssm", "aws-ssm"),
    ("azure-kv", "azure"),
    ("gcp-sm", "gcp"),
];

/// The credential that a reference names: `env:MSTR_PASSWORD`, `file:/run/secrets/mstr`. Nothing
/// is read before it is resolved.
///
/// ```
/// use mstr_rest::Auth;
///
/// # fn main() -> Result<(), mstr_rest::CredentialError> {
/// let auth = Auth::standard("dave", mstr_rest::credential("env:MSTR_PASSWORD")?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When it is not a reference, or its scheme is not built in. The text is never repeated: it may
/// be a password.
pub fn credential(reference: &str) -> Result<Credential, CredentialError> {
    references().credential(reference)
}

/// Sets up a session from the environment:
///
/// | variable | meaning |
/// | --- | --- |
/// | `MSTR_BASE_URL` | the base URL, required: `https://host/MicroStrategyLibrary/api/` |
/// | `MSTR_USERNAME`, `MSTR_PASSWORD` | standard login, unless the mode says otherwise |
/// | `MSTR_API_KEY` | login with an API token |
/// | `MSTR_IDENTITY_TOKEN` | shares the session of another program |
/// | `MSTR_LOGIN_MODE` | `standard`, `ldap`, `api-key`, `trusted`, `identity-token`, `anonymous`, or the server's number; otherwise it follows from what is set ([`Auth::from_parts`]) |
/// | `MSTR_PROJECT` | name or id of the project of calls that name none |
///
/// A variable that is empty counts as not set. A value may be a credential reference
/// (`file:/run/secrets/mstr`): it is resolved at the login. A password that begins with the name
/// of a scheme and a colon (`file:`) must therefore be given by a reference.
///
/// ```no_run
/// # async fn example() -> mstr_rest::Result<()> {
/// let session = mstr_rest::from_env()?.connect().await?;
/// session.close().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Config`](ErrorKind::Config) when `MSTR_BASE_URL` is not set, the mode is unknown, or it lacks
/// a variable.
pub fn from_env() -> Result<SessionBuilder> {
    from_variables(|name| std::env::var(name).ok())
}

fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<SessionBuilder> {
    let get = |name: &str| -> Result<Option<Credential>> {
        match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) if references().is_reference(&value) => {
                let reference = references().credential(&value).map_err(|error| {
                    let message = format!("{name} is a credential reference that is not usable");
                    Error::with_source(ErrorKind::Config, message, error)
                })?;
                Ok(Some(reference))
            }
            Some(value) => Ok(Some(value.into())),
        }
    };
    let base_url = get("MSTR_BASE_URL")?.ok_or_else(|| unset("MSTR_BASE_URL"))?;
    let mut builder = Session::builder(base_url).auth(auth(&get, variable("MSTR_LOGIN_MODE"))?);
    if let Some(project) = variable("MSTR_PROJECT").filter(|project| !project.is_empty()) {
        builder = builder.project(project);
    }
    Ok(builder)
}

fn auth(get: &impl Fn(&str) -> Result<Option<Credential>>, mode: Option<String>) -> Result<Auth> {
    let need = |name: &str| get(name)?.ok_or_else(|| unset(name));
    let mode = mode.unwrap_or_default().to_ascii_lowercase();
    Ok(match mode.as_str() {
        "" => {
            return Auth::from_parts(
                get("MSTR_USERNAME")?,
                get("MSTR_PASSWORD")?,
                get("MSTR_API_KEY")?,
                get("MSTR_IDENTITY_TOKEN")?,
            );
        }
        "standard" | "1" => Auth::standard(need("MSTR_USERNAME")?, need("MSTR_PASSWORD")?),
        "ldap" | "16" => Auth::ldap(need("MSTR_USERNAME")?, need("MSTR_PASSWORD")?),
        "anonymous" | "8" => Auth::anonymous(),
        "api-key" => Auth::api_key(need("MSTR_API_KEY")?),
        "trusted" => Auth::trusted(need("MSTR_USERNAME")?),
        "4096" => match get("MSTR_API_KEY")? {
            Some(key) => Auth::api_key(key),
            None => Auth::trusted(need("MSTR_USERNAME")?),
        },
        "identity-token" | "-1" => Auth::identity_token(need("MSTR_IDENTITY_TOKEN")?),
        other => match other.parse() {
            Ok(number) => {
                let mut members = Vec::new();
                for (name, variable) in
                    [("username", "MSTR_USERNAME"), ("password", "MSTR_PASSWORD")]
                {
                    members.extend(get(variable)?.map(|value| (name, value)));
                }
                Auth::custom(number, members)
            }
            Err(_) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "MSTR_LOGIN_MODE must be standard, ldap, api-key, trusted, identity-token, \
                     anonymous or a number",
                ));
            }
        },
    })
}

fn unset(name: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the environment variable {name} is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(variables: &[(&str, &str)]) -> Result<SessionBuilder> {
        from_variables(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const BASE: (&str, &str) = ("MSTR_BASE_URL", "https://h/api");

    #[test]
    fn the_mode_follows_from_what_is_set_or_said() {
        for (variables, mode) in [
            (vec![], "login_mode: 8"),
            (vec![("MSTR_USERNAME", "u"), ("MSTR_PASSWORD", "p")], "login_mode: 1,"),
            (vec![("MSTR_USERNAME", "u"), ("MSTR_PASSWORD", "")], "login_mode: 4096"),
            (
                vec![("MSTR_USERNAME", "u"), ("MSTR_PASSWORD", "p"), ("MSTR_LOGIN_MODE", "LDAP")],
                "login_mode: 16",
            ),
            (vec![("MSTR_API_KEY", "k"), ("MSTR_USERNAME", "u")], "login_mode: 4096, api_key"),
            (vec![("MSTR_IDENTITY_TOKEN", "i"), ("MSTR_API_KEY", "k")], "identity token"),
            (vec![("MSTR_API_KEY", "k"), ("MSTR_LOGIN_MODE", "8")], "login_mode: 8"),
            (vec![("MSTR_USERNAME", "u"), ("MSTR_LOGIN_MODE", "64")], "login_mode: 64"),
        ] {
            let all: Vec<_> = variables.into_iter().chain([BASE]).collect();
            let shown = format!("{:?}", builder(&all).unwrap());
            assert!(shown.contains(mode), "{mode}: {shown}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (variables, name) in [
            (vec![], "MSTR_BASE_URL"),
            (vec![BASE, ("MSTR_LOGIN_MODE", "kerberos")], "MSTR_LOGIN_MODE"),
            (vec![BASE, ("MSTR_LOGIN_MODE", "standard")], "MSTR_USERNAME"),
            (vec![BASE, ("MSTR_PASSWORD", "canary")], "username"),
        ] {
            let error = builder(&variables).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn every_scheme_is_known_and_its_feature_is_named() {
        for (text, feature, on) in [
            (
                "aws-sm:prod/mstr#password",
                "aws-secrets-manager",
                cfg!(feature = "aws-secrets-manager"),
            ),
            ("aws-ssm:/prod/mstr", "aws-ssm", cfg!(feature = "aws-ssm")),
            ("azure-kv:https://v.vault.azure.net/mstr#password", "azure", cfg!(feature = "azure")),
            ("gcp-sm:projects/p/secrets/mstr#password", "gcp", cfg!(feature = "gcp")),
        ] {
            assert!(references().is_reference(text));
            match credential(text) {
                Ok(_) => assert!(on, "{text}"),
                Err(error) => {
                    assert!(!on, "{text}: {error}");
                    assert!(error.to_string().contains(&format!("feature {feature:?}")), "{error}");
                }
            }
        }
    }

    #[tokio::test]
    async fn values_may_be_references() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "https://from-file.example/api\n").unwrap();
        let reference = format!("file:{}", secret.path().display());
        let builder = builder(&[("MSTR_BASE_URL", &reference)]).unwrap();
        // a base URL of a provider is only resolved by connect(), which fails to reach it
        let error = builder.clone().build().unwrap_err();
        assert!(error.to_string().contains("use connect()"), "{error}");
        let error = builder.environment_proxies(false).connect().await.unwrap_err();
        assert!(error.to_string().contains("from-file.example"), "{error}");
    }
}
