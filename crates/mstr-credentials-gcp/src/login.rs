//! The credentials that options and environment name.

use std::{
    env,
    path::{Path, PathBuf},
};

use google_cloud_auth::{
    build_errors::Error as BuildError,
    credentials::{
        Builder, Credentials, external_account, impersonated, service_account, user_account,
    },
};

use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::{failure::explain_credentials, options::Options, words};

const NAMED: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Credentials, and how errors call what gives their tokens.
pub(crate) struct Login {
    pub(crate) credentials: Credentials,
    pub(crate) name: String,
}

/// Google's cloud, unless the environment says otherwise. Saying it here spares a request to a
/// metadata server, which may not be there.
fn universe() -> Result<String, VaultError> {
    Ok(variable("GOOGLE_CLOUD_UNIVERSE_DOMAIN")?.unwrap_or_else(|| "googleapis.com".to_owned()))
}

/// A variable that is set and not empty. The SDK takes one that is not valid Unicode for one that is
/// not set.
fn variable(name: &str) -> Result<Option<String>, VaultError> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        // the error would quote the value
        Err(env::VarError::NotUnicode(_)) => {
            Err(VaultError::new(Kind::Other, format!("{name} is not valid Unicode")))
        }
    }
}

pub(crate) fn login(options: &Options) -> Result<Login, VaultError> {
    if let Some(credentials) = &options.credentials {
        let name = "the credentials that were handed in".to_owned();
        return Ok(Login { credentials: credentials.clone(), name });
    }
    let mut quota = options.quota_project.clone();
    let mut found = options.credentials_file.clone().map(|path| (path, ""));
    if found.is_none() {
        found = well_known();
        // as the SDK does for these
        quota = variable("GOOGLE_CLOUD_QUOTA_PROJECT")?.or(quota);
    }
    let (credentials, name) = match found {
        Some((path, named_by)) => {
            let name = format!("the credentials file {}{named_by}", path.display());
            (from_file(&path, &name, quota)?, name)
        }
        None => {
            let builder = Builder::default().with_universe_domain(universe()?);
            let built = quota.into_iter().fold(builder, Builder::with_quota_project_id).build();
            let host = variable("GCE_METADATA_HOST")?;
            let host = host.unwrap_or_else(|| "metadata.google.internal".to_owned());
            (built, format!("the metadata server {host}"))
        }
    };
    let credentials = credentials.map_err(|error| explain_credentials(&error))?;
    Ok(Login { credentials, name })
}

/// The file of Application Default Credentials and what names it, if there is one. The SDK looks for
/// it as well, but not in `CLOUDSDK_CONFIG`, and its errors do not say which file it was.
fn well_known() -> Option<(PathBuf, &'static str)> {
    if let Some(path) = env::var_os(NAMED) {
        return Some((path.into(), " (GOOGLE_APPLICATION_CREDENTIALS)"));
    }
    let gcloud = if let Some(folder) = env::var_os("CLOUDSDK_CONFIG") {
        PathBuf::from(folder)
    } else if cfg!(windows) {
        PathBuf::from(env::var_os("APPDATA")?).join("gcloud")
    } else {
        PathBuf::from(env::var_os("HOME")?).join(".config/gcloud")
    };
    let path = gcloud.join("application_default_credentials.json");
    // one that is there and cannot be read is an error, not a reason to be somebody else
    let missing = path.metadata().is_err_and(|error| {
        matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
    });
    (!missing).then_some((path, ""))
}

/// # Errors
/// What is wrong with the file, by its name and without what it holds.
fn from_file(
    path: &Path,
    name: &str,
    quota: Option<String>,
) -> Result<Result<Credentials, BuildError>, VaultError> {
    let refused = |what: &str| Err(VaultError::new(Kind::NoCredentials, format!("{name} {what}")));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return refused(&format!("cannot be read: {error}")),
    };
    // the parser's error would quote the key
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
        return refused("is not JSON");
    };
    macro_rules! made_by {
        ($kind:ident) => {{
            let builder = $kind::Builder::new(json);
            quota.into_iter().fold(builder, |b, project| b.with_quota_project_id(project)).build()
        }};
    }
    let built = match json["type"].as_str() {
        Some("service_account") => made_by!(service_account),
        Some("authorized_user") => made_by!(user_account),
        Some("impersonated_service_account") => made_by!(impersonated),
        Some("external_account") => made_by!(external_account),
        Some(kind @ ("external_account_authorized_user" | "gdch_service_account")) => {
            return refused(&format!(
                "is of the type {kind}, which Google's SDK for Rust does not support: use a \
                 service account or workload identity federation (external_account)"
            ));
        }
        _ => {
            return refused(
                "is none of service_account, authorized_user, impersonated_service_account, \
                 external_account",
            );
        }
    };
    match built {
        Err(error) if error.is_parsing() => {
            let quoting =
                VaultError::sources(&error).any(<dyn std::error::Error>::is::<serde_json::Error>);
            if quoting {
                return refused("is not complete, or a field of it has the wrong type");
            }
            refused(&format!("is not valid: {}", words::of(&error)))
        }
        built => Ok(built),
    }
}
