//! `azure-kv:https://prod.vault.azure.net/mstr#password`.

use mstr_credentials::{CredentialError, Reference, References};

use crate::{Identity, KeyVaultSecret, options::Options};

/// Adds the scheme `azure-kv`. Grammar and options: [crate documentation](crate#references).
///
/// ```
/// use mstr_credentials::References;
///
/// let mut references = References::default();
/// mstr_credentials_azure::register(&mut references);
/// let password =
///     references.credential("azure-kv:https://prod.vault.azure.net/mstr?version=3f#password")?;
/// # let _ = password;
/// # Ok::<_, mstr_credentials::CredentialError>(())
/// ```
pub fn register(references: &mut References) {
    references.register_secret("azure-kv", |reference| {
        let options = options(reference)?;
        // not by its name: what is wrong may be a password
        let wrong = |what| CredentialError::new(format!("an azure-kv reference: {what}"));
        options.check().map_err(wrong)?;
        Ok(KeyVaultSecret::from(options).into_cached())
    });
}

/// Nothing of the reference is repeated: it may be a password.
fn options(reference: &Reference) -> Result<Options, CredentialError> {
    let wrong = |what| Err(CredentialError::new(format!("an azure-kv reference {what}")));
    reference.allow_options(&[
        "version",
        "identity",
        "client_id",
        "tenant_id",
        "endpoint",
        "authority",
    ])?;
    let body = reference.body();
    let split = || {
        let (vault, name) = body.rsplit_once('/')?;
        let vault = vault.trim_end_matches('/');
        vault.contains("://").then(|| Options::new(vault.to_owned(), name.to_owned()))
    };
    let Some(mut options) = Options::parse_id(body).or_else(split) else {
        return wrong("is like azure-kv:https://NAME.vault.azure.net/SECRET");
    };
    if let Some(identity) = reference.option("identity") {
        match Identity::from_option(identity) {
            Some(identity) => options.identity = identity,
            None => return wrong("names an identity that there is not"),
        }
    }
    let option = |name| reference.option(name).map(str::to_owned);
    match (&options.version, option("version")) {
        (Some(_), Some(_)) => return wrong("gives the version twice"),
        (None, version) => options.version = version,
        (Some(_), None) => {}
    }
    options.tenant_id = option("tenant_id");
    options.client_id = option("client_id");
    options.endpoint = option("endpoint");
    options.authority = option("authority");
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references() -> References {
        let mut references = References::default();
        register(&mut references);
        references
    }

    #[test]
    fn good_ones() {
        for text in [
            "azure-kv:https://v.vault.azure.net/name",
            "azure-kv:https://v.vault.azure.net:8443/name#field",
            "azure-kv:https://v.vault.azure.cn/name?version=abc123&identity=managed-identity",
            "azure-kv:https://v.vault.azure.net/n?endpoint=http://127.0.0.1:1&authority=https://a",
        ] {
            let credential = references().credential(text).unwrap();
            let shown = format!("{credential:?}");
            assert!(shown.contains("v.vault.azure"), "{shown}");
        }
        let all = "azure-kv:https://v.vault.azure.net/n?version=1&client_id=me&identity=azure-cli";
        let all = format!("{all}&tenant_id=example.com");
        let parsed = |text: &str| options(&text.parse().unwrap());
        let options = parsed(&all).unwrap();
        assert_eq!(options.vault, "https://v.vault.azure.net");
        assert_eq!(options.tenant_id.as_deref(), Some("example.com"));
        assert_eq!(options.version.as_deref(), Some("1"));
        assert_eq!(options.client_id.as_deref(), Some("me"));
        assert_eq!(options.identity, Identity::AzureCli);
        // as the portal copies it
        for id in ["n/6f", "n?version=6f"] {
            let options = parsed(&format!("azure-kv:https://v.vault.azure.net/secrets/{id}"));
            let options = options.unwrap();
            assert_eq!((options.vault.as_str(), options.name.as_str()), (VAULT, "n"));
            assert_eq!(options.version.as_deref(), Some("6f"));
        }
        assert_eq!(parsed("azure-kv:https://v.vault.azure.net//n").unwrap().vault, VAULT);
    }

    const VAULT: &str = "https://v.vault.azure.net";

    #[test]
    fn bad_ones_are_not_repeated() {
        for text in [
            "azure-kv:hunter2",
            "azure-kv:https://hunter2",
            "azure-kv:http://v.vault.azure.net/hunter2",
            "azure-kv:https://v.vault.azure.net/a/hunter2",
            "azure-kv:https://u:hunter2@v.vault.azure.net/n",
            "azure-kv:https://v.vault.azure.net/n?hunter2=1",
            "azure-kv:https://v.vault.azure.net/secrets/n/1?version=hunter2",
            "azure-kv:https://v.vault.azure.net/secrets/n/1/hunter2",
            "azure-kv:https://v.vault.azure.net/n?tenant_id=hunter2%20x",
            "azure-kv:https://v.vault.azure.net/n?identity=hunter2",
            "azure-kv:https://v.vault.azure.net/n?version=hunter2.",
            "azure-kv:https://v.vault.azure.net/n?endpoint=http://hunter2",
        ] {
            let error = references().credential(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error}");
        }
    }
}
