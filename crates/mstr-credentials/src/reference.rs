//! Credential references: `env:NAME`, `file:/run/secrets/x`, `aws-sm:prod/mstr#password`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use crate::CredentialError;

/// A parsed credential reference: a text that says where a secret is.
///
/// # Grammar
///
/// ```text
/// reference = scheme ":" body [ "?" option *( "&" option ) ] [ "#" field ]
/// scheme    = letter *( letter / digit / "-" / "+" / "." )
/// body      = 1*( escape / any character but "%" "?" "#" )
/// option    = name "=" value
/// name      = 1*( escape / any character but "%" "?" "#" "&" "=" )
/// value     =  *( escape / any character but "%" "?" "#" "&" )
/// field     = 1*( escape / any character but "%" "?" "#" )
/// escape    = "%" hex hex                ; bytes of UTF-8
/// ```
///
/// ASCII letters, digits and hex digits. Everything counts as it is written: nothing is trimmed, `+`
/// is a plus, upper and lower case differ. No option is given twice. The body means what its scheme
/// says; `field` is one field of the JSON object that is found there.
///
/// A duration, as in `?ttl=15m`, is a whole number with one of the units `s`, `m`, `h` and `d`.
///
/// [`as_str`](Self::as_str) gives back the text that was parsed, character for character.
///
/// ```
/// use mstr_credentials::{CredentialError, Reference};
///
/// # fn main() -> Result<(), CredentialError> {
/// let reference: Reference = "aws-sm:prod/mstr?region=eu-west-1#password".parse()?;
/// assert_eq!(reference.scheme(), "aws-sm");
/// assert_eq!(reference.body(), "prod/mstr");
/// assert_eq!(reference.option("region"), Some("eu-west-1"));
/// assert_eq!(reference.field(), Some("password"));
///
/// // colons and slashes need no escape, the four characters ? # % and (in options) & do
/// let reference: Reference = "azure-kv:https://v.vault.azure.net/name".parse()?;
/// assert_eq!(reference.body(), "https://v.vault.azure.net/name");
/// let reference: Reference = "file:/srv/100%25/what%3F".parse()?;
/// assert_eq!(reference.body(), "/srv/100%/what?");
/// # Ok(())
/// # }
/// ```
///
/// # It may not be one
///
/// A user may have put a password where a reference was meant to be. So there is no `Display`,
/// `Debug` shows nothing, and no error repeats any of the text.
#[derive(Clone)]
pub struct Reference {
    text: String,
    scheme: String,
    body: String,
    options: Vec<(String, String)>,
    field: Option<String>,
    /// Its scheme fetches secrets: it has the option `ttl`.
    fetched: bool,
}

/// The option of every reference whose secret is fetched.
const TTL: &str = "ttl";

impl Reference {
    /// Parses a reference; same as [`str::parse`].
    ///
    /// # Errors
    ///
    /// Says what is wrong in terms of the grammar. It never repeats the text.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let (scheme, rest) = split_scheme(text).ok_or_else(|| {
            malformed("it does not start with a scheme, like in env:MSTR_PASSWORD")
        })?;
        let (rest, field) = match rest.split_once('#') {
            Some((rest, field)) => (rest, Some(field)),
            None => (rest, None),
        };
        let (body, options) = match rest.split_once('?') {
            Some((body, options)) => (body, Some(options)),
            None => (rest, None),
        };
        if body.is_empty() {
            return Err(malformed("nothing stands after the scheme"));
        }
        let field = match field {
            Some("") => return Err(malformed("no field stands after the #")),
            Some(field) if field.contains(['?', '#']) => {
                return Err(malformed(
                    "options stand before the field; inside of it write ? as %3F and # as %23",
                ));
            }
            Some(field) => Some(unescape(field)?),
            None => None,
        };
        let mut parsed: Vec<(String, String)> = Vec::new();
        for option in options.into_iter().flat_map(|options| options.split('&')) {
            let (name, value) = match option.split_once('=') {
                Some((name, value)) if !name.is_empty() && !option.contains('?') => {
                    (unescape(name)?, unescape(value)?)
                }
                _ => {
                    return Err(malformed(
                        "options follow the ?, as in ?region=eu-west-1 (a ? that belongs to the \
                         text is written %3F)",
                    ));
                }
            };
            if parsed.iter().any(|(known, _)| *known == name) {
                return Err(malformed("an option is given twice"));
            }
            parsed.push((name, value));
        }
        Ok(Self {
            text: text.to_owned(),
            scheme: scheme.to_owned(),
            body: unescape(body)?,
            options: parsed,
            field,
            fetched: false,
        })
    }

    /// Escapes a text for use as body, option or field.
    ///
    /// ```
    /// use mstr_credentials::Reference;
    ///
    /// let path = "/srv/what?";
    /// let reference = format!("file:{}", Reference::escape(path));
    /// assert_eq!(reference, "file:/srv/what%3F");
    /// assert_eq!(Reference::parse(&reference).unwrap().body(), path);
    /// ```
    pub fn escape(text: &str) -> Cow<'_, str> {
        let special = |c: char| "%?#&=".contains(c) || c.is_ascii_control();
        if !text.contains(special) {
            return Cow::Borrowed(text);
        }
        let mut escaped = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            if special(c) {
                // special characters are ASCII
                let code = u32::from(c);
                escaped.push('%');
                for digit in [code / 16, code % 16] {
                    escaped.extend(char::from_digit(digit, 16).map(|d| d.to_ascii_uppercase()));
                }
            } else {
                escaped.push(c);
            }
        }
        Cow::Owned(escaped)
    }

    /// The text that was parsed. Not for errors and logs.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the first colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between the scheme and the options, unescaped.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The value of an option, unescaped.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// All options in the order they were given, unescaped.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The JSON field to take, unescaped.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The option `ttl`: after which time the secret is fetched anew.
    ///
    /// [`References::register_secret`](crate::References::register_secret) reads it for its schemes;
    /// a factory of [`References::register`](crate::References::register) that fetches can do so
    /// too.
    ///
    /// ```
    /// use mstr_credentials::Reference;
    /// use std::time::Duration;
    ///
    /// let reference = Reference::parse("aws-sm:prod/mstr?ttl=15m#password")?;
    /// assert_eq!(reference.ttl()?, Some(Duration::from_secs(15 * 60)));
    /// assert_eq!(Reference::parse("aws-sm:prod/mstr")?.ttl()?, None);
    /// # Ok::<_, mstr_credentials::CredentialError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no duration: see the [grammar](Self#grammar). The text is not repeated.
    pub fn ttl(&self) -> Result<Option<Duration>, CredentialError> {
        let Some(text) = self.option(TTL) else { return Ok(None) };
        duration(text).map(Some).ok_or_else(|| {
            CredentialError::new(format!(
                "the ttl of {} {} reference is no duration: write a number with a unit, as in 90s, \
                 15m, 12h or 1d",
                self.article(),
                self.scheme
            ))
        })
    }

    /// The same reference, with the option that every fetched secret has.
    pub(crate) fn of_fetched(&self) -> Self {
        Self { fetched: true, ..self.clone() }
    }

    /// What tells two secrets of one scheme apart: body and options, in an order of their own.
    pub(crate) fn key(&self) -> Result<(String, Vec<(String, String)>), CredentialError> {
        let ttl = self.ttl()?.map(|time| time.as_secs().to_string());
        let mut options: Vec<_> = self
            .options()
            .map(|(name, value)| match &ttl {
                // 60s and 1m are one time
                Some(seconds) if name == TTL => (name.to_owned(), seconds.clone()),
                _ => (name.to_owned(), value.to_owned()),
            })
            .collect();
        options.sort_unstable();
        Ok((self.body.clone(), options))
    }

    fn article(&self) -> &'static str {
        if self.scheme.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
    }

    /// For factories: refuses options that the scheme does not have. A scheme of
    /// [`register_secret`](crate::References::register_secret) has `ttl` besides those that are
    /// named here.
    ///
    /// ```
    /// use mstr_credentials::Reference;
    ///
    /// let reference = Reference::parse("aws-sm:prod/mstr?reigon=eu-west-1").unwrap();
    /// let error = reference.allow_options(&["region", "version"]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "an aws-sm reference has an unknown option; options: region, version",
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// Names the scheme and the options it has, not the ones that were given.
    pub fn allow_options(&self, allowed: &[&str]) -> Result<(), CredentialError> {
        let more = if self.fetched && !allowed.contains(&TTL) { &[TTL][..] } else { &[] };
        let allowed = [allowed, more].concat();
        if self.options.iter().all(|(name, _)| allowed.contains(&name.as_str())) {
            return Ok(());
        }
        let options = match allowed.as_slice() {
            [] => "none (a ? that belongs to the text is written %3F)".to_owned(),
            names => names.join(", "),
        };
        Err(CredentialError::new(format!(
            "{} {} reference has an unknown option; options: {options}",
            self.article(),
            self.scheme
        )))
    }
}

impl FromStr for Reference {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        Self::parse(text)
    }
}

/// Shows nothing: it may be a password.
impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference([redacted])")
    }
}

pub(crate) fn malformed(what: &str) -> CredentialError {
    CredentialError::new(format!("not a credential reference: {what}"))
}

fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut characters = scheme.chars();
    let valid = characters.next()?.is_ascii_alphabetic()
        && characters.all(|c| c.is_ascii_alphanumeric() || "-+.".contains(c));
    valid.then_some((scheme, rest))
}

/// `90s`, `15m`, `12h`, `1d`.
fn duration(text: &str) -> Option<Duration> {
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 60 * 60,
        b'd' => 24 * 60 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    // the parser would take a sign
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

fn unescape(text: &str) -> Result<String, CredentialError> {
    let wrong =
        || malformed("a % stands before the two hex digits of an escape; a % itself is %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let high = digit().ok_or_else(wrong)?;
        let low = digit().ok_or_else(wrong)?;
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| malformed("its escapes are not UTF-8"))
}
