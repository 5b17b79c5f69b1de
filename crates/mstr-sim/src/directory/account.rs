//! What belongs to a user besides the ways to log in.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::metadata::LONG_AGO;

/// Settings, addresses and privileges of a user.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) enabled: bool,
    pub(crate) created: String,
    pub(crate) modified: String,
    /// Members that the server keeps and does nothing with.
    pub(crate) members: Map<String, Json>,
    pub(crate) privileges: BTreeSet<String>,
    pub(crate) addresses: Vec<Json>,
    pub(crate) settings: Map<String, Json>,
}

/// Members that can be set, and what they are at first.
pub(crate) fn members() -> Map<String, Json> {
    let members = json!({
        "description": "",
        "passwordModifiable": true,
        "passwordAutoExpire": false,
        "passwordExpirationFrequency": 0,
        "requireNewPassword": false,
        "standardAuth": true,
        "ldapdn": "",
        "trustId": "",
        "databaseAuthLogin": "",
        "defaultEmailAddress": "",
    });
    members.as_object().cloned().unwrap_or_default()
}

impl Default for Account {
    fn default() -> Self {
        // both settings are read by clients; the ids are made up
        let settings = json!({
            "defaultTimezone": { "id": "", "name": "", "value": "" },
            "language": { "value": "00000409B37743C7B6B5B1C2C1A8B0C5", "editable": true },
        });
        Self {
            enabled: true,
            created: LONG_AGO.to_owned(),
            modified: LONG_AGO.to_owned(),
            members: members(),
            privileges: BTreeSet::new(),
            addresses: Vec::new(),
            settings: settings.as_object().cloned().unwrap_or_default(),
        }
    }
}
