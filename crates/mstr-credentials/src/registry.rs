//! The registry of credential references: which schemes there are, and what each makes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::{
    CachedSecret, Credential, CredentialError, EnvVar, Reference, SecretCommand, SecretFile,
    SystemdCredential, cached::Inner, reference::malformed,
};

type Factory = dyn Fn(&Reference) -> Result<Credential, CredentialError> + Send + Sync;

/// Which schemes there are, and how each makes a [`Credential`] of a [`Reference`].
///
/// | scheme | body | with `#field` |
/// | --- | --- | --- |
/// | `env:NAME` | variable, [read at every resolve](EnvVar) | field of the variable's JSON |
/// | `file:PATH` | file, [read at every resolve](SecretFile) | field of the file's JSON |
/// | `systemd:NAME` | [credential of a systemd unit](SystemdCredential), read at every resolve | field of its JSON |
/// | `keyring:SERVICE/USER` | entry of the operating system's keyring, read at every resolve; needs the feature `keyring`. `USER` follows the last slash | field of its JSON |
/// | `cmd:WORDS` | [command](SecretCommand), run at every resolve: its first line | field of all it prints, run once and [cached](CachedSecret) |
///
/// # Time to live
///
/// A secret that is fetched serves until it is [invalidated](CachedSecret::invalidate), which a
/// session does before it logs in again. The option `ttl` sets a time after which it is fetched anew
/// ([`CachedSecret::time_to_live`]): `aws-sm:prod/mstr?ttl=15m#password`. Every scheme of
/// [`register_secret`](Self::register_secret) has it, and so has `cmd`, whose first line is kept for
/// that time then. The other schemes read at every resolve and have no options.
///
/// # Commands
///
/// `WORDS` is a program with arguments, separated by white space, and
/// **not** a shell command: no variables, no patterns, no pipes. A word or part of one in `'..'` is
/// taken as it is; in `".."` too, but for `\"` and `\\`. Elsewhere a backslash is a backslash. As in
/// every reference, `?`, `#` and `%` are written `%3F`, `%23`, `%25`:
/// `cmd:op read "op://prod/mstr/one-time%3Fattribute=otp"`.
///
/// Cloned registries share what is cached.
///
/// ```
/// use mstr_credentials::{CredentialError, References};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CredentialError> {
/// let references = References::default();
/// let password = references.credential("env:MSTR_PASSWORD")?;
/// let json = references.credential("file:/run/secrets/mstr.json#password")?;
/// let command = references.credential("cmd:pass show 'mstr/my login'")?;
///
/// assert!(references.is_reference("env:MSTR_PASSWORD"));
/// assert!(!references.is_reference("https://example.com"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct References {
    schemes: BTreeMap<String, Arc<Factory>>,
    /// The features of schemes that are not built in.
    unavailable: BTreeMap<String, String>,
}

impl References {
    /// A registry without any scheme. [`default`](Self::default) has those of this crate.
    pub fn empty() -> Self {
        Self { schemes: BTreeMap::new(), unavailable: BTreeMap::new() }
    }

    /// Adds a scheme, or replaces it.
    ///
    /// `factory` gets a well-formed reference whose scheme is this one. It runs when the credential
    /// is made: it must not fetch anything. Its errors do not repeat what it was given. For a secret
    /// that is fetched, [`register_secret`](Self::register_secret) does more of the work.
    ///
    /// ```
    /// use mstr_credentials::{Credential, CredentialError, References};
    ///
    /// let mut references = References::default();
    /// references.register("upper-env", |reference| {
    ///     reference.allow_options(&[])?;
    ///     if reference.field().is_some() {
    ///         return Err(CredentialError::new("an upper-env reference has no field"));
    ///     }
    ///     Ok(Credential::env(reference.body().to_uppercase()))
    /// });
    /// assert!(references.credential("upper-env:mstr_password").is_ok());
    /// ```
    pub fn register(
        &mut self,
        scheme: impl Into<String>,
        factory: impl Fn(&Reference) -> Result<Credential, CredentialError> + Send + Sync + 'static,
    ) -> &mut Self {
        let scheme = scheme.into();
        self.unavailable.remove(&scheme);
        self.schemes.insert(scheme, Arc::new(factory));
        self
    }

    /// Adds a scheme whose secrets are fetched; references to one secret share one fetch.
    ///
    /// `factory` makes the secret of a reference's body and options; the field is seen to here. As
    /// long as a credential of it is alive, references with the same body and the same options (in
    /// any order) get the same [`CachedSecret`].
    ///
    /// The option [`ttl`](Reference::ttl) is seen to here as well, and need not be among those that
    /// the factory [allows](Reference::allow_options).
    ///
    /// ```
    /// use mstr_credentials::{CachedSecret, CredentialError, References};
    ///
    /// # async fn fetch(id: String) -> Result<String, CredentialError> { Ok(id) }
    /// let mut references = References::default();
    /// references.register_secret("my-vault", |reference| {
    ///     reference.allow_options(&["version"])?;
    ///     let id = reference.body().to_owned();
    ///     Ok(CachedSecret::new(format!("my vault's secret {id}"), move || fetch(id.clone())))
    /// });
    /// // one fetch for both
    /// let username = references.credential("my-vault:prod/mstr#username")?;
    /// let password = references.credential("my-vault:prod/mstr#password")?;
    /// # Ok::<_, CredentialError>(())
    /// ```
    pub fn register_secret(
        &mut self,
        scheme: impl Into<String>,
        factory: impl Fn(&Reference) -> Result<CachedSecret, CredentialError> + Send + Sync + 'static,
    ) -> &mut Self {
        let alive = Alive::default();
        self.register(scheme, move |reference| {
            let secret = alive.secret(&reference.of_fetched(), &factory)?;
            Ok(match reference.field() {
                Some(field) => secret.field(field).into(),
                None => secret.into(),
            })
        })
    }

    /// Adds a scheme that is known but not built in: using it is an error that names the cargo
    /// feature to turn on.
    ///
    /// ```
    /// use mstr_credentials::References;
    ///
    /// let mut references = References::default();
    /// references.register_unavailable("aws-sm", "aws");
    /// assert!(references.is_reference("aws-sm:prod/mstr"));
    /// assert_eq!(
    ///     references.credential("aws-sm:prod/mstr").unwrap_err().to_string(),
    ///     r#"aws-sm references need the cargo feature "aws""#,
    /// );
    /// ```
    pub fn register_unavailable(
        &mut self,
        scheme: impl Into<String>,
        feature: impl Into<String>,
    ) -> &mut Self {
        let (scheme, feature) = (scheme.into(), feature.into());
        let what = format!("{scheme} references need the cargo feature {feature:?}");
        self.register(scheme.clone(), move |_| Err(CredentialError::new(what.clone())));
        self.unavailable.insert(scheme, feature);
        self
    }

    /// The cargo feature that a reference needs and that is not built in; `None` for any other text.
    /// For programs that explain it in terms of their own features.
    ///
    /// ```
    /// use mstr_credentials::References;
    ///
    /// let mut references = References::default();
    /// references.register_unavailable("aws-sm", "aws");
    /// assert_eq!(references.missing_feature("aws-sm:prod/mstr"), Some("aws"));
    /// assert_eq!(references.missing_feature("env:MSTR_PASSWORD"), None);
    /// ```
    pub fn missing_feature(&self, reference: &str) -> Option<&str> {
        let (scheme, _) = reference.split_once(':')?;
        self.unavailable.get(scheme).map(String::as_str)
    }

    /// The registered schemes, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &str> {
        self.schemes.keys().map(String::as_str)
    }

    /// Whether a text starts with a registered scheme and a colon: whether it is meant as a
    /// reference, not whether it is a good one.
    pub fn is_reference(&self, text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| self.schemes.contains_key(scheme))
    }

    /// The credential that a reference stands for. Fetches nothing.
    ///
    /// # Errors
    ///
    /// The scheme is not registered (the error lists those that are) or its feature is off, the text
    /// does not follow the [grammar](Reference#grammar), or the scheme refuses the reference. The
    /// text is never repeated: it may be a password. (Later errors, from resolving, do name the
    /// variable, path or secret.)
    pub fn credential(&self, reference: &str) -> Result<Credential, CredentialError> {
        // the scheme first: what it is not registered for need not even be well-formed
        let factory = reference
            .split_once(':')
            .and_then(|(scheme, _)| self.schemes.get(scheme))
            .ok_or_else(|| {
                let known: Vec<&str> = self.schemes().collect();
                malformed(&format!("known schemes: {}", known.join(", ")))
            })?;
        factory(&Reference::parse(reference)?)
    }
}

impl Default for References {
    fn default() -> Self {
        let mut references = Self::empty();
        references.register("env", |reference| {
            reference.allow_options(&[])?;
            let variable = EnvVar::new(reference.body());
            Ok(match reference.field() {
                Some(field) => variable.field(field),
                None => variable.into(),
            })
        });
        references.register("file", |reference| {
            reference.allow_options(&[])?;
            let file = SecretFile::new(reference.body());
            Ok(match reference.field() {
                Some(field) => file.field(field),
                None => file.into(),
            })
        });
        references.register("systemd", |reference| {
            reference.allow_options(&[])?;
            let credential = SystemdCredential::new(reference.body());
            credential.check()?;
            Ok(match reference.field() {
                Some(field) => credential.field(field),
                None => credential.into(),
            })
        });
        #[cfg(not(feature = "keyring"))]
        references.register_unavailable("keyring", "keyring");
        #[cfg(feature = "keyring")]
        references.register("keyring", |reference| {
            reference.allow_options(&[])?;
            let parts = reference.body().rsplit_once('/');
            let parts = parts.filter(|(service, user)| !service.is_empty() && !user.is_empty());
            let (service, user) = parts.ok_or_else(|| {
                CredentialError::new("a keyring reference is like keyring:SERVICE/USER")
            })?;
            let entry = crate::SecretKeyring::new(service, user);
            Ok(match reference.field() {
                Some(field) => entry.field(field),
                None => entry.into(),
            })
        });
        // all that commands print, and their first lines
        let (outputs, lines) = (Alive::default(), Alive::default());
        references.register("cmd", move |reference| {
            let reference = reference.of_fetched();
            reference.allow_options(&[])?;
            let command = SecretCommand::new(words(reference.body())?);
            Ok(match (reference.field(), reference.ttl()?) {
                (Some(field), _) => {
                    outputs.secret(&reference, |_| Ok(command.cached()))?.field(field).into()
                }
                (None, Some(_)) => lines.secret(&reference, |_| Ok(command.cached_line()))?.into(),
                (None, None) => command.into(),
            })
        });
        references
    }
}

/// Shows the schemes.
impl fmt::Debug for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("References").field(&self.schemes.keys()).finish()
    }
}

/// Secrets that some credential still uses, by body and options. Weak: when the last of its
/// credentials is gone, so is the secret.
#[derive(Default)]
struct Alive(Mutex<HashMap<Key, Weak<Inner>>>);

type Key = (String, Vec<(String, String)>);

impl Alive {
    fn secret(
        &self,
        reference: &Reference,
        make: impl FnOnce(&Reference) -> Result<CachedSecret, CredentialError>,
    ) -> Result<CachedSecret, CredentialError> {
        let key = reference.key()?;
        let alive = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = alive().get(&key).and_then(CachedSecret::upgrade) {
            return Ok(secret);
        }
        // not under the lock: it is someone else's code
        let mut secret = make(reference)?;
        if let Some(time) = reference.ttl()? {
            secret = secret.time_to_live(time);
        }
        let mut alive = alive();
        if let Some(secret) = alive.get(&key).and_then(CachedSecret::upgrade) {
            return Ok(secret);
        }
        alive.retain(|_, secret| secret.strong_count() > 0);
        alive.insert(key, secret.downgrade());
        Ok(secret)
    }
}

/// The words of a `cmd:` reference (see [`References`]).
fn words(text: &str) -> Result<Vec<String>, CredentialError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        if !matches!(c, '\'' | '"') {
            word.push(c);
            continue;
        }
        loop {
            match rest.next() {
                None => return Err(CredentialError::new("a cmd reference has an open quote")),
                Some(end) if end == c => break,
                Some('\\') if c == '"' => {
                    word.push(rest.next_if(|next| matches!(next, '"' | '\\')).unwrap_or('\\'));
                }
                Some(inside) => word.push(inside),
            }
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err(CredentialError::new("a cmd reference names no program"));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_commands() {
        for (text, expected) in [
            ("op read x", vec!["op", "read", "x"]),
            ("  a\t b\n", vec!["a", "b"]),
            ("a 'b c' \"d e\"", vec!["a", "b c", "d e"]),
            ("a b'c d'e", vec!["a", "bc de"]),
            ("a '' \"\"", vec!["a", "", ""]),
            (r#"a "q\"q" "b\\b" "c\c""#, vec!["a", "q\"q", r"b\b", r"c\c"]),
            (r"C:\tools\op.exe 'C:\my files\'", vec![r"C:\tools\op.exe", r"C:\my files\"]),
            ("a $HOME * | ; `x`", vec!["a", "$HOME", "*", "|", ";", "`x`"]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        for (text, error) in [
            ("a 'b", "a cmd reference has an open quote"),
            ("a \"b\\\"", "a cmd reference has an open quote"),
            ("  ", "a cmd reference names no program"),
            ("'' x", "a cmd reference names no program"),
        ] {
            assert_eq!(words(text).unwrap_err().to_string(), error);
        }
    }
}
