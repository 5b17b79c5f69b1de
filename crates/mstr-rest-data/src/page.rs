//! One page of a grid as the server sends it, read straight from the JSON bytes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::definition::Definition;

/// What one page holds.
#[derive(Debug, Default)]
pub(crate) struct Page<'a> {
    pub(crate) instance_id: Option<String>,
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
}

/// Where a page stands among all rows of its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Paging {
    /// Rows of the whole instance.
    pub(crate) total: u64,
    /// Rows of this page.
    pub(crate) current: u64,
    /// The first row of this page.
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
    Index(u32),
    Id(String),
    Element { id: String },
}

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
    Float(f64),
    Text(Cow<'a, str>),
    /// A number as it is written, where its digits count.
    Digits(Cow<'a, str>),
}

/// How to read a page.
#[derive(Debug, Clone, Copy, Default)]
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
        let mut page = Page::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "instanceId" => page.instance_id = map.next_value()?,
                "status" => page.status = map.next_value()?,
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

/// `null` or what the seed reads.
struct Optional<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, a list or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
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
                    if let Some((rows, columns)) = map.next_value_seed(Optional(HeadersSeed))? {
                        (data.rows, data.columns) = (rows, columns);
                    }
                }
                "metricValues" => {
                    let cells = map.next_value_seed(Optional(ValuesSeed(self.0)))?;
                    data.cells = cells.unwrap_or_default();
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
    type Value = (Headers, Headers);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeadersSeed {
    type Value = (Headers, Headers);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the headers of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut both = (Headers::default(), Headers::default());
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            let which = match &*key {
                "rows" => &mut both.0,
                "columns" => &mut both.1,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let table = map.next_value_seed(Optional(TableSeed(IndexSeed)))?.unwrap_or_default();
            *which = Headers { lists: table.lists, width: table.width, flat: table.flat };
        }
        Ok(both)
    }
}

struct ValuesSeed(Reading);

impl<'de> DeserializeSeed<'de> for ValuesSeed {
    type Value = Cells<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValuesSeed {
    type Value = Cells<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metric values of a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells = Cells::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key != "raw" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let table = map.next_value_seed(Optional(TableSeed(CellSeed(self.0))))?;
            let table = table.unwrap_or_default();
            cells = Cells { rows: table.lists, width: table.width, flat: table.flat };
        }
        Ok(cells)
    }
}

/// Lists of one length, without a vector for each.
struct Table<T> {
    lists: usize,
    width: usize,
    flat: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { lists: 0, width: 0, flat: Vec::new() }
    }
}

struct TableSeed<S>(S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for TableSeed<S> {
    type Value = Table<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for TableSeed<S> {
    type Value = Table<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lists: A) -> Result<Self::Value, A::Error> {
        let mut table = Table::default();
        loop {
            let before = table.flat.len();
            let list = ListSeed { into: &mut table.flat, seed: self.0 };
            if lists.next_element_seed(list)?.is_none() {
                return Ok(table);
            }
            let length = table.flat.len() - before;
            if table.lists == 0 {
                table.width = length;
            } else if table.width != length {
                return Err(serde::de::Error::custom(format_args!(
                    "list {} has {length} entries where the first has {}",
                    table.lists, table.width
                )));
            }
            table.lists += 1;
        }
    }
}

struct ListSeed<'v, T, S> {
    into: &'v mut Vec<T>,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for ListSeed<'_, S::Value, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for ListSeed<'_, S::Value, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element_seed(self.seed)? {
            self.into.push(value);
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct IndexSeed;

impl<'de> DeserializeSeed<'de> for IndexSeed {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        u32::deserialize(deserializer)
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
