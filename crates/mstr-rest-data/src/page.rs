//! One page of a grid as the server sends it, read straight from the JSON bytes.

mod lists;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::definition::{Definition, number, optional_number};
use lists::{Lists, ListsSeed, Optional, SeqSeed};

/// What one page holds.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    pub(crate) reading: Reading,
    pub(crate) status: Option<i64>,
    pub(crate) definition: Option<Definition<'a>>,
    pub(crate) data: Option<Data<'a>>,
}

#[derive(Debug, Default)]
pub(crate) struct Data<'a> {
    pub(crate) paging: Option<Paging>,
    /// Which elements the page-by units show.
    pub(crate) current_page_by: Vec<PageByElement>,
    pub(crate) rows: Headers,
    pub(crate) columns: Headers,
    pub(crate) cells: Cells<'a>,
    /// Of compound grids: the column headers and the values of each set.
    pub(crate) set_columns: Vec<Headers>,
    pub(crate) set_cells: Vec<Cells<'a>>,
}

/// Where a page stands among all rows of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Paging {
    /// Rows of the whole instance.
    #[serde(deserialize_with = "number")]
    pub(crate) total: u64,
    /// Rows of this page.
    #[serde(deserialize_with = "number")]
    pub(crate) current: u64,
    /// The first row of this page.
    #[serde(deserialize_with = "number")]
    pub(crate) offset: u64,
}

impl Paging {
    /// What a first page says of further ones, without reading it: a guess, for anything may be
    /// called `paging`. A text cannot be taken for it: its quotation marks would be escaped.
    pub(crate) fn glimpse(page: &[u8]) -> Option<Self> {
        const MEMBER: &[u8] = br#""paging":"#;
        let at = memchr::memmem::find(page, MEMBER)? + MEMBER.len();
        let mut values = serde_json::Deserializer::from_slice(page.get(at..)?).into_iter();
        let paging: Self = values.next()?.ok()?;
        (paging.offset == 0 && (1..paging.total).contains(&paging.current)).then_some(paging)
    }
}

/// Which element a page-by unit shows: no recording says how, so every way is understood.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum PageByElement {
    /// Negative where it shows none.
    Index(i64),
    Id(String),
    Element {
        id: String,
    },
}

/// The index of a header that has no element there (the server writes -1): an empty cell.
pub(crate) const NO_ELEMENT: u32 = u32::MAX;

/// Element indices, one list after the other.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) lists: usize,
    /// How long each list is.
    pub(crate) width: usize,
    pub(crate) flat: Vec<u32>,
}

impl Headers {
    pub(crate) fn list(&self, number: usize) -> &[u32] {
        let start = number * self.width;
        self.flat.get(start..start + self.width).unwrap_or_default()
    }
}

/// `metricValues.raw`, row after row.
#[derive(Debug, Default)]
pub(crate) struct Cells<'a> {
    pub(crate) rows: usize,
    /// How many cells a row has.
    pub(crate) width: usize,
    pub(crate) flat: Vec<Cell<'a>>,
}

impl<'a> Cells<'a> {
    pub(crate) fn row(&self, number: usize) -> &[Cell<'a>] {
        let start = number * self.width;
        self.flat.get(start..start + self.width).unwrap_or_default()
    }
}

/// One metric value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number that no `i64` holds is one too, until it is read by its digits.
    Float(f64),
    Text(Cow<'a, str>),
    /// A number as it is written, where its digits count.
    Digits(Cow<'a, str>),
}

/// How to read a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Numbers of metrics keep their digits: slower, for exact decimals alone.
    pub(crate) digits: bool,
}

impl Reading {
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Page<'_>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let page = (&mut deserializer).deserialize_map(PageVisitor(self))?;
        deserializer.end()?;
        Ok(page)
    }
}

struct PageVisitor(Reading);

impl<'de> Visitor<'de> for PageVisitor {
    type Value = Page<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of a grid")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page<'de>, A::Error> {
        let mut page = Page { reading: self.0, ..Page::default() };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "status" => page.status = map.next_value_seed(Lenient)?,
                "definition" => page.definition = map.next_value()?,
                "data" => page.data = map.next_value_seed(Optional(DataSeed(self.0)))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

struct DataSeed(Reading);

impl<'de> DeserializeSeed<'de> for DataSeed {
    type Value = Data<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DataSeed {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data<'de>, A::Error> {
        let mut data = Data::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "paging" => data.paging = map.next_value()?,
                "currentPageBy" => {
                    let shown: Option<Vec<PageByElement>> = map.next_value()?;
                    data.current_page_by = shown.unwrap_or_default();
                }
                "headers" => {
                    if let Some(all) = map.next_value_seed(Optional(HeadersSeed))? {
                        (data.rows, data.columns, data.set_columns) = all;
                    }
                }
                "metricValues" => {
                    let cells = map.next_value_seed(Optional(ValuesSeed(self.0)))?;
                    (data.cells, data.set_cells) = cells.unwrap_or_default();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(data)
    }
}

struct HeadersSeed;

impl<'de> DeserializeSeed<'de> for HeadersSeed {
    type Value = (Headers, Headers, Vec<Headers>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeadersSeed {
    type Value = (Headers, Headers, Vec<Headers>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the headers of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Self::Value::default();
        let seed = ListsSeed(IndexSeed);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "rows" => all.0 = map.next_value_seed(Optional(seed))?.unwrap_or_default().into(),
                "columns" => {
                    all.1 = map.next_value_seed(Optional(seed))?.unwrap_or_default().into();
                }
                "columnSets" => {
                    let sets = map.next_value_seed(Optional(SeqSeed(seed)))?.unwrap_or_default();
                    all.2 = sets.into_iter().map(Headers::from).collect();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(all)
    }
}

/// The values of the grid, and those of each column set of a compound one.
#[derive(Clone, Copy)]
struct ValuesSeed(Reading);

impl<'de> DeserializeSeed<'de> for ValuesSeed {
    type Value = (Cells<'de>, Vec<Cells<'de>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValuesSeed {
    type Value = (Cells<'de>, Vec<Cells<'de>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metric values of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = Self::Value::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "raw" => {
                    let lists = map.next_value_seed(Optional(ListsSeed(CellSeed(self.0))))?;
                    values.0 = lists.unwrap_or_default().into();
                }
                "columnSets" => {
                    let sets = map.next_value_seed(Optional(SeqSeed(self)))?;
                    values.1 = sets.unwrap_or_default().into_iter().map(|(own, _)| own).collect();
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

/// A number, as a number or as text; what is neither counts as not said.
struct Lenient;

impl<'de> DeserializeSeed<'de> for Lenient {
    type Value = Option<i64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        optional_number(deserializer)
    }
}

impl From<Lists<u32>> for Headers {
    fn from(lists: Lists<u32>) -> Self {
        Self { lists: lists.count, width: lists.width, flat: lists.flat }
    }
}

impl<'a> From<Lists<Cell<'a>>> for Cells<'a> {
    fn from(lists: Lists<Cell<'a>>) -> Self {
        Self { rows: lists.count, width: lists.width, flat: lists.flat }
    }
}

#[derive(Clone, Copy)]
struct IndexSeed;

impl<'de> DeserializeSeed<'de> for IndexSeed {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        let index = i64::deserialize(deserializer)?;
        if index < 0 {
            return Ok(NO_ELEMENT);
        }
        let place = u32::try_from(index).ok().filter(|place| *place != NO_ELEMENT);
        place.ok_or_else(|| serde::de::Error::custom("the index of an element is too large"))
    }
}

#[derive(Clone, Copy)]
struct CellSeed(Reading);

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        if !self.0.digits {
            return deserializer.deserialize_any(self);
        }
        let text = <&RawValue>::deserialize(deserializer)?.get();
        match text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => Ok(Cell::Digits(Cow::Borrowed(text))),
            _ => serde_json::Deserializer::from_str(text)
                .deserialize_any(self)
                .map_err(serde::de::Error::custom),
        }
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a metric value: a number, a text, true, false or null")
    }

    fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell<'de>, E> {
        #[allow(clippy::cast_precision_loss, reason = "no integer type is wide enough")]
        Ok(i64::try_from(value).map_or(Cell::Float(value as f64), Cell::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(value.to_owned())))
    }
}
