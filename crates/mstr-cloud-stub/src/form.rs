//! Queries and forms.

use std::collections::BTreeMap;

/// Names and values; of several with one name the last counts.
pub(crate) fn parse(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
