//! Credential references: `aws-sm:` and `aws-ssm:`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mstr_credentials::{CredentialError, Reference, References};

use crate::connection::{Connection, Settings, region_of_arn};

/// Adds the schemes `aws-sm` and `aws-ssm`, as far as their features are on.
///
/// | reference | what |
/// | --- | --- |
/// | `aws-sm:NAME-OR-ARN` | a secret of Secrets Manager; options `region`, `profile`, `version` (an id), `stage` |
/// | `aws-ssm:NAME-OR-ARN` | a parameter of Parameter Store, with decryption; options `region`, `profile`, `version` (a number or a label, same as `NAME:3`) |
///
/// With `#field` it is that field of the JSON object that is found there. References to one secret
/// with the same options share one fetch, and references with the same region and profile share the
/// AWS credentials. As in every reference, `?`, `#` and `%` are written `%3F`, `%23`, `%25`.
///
/// ```
/// use mstr_credentials::References;
///
/// # #[cfg(all(feature = "secrets-manager", feature = "ssm"))] {
/// let mut references = References::default();
/// mstr_credentials_aws::register(&mut references);
/// for text in [
///     "aws-sm:prod/mstr#password",
///     "aws-sm:prod/mstr?region=eu-west-1&stage=AWSPREVIOUS#password",
///     "aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/mstr-AbCdEf#password",
///     "aws-ssm:/prod/mstr/password?profile=reporting&version=3",
/// ] {
///     assert!(references.credential(text).is_ok());
/// }
/// # }
/// ```
pub fn register(references: &mut References) {
    let connections = Connections::default();
    #[cfg(feature = "secrets-manager")]
    {
        let connections = connections.clone();
        references.register_secret("aws-sm", move |reference| {
            reference.allow_options(&["region", "profile", "version", "stage"])?;
            let (settings, connection) = connections.of(reference)?;
            let id = reference.body().to_owned();
            let mut lookup = crate::secrets_manager::Lookup::over(id, settings, connection);
            lookup.version = option(reference, "version")?;
            lookup.stage = option(reference, "stage")?;
            Ok(lookup.cached(None))
        });
    }
    #[cfg(feature = "ssm")]
    {
        let connections = connections.clone();
        references.register_secret("aws-ssm", move |reference| {
            reference.allow_options(&["region", "profile", "version"])?;
            let (settings, connection) = connections.of(reference)?;
            let mut name = reference.body().to_owned();
            if let Some(version) = option(reference, "version")? {
                name = format!("{name}:{version}");
            }
            Ok(crate::parameter_store::Lookup::over(name, settings, connection).cached())
        });
    }
    drop(connections);
}

/// The SDK's configurations by region and profile.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<BTreeMap<Place, Arc<Connection>>>>);

/// Region and profile.
type Place = (Option<String>, Option<String>);

impl Connections {
    fn of(&self, reference: &Reference) -> Result<(Settings, Arc<Connection>), CredentialError> {
        let region = option(reference, "region")?.or_else(|| region_of_arn(reference.body()));
        let profile = option(reference, "profile")?;
        let key = (region.clone(), profile.clone());
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = Arc::clone(connections.entry(key).or_default());
        Ok((Settings { region, profile, ..Settings::default() }, connection))
    }
}

/// An option that is there must say something.
fn option(reference: &Reference, name: &str) -> Result<Option<String>, CredentialError> {
    match reference.option(name) {
        Some("") => {
            let scheme = reference.scheme();
            Err(CredentialError::new(format!("an {scheme} reference has an empty {name}")))
        }
        value => Ok(value.map(str::to_owned)),
    }
}
