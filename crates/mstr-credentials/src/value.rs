//! A whole secret as its source gave it, and the rules for reading text and fields out of it.

use std::{collections::BTreeMap, fmt};

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{CredentialError, SecretString};

/// A whole secret as its source gave it: bytes that are wiped when dropped.
///
/// It is what a fetch returns, and it holds the rules that all sources share: how bytes become
/// text, and how one field is read out of a JSON object.
///
/// ```
/// use mstr_credentials::{CredentialError, SecretValue};
///
/// # fn main() -> Result<(), CredentialError> {
/// let value = SecretValue::from(r#"{"username": "dave", "pin": 42.50}"#);
/// assert_eq!(value.field("secret prod/mstr", "username")?.expose_secret(), "dave");
/// assert_eq!(value.field("secret prod/mstr", "pin")?.expose_secret(), "42.50");
///
/// let error = value.field("secret prod/mstr", "password").unwrap_err();
/// assert_eq!(error.to_string(), r#"secret prod/mstr has no field "password""#);
/// # Ok(())
/// # }
/// ```
pub struct SecretValue(Zeroizing<Box<[u8]>>);

impl SecretValue {
    /// The whole value as text, as it is: nothing is trimmed.
    ///
    /// # Errors
    ///
    /// Names `source`; missing when the value is empty, otherwise it is not UTF-8.
    pub fn text(&self, source: &str) -> Result<SecretString, CredentialError> {
        let text = self.utf8(source)?;
        if text.is_empty() {
            return Err(CredentialError::missing(format!("{source} is empty")));
        }
        Ok(text.into())
    }

    /// [`text`](Self::text) without line ends (LF, CR LF) at the end, which editors and terminals
    /// leave.
    pub(crate) fn text_without_line_ends(
        &self,
        source: &str,
    ) -> Result<SecretString, CredentialError> {
        let mut bytes: &[u8] = &self.0;
        while let [rest @ .., b'\n'] = bytes {
            bytes = rest.strip_suffix(b"\r").unwrap_or(rest);
        }
        Self::from(bytes).text(source)
    }

    /// One field of the JSON object that the value holds.
    ///
    /// Text is given as it is (an empty one too) and a number as its JSON text, digit for digit.
    /// Of several fields with one name the last counts.
    ///
    /// # Errors
    ///
    /// Names `source` and `field`, and holds neither the value nor what a parser said about it:
    /// bytes that are not UTF-8, text that is not JSON, JSON that is not an object, no such field,
    /// a field that is null, a boolean, a list or an object.
    pub fn field(&self, source: &str, field: &str) -> Result<SecretString, CredentialError> {
        let wrong = |what: &str| Err(CredentialError::new(format!("{source} {what}")));
        let text = self.utf8(source)?;
        // Borrowing parsers: they copy no value. Their errors are dropped, they describe the input.
        let Ok(json) = serde_json::from_str::<&RawValue>(text) else {
            return wrong(&format!("is not JSON, so it has no field {field:?}"));
        };
        if !json.get().starts_with('{') {
            return wrong(&format!("is not a JSON object, so it has no field {field:?}"));
        }
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json.get()) else {
            return wrong(&format!("is not JSON, so it has no field {field:?}"));
        };
        let Some(value) = fields.get(field) else {
            return wrong(&format!("has no field {field:?}"));
        };
        let value = value.get();
        let kind = match value.as_bytes().first() {
            Some(b'"') => match unescape(value) {
                Some(text) => return Ok(text),
                None => "text with an escape that is no character",
            },
            Some(b'-' | b'0'..=b'9') => return Ok(value.into()),
            Some(b'n') => "null",
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            _ => "a boolean",
        };
        wrong(&format!("has {kind} as field {field:?}, where text or a number is needed"))
    }

    fn utf8(&self, source: &str) -> Result<&str, CredentialError> {
        // the error of the conversion tells positions: it is dropped
        std::str::from_utf8(&self.0)
            .map_err(|_| CredentialError::new(format!("{source} is not valid UTF-8")))
    }
}

/// Never shows the value.
impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue([redacted])")
    }
}

impl From<&[u8]> for SecretValue {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }
}

impl From<Vec<u8>> for SecretValue {
    /// Takes the bytes over and wipes the original.
    fn from(bytes: Vec<u8>) -> Self {
        // copied, since shrinking the vector in place could leave a part behind
        Zeroizing::new(bytes).as_slice().into()
    }
}

impl From<&str> for SecretValue {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for SecretValue {
    /// Takes the text over and wipes the original.
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<SecretString> for SecretValue {
    fn from(secret: SecretString) -> Self {
        secret.expose_secret().into()
    }
}

/// The text of a JSON string literal (quotes included, known to be well-formed); `None` when it has
/// half of a surrogate pair. Written here because `serde_json` would leave a copy in a buffer of its
/// own that is not wiped.
fn unescape(literal: &str) -> Option<SecretString> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    // an escape is never shorter than what it stands for: this is never reallocated
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        let mut used = at + 2;
        text.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex4(rest, used)?;
                used += 4;
                if let 0xd800..=0xdbff = first {
                    if rest.get(used..used + 2)? != "\\u" {
                        return None;
                    }
                    let second = hex4(rest, used + 2)?;
                    used += 6;
                    char::decode_utf16([first, second]).next()?.ok()?
                } else {
                    char::from_u32(u32::from(first))?
                }
            }
            _ => return None,
        });
        rest = &rest[used..];
    }
    text.push_str(rest);
    Some(text.as_str().into())
}

fn hex4(text: &str, at: usize) -> Option<u16> {
    u16::from_str_radix(text.get(at..at + 4)?, 16).ok()
}
