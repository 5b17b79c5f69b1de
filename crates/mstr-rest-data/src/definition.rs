//! What a page says about its grid: which attributes and metrics there are, and on which axis.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// `definition.grid` of a page. Elements are page-local dictionaries.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Grid {
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) rows: Vec<Unit>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) columns: Vec<Unit>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) page_by: Vec<Unit>,
    /// Of compound grids only.
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) column_sets: Vec<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Definition {
    pub(crate) grid: Grid,
}

/// One unit of an axis: an attribute, a custom group, a consolidation, or all metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) forms: Vec<Form>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) elements: Vec<Element>,
}

impl Unit {
    pub(crate) fn is_metrics(&self) -> bool {
        self.kind == "templateMetrics"
    }

    /// How many columns it makes.
    pub(crate) fn width(&self) -> usize {
        self.forms.len().max(1)
    }
}

/// A form of an attribute.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Form {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data_type: Option<String>,
}

/// An element of an attribute, or one of the metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Element {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    /// Always text, whatever the type of the form. A subtotal has one for all forms.
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) form_values: Vec<Option<String>>,
    pub(crate) subtotal: bool,
    pub(crate) data_type: Option<String>,
    pub(crate) number_formatting: Option<NumberFormatting>,
}

impl Element {
    /// The text of a form. A subtotal repeats its one value; elements without values (of custom
    /// groups and consolidations) have their name.
    pub(crate) fn text(&self, form: usize) -> Option<&str> {
        match self.form_values.as_slice() {
            [] if form == 0 => self.name.as_deref(),
            [one] if self.subtotal => one.as_deref(),
            values => values.get(form)?.as_deref(),
        }
    }
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NumberFormatting {
    pub(crate) format_string: Option<String>,
    pub(crate) currency_symbol: Option<String>,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
