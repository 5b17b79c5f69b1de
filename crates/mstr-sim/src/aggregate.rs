//! Aggregation: rows with the same elements become one row, and its metrics are added up.
//!
//! That a server aggregates what is asked for with fewer attributes is documented. Assumed: the
//! function of each metric (sum, unless the test says otherwise), nulls are left out, values that
//! cannot be added (texts, dates) give the greatest one, and groups are sorted by their elements.

use std::collections::HashMap;

use crate::attribute::Axis;
use crate::dataset::{Dataset, Stored};
use crate::value::{Cell, Value};

/// How the values of a metric become one where a client asks for fewer attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregation {
    /// Their sum; of texts and dates the greatest.
    #[default]
    Sum,
    /// Their mean; of texts and dates the greatest.
    Average,
    /// The least of them.
    Minimum,
    /// The greatest of them.
    Maximum,
    /// How many there are that are not null.
    Count,
}

/// What a metric has in a group so far.
struct Running {
    function: Aggregation,
    count: u64,
    sum: f64,
    cell: Cell,
}

impl Running {
    fn new(function: Aggregation) -> Self {
        Self { function, count: 0, sum: 0.0, cell: Cell::Null }
    }

    fn push(&mut self, cell: Cell) {
        if cell.is_null() {
            return;
        }
        self.count += 1;
        self.sum += cell.number().unwrap_or_default();
        let known = std::mem::replace(&mut self.cell, Cell::Null);
        self.cell = match self.function {
            _ if known.is_null() => cell,
            Aggregation::Sum => known.plus(cell),
            Aggregation::Minimum if known.is_above(&cell) => cell,
            Aggregation::Minimum => known,
            _ if cell.is_above(&known) => cell,
            _ => known,
        };
    }

    fn finish(self) -> Cell {
        match self.function {
            Aggregation::Count => Cell::Integer(i64::try_from(self.count).unwrap_or(i64::MAX)),
            #[allow(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
            Aggregation::Average if self.cell.number().is_some() => {
                Cell::Stored(Value::Double(self.sum / self.count as f64))
            }
            _ => self.cell,
        }
    }
}

/// The rows of a table that were chosen, one for each combination of the elements of these
/// attributes. All attributes stay in the dataset; those that were not kept say nothing.
pub(crate) fn grouped(data: &Dataset, kept: &[usize], rows: impl Iterator<Item = u64>) -> Dataset {
    let mut places: HashMap<Vec<u64>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<u64>, Vec<Running>)> = Vec::new();
    for row in rows {
        let elements = data.elements(data.place(row));
        let mut key = vec![0; elements.len()];
        for at in kept {
            if let (Some(place), Some(element)) = (key.get_mut(*at), elements.get(*at)) {
                *place = *element;
            }
        }
        let next = groups.len();
        let place = *places.entry(key.clone()).or_insert(next);
        if place == next {
            let empty = data.metrics.iter().map(|metric| Running::new(metric.aggregation));
            groups.push((key, empty.collect()));
        }
        for (metric, running) in
            groups.get_mut(place).into_iter().flat_map(|(_, all)| all.iter_mut().enumerate())
        {
            running.push(data.cell(metric, row, 0));
        }
    }
    if kept.len() < data.attributes.len() {
        groups.sort_by(|(one, _), (two, _)| one.cmp(two));
    }
    let mut stored = Stored::default();
    for (elements, running) in groups {
        stored.elements.push(elements);
        stored.values.push(running.into_iter().map(Running::finish).collect());
    }
    let mut result = Dataset { stored: Some(stored), ..data.clone() };
    for attribute in &mut result.attributes {
        attribute.axis = Axis::Rows;
    }
    result
}
