//! The credentials that options name.

use std::path::Path;

use google_cloud_auth::{
    build_errors::Error as BuildError,
    credentials::{
        Builder, Credentials, external_account, impersonated, service_account, user_account,
    },
};

use mstr_credentials::{VaultError, VaultErrorKind as Kind};

use crate::{failure::login_text, options::Options};

/// Google's cloud, unless the environment says otherwise. Saying it here spares a request to a
/// metadata server, which may not be there.
fn universe() -> String {
    let set = std::env::var("GOOGLE_CLOUD_UNIVERSE_DOMAIN").ok().filter(|text| !text.is_empty());
    set.unwrap_or_else(|| "googleapis.com".to_owned())
}

pub(crate) fn credentials(options: &Options) -> Result<Credentials, VaultError> {
    if let Some(credentials) = &options.credentials {
        return Ok(credentials.clone());
    }
    let quota = options.quota_project.clone();
    let credentials = match &options.credentials_file {
        Some(path) => from_file(path, quota)?,
        None => {
            let builder = Builder::default().with_universe_domain(universe());
            quota.into_iter().fold(builder, Builder::with_quota_project_id).build()
        }
    };
    credentials.map_err(|error| VaultError::new(Kind::NoCredentials, login_text(&error)))
}

fn from_file(
    path: &Path,
    quota: Option<String>,
) -> Result<Result<Credentials, BuildError>, VaultError> {
    let refused = |what: &str| {
        let text = format!("the credentials file {} {what}", path.display());
        Err(VaultError::new(Kind::NoCredentials, text))
    };
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
    Ok(match json["type"].as_str() {
        Some("service_account") => made_by!(service_account),
        Some("authorized_user") => made_by!(user_account),
        Some("impersonated_service_account") => made_by!(impersonated),
        Some("external_account") => made_by!(external_account),
        _ => {
            return refused(
                "is none of service_account, authorized_user, impersonated_service_account, \
                 external_account",
            );
        }
    })
}
