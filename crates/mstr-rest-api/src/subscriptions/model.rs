//! What the server says of a subscription.

use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;

use crate::{Named, dates, lenient};

/// A subscription.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Subscription {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Whose it is.
    pub owner: Option<Named>,
    /// Whether the user may change it.
    #[serde(deserialize_with = "lenient::boolean")]
    pub editable: Option<bool>,
    /// When it was made.
    #[serde(deserialize_with = "dates::date")]
    pub date_created: Option<SystemTime>,
    /// When it was changed last.
    #[serde(deserialize_with = "dates::date")]
    pub date_modified: Option<SystemTime>,
    /// When it is delivered.
    #[serde(deserialize_with = "lenient::or_default")]
    pub schedules: Vec<Named>,
    /// What is delivered.
    #[serde(deserialize_with = "lenient::or_default")]
    pub contents: Vec<Content>,
    /// To whom.
    #[serde(deserialize_with = "lenient::or_default")]
    pub recipients: Vec<Recipient>,
    /// How, as the server has it: `mode` is `EMAIL`, `FILE`, `PRINTER`, `HISTORY_LIST`, `CACHE` ...
    pub delivery: Option<Value>,
}

impl Subscription {
    /// How it is delivered: `EMAIL`, `FILE` ...
    pub fn mode(&self) -> Option<&str> {
        self.delivery.as_ref()?.get("mode")?.as_str()
    }
}

/// Something that is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Content {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is: `report`, `document`, `dossier`, `cube`.
    #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
}

/// Somebody to whom it is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Recipient {
    /// The id of the user, group, contact or address.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is: `user`, `user_group`, `contact`, `personal_address` ...
    #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// Whether it gets it openly: `TO`, `CC`, `BCC`.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub include_type: Option<String>,
}
