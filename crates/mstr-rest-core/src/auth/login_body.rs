//! The JSON body of a login.

use std::borrow::Cow;

use bytes::Bytes;
use mstr_credentials::SecretString;
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use crate::login_options::LoginOptions;
use crate::{Error, ErrorKind, Result};

/// The JSON body of `POST /auth/login` and `/auth/delegate`.
pub(super) struct LoginBody<'a> {
    pub(super) members: &'a [(Cow<'static, str>, SecretString)],
    pub(super) mode: i64,
    /// `applicationType` and the other options. `None` for a delegation, which has no options.
    pub(super) options: Option<(i64, &'a LoginOptions)>,
}

impl LoginBody<'_> {
    /// Serializes the body. Its memory is wiped when the last clone is dropped; copies in the HTTP
    /// stack are not wiped.
    pub(super) fn to_bytes(&self) -> Result<Bytes> {
        let text: usize = self.members.iter().map(|(_, v)| v.expose_secret().len()).sum();
        // enough capacity, so that no copy is left behind by a reallocation: JSON escapes a byte
        // with at most six bytes
        let mut body = Zeroizing::new(Vec::with_capacity(4096 + 6 * text));
        serde_json::to_writer(&mut *body, self)
            .map_err(|_| Error::new(ErrorKind::Config, "the login body cannot be serialized"))?;
        Ok(Bytes::from_owner(body))
    }
}

impl Serialize for LoginBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // the order of the Python client; in a delegation the mode is the first member
        let mode_first = self.options.is_none();
        if mode_first {
            map.serialize_entry("loginMode", &self.mode)?;
        }
        for (name, value) in self.members {
            map.serialize_entry(name.as_ref(), value.expose_secret())?;
        }
        if !mode_first {
            map.serialize_entry("loginMode", &self.mode)?;
        }
        if let Some((application_type, options)) = self.options {
            map.serialize_entry("applicationType", &application_type)?;
            for (name, value) in options.texts() {
                if let Some(value) = value {
                    map.serialize_entry(name, value)?;
                }
            }
            for (name, value) in options.numbers() {
                if let Some(value) = value {
                    map.serialize_entry(name, &value)?;
                }
            }
        }
        map.end()
    }
}
