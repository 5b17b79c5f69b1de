//! `vault:secret/prod/mstr#password`.

use mstr_credentials::{CredentialError, Reference, References};

use crate::{
    VaultSecret,
    address::Address,
    options::{Login, Options},
};

/// Adds the scheme `vault`. Grammar and options: [crate documentation](crate#references).
///
/// ```
/// use mstr_credentials::References;
///
/// let mut references = References::default();
/// mstr_credentials_vault::register(&mut references);
/// for text in [
///     "vault:secret/prod/mstr#password",
///     "vault:secret/data/prod/mstr#password", // the same, as the API writes it
///     "vault:secret/prod/mstr?version=3&address=https://vault.example.com:8200#password",
///     "vault:prod/mstr?mount=team/kv&kubernetes_role=mstr&ttl=15m#password",
/// ] {
///     assert!(references.credential(text).is_ok());
/// }
/// ```
pub fn register(references: &mut References) {
    references.register_secret("vault", |reference| {
        Ok(VaultSecret::from(options(reference)?).into_cached())
    });
}

/// Nothing of the reference is repeated: it may be a password.
fn options(reference: &Reference) -> Result<Options, CredentialError> {
    let wrong = |what: &str| CredentialError::new(format!("a vault reference: {what}"));
    reference.allow_options(&[
        "mount",
        "version",
        "address",
        "namespace",
        "kubernetes_role",
        "auth_mount",
        "service_account_token",
        "ca_file",
        "allow_plain_http",
    ])?;
    let option = |name| reference.option(name).map(str::to_owned);
    let (mount, path) = match reference.option("mount") {
        Some(mount) => (mount, reference.body()),
        None => mount_and_path(reference.body())
            .ok_or_else(|| wrong("it is like vault:MOUNT/PATH#FIELD"))?,
    };
    let mut options = Options::new(mount.to_owned(), path.to_owned());
    if let Some(version) = reference.option("version") {
        let version = version.parse().map_err(|_| wrong("a version is a number"))?;
        options.version = Some(version);
    }
    options.address = option("address");
    options.namespace = option("namespace");
    options.auth_mount = option("auth_mount");
    options.ca_file = option("ca_file").map(Into::into);
    if let Some(file) = option("service_account_token") {
        options.service_account_token = file.into();
    }
    if let Some(role) = option("kubernetes_role") {
        options.login = Login::Kubernetes { role };
    }
    options.allow_plain_http = match reference.option("allow_plain_http") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong("allow_plain_http is true or false")),
    };
    options.check().map_err(wrong)?;
    if let Some(address) = &options.address {
        Address::parse(address, options.allow_plain_http).map_err(wrong)?;
    }
    Ok(options)
}

/// `secret/prod/mstr`, and the forms of the API: `secret/data/prod/mstr`, `/v1/team/kv/data/mstr`.
fn mount_and_path(body: &str) -> Option<(&str, &str)> {
    let body = body.strip_prefix('/').unwrap_or(body);
    let body = body.strip_prefix("v1/").unwrap_or(body);
    body.split_once("/data/").or_else(|| body.split_once('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Options, CredentialError> {
        options(&text.parse()?)
    }

    #[test]
    fn good_ones() {
        for (text, resource) in [
            ("vault:secret/mstr", "secret/data/mstr"),
            ("vault:secret/prod/mstr#m", "secret/data/prod/mstr"),
            ("vault:secret/data/prod/mstr#m", "secret/data/prod/mstr"),
            ("vault:/v1/secret/data/prod/mstr#m", "secret/data/prod/mstr"),
            ("vault:v1/team/kv/data/prod/mstr", "team/kv/data/prod/mstr"),
            ("vault:prod/mstr?mount=team/kv", "team/kv/data/prod/mstr"),
            // a path that begins with data
            ("vault:secret/data/data/x", "secret/data/data/x"),
            ("vault:data/x?mount=secret", "secret/data/data/x"),
        ] {
            assert_eq!(parsed(text).unwrap().resource(), resource, "{text}");
        }
        let all = "vault:secret/s?version=3&address=http://v&namespace=n&kubernetes_role=r\
                   &auth_mount=k8s&ca_file=/ca.pem&allow_plain_http=true";
        let options = parsed(all).unwrap();
        assert_eq!(options.version, Some(3));
        assert_eq!(options.address.as_deref(), Some("http://v"));
        assert_eq!(options.namespace.as_deref(), Some("n"));
        assert_eq!(options.auth_mount.as_deref(), Some("k8s"));
        assert_eq!(options.ca_file, Some("/ca.pem".into()));
        assert!(matches!(options.login, Login::Kubernetes { role } if role == "r"));
    }

    #[test]
    fn bad_ones_are_not_repeated() {
        for text in [
            "vault:hunter2",
            "vault:hunter2/",
            "vault:/hunter2",
            "vault:secret//hunter2",
            "vault:secret/../hunter2",
            "vault:secret/x?version=hunter2",
            "vault:secret/x?version=0",
            "vault:secret/x?hunter2=1",
            "vault:secret/x?mount=hunter2/",
            "vault:secret/x?address=http://hunter2",
            "vault:secret/x?address=hunter2",
            "vault:secret/x?allow_plain_http=hunter2",
        ] {
            let error = parsed(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error}");
        }
    }
}
