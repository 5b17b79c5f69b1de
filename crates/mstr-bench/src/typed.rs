//! What decoding is compared with: the same bytes, by `serde_json` into structs and flat vectors.
//! It knows beforehand that every metric is a number, checks nothing, joins no pages and builds no
//! columns: less work than a decoder has.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

/// A page of a grid.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    definition: Definition<'a>,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Definition<'a> {
    #[serde(borrow)]
    grid: Grid<'a>,
}

#[derive(Debug, Deserialize)]
struct Grid<'a> {
    #[serde(borrow)]
    rows: Vec<Unit<'a>>,
}

#[derive(Debug, Deserialize)]
struct Unit<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    elements: Vec<Element<'a>>,
}

#[derive(Debug, Deserialize)]
struct Element<'a> {
    #[serde(borrow, rename = "formValues")]
    form_values: Vec<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    headers: Headers,
    metric_values: MetricValues,
}

#[derive(Debug, Deserialize)]
struct Headers {
    rows: Flat<u32>,
}

#[derive(Debug, Deserialize)]
struct MetricValues {
    raw: Flat<Option<f64>>,
}

impl Page<'_> {
    /// How much was read: nothing of it may be optimised away.
    pub(crate) fn size(&self) -> usize {
        let unit = |unit: &Unit<'_>| {
            let values = unit.elements.iter().map(|element| element.form_values.len());
            unit.name.len() + values.sum::<usize>()
        };
        let units: usize = self.definition.grid.rows.iter().map(unit).sum();
        units + self.data.headers.rows.0.len() + self.data.metric_values.raw.0.len()
    }
}

/// A list of lists without its inner brackets.
#[derive(Debug)]
struct Flat<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Flat<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Lists(PhantomData))
    }
}

struct Lists<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Lists<T> {
    type Value = Flat<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of lists")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut lists: A) -> Result<Flat<T>, A::Error> {
        let mut flat = Vec::new();
        while lists.next_element_seed(List(&mut flat))?.is_some() {}
        Ok(Flat(flat))
    }
}

struct List<'v, T>(&'v mut Vec<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element()? {
            self.0.push(value);
        }
        Ok(())
    }
}
