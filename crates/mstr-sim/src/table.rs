//! The table behind a report or a cube: what a client should get to see.

use crate::aggregate;
use crate::attribute::Axis;
use crate::dataset::{Dataset, Place};
use crate::value::{Dates, Value};

/// All data of a [`Report`](crate::Report) or a [`Cube`](crate::Cube) as a flat table: what a
/// correct client makes of the grid.
///
/// Attributes come first, then metrics, in the order in which they were added. Rows are made when
/// they are asked for. Their order is the grid's: pages, then rows, then columns.
#[derive(Clone, Debug)]
pub struct Table {
    data: Dataset,
    dates: Dates,
}

impl Table {
    pub(crate) fn new(data: Dataset) -> Self {
        Self { data, dates: Dates::default() }
    }

    /// Writes dates as a client gets them that asks for `standardDateFormat` and
    /// `standardRawDateFormat`: `2016-01-31`.
    #[must_use]
    pub fn standard_dates(mut self) -> Self {
        self.dates = Dates { iso_forms: true, iso_raw: true };
        self
    }

    /// What a server gives for fewer attributes and for these metrics, by name: rows with the same
    /// elements become one, and the metrics are [aggregated](crate::Aggregation). Names that are
    /// not there are left out; with all attributes it is the same table with fewer metrics.
    #[must_use]
    pub fn aggregated(&self, attributes: &[&str], metrics: &[&str]) -> Self {
        let all = self.data.attributes.iter().enumerate();
        let kept: Vec<usize> = all
            .filter(|(_, one)| attributes.contains(&one.name.as_str()))
            .map(|(at, _)| at)
            .collect();
        let mut data = aggregate::grouped(&self.data, &kept, 0..self.data.flat_rows());
        let shown = |at: usize| {
            let metric = self.data.metrics.get(at);
            metric.is_some_and(|metric| metrics.contains(&metric.name.as_str()))
        };
        keep(&mut data.attributes, |at| kept.contains(&at));
        keep(&mut data.metrics, shown);
        if let Some(stored) = &mut data.stored {
            stored.elements.iter_mut().for_each(|row| keep(row, |at| kept.contains(&at)));
            stored.values.iter_mut().for_each(|row| keep(row, shown));
        }
        Self { data, dates: self.dates }
    }

    /// The names of the columns as the official client makes them: an attribute's name, or
    /// `Attribute@Form` for each of several forms; then the metrics' names.
    pub fn columns(&self) -> Vec<String> {
        let attributes = self.data.attributes.iter();
        let attributes = attributes.flat_map(|attribute| attribute.columns(&attribute.all_forms()));
        attributes.chain(self.data.metrics.iter().map(|metric| metric.name.clone())).collect()
    }

    /// The number of rows.
    pub fn len(&self) -> u64 {
        self.data.flat_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row, counted from 0. Forms that an element does not have are [`Value::Null`].
    pub fn row(&self, row: u64) -> Vec<Value> {
        let elements = self.data.elements(self.data.place(row));
        let mut values = Vec::new();
        for (attribute, element) in self.data.attributes.iter().zip(elements) {
            for form in attribute.all_forms() {
                let value = attribute.form_value(form, element, self.dates);
                values.push(value.map_or(Value::Null, Value::Text));
            }
        }
        for metric in 0..self.data.metrics.len() {
            values.push(self.data.cell(metric, row, 0).value(self.dates));
        }
        values
    }

    /// All rows in their order.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Value>> + '_ {
        (0..self.len()).map(|row| self.row(row))
    }

    /// The rows of one page-by page, counted from 0 in the order of the elements.
    pub fn page(&self, page: u64) -> impl Iterator<Item = Vec<Value>> + '_ {
        let start = |page| self.data.flat(Place { page, row: 0, column: 0 });
        let end = start(page.saturating_add(1)).min(self.len());
        (start(page).min(end)..end).map(|row| self.row(row))
    }

    /// How many page-by pages there are: one without an attribute there.
    pub fn pages(&self) -> u64 {
        self.data.combinations(Axis::Pages)
    }
}

/// Leaves the items at these places.
fn keep<T>(items: &mut Vec<T>, is_kept: impl Fn(usize) -> bool) {
    let mut at = 0;
    items.retain(|_| {
        at += 1;
        is_kept(at - 1)
    });
}
