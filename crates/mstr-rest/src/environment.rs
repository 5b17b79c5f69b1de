//! `from_env`: a session from environment variables; and credential references with all built-in
//! schemes.

use std::ffi::OsString;
use std::sync::LazyLock;

use mstr_credentials::References;

use crate::{Auth, Credential, CredentialError, Error, ErrorKind, Result, Session, SessionBuilder};

/// The schemes of credential references. `env`, `file`, `systemd` and `cmd` are always there; `keyring`,
/// `aws-sm`, `aws-ssm`, `azure-kv`, `gcp-sm` and `vault` if their feature is on. The documentation of
/// `mstr_rest::aws::register` and its like has their syntax. If the feature of a scheme is off, the
/// error names the feature. To add schemes of your own, clone the value and register them.
///
/// ```
/// assert!(mstr_rest::references().is_reference("env:MSTR_PASSWORD"));
/// ```
pub fn references() -> &'static References {
    static REFERENCES: LazyLock<References> = LazyLock::new(|| {
        let mut references = References::default();
        // register these first: the clouds replace those whose feature is on
        for (scheme, feature) in CLOUD_SCHEMES {
            references.register_unavailable(*scheme, *feature);
        }
        #[cfg(any(feature = "aws-secrets-manager", feature = "aws-ssm"))]
        crate::aws::register(&mut references);
        #[cfg(feature = "azure")]
        crate::azure::register(&mut references);
        #[cfg(feature = "gcp")]
        crate::gcp::register(&mut references);
        #[cfg(feature = "vault")]
        crate::vault::register(&mut references);
        references
    });
    &REFERENCES
}

/// The schemes that need a feature, and the feature.
const CLOUD_SCHEMES: &[(&str, &str)] = &[
    ("aws-sm", "aws-secrets-manager"),
    ("aws-ssm", "aws-ssm"),
    ("azure-kv", "azure"),
    ("gcp-sm", "gcp"),
    ("vault", "vault"),
];

/// Makes a credential from a reference such as `env:MSTR_PASSWORD` or `file:/run/secrets/mstr`. It
/// is read when the credential is resolved.
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
/// If the text is not a reference, or its scheme is not built in. The error does not repeat the
/// text, because it may be a password.
pub fn credential(reference: &str) -> Result<Credential, CredentialError> {
    references().credential(reference)
}

/// Makes a session builder from environment variables.
///
/// | variable | meaning |
/// | --- | --- |
/// | `MSTR_BASE_URL` | the base URL, required: `https://host/MicroStrategyLibrary/api/` |
/// | `MSTR_USERNAME`, `MSTR_PASSWORD` | standard login, if `MSTR_LOGIN_MODE` does not set another mode; trusted login without `MSTR_PASSWORD` |
/// | `MSTR_API_KEY` | login with an API token |
/// | `MSTR_IDENTITY_TOKEN` | shares the session of another program |
/// | `MSTR_LOGIN_MODE` | `standard`, `ldap`, `api-key`, `trusted`, `identity-token`, `anonymous`, or the server's number. Default: chosen by the variables that are set ([`Auth::from_parts`]) |
/// | `MSTR_PROJECT` | name or id of the default project |
///
/// A value may be a credential reference (`file:/run/secrets/mstr`), which is resolved at the
/// login. So a password that starts with the name of a scheme and a colon (`file:`) must be passed
/// by a reference.
///
/// An empty variable never changes the login mode:
///
/// | empty variable | effect |
/// | --- | --- |
/// | `MSTR_PASSWORD` | the password is empty; an error in the mode `ldap`, because directories treat an empty password as an anonymous login |
/// | `MSTR_USERNAME`, `MSTR_API_KEY`, `MSTR_IDENTITY_TOKEN` | an error |
/// | `MSTR_BASE_URL` | an error |
/// | `MSTR_LOGIN_MODE`, `MSTR_PROJECT` | the variable is treated as not set |
///
/// With `MSTR_LOGIN_MODE`, only the variables of that mode are read.
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
/// [`MissingCredential`](ErrorKind::MissingCredential) if a variable is empty and must not be, or
/// is not valid Unicode; [`Config`](ErrorKind::Config) if `MSTR_BASE_URL` is not set or empty, the
/// mode is unknown, a variable of the mode is not set, or a reference is invalid;
/// [`InvalidRequest`](ErrorKind::InvalidRequest) for a password without a user name. Each error
/// names the variable and does not contain its value.
pub fn from_env() -> Result<SessionBuilder> {
    from_variables(|name| std::env::var_os(name))
}

fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<SessionBuilder> {
    let variables = Variables { variable };
    let base_url = match variables.text("MSTR_BASE_URL")? {
        Some(url) if url.is_empty() => {
            let message = "the environment variable MSTR_BASE_URL is empty";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Some(url) => credential_of("MSTR_BASE_URL", url)?,
        None => return Err(unset("MSTR_BASE_URL")),
    };
    let mut builder = Session::builder(base_url).auth(auth(&variables)?);
    if let Some(project) = variables.filled("MSTR_PROJECT")? {
        builder = builder.project(project);
    }
    Ok(builder)
}

/// The environment, with the rules for empty and unreadable variables.
///
/// An empty or unreadable variable must never be treated as not set. The login mode depends on
/// which variables are set, and CI systems set a variable to the empty text if its secret is
/// missing. So an empty API key would otherwise cause a login in another mode.
struct Variables<F> {
    variable: F,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    /// The value of a variable. `None` only if it is not set.
    fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = (self.variable)(name) else { return Ok(None) };
        value.into_string().map(Some).map_err(|_| {
            Error::new(
                ErrorKind::MissingCredential,
                format!("the environment variable {name} is not valid Unicode"),
            )
        })
    }

    /// The value of an optional setting. `None` if it is empty or not set.
    fn filled(&self, name: &str) -> Result<Option<String>> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// A user name, key or token, which must not be empty.
    fn credential(&self, name: &str) -> Result<Option<Credential>> {
        match self.text(name)? {
            Some(text) if text.is_empty() => Err(Error::new(
                ErrorKind::MissingCredential,
                format!("the environment variable {name} is empty: unset it, or give it a value"),
            )),
            Some(text) => credential_of(name, text).map(Some),
            None => Ok(None),
        }
    }

    /// The password, which may be empty.
    fn password(&self) -> Result<Option<Credential>> {
        let text = self.text("MSTR_PASSWORD")?;
        text.map(|text| credential_of("MSTR_PASSWORD", text)).transpose()
    }

    /// A [`credential`](Self::credential) that the mode requires.
    fn need(&self, name: &str) -> Result<Credential> {
        self.credential(name)?.ok_or_else(|| unset(name))
    }
}

/// The credential for the value of a variable: the value itself, or its reference.
fn credential_of(name: &str, value: String) -> Result<Credential> {
    if !references().is_reference(&value) {
        return Ok(value.into());
    }
    references().credential(&value).map_err(|error| {
        let message = format!("{name} is an invalid credential reference");
        Error::with_source(ErrorKind::Config, message, error)
    })
}

fn auth<F: Fn(&str) -> Option<OsString>>(variables: &Variables<F>) -> Result<Auth> {
    let mode = variables.filled("MSTR_LOGIN_MODE")?.unwrap_or_default().to_ascii_lowercase();
    Ok(match mode.as_str() {
        "" => {
            return Auth::from_parts(
                variables.credential("MSTR_USERNAME")?,
                variables.password()?,
                variables.credential("MSTR_API_KEY")?,
                variables.credential("MSTR_IDENTITY_TOKEN")?,
            );
        }
        "standard" | "1" => Auth::standard(
            variables.need("MSTR_USERNAME")?,
            variables.password()?.ok_or_else(|| unset("MSTR_PASSWORD"))?,
        ),
        // must not be empty: directories treat an empty password as an anonymous login (RFC 4513,
        // 5.1.2)
        "ldap" | "16" => {
            Auth::ldap(variables.need("MSTR_USERNAME")?, variables.need("MSTR_PASSWORD")?)
        }
        "anonymous" | "8" => Auth::anonymous(),
        "api-key" => Auth::api_key(variables.need("MSTR_API_KEY")?),
        "trusted" => Auth::trusted(variables.need("MSTR_USERNAME")?),
        "4096" => match variables.credential("MSTR_API_KEY")? {
            Some(key) => Auth::api_key(key),
            None => Auth::trusted(variables.need("MSTR_USERNAME")?),
        },
        "identity-token" | "-1" => Auth::identity_token(variables.need("MSTR_IDENTITY_TOKEN")?),
        other => match other.parse() {
            Ok(number) => {
                let username = variables.credential("MSTR_USERNAME")?;
                let password = variables.password()?;
                let members = [("username", username), ("password", password)];
                let set = |(name, value): (_, Option<Credential>)| Some((name, value?));
                Auth::custom(number, members.into_iter().filter_map(set))
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
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    /// The same with one variable that is not Unicode.
    #[cfg(unix)]
    fn builder_with_unreadable(
        unreadable: &str,
        variables: &[(&str, &str)],
    ) -> Result<SessionBuilder> {
        use std::os::unix::ffi::OsStringExt as _;

        from_variables(|name| {
            if name == unreadable {
                return Some(OsString::from_vec(b"CANARY-\xff-CANARY".to_vec()));
            }
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(*value))
        })
    }

    const BASE: (&str, &str) = ("MSTR_BASE_URL", "https://h/api");
    const USER: (&str, &str) = ("MSTR_USERNAME", "CANARY");
    const PASSWORD: (&str, &str) = ("MSTR_PASSWORD", "CANARY");
    const KEY: (&str, &str) = ("MSTR_API_KEY", "CANARY");
    const TOKEN: (&str, &str) = ("MSTR_IDENTITY_TOKEN", "CANARY");
    const EMPTY_USER: (&str, &str) = ("MSTR_USERNAME", "");
    const EMPTY_PASSWORD: (&str, &str) = ("MSTR_PASSWORD", "");
    const EMPTY_KEY: (&str, &str) = ("MSTR_API_KEY", "");
    const EMPTY_TOKEN: (&str, &str) = ("MSTR_IDENTITY_TOKEN", "");

    const fn mode(value: &'static str) -> (&'static str, &'static str) {
        ("MSTR_LOGIN_MODE", value)
    }

    #[test]
    fn the_mode_is_chosen_by_the_variables_or_set_explicitly() {
        for (variables, shown) in [
            (vec![], "login_mode: 8"),
            (vec![USER, PASSWORD], "login_mode: 1,"),
            (vec![USER], "login_mode: 4096, username"),
            (vec![KEY, USER], "login_mode: 4096, api_key"),
            (vec![TOKEN, KEY], "identity token"),
            // an empty password is a password
            (vec![USER, EMPTY_PASSWORD], "login_mode: 1,"),
            // a key needs no password, and no user name
            (vec![KEY, EMPTY_PASSWORD], "login_mode: 4096, api_key"),
            // empty: not set
            (vec![USER, PASSWORD, mode("")], "login_mode: 1,"),
            (vec![USER, PASSWORD, ("MSTR_PROJECT", "")], "project: None"),
            (vec![USER, PASSWORD, ("MSTR_PROJECT", "Tutorial")], "Tutorial"),
            // the mode is set: variables of other modes are not read
            (vec![USER, PASSWORD, mode("LDAP")], "login_mode: 16"),
            (vec![USER, PASSWORD, EMPTY_KEY, EMPTY_TOKEN, mode("standard")], "login_mode: 1,"),
            (vec![USER, EMPTY_PASSWORD, EMPTY_KEY, mode("1")], "login_mode: 1,"),
            (vec![USER, EMPTY_PASSWORD, EMPTY_KEY, mode("trusted")], "login_mode: 4096, username"),
            (vec![KEY, EMPTY_USER, EMPTY_PASSWORD, mode("api-key")], "login_mode: 4096, api_key"),
            (vec![KEY, EMPTY_USER, mode("4096")], "login_mode: 4096, api_key"),
            (vec![USER, mode("4096")], "login_mode: 4096, username"),
            (vec![TOKEN, EMPTY_KEY, EMPTY_USER, mode("identity-token")], "identity token"),
            (vec![TOKEN, EMPTY_KEY, mode("-1")], "identity token"),
            (vec![EMPTY_KEY, EMPTY_USER, EMPTY_TOKEN, mode("anonymous")], "login_mode: 8"),
            (vec![KEY, mode("8")], "login_mode: 8"),
            (vec![USER, EMPTY_KEY, mode("64")], "login_mode: 64, username"),
            (vec![USER, EMPTY_PASSWORD, mode("64")], "password"),
        ] {
            let all: Vec<_> = variables.iter().copied().chain([BASE]).collect();
            let debug = match builder(&all) {
                Ok(builder) => format!("{builder:?}"),
                Err(error) => panic!("{variables:?}: {error}"),
            };
            assert!(debug.contains(shown), "{variables:?}: {shown}: {debug}");
            assert!(!debug.contains("CANARY"), "{debug}");
        }
    }

    #[test]
    fn missing_empty_and_wrong_variables_are_named() {
        use ErrorKind::{Config, InvalidRequest, MissingCredential};

        for (variables, kind, message) in [
            (vec![], Config, "MSTR_BASE_URL is not set"),
            (vec![("MSTR_BASE_URL", "")], Config, "MSTR_BASE_URL is empty"),
            (vec![BASE, mode("kerberos")], Config, "MSTR_LOGIN_MODE must be"),
            // the variables choose the mode: an empty variable must not change it
            (vec![BASE, EMPTY_USER], MissingCredential, "MSTR_USERNAME is empty"),
            (vec![BASE, EMPTY_USER, PASSWORD], MissingCredential, "MSTR_USERNAME is empty"),
            (vec![BASE, EMPTY_USER, EMPTY_PASSWORD], MissingCredential, "MSTR_USERNAME is empty"),
            (vec![BASE, EMPTY_USER, KEY], MissingCredential, "MSTR_USERNAME is empty"),
            (vec![BASE, EMPTY_KEY], MissingCredential, "MSTR_API_KEY is empty"),
            (vec![BASE, EMPTY_KEY, USER, PASSWORD], MissingCredential, "MSTR_API_KEY is empty"),
            (vec![BASE, EMPTY_TOKEN, KEY], MissingCredential, "MSTR_IDENTITY_TOKEN is empty"),
            (vec![BASE, EMPTY_TOKEN, USER], MissingCredential, "MSTR_IDENTITY_TOKEN is empty"),
            (vec![BASE, PASSWORD], InvalidRequest, "username"),
            (vec![BASE, EMPTY_PASSWORD], InvalidRequest, "username"),
            // the mode is set
            (vec![BASE, mode("standard")], Config, "MSTR_USERNAME is not set"),
            (vec![BASE, mode("standard"), USER], Config, "MSTR_PASSWORD is not set"),
            (vec![BASE, mode("1"), EMPTY_USER, PASSWORD], MissingCredential, "MSTR_USERNAME is"),
            (vec![BASE, mode("ldap"), EMPTY_USER, PASSWORD], MissingCredential, "MSTR_USERNAME is"),
            // directories treat an empty password as an anonymous bind
            (vec![BASE, mode("ldap"), USER, EMPTY_PASSWORD], MissingCredential, "MSTR_PASSWORD is"),
            (vec![BASE, mode("api-key"), EMPTY_KEY, USER], MissingCredential, "MSTR_API_KEY is"),
            (vec![BASE, mode("4096"), EMPTY_KEY, USER], MissingCredential, "MSTR_API_KEY is"),
            (vec![BASE, mode("trusted"), EMPTY_USER], MissingCredential, "MSTR_USERNAME is"),
            (vec![BASE, mode("-1"), EMPTY_TOKEN], MissingCredential, "MSTR_IDENTITY_TOKEN is"),
            (vec![BASE, mode("64"), EMPTY_USER], MissingCredential, "MSTR_USERNAME is"),
        ] {
            let error = match builder(&variables) {
                Ok(builder) => panic!("{variables:?}: {builder:?}"),
                Err(error) => error,
            };
            assert_eq!(error.kind(), kind, "{variables:?}: {error}");
            assert!(error.to_string().contains(message), "{variables:?}: {error}");
            if kind == MissingCredential {
                assert!(error.to_string().contains("unset it, or give it a value"), "{error}");
            }
            assert!(!format!("{error:?} {error}").contains("CANARY"), "{error:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn unreadable_variables_are_errors_that_name_them() {
        for (unreadable, variables) in [
            ("MSTR_BASE_URL", vec![USER, PASSWORD]),
            ("MSTR_USERNAME", vec![PASSWORD]),
            ("MSTR_USERNAME", vec![KEY]),
            ("MSTR_PASSWORD", vec![USER]),
            ("MSTR_PASSWORD", vec![]),
            ("MSTR_API_KEY", vec![USER, PASSWORD]),
            ("MSTR_IDENTITY_TOKEN", vec![USER, PASSWORD]),
            ("MSTR_LOGIN_MODE", vec![USER, PASSWORD]),
            ("MSTR_PROJECT", vec![USER, PASSWORD]),
            ("MSTR_PASSWORD", vec![USER, mode("standard")]),
            ("MSTR_PASSWORD", vec![USER, mode("ldap")]),
            ("MSTR_PASSWORD", vec![USER, mode("64")]),
            ("MSTR_API_KEY", vec![USER, mode("4096")]),
            ("MSTR_PROJECT", vec![mode("anonymous")]),
        ] {
            let all: Vec<_> = variables.iter().copied().chain([BASE]).collect();
            let error = match builder_with_unreadable(unreadable, &all) {
                Ok(builder) => panic!("{unreadable} {variables:?}: {builder:?}"),
                Err(error) => error,
            };
            assert_eq!(error.kind(), ErrorKind::MissingCredential, "{unreadable}: {error}");
            let message = format!("{unreadable} is not valid Unicode");
            assert!(error.to_string().contains(&message), "{error}");
            assert!(!format!("{error:?} {error}").contains("CANARY"), "{error:?}");
        }
        // not needed, so not read
        for (unreadable, variables) in [
            ("MSTR_PASSWORD", [BASE, USER, mode("trusted")]),
            ("MSTR_USERNAME", [BASE, KEY, mode("api-key")]),
            ("MSTR_USERNAME", [BASE, KEY, mode("4096")]),
            ("MSTR_API_KEY", [BASE, TOKEN, mode("identity-token")]),
            ("MSTR_IDENTITY_TOKEN", [BASE, KEY, mode("api-key")]),
            ("MSTR_PASSWORD", [BASE, USER, mode("anonymous")]),
        ] {
            let built = builder_with_unreadable(unreadable, &variables);
            assert!(built.is_ok(), "{unreadable}: {built:?}");
        }
    }

    #[tokio::test]
    async fn an_empty_password_is_sent_as_an_empty_password() {
        let server = mstr_sim::LibraryServer::start().await.unwrap();
        server.set_password(mstr_sim::DEFAULT_USER, "");
        let base = server.base_url();
        let user = ("MSTR_USERNAME", mstr_sim::DEFAULT_USER);
        let builder = builder(&[("MSTR_BASE_URL", base.as_str()), user, EMPTY_PASSWORD]).unwrap();
        let session = builder.environment_proxies(false).connect().await.unwrap();
        session.close().await.unwrap();
        let login = server.requests(mstr_sim::Method::POST, "/auth/login").remove(0);
        let body: serde_json::Value = serde_json::from_slice(login.body()).unwrap();
        assert_eq!((&body["loginMode"], &body["password"]), (&1.into(), &"".into()));
    }

    #[test]
    fn every_cloud_scheme_is_known_or_its_error_names_the_feature() {
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
    async fn values_may_be_credential_references() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "https://from-file.example/api\n").unwrap();
        let reference = format!("file:{}", secret.path().display());
        let builder = builder(&[("MSTR_BASE_URL", &reference)]).unwrap();
        // only connect() resolves a base URL of a provider; it fails, as the server does not exist
        let error = builder.clone().build().unwrap_err();
        assert!(error.to_string().contains("use connect()"), "{error}");
        let error = builder.environment_proxies(false).connect().await.unwrap_err();
        assert!(error.to_string().contains("from-file.example"), "{error}");
    }
}
