//! Systems Manager Parameter Store. Parameters are always fetched with decryption.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_ssm::{Client, config::Builder, types::Parameter};
use mstr_credentials::{
    CachedSecret, CredentialError, SecretField, SecretProvider, SecretString, SecretValue,
    VaultError,
};
use zeroize::Zeroizing;

use crate::connection::{Access, Connection, Settings, other, region_of_arn, service, settings};

/// How many names `GetParameters` takes.
const NAMES_PER_CALL: usize = 10;

/// A parameter of Systems Manager Parameter Store: [`ParameterStoreValue`], fetched at every
/// resolve. `name:3` is its version 3, `name:label` the version with that label; an ARN will do too.
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::parameter_store;
///
/// let password = Credential::from(parameter_store("/prod/mstr/password").region("eu-west-1"));
/// ```
pub fn parameter_store(name: impl Into<String>) -> ParameterStoreValue {
    let name = name.into();
    let settings = Settings { region: region_of_arn(&name), ..Settings::default() };
    ParameterStoreValue { lookup: Lookup { name, access: Access::new(settings) }, field: None }
}

/// One parameter, fetched at every resolve, with decryption: made by [`parameter_store`].
#[derive(Clone)]
pub struct ParameterStoreValue {
    lookup: Lookup,
    field: Option<String>,
}

impl ParameterStoreValue {
    /// The field of the JSON object that the parameter holds (rules: [`SecretValue::field`]).
    #[must_use]
    #[doc(alias = "key")]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The parameter as a secret with fields: one fetch serves all of them until it is invalidated.
    ///
    /// ```no_run
    /// use mstr_credentials::Credential;
    /// use mstr_credentials_aws::parameter_store;
    ///
    /// let login = parameter_store("/prod/mstr").cached();
    /// let username = Credential::from(login.field("username"));
    /// let password = Credential::from(login.field("password"));
    /// ```
    pub fn cached(self) -> CachedSecret {
        self.lookup.cached()
    }

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.lookup.access = self.lookup.access.with_client(client);
        self
    }

    settings!();

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        self.lookup.access = self.lookup.access.changed(change);
        self
    }
}

impl SecretProvider for ParameterStoreValue {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let value = self.lookup.fetch().await?;
        match &self.field {
            Some(field) => value.field(&self.lookup.shown(), field),
            None => value.text(&self.lookup.shown()),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.lookup.access.timeout())
    }
}

/// Shows name and field.
impl fmt::Debug for ParameterStoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStoreValue")
            .field("name", &self.lookup.name)
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

/// Parameters that are each fetched once, and again after they were invalidated, which a session
/// does before it logs in again.
///
/// Set it up first, then take the parameters: they share one client, and clones share what was
/// fetched. What serves when AWS cannot be reached is told at [`CachedSecret`].
///
/// ```no_run
/// use mstr_credentials::Credential;
/// use mstr_credentials_aws::ParameterStoreValues;
///
/// let parameters = ParameterStoreValues::new()
///     .region("eu-west-1")
///     // one call for both
///     .prefetch(["/prod/mstr/username", "/prod/mstr/password"]);
/// let username = Credential::from(parameters.parameter("/prod/mstr/username"));
/// let password = Credential::from(parameters.parameter("/prod/mstr/password"));
/// ```
#[derive(Clone)]
pub struct ParameterStoreValues {
    access: Arc<Access<Client>>,
    single: Arc<Mutex<BTreeMap<String, CachedSecret>>>,
    together: BTreeSet<String>,
    batch: CachedSecret,
}

impl ParameterStoreValues {
    /// No parameter yet. Fetches nothing.
    pub fn new() -> Self {
        Self::over(Access::new(Settings::default()), BTreeSet::new())
    }

    fn over(access: Arc<Access<Client>>, together: BTreeSet<String>) -> Self {
        Self {
            batch: batch(Arc::clone(&access), together.clone()),
            access,
            together,
            single: Arc::default(),
        }
    }

    /// These come together, in one call for each ten, when the first of them is needed. They are
    /// invalidated together too. Adds to those named before.
    ///
    /// One that does not exist is an error when it is resolved; the others are not affected.
    #[must_use]
    pub fn prefetch<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.together.extend(names.into_iter().map(Into::into));
        Self::over(self.access, self.together)
    }

    /// One parameter, by its name: `/prod/mstr/password`, `name:3` for version 3, `name:label`, an
    /// ARN. One call for each name, unless it is [prefetched](Self::prefetch).
    pub fn parameter(&self, name: impl Into<String>) -> ParameterStoreField {
        let name = name.into();
        if self.together.contains(&name) {
            return ParameterStoreField(Source::Batch(self.batch.field(name)));
        }
        let mut single = self.single.lock().unwrap_or_else(PoisonError::into_inner);
        let secret = single.entry(name).or_insert_with_key(|name| {
            Lookup { name: name.clone(), access: Arc::clone(&self.access) }.cached()
        });
        ParameterStoreField(Source::Single(secret.clone()))
    }

    /// A client of the SDK that you have made. The other settings then do not count, but for the
    /// timeout.
    #[must_use]
    pub fn client(self, client: Client) -> Self {
        Self::over(self.access.with_client(client), self.together)
    }

    settings!();

    fn change(self, change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(self.access.changed(change), self.together)
    }
}

impl Default for ParameterStoreValues {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the names that are fetched together.
impl fmt::Debug for ParameterStoreValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParameterStoreValues")
            .field("together", &self.together)
            .finish_non_exhaustive()
    }
}

/// One parameter of [`ParameterStoreValues`]; converts into a
/// [`Credential`](mstr_credentials::Credential).
#[derive(Clone, Debug)]
pub struct ParameterStoreField(Source);

#[derive(Clone, Debug)]
enum Source {
    Single(CachedSecret),
    Batch(SecretField),
}

impl SecretProvider for ParameterStoreField {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        match &self.0 {
            Source::Single(secret) => secret.secret().await,
            Source::Batch(field) => field.secret().await,
        }
    }

    fn invalidate(&self) {
        match &self.0 {
            Source::Single(secret) => secret.invalidate(),
            Source::Batch(field) => field.invalidate(),
        }
    }

    fn timeout(&self) -> Option<Duration> {
        match &self.0 {
            Source::Single(secret) => secret.timeout(),
            Source::Batch(field) => field.timeout(),
        }
    }
}

/// What is asked for, and how.
#[derive(Clone)]
pub(crate) struct Lookup {
    name: String,
    access: Arc<Access<Client>>,
}

impl Lookup {
    pub(crate) fn over(name: String, settings: Settings, connection: Arc<Connection>) -> Self {
        Self { name, access: Access::over(settings, connection) }
    }

    fn shown(&self) -> String {
        format!("AWS parameter {}", self.name)
    }

    pub(crate) fn cached(self) -> CachedSecret {
        let timeout = self.access.timeout();
        CachedSecret::new(self.shown(), move || {
            let lookup = self.clone();
            async move { lookup.fetch().await }
        })
        .with_timeout(timeout)
    }

    async fn fetch(&self) -> Result<SecretValue, CredentialError> {
        let fetch = async {
            if self.name.is_empty() {
                return Err(other("the parameter has no name"));
            }
            let used = self.access.client().await?;
            let call = used.client.get_parameter().name(&self.name).with_decryption(true);
            let output = match call.send().await {
                Ok(output) => output,
                Err(error) => return Err(self.access.failed(&used, error).await),
            };
            let value = output.parameter.and_then(|parameter| parameter.value);
            // reading nothing says that it is empty
            Ok(SecretValue::from(value.unwrap_or_default()))
        };
        self.access.fetch(&self.shown(), fetch).await
    }
}

/// Several parameters as one secret whose fields they are: that gives them one fetch, and one
/// invalidation.
fn batch(access: Arc<Access<Client>>, names: BTreeSet<String>) -> CachedSecret {
    const NAME: &str = "AWS Parameter Store (several parameters)";
    let names: Arc<[String]> = names.into_iter().collect();
    let timeout = access.timeout();
    CachedSecret::new(NAME, move || {
        let (access, names) = (Arc::clone(&access), Arc::clone(&names));
        async move { access.fetch(NAME, fetch_all(&access, &names)).await }
    })
    .with_timeout(timeout)
}

async fn fetch_all(access: &Access<Client>, names: &[String]) -> Result<SecretValue, VaultError> {
    let used = access.client().await?;
    let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
    for some in names.chunks(NAMES_PER_CALL) {
        let names = Some(some.to_vec());
        let call = used.client.get_parameters().set_names(names).with_decryption(true);
        let output = match call.send().await {
            Ok(output) => output,
            Err(error) => return Err(access.failed(&used, error).await),
        };
        for mut parameter in output.parameters.unwrap_or_default() {
            let value = Zeroizing::new(parameter.value.take().unwrap_or_default());
            if let Some(name) = some.iter().find(|name| is(&parameter, name)) {
                found.push((name.clone(), value));
            }
        }
    }
    json(&found).map_err(|_| other("the parameters cannot be kept"))
}

/// Whether it is the one that was asked for by this name or ARN, with this version or label.
fn is(parameter: &Parameter, asked: &str) -> bool {
    let version = format!(":{}", parameter.version);
    let selected = |rest: &str| match parameter.selector() {
        Some(selector) => rest.trim_start_matches(':') == selector.trim_start_matches(':'),
        // emulators leave it out
        None => rest.is_empty() || rest == version,
    };
    let is =
        |name: Option<&str>| name.and_then(|name| asked.strip_prefix(name)).is_some_and(selected);
    is(parameter.name()) || is(parameter.arn())
}

/// A JSON object, in a buffer that never moves and is wiped.
fn json(fields: &[(String, Zeroizing<String>)]) -> Result<SecretValue, serde_json::Error> {
    // an escape has at most six characters
    let longest: usize = fields.iter().map(|(name, text)| 6 * (name.len() + text.len()) + 6).sum();
    let mut buffer = Zeroizing::new(Vec::with_capacity(longest + 2));
    buffer.push(b'{');
    for (at, (name, text)) in fields.iter().enumerate() {
        if at > 0 {
            buffer.push(b',');
        }
        serde_json::to_writer(&mut *buffer, name)?;
        buffer.push(b':');
        serde_json::to_writer(&mut *buffer, text.as_str())?;
    }
    buffer.push(b'}');
    Ok(SecretValue::from(buffer.as_slice()))
}

service!(Client, Builder);

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn parameters_are_known_by_what_they_were_asked_for() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a";
        let plain = Parameter::builder().name("/a").arn(arn).build();
        let third = Parameter::builder().name("/a").arn(arn).selector(":3").build();
        // a label, and an emulator that does not repeat what was asked for
        let labelled = Parameter::builder().name("/a").version(3).selector(":prod").build();
        assert!(is(&labelled, "/a:prod") && !is(&labelled, "/a") && !is(&labelled, "/a:3"));
        let terse = Parameter::builder().name("/a").version(3).build();
        assert!(is(&terse, "/a:3") && is(&terse, "/a") && !is(&terse, "/a:4"));
        for (asked, is_plain, is_third) in [
            ("/a", true, false),
            ("/a:3", false, true),
            ("/a:4", false, false),
            ("/a/b", false, false),
            (arn, true, false),
            ("arn:aws:ssm:eu-west-1:123456789012:parameter/a:3", false, true),
        ] {
            assert_eq!((is(&plain, asked), is(&third, asked)), (is_plain, is_third), "{asked}");
        }
    }

    #[test]
    fn fields_are_kept_as_they_are() {
        let text = "q\"\\\n\u{1}ü\u{1f511}";
        let fields = [("/a".to_owned(), Zeroizing::new(text.to_owned()))];
        let value = json(&fields).unwrap();
        assert_eq!(value.field("x", "/a").unwrap().expose_secret(), text);
        assert!(json(&[]).unwrap().field("x", "/a").is_err());
    }
}
