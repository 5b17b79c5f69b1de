//! The options of a secret together with the environment, read at every fetch.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use mstr_credentials::{Credential, SecretFile, VaultError, VaultErrorKind as Kind};

use crate::{
    address::Address,
    options::{Login, Options},
};

/// What `vault login` leaves in the home directory.
const TOKEN_FILE: &str = ".vault-token";

pub(crate) const NO_TOKEN: &str =
    "no token: set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or run `vault login`";

/// Everything that a fetch needs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: Address,
    pub(crate) namespace: Option<String>,
    /// The CA certificates to trust, in place of the platform's.
    pub(crate) ca_pem: Option<Vec<u8>>,
    pub(crate) identity: Identity,
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Identity {
    Token(Credential),
    /// No credentials of ours: a Vault Agent on this machine may have its own.
    Agent,
    AppRole {
        mount: String,
        role_id: Credential,
        secret_id: Credential,
    },
    Kubernetes {
        mount: String,
        role: String,
        token: Credential,
    },
}

/// Variables of the process, and where its user is at home.
pub(crate) struct Environment<'a> {
    pub(crate) variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub(crate) home: Option<PathBuf>,
}

impl Environment<'static> {
    pub(crate) fn of_process() -> Self {
        Self { variable: &|name| std::env::var_os(name), home: std::env::home_dir() }
    }
}

impl Environment<'_> {
    /// `BAO_` goes before `VAULT_`, as the command of OpenBao has it. Empty counts as not set.
    fn os(&self, name: &str) -> Option<OsString> {
        let set = |name: String| (self.variable)(&name).filter(|value| !value.is_empty());
        set(format!("BAO_{name}")).or_else(|| set(format!("VAULT_{name}")))
    }

    fn text(&self, name: &str) -> Result<Option<String>, VaultError> {
        let text = self.os(name).map(OsString::into_string).transpose();
        text.map_err(|_| other(format!("the variable VAULT_{name} is not valid Unicode")))
    }
}

impl Settings {
    pub(crate) fn new(options: &Options, from: &Environment<'_>) -> Result<Self, VaultError> {
        options.check().map_err(other)?;
        let address = match &options.address {
            Some(address) => Address::parse(address, options.allow_plain_http).map_err(other)?,
            None => {
                let text = from.text("ADDR")?.ok_or_else(|| {
                    other("no address: set VAULT_ADDR, or pass one by the option `address`")
                })?;
                Address::parse(&text, options.allow_plain_http)
                    .map_err(|what| other(format!("VAULT_ADDR: {what}")))?
            }
        };
        let namespace = match &options.namespace {
            Some(namespace) => Some(namespace.clone()),
            None => from.text("NAMESPACE")?,
        };
        let ca_pem = match (&options.ca_file, from.text("CACERT_BYTES")?) {
            (Some(path), _) => Some(read(path)?),
            (None, Some(pem)) => Some(pem.into_bytes()),
            (None, None) => from.os("CACERT").map(|path| read(Path::new(&path))).transpose()?,
        };
        let identity = Identity::new(options, from, address.is_loopback())?;
        Ok(Self {
            address,
            namespace: namespace.map(|namespace| namespace.trim_matches('/').to_owned()),
            ca_pem,
            identity,
        })
    }
}

impl Identity {
    fn new(
        options: &Options,
        from: &Environment<'_>,
        is_loopback: bool,
    ) -> Result<Self, VaultError> {
        let mount =
            |default: &str| options.auth_mount.clone().unwrap_or_else(|| default.to_owned());
        Ok(match &options.login {
            Login::Token(token) => Self::Token(token.clone()),
            Login::AppRole { role_id, secret_id } => Self::AppRole {
                mount: mount("approle"),
                role_id: role_id.clone(),
                secret_id: secret_id.clone(),
            },
            Login::Kubernetes { role } => Self::Kubernetes {
                mount: mount("kubernetes"),
                role: role.clone(),
                token: SecretFile::new(&options.service_account_token)
                    .permission_warning(false)
                    .into(),
            },
            Login::Environment => {
                if let Some(token) = from.text("TOKEN")? {
                    return Ok(Self::Token(token.into()));
                }
                if let (Some(role_id), Some(secret_id)) =
                    (from.text("ROLE_ID")?, from.text("SECRET_ID")?)
                {
                    return Ok(Self::AppRole {
                        mount: mount("approle"),
                        role_id: role_id.into(),
                        secret_id: secret_id.into(),
                    });
                }
                let file = from.home.as_ref().map(|home| home.join(TOKEN_FILE));
                match file.filter(|file| file.exists()) {
                    Some(file) => Self::Token(SecretFile::new(file).into()),
                    None if is_loopback => Self::Agent,
                    None => return Err(VaultError::new(Kind::NoCredentials, NO_TOKEN)),
                }
            }
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VaultError> {
    fs::read(path)
        .map_err(|error| other(format!("the CA file {} cannot be read: {error}", path.display())))
}

pub(crate) fn other(text: impl AsRef<str>) -> VaultError {
    VaultError::new(Kind::Other, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: &Options, variables: &[(&str, &str)]) -> Result<Settings, VaultError> {
        settings_at(options, variables, None)
    }

    fn settings_at(
        options: &Options,
        variables: &[(&str, &str)],
        home: Option<&Path>,
    ) -> Result<Settings, VaultError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(*value))
        };
        Settings::new(options, &Environment { variable: &variable, home: home.map(Into::into) })
    }

    fn options() -> Options {
        Options::new("secret".into(), "mstr".into())
    }

    const ADDR: (&str, &str) = ("VAULT_ADDR", "https://v:8200");
    const TOKEN: (&str, &str) = ("VAULT_TOKEN", "CANARY");

    async fn token(settings: Settings) -> String {
        let Identity::Token(token) = settings.identity else { panic!("no token") };
        token.resolve().await.unwrap().expose_secret().to_owned()
    }

    #[tokio::test]
    async fn variables_of_both_products() {
        let vault = settings(&options(), &[ADDR, TOKEN, ("VAULT_NAMESPACE", "admin/")]).unwrap();
        assert_eq!(vault.address.to_string(), "https://v:8200");
        assert_eq!(vault.namespace.as_deref(), Some("admin"));
        assert_eq!(token(vault).await, "CANARY");
        let bao = [ADDR, TOKEN, ("BAO_ADDR", "https://bao"), ("BAO_TOKEN", "t2")];
        let bao = settings(&options(), &bao).unwrap();
        assert_eq!(bao.address.to_string(), "https://bao");
        assert_eq!(token(bao).await, "t2");
        // empty counts as not set
        let both = settings(&options(), &[ADDR, TOKEN, ("BAO_TOKEN", "")]).unwrap();
        assert_eq!(token(both).await, "CANARY");
        // options go before
        let mut own = options();
        own.address = Some("https://own".into());
        own.namespace = Some("ns".into());
        own.login = Login::Token("t3".into());
        let own = settings(&own, &[ADDR, TOKEN, ("VAULT_NAMESPACE", "x")]).unwrap();
        assert_eq!(
            (own.address.to_string(), own.namespace.as_deref()),
            ("https://own".into(), Some("ns"))
        );
        assert_eq!(token(own).await, "t3");
    }

    #[tokio::test]
    async fn without_a_token_a_role_and_then_the_token_file() {
        let role = [ADDR, ("VAULT_ROLE_ID", "r"), ("VAULT_SECRET_ID", "CANARY")];
        let found = settings(&options(), &role).unwrap();
        let shown = format!("{found:?}");
        assert!(
            shown.contains("AppRole { mount: \"approle\"") && !shown.contains("CANARY"),
            "{shown}"
        );

        let home = tempfile::tempdir().unwrap();
        let error = settings_at(&options(), &[ADDR], Some(home.path())).unwrap_err();
        assert_eq!(error.kind(), Kind::NoCredentials);
        assert!(error.message().contains("VAULT_TOKEN"), "{error}");
        // an agent may add its own
        let local = [("VAULT_ADDR", "http://127.0.0.1:8100")];
        let agent = settings_at(&options(), &local, Some(home.path())).unwrap();
        assert!(matches!(agent.identity, Identity::Agent));
        fs::write(home.path().join(".vault-token"), "t4\n").unwrap();
        assert_eq!(token(settings_at(&options(), &[ADDR], Some(home.path())).unwrap()).await, "t4");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let says = |options: &Options, variables: &[(&str, &str)]| {
            settings(options, variables).unwrap_err().to_string()
        };
        assert!(says(&options(), &[TOKEN]).contains("set VAULT_ADDR"));
        assert!(says(&options(), &[TOKEN, ("VAULT_ADDR", "http://v")]).starts_with("VAULT_ADDR: "));
        let said = says(&options(), &[ADDR, TOKEN, ("VAULT_CACERT", "/no/such.pem")]);
        assert!(said.starts_with("the CA file /no/such.pem cannot be read: "), "{said}");
    }
}
