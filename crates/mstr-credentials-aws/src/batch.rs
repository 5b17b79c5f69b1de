//! Parameters that are fetched together: which call asks for which, and which entry of a reply
//! belongs to which name.
//!
//! A batch is one [`CachedSecret`] whose fields are the names, so that they have one fetch and one
//! invalidation. The text of a field begins with a mark: `=` stands before a value, `!` is a parameter
//! that AWS does not know, `?` one that the reply does not mention. Without the mark a missing one would
//! be an unreadable field, for which a cached secret fetches everything again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_ssm::{Client, types::Parameter};
use mstr_credentials::{
    CachedSecret, CredentialError, SecretField, SecretProvider, SecretString, SecretValue,
    VaultError, VaultErrorKind,
};
use zeroize::Zeroizing;

use crate::{
    arn::region_of_arn,
    connection::{Access, other},
    parameter_values::Keep,
};

/// How many names `GetParameters` takes.
const NAMES_PER_CALL: usize = 10;

const NAME: &str = "AWS Parameter Store (several parameters)";

/// One access for each region that ARNs name.
pub(crate) struct Regions {
    base: Arc<Access<Client>>,
    others: Mutex<BTreeMap<String, Arc<Access<Client>>>>,
}

impl Regions {
    pub(crate) fn new(base: Arc<Access<Client>>) -> Self {
        Self { base, others: Mutex::default() }
    }

    /// Where a parameter is asked for: an ARN in its region.
    pub(crate) fn of(&self, name: &str) -> Arc<Access<Client>> {
        let region = region_of_arn(name).filter(|region| self.base.region() != Some(region));
        let Some(region) = region else { return Arc::clone(&self.base) };
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let access = others.entry(region).or_insert_with_key(|region| {
            self.base.changed(|settings| settings.region = Some(region.clone()))
        });
        Arc::clone(access)
    }
}

/// Parameters that are fetched together.
pub(crate) struct Batch {
    regions: Arc<Regions>,
    secret: CachedSecret,
    /// Names that were said to be missing since the last fetch.
    told: Arc<Mutex<BTreeSet<String>>>,
}

impl Batch {
    pub(crate) fn new(regions: Arc<Regions>, names: Arc<[String]>, keep: Keep) -> Arc<Self> {
        let timeout = regions.base.timeout();
        let told: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let (asked, forgotten) = (Arc::clone(&regions), Arc::clone(&told));
        let secret = CachedSecret::new(NAME, move || {
            let (regions, names) = (Arc::clone(&asked), Arc::clone(&names));
            let told = Arc::clone(&forgotten);
            async move {
                let fetched = regions.base.fetch(NAME, fetch_all(&regions, &names)).await?;
                told.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Ok::<_, CredentialError>(fetched)
            }
        });
        let secret = keep.of(secret).with_timeout(timeout);
        Arc::new(Self { regions, secret, told })
    }

    pub(crate) fn field(self: &Arc<Self>, name: String) -> BatchField {
        BatchField { batch: Arc::clone(self), field: self.secret.field(name.clone()), name }
    }

    /// A parameter that the last fetch did not find. The first time that is the answer; from then on
    /// it is asked for again, and alone.
    async fn missing(&self, name: &str) -> Result<SecretString, CredentialError> {
        let shown = shown(name);
        let first = || {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(name.to_owned())
        };
        if first() {
            return Err(CredentialError::vault(&shown, not_found()));
        }
        let access = self.regions.of(name);
        let names = [name];
        let found = access.fetch(&shown, async { fetch(&access, &names).await }).await?;
        match found.into_iter().next().map(|(_, found)| found) {
            Some(Found::Value(value)) => {
                // with the next fetch it comes with the others
                self.secret.invalidate();
                SecretValue::from(value.as_str()).text(&shown)
            }
            Some(Found::Missing) => Err(CredentialError::vault(&shown, not_found())),
            _ => Err(CredentialError::vault(&shown, unanswered())),
        }
    }
}

/// One parameter of a batch.
#[derive(Clone)]
pub(crate) struct BatchField {
    batch: Arc<Batch>,
    field: SecretField,
    name: String,
}

impl SecretProvider for BatchField {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let marked = self.field.secret().await?;
        match marked.expose_secret().split_at_checked(1) {
            // says that it is empty, if it is
            Some(("=", value)) => SecretValue::from(value).text(&shown(&self.name)),
            Some(("!", _)) => self.batch.missing(&self.name).await,
            _ => Err(CredentialError::vault(&shown(&self.name), unanswered())),
        }
    }

    fn invalidate(&self) {
        self.field.invalidate();
    }

    fn timeout(&self) -> Option<Duration> {
        self.field.timeout()
    }
}

impl fmt::Debug for BatchField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchField").field("name", &self.name).finish_non_exhaustive()
    }
}

fn shown(name: &str) -> String {
    format!("AWS parameter {name}")
}

fn not_found() -> VaultError {
    let what = "there is no such parameter, version or label: check the name and the region";
    VaultError::new(VaultErrorKind::NotFound, what).with_code("ParameterNotFound")
}

fn unanswered() -> VaultError {
    other("the reply does not mention it, nor another version than the one that was asked for")
}

/// What a reply says of one name.
enum Found {
    Value(Zeroizing<String>),
    Missing,
    Unanswered,
}

async fn fetch_all(regions: &Regions, names: &[String]) -> Result<SecretValue, VaultError> {
    let mut calls: BTreeMap<Option<String>, Vec<&str>> = BTreeMap::new();
    for name in names {
        let region = region_of_arn(name).filter(|region| regions.base.region() != Some(region));
        calls.entry(region).or_default().push(name);
    }
    let mut found = Vec::with_capacity(names.len());
    for names in calls.into_values() {
        let access = regions.of(names[0]);
        for names in calls_for(&names) {
            found.extend(fetch(&access, &names).await?);
        }
    }
    let fields: Vec<_> = found.iter().map(|(name, it)| (name.clone(), it.marked())).collect();
    object(&fields)
}

/// The names of each call: at most ten, and no parameter twice. AWS answers once for a parameter with
/// two names, and emulators do not say which version an entry was asked for by.
fn calls_for<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut calls: Vec<Vec<&str>> = Vec::new();
    for name in names {
        let key = Asked::of(name).key();
        let fits = |call: &&mut Vec<&str>| {
            call.len() < NAMES_PER_CALL && call.iter().all(|name| Asked::of(name).key() != key)
        };
        match calls.iter_mut().find(fits) {
            Some(call) => call.push(name),
            None => calls.push(vec![name]),
        }
    }
    calls
}

/// One call.
async fn fetch(
    access: &Access<Client>,
    names: &[&str],
) -> Result<Vec<(String, Found)>, VaultError> {
    let used = access.client().await?;
    let all = names.iter().map(|name| (*name).to_owned()).collect();
    let call = used.client.get_parameters().set_names(Some(all)).with_decryption(true);
    let output = match call.send().await {
        Ok(output) => output,
        Err(error) => return Err(access.failed(&used, error).await),
    };
    let missing = output.invalid_parameters.unwrap_or_default();
    let mut entries = output.parameters.unwrap_or_default();
    let of_name = |name: &&str| {
        let asked = Asked::of(name);
        let entry = entries.iter_mut().find(|entry| asked.is(entry));
        let found = match entry.and_then(|entry| entry.value.take()).map(Zeroizing::new) {
            Some(value) => Found::Value(value),
            None if missing.iter().any(|missing| missing == name) => Found::Missing,
            None => Found::Unanswered,
        };
        ((*name).to_owned(), found)
    };
    Ok(names.iter().map(of_name).collect())
}

/// A name or ARN, with a version or label.
struct Asked<'a> {
    name: &'a str,
    selector: &'a str,
}

impl<'a> Asked<'a> {
    fn of(text: &'a str) -> Self {
        // an ARN has five colons of its own
        let own = if text.starts_with("arn:") { 5 } else { 0 };
        match text.match_indices(':').nth(own) {
            Some((at, _)) => Self { name: &text[..at], selector: &text[at + 1..] },
            None => Self { name: text, selector: "" },
        }
    }

    /// The same for all names of one parameter. An ARN has no slash before a name without one.
    fn key(&self) -> &'a str {
        let name = match self.name.strip_prefix("arn:") {
            Some(arn) => arn.split_once(":parameter").map_or(arn, |(_, name)| name),
            None => self.name,
        };
        name.trim_start_matches('/')
    }

    /// Whether this entry of a reply is the one that was asked for, among those of a call without two
    /// names of one parameter.
    fn is(&self, entry: &Parameter) -> bool {
        let named = [entry.name(), entry.arn()].into_iter().flatten();
        if !named.into_iter().any(|name| Asked::of(name).key() == self.key()) {
            return false;
        }
        match entry.selector().map(|selector| selector.trim_start_matches(':')) {
            Some(selector) if !selector.is_empty() => selector == self.selector,
            // emulators leave it out
            _ => self.selector.parse().ok().is_none_or(|version: i64| version == entry.version),
        }
    }
}

impl Found {
    /// The text of a field.
    fn marked(&self) -> Zeroizing<String> {
        let (mark, value) = match self {
            Self::Value(value) => ("=", value.as_str()),
            Self::Missing => ("!", ""),
            Self::Unanswered => ("?", ""),
        };
        // not moved when it grows: what is left behind is not wiped
        let mut text = Zeroizing::new(String::with_capacity(mark.len() + value.len()));
        text.push_str(mark);
        text.push_str(value);
        text
    }
}

/// A JSON object with these fields, in a buffer that never moves and is wiped.
pub(crate) fn object(fields: &[(String, Zeroizing<String>)]) -> Result<SecretValue, VaultError> {
    // an escape has at most six characters
    let longest: usize = fields.iter().map(|(name, text)| 6 * (name.len() + text.len()) + 6).sum();
    let mut buffer = Zeroizing::new(Vec::with_capacity(longest + 2));
    buffer.push(b'{');
    for (at, (name, text)) in fields.iter().enumerate() {
        if at > 0 {
            buffer.push(b',');
        }
        let written = serde_json::to_writer(&mut *buffer, name).and_then(|()| {
            buffer.push(b':');
            serde_json::to_writer(&mut *buffer, text.as_str())
        });
        written.map_err(|_| other("the parameters cannot be kept"))?;
    }
    buffer.push(b'}');
    Ok(SecretValue::from(buffer.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_names_a_parameter_twice() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a";
        let third = format!("{arn}:3");
        let calls = calls_for(&["/a", arn, "/b", "/a:3", &third, "a/b"]);
        assert_eq!(calls, [vec!["/a", "/b", "a/b"], vec![arn], vec!["/a:3"], vec![&third]]);
        let many: Vec<String> = (0..21).map(|n| format!("/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let sizes: Vec<usize> = calls_for(&many).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 10, 1]);
    }

    #[test]
    fn names_have_selectors() {
        let arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a";
        for (text, name, selector) in [
            ("/a/b", "/a/b", ""),
            ("/a:3", "/a", "3"),
            ("a:label", "a", "label"),
            (arn, arn, ""),
            ("arn:aws:ssm:eu-west-1:123456789012:parameter/a:3", arn, "3"),
        ] {
            let asked = Asked::of(text);
            assert_eq!((asked.name, asked.selector), (name, selector));
        }
    }

    #[test]
    fn fields_are_kept_as_they_are() {
        let text = "q\"\\\n\u{1}ü\u{1f511}";
        let fields = [("/a".to_owned(), Zeroizing::new(text.to_owned()))];
        let value = object(&fields).unwrap();
        assert_eq!(value.field("x", "/a").unwrap().expose_secret(), text);
        assert!(object(&[]).unwrap().field("x", "/a").is_err());
    }
}
