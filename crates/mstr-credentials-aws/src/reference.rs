//! Credential references: `aws-sm:` and `aws-ssm:`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use mstr_credentials::{CredentialError, Reference, References};

#[cfg(feature = "secrets-manager")]
use crate::arn::SecretId;
use crate::{
    arn::region_of_arn,
    connection::{Connection, Settings},
};

/// Adds the schemes `aws-sm` and `aws-ssm`, as far as their features are on.
///
/// | reference | what |
/// | --- | --- |
/// | `aws-sm:NAME-OR-ARN` | a secret of Secrets Manager; options `region`, `profile`, `version` (an id), `stage` |
/// | `aws-sm:ARN:FIELD:STAGE:VERSION` | the same as in `valueFrom` of an ECS task definition; each of the three may be empty |
/// | `aws-ssm:NAME-OR-ARN` | a parameter of Parameter Store, with decryption; options `region`, `profile`, `version` (a number or a label, same as `NAME:3`) |
/// | `aws-ssm:/PATH/#NAME` | a parameter below a path, which ends with a slash; one fetch for all below it; options `region`, `profile`, `recursive` (`true` or `false`) |
///
/// All have the option `ttl` too: `ttl=15m` fetches anew after 15 minutes, else nothing is fetched again
/// until it is invalidated.
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
///     "aws-sm:arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/mstr-AbCdEf:password::",
///     "aws-ssm:/prod/mstr/password?profile=reporting&version=3",
///     "aws-ssm:/prod/mstr/#password",
/// ] {
///     assert!(references.credential(text).is_ok());
/// }
/// # }
/// ```
pub fn register(references: &mut References) {
    let connections = Connections::default();
    #[cfg(feature = "secrets-manager")]
    secrets_manager(references, connections.clone());
    #[cfg(feature = "ssm")]
    parameter_store(references, connections.clone());
    drop(connections);
}

#[cfg(feature = "secrets-manager")]
fn secrets_manager(references: &mut References, connections: Connections) {
    use crate::{SecretsManagerSecret, secrets_manager::Lookup};
    let mut secrets = References::empty();
    secrets.register_secret("aws-sm", move |reference| {
        reference.allow_options(&["region", "profile", "version", "stage"])?;
        let (settings, connection) = connections.of(reference)?;
        let id = reference.body().to_owned();
        let mut lookup = Lookup::over(id, settings, connection);
        lookup.version = option(reference, "version")?;
        lookup.stage = option(reference, "stage")?;
        Ok(SecretsManagerSecret::from(lookup).into_cached())
    });
    references.register("aws-sm", move |reference| secrets.credential(&plain(reference)?));
}

/// A reference whose ARN names field, stage and version, with a field and options instead: so it
/// shares the fetch of others that name the same secret.
#[cfg(feature = "secrets-manager")]
fn plain(reference: &Reference) -> Result<String, CredentialError> {
    let found = SecretId::parse(reference.body());
    if found.id == reference.body() {
        return Ok(reference.as_str().to_owned());
    }
    let twice = || Err(CredentialError::new("an aws-sm reference names a field or version twice"));
    let mut options: Vec<(&str, &str)> = reference.options().collect();
    for (name, value) in [("stage", &found.stage), ("version", &found.version)] {
        match value {
            Some(_) if reference.option(name).is_some() => return twice(),
            Some(value) => options.push((name, value)),
            None => {}
        }
    }
    let mut text = format!("{}:{}", reference.scheme(), Reference::escape(&found.id));
    for (at, (name, value)) in options.into_iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.extend([&*Reference::escape(name), "=", &*Reference::escape(value)]);
    }
    match (found.field.as_deref(), reference.field()) {
        (Some(_), Some(_)) => return twice(),
        (Some(field), None) | (None, Some(field)) => {
            text.push('#');
            text.push_str(&Reference::escape(field));
        }
        (None, None) => {}
    }
    Ok(text)
}

#[cfg(feature = "ssm")]
fn parameter_store(references: &mut References, connections: Connections) {
    use crate::{
        ParameterStorePath, ParameterStoreValue, parameter_path::PathLookup,
        parameter_store::Lookup,
    };
    references.register_secret("aws-ssm", move |reference| {
        // no parameter has a name that ends like this
        if reference.body().ends_with('/') {
            reference.allow_options(&["region", "profile", "recursive"])?;
            let (settings, connection) = connections.of(reference)?;
            let mut lookup = PathLookup::over(reference.body(), settings, connection);
            lookup.recursive = match reference.option("recursive") {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => {
                    let what = "an aws-ssm reference has recursive=true or recursive=false";
                    return Err(CredentialError::new(what));
                }
            };
            return Ok(ParameterStorePath::from(lookup).into_cached());
        }
        reference.allow_options(&["region", "profile", "version"])?;
        let (settings, connection) = connections.of(reference)?;
        let mut name = reference.body().to_owned();
        if let Some(version) = option(reference, "version")? {
            name = format!("{name}:{version}");
        }
        Ok(ParameterStoreValue::from(Lookup::over(name, settings, connection)).cached())
    });
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
