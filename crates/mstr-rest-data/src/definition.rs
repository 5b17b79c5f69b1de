//! What a page says about its grid: which attributes and metrics there are, and on which axis.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};

/// A text of the page: borrowed from its bytes unless it is written with escapes. A page has
/// thousands of elements. (`Option<Cow<str>>` would be an owned text each time.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_owned())))
    }
}

/// `definition.grid` of a page. Elements are page-local dictionaries.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Grid<'a> {
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) rows: Vec<Unit<'a>>,
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) columns: Vec<Unit<'a>>,
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) page_by: Vec<Unit<'a>>,
    /// Of compound grids only.
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) column_sets: Vec<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Definition<'a> {
    #[serde(borrow)]
    pub(crate) grid: Grid<'a>,
}

/// One unit of an axis: an attribute, a custom group, a consolidation, or all metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Unit<'a> {
    pub(crate) name: String,
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) forms: Vec<Form>,
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) elements: Vec<Element<'a>>,
}

/// The kind of the unit that holds all metrics.
pub(crate) const METRICS: &str = "templateMetrics";

impl Unit<'_> {
    pub(crate) fn is_metrics(&self) -> bool {
        self.kind == METRICS
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
pub(crate) struct Element<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    /// Always text, whatever the type of the form. A subtotal has one for all forms.
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) form_values: Vec<Option<Text<'a>>>,
    pub(crate) subtotal: bool,
    #[serde(borrow)]
    pub(crate) data_type: Option<Text<'a>>,
    /// Of metrics alone: elements of attributes are many and should be small.
    pub(crate) number_formatting: Option<Box<NumberFormatting>>,
}

impl Element<'_> {
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
