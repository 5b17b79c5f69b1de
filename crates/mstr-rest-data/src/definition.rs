//! What a page says about its grid: which attributes and metrics there are, and on which axis.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

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

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Numbers and booleans count as the text that they are written as.
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

    fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }
}

/// A member that should be a text: null is an empty one.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = Option::<Text<'de>>::deserialize(deserializer)?;
    Ok(text.map(|text| text.0.into_owned()).unwrap_or_default())
}

/// The same, where null means that nothing is said.
fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Text<'de>>::deserialize(deserializer)?.map(|text| text.0.into_owned()))
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
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) column_sets: Vec<ColumnSet<'a>>,
}

/// A set of columns of a compound grid.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ColumnSet<'a> {
    #[serde(deserialize_with = "text")]
    pub(crate) key: String,
    #[serde(deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) columns: Vec<Unit<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Definition<'a> {
    #[serde(borrow)]
    pub(crate) grid: Grid<'a>,
}

/// One unit of an axis: an attribute, a custom group, a consolidation, or all metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Unit<'a> {
    #[serde(deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(crate) kind: String,
    /// How many entries it has in each header. Custom groups have one for each level; not said it
    /// is one.
    #[serde(deserialize_with = "optional_number")]
    header_count: Option<usize>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(crate) forms: Vec<Form>,
    #[serde(borrow, deserialize_with = "null_is_empty")]
    pub(crate) elements: Vec<Element<'a>>,
}

/// Whether a unit of that type holds all metrics. Its type is spelled in two ways (recorded in
/// grids; vendor documentation of definitions).
pub(crate) fn is_metrics(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("templateMetrics") || kind.eq_ignore_ascii_case("metrics")
}

impl Unit<'_> {
    pub(crate) fn is_metrics(&self) -> bool {
        is_metrics(&self.kind)
    }

    /// How many columns each of its header entries makes.
    pub(crate) fn width(&self) -> usize {
        self.forms.len().max(1)
    }

    /// How many entries it has in each header.
    pub(crate) fn headers(&self) -> usize {
        self.header_count.unwrap_or(1).max(1)
    }
}

/// A form of an attribute.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Form {
    #[serde(deserialize_with = "text")]
    pub(crate) id: String,
    #[serde(deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(deserialize_with = "optional_text")]
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
    #[serde(deserialize_with = "null_is_empty")]
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
    #[serde(deserialize_with = "optional_text")]
    pub(crate) format_string: Option<String>,
    #[serde(deserialize_with = "optional_text")]
    pub(crate) currency_symbol: Option<String>,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A member that must be a whole number, as a number or as text.
pub(crate) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = Text::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("expected a whole number"))
}

/// The same where null means that nothing is said.
pub(crate) fn optional_number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    let text = Option::<Text<'de>>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}
