//! `gcp-sm:projects/my-project/secrets/mstr#password`.

use mstr_credentials::{CredentialError, Reference, References};

use crate::{SecretManagerSecret, options::Options};

/// Adds the scheme `gcp-sm`. Grammar and options: [crate documentation](crate#references).
///
/// ```
/// use mstr_credentials::References;
///
/// let mut references = References::default();
/// mstr_credentials_gcp::register(&mut references);
/// let password =
///     references.credential("gcp-sm:projects/my-project/secrets/mstr/versions/42#password")?;
/// # let _ = password;
/// # Ok::<_, mstr_credentials::CredentialError>(())
/// ```
pub fn register(references: &mut References) {
    references.register_secret("gcp-sm", |reference| {
        Ok(SecretManagerSecret::from(options(reference)?).into_cached())
    });
}

/// Nothing of the reference is repeated: it may be a password.
fn options(reference: &Reference) -> Result<Options, CredentialError> {
    let wrong = |what| CredentialError::new(format!("a gcp-sm reference: {what}"));
    reference.allow_options(&["version", "credentials_file", "quota_project", "endpoint"])?;
    let Some((mut options, versioned)) = Options::parse_name(reference.body()) else {
        return Err(wrong("it is like gcp-sm:projects/PROJECT/secrets/ID"));
    };
    match reference.option("version") {
        Some(_) if versioned => return Err(wrong("the version is given twice")),
        Some(version) => version.clone_into(&mut options.version),
        None => {}
    }
    options.credentials_file = reference.option("credentials_file").map(Into::into);
    options.quota_project = reference.option("quota_project").map(str::to_owned);
    options.endpoint = reference.option("endpoint").map(str::to_owned);
    options.check().map_err(wrong)?;
    Ok(options)
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
            ("gcp-sm:projects/p/secrets/s", "projects/p/secrets/s/versions/latest"),
            ("gcp-sm:projects/p/secrets/s/versions/3#m", "projects/p/secrets/s/versions/3"),
            (
                "gcp-sm://secretmanager.googleapis.com/projects/p/secrets/s?version=4",
                "projects/p/secrets/s/versions/4",
            ),
            ("gcp-sm:projects/p/secrets/s?version=prod", "projects/p/secrets/s/versions/prod"),
            (
                "gcp-sm:projects/p/locations/l/secrets/s?endpoint=http://127.0.0.1:1",
                "projects/p/locations/l/secrets/s/versions/latest",
            ),
        ] {
            assert_eq!(parsed(text).unwrap().resource(), resource);
        }
        let all = "gcp-sm:projects/p/secrets/s?credentials_file=/k.json&quota_project=q";
        let options = parsed(all).unwrap();
        assert_eq!(options.credentials_file, Some("/k.json".into()));
        assert_eq!(options.quota_project.as_deref(), Some("q"));
    }

    #[test]
    fn bad_ones_are_not_repeated() {
        for text in [
            "gcp-sm:hunter2",
            "gcp-sm:projects/hunter2",
            "gcp-sm:projects/p/secrets/s/hunter2",
            "gcp-sm:projects/p/secrets/s/versions/hunter2:x",
            "gcp-sm:projects//secrets/hunter2",
            "gcp-sm:projects/p/secrets/s/versions/3?version=hunter2",
            "gcp-sm:projects/p/secrets/s?hunter2=1",
            "gcp-sm:projects/p/secrets/s?endpoint=http://hunter2",
        ] {
            let error = parsed(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}: {error}");
        }
    }
}
