//! What a report or a cube is made of: attributes, metrics, and rows that follow from a seed, so
//! that any number of them needs no memory.

use crate::aggregate::Aggregation;
use crate::attribute::{ABSENT, Attribute, Axis};
use crate::random;
use crate::value::Cell;

/// The type of a metric's values or of an attribute form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// A whole number.
    Integer,
    /// A floating-point number with two decimals.
    #[default]
    Double,
    /// Numbers as [`Double`](Self::Double), declared as `reserved`, which says nothing about them
    /// (recorded).
    Reserved,
    /// More digits than a double holds: travels as text (inferred).
    BigDecimal,
    /// Text.
    VarChar,
    /// A day: `1/31/2016`, or `2016-01-31` if the client asks for standard dates.
    Date,
    /// A time of day.
    Time,
    /// A day and a time.
    TimeStamp,
}

impl DataType {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
        Self::Integer,
        Self::Double,
        Self::Reserved,
        Self::BigDecimal,
        Self::VarChar,
        Self::Date,
        Self::Time,
        Self::TimeStamp,
    ];

    /// Its name in replies.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Reserved => "reserved",
            Self::BigDecimal => "bigDecimal",
            Self::VarChar => "varChar",
            Self::Date => "date",
            Self::Time => "time",
            Self::TimeStamp => "timeStamp",
        }
    }

    /// What kind of form it makes: `number`, `text`, `date` ...
    pub(crate) fn base_type(self) -> &'static str {
        match self {
            Self::Integer | Self::Double | Self::Reserved | Self::BigDecimal => "number",
            Self::VarChar => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::TimeStamp => "datetime",
        }
    }
}

/// A metric of a report or a cube.
#[derive(Clone, Debug)]
pub struct Metric {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data_type: DataType,
    pub(crate) null_ratio: f64,
    pub(crate) aggregation: Aggregation,
    whole_until: u64,
}

impl Metric {
    /// A metric whose id follows from its name.
    pub fn new(name: &str, data_type: DataType) -> Self {
        let id = random::id_of(&format!("metric {name}"));
        let aggregation = Aggregation::default();
        let name = name.to_owned();
        Self { name, id, data_type, null_ratio: 0.0, aggregation, whole_until: 0 }
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The share of values that are null, from 0 to 1. Default: 0.
    #[must_use]
    pub fn nulls(mut self, ratio: f64) -> Self {
        self.null_ratio = ratio;
        self
    }

    /// Lets its values be whole numbers in so many rows, and have a fraction in all that follow,
    /// whatever its type says. For numbers.
    #[must_use]
    pub fn fractions_after(mut self, rows: u64) -> Self {
        self.whole_until = rows;
        self
    }

    /// How its values become one where a client asks for fewer attributes. Default (assumed): their
    /// sum.
    #[must_use]
    pub fn aggregation(mut self, function: Aggregation) -> Self {
        self.aggregation = function;
        self
    }
}

/// Rows that are kept: uploaded ones, or groups. Elements and values, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) elements: Vec<Vec<u64>>,
    pub(crate) values: Vec<Vec<Cell>>,
}

/// The data of a report or a cube.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) seed: u64,
    /// Makes other values of the same rows.
    pub(crate) metric_seed: u64,
    pub(crate) rows: u64,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) stored: Option<Stored>,
}

/// Where a row of the flat table lies in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) page: u64,
    pub(crate) row: u64,
    pub(crate) column: u64,
}

impl Dataset {
    pub(crate) fn new(name: &str, kind: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: random::id_of(&format!("{kind} {name}")),
            seed: 1,
            metric_seed: 0,
            rows: 100,
            attributes: Vec::new(),
            metrics: Vec::new(),
            stored: None,
        }
    }

    pub(crate) fn on(&self, axis: Axis) -> impl DoubleEndedIterator<Item = (usize, &Attribute)> {
        self.attributes.iter().enumerate().filter(move |(_, attribute)| attribute.axis == axis)
    }

    /// The number of element combinations of an axis.
    pub(crate) fn combinations(&self, axis: Axis) -> u64 {
        self.on(axis).map(|(_, attribute)| attribute.elements).fold(1, u64::saturating_mul)
    }

    /// Rows of one page of the grid, subtotals aside: without an attribute there is one.
    pub(crate) fn grid_rows(&self) -> u64 {
        match &self.stored {
            Some(stored) => stored.elements.len() as u64,
            None if self.on(Axis::Rows).next().is_none() => self.rows.min(1),
            None => self.rows,
        }
    }

    /// Rows of the flat table: one for each page, row and column element.
    pub(crate) fn flat_rows(&self) -> u64 {
        let columns = self.combinations(Axis::Columns);
        self.combinations(Axis::Pages).saturating_mul(self.grid_rows()).saturating_mul(columns)
    }

    pub(crate) fn place(&self, flat: u64) -> Place {
        let (columns, rows) = (self.combinations(Axis::Columns), self.grid_rows().max(1));
        Place { page: flat / columns / rows, row: flat / columns % rows, column: flat % columns }
    }

    pub(crate) fn flat(&self, place: Place) -> u64 {
        (place.page * self.grid_rows() + place.row) * self.combinations(Axis::Columns)
            + place.column
    }

    /// The elements of all attributes at a place.
    ///
    /// Rows are spread over the combinations of the row attributes' elements, in their order and
    /// with irregular gaps: no two rows are alike as long as there are combinations enough.
    pub(crate) fn elements(&self, place: Place) -> Vec<u64> {
        if let Some(stored) = &self.stored {
            let row = usize::try_from(place.row).unwrap_or(usize::MAX);
            return stored.elements.get(row).cloned().unwrap_or_default();
        }
        let mut elements = vec![0; self.attributes.len()];
        for (axis, number) in [
            (Axis::Rows, self.combination(place.row)),
            (Axis::Columns, place.column),
            (Axis::Pages, place.page),
        ] {
            let mut rest = number;
            for (at, attribute) in self.on(axis).rev() {
                if let Some(element) = elements.get_mut(at) {
                    *element = rest % attribute.elements;
                }
                rest /= attribute.elements;
            }
        }
        for (at, attribute) in self.on(Axis::Rows).filter(|(_, one)| one.empty_every > 0) {
            if let Some(element) = elements.get_mut(at)
                && place.row % attribute.empty_every == attribute.empty_every - 1
            {
                *element = ABSENT;
            }
        }
        elements
    }

    fn combination(&self, row: u64) -> u64 {
        let all = self.combinations(Axis::Rows);
        let rows = self.rows.max(1);
        if all < rows {
            return row % all;
        }
        let start = match row.checked_mul(all) {
            Some(product) => product / rows,
            None => {
                u64::try_from(u128::from(row) * u128::from(all) / u128::from(rows)).unwrap_or(all)
            }
        };
        start + random::mix(self.seed ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15)) % (all / rows)
    }

    /// A metric's value in a row of the flat table. `salt` makes another value for subtotals.
    pub(crate) fn cell(&self, metric: usize, flat: u64, salt: u64) -> Cell {
        let Some(found) = self.metrics.get(metric) else { return Cell::Null };
        if let Some(stored) = &self.stored {
            let row = usize::try_from(flat).ok().and_then(|row| stored.values.get(row));
            let value = row.and_then(|row| row.get(metric));
            return value.cloned().unwrap_or(Cell::Null);
        }
        let seed = self.seed.wrapping_add(self.metric_seed);
        let seed = random::mix(seed.wrapping_add(1 + metric as u64)).wrapping_add(salt);
        let bits = random::mix(seed ^ flat.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        match Cell::generate(found.data_type, found.null_ratio, bits) {
            cell if found.whole_until == 0 || cell == Cell::Null => cell,
            _ => Cell::whole_or_not(flat < found.whole_until, bits),
        }
    }

    pub(crate) fn attribute(&self, id: &str) -> Option<usize> {
        self.attributes.iter().position(|attribute| attribute.id == id)
    }

    pub(crate) fn metric(&self, id: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.id == id)
    }
}
