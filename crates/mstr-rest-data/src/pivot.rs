//! Grids with their metrics in rows: several grid rows make one row of the table.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::codes::{Group, PageCodes, any_subtotal};
use crate::page::{Cell, Data};

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// For each column of an attribute.
    pub(crate) keys: Vec<Option<i32>>,
    pub(crate) subtotal: bool,
    /// For each metric.
    pub(crate) cells: Vec<Option<Cell<'static>>>,
    /// The elements in rows, as numbers that hold over all pages.
    of: Vec<u32>,
}

/// Rows that are not complete yet, and where the row of which elements is.
#[derive(Debug, Default)]
pub(crate) struct Pivot {
    rows: Vec<Row>,
    places: HashMap<Vec<u32>, usize>,
}

/// Where the metrics are.
pub(crate) struct Metrics<'m> {
    /// The place of their unit among the row headers.
    pub(crate) at: usize,
    /// Which metric each element of that unit is.
    pub(crate) numbers: &'m [usize],
    /// How many there are.
    pub(crate) count: usize,
}

impl Pivot {
    /// Adds the values of a page.
    pub(crate) fn add(
        &mut self,
        page: &PageCodes<'_>,
        groups: &[Group],
        data: &Data<'_>,
        metrics: &Metrics<'_>,
        with_subtotals: bool,
    ) {
        for number in 0..data.rows.lists {
            let mut elements = data.rows.list(number).to_vec();
            let metric = metrics.numbers[elements.remove(metrics.at) as usize];
            let of_row = any_subtotal(page.row_codes, &elements);
            if of_row && !with_subtotals {
                continue;
            }
            let units = || {
                let shown = page.shown_codes.iter().zip(page.shown);
                shown.chain(page.row_codes.iter().zip(&elements))
            };
            let of: Vec<u32> = units().map(|(codes, element)| codes.identity(*element)).collect();
            for group in groups {
                let columns = || page.column_codes.iter().zip(&group.elements);
                let whole = columns().map(|(codes, element)| codes.identity(*element));
                let whole: Vec<u32> = of.iter().copied().chain(whole).collect();
                let place = self.places.get(&whole).copied();
                // a second value for the same elements begins another row
                let place = place.filter(|place| self.rows[*place].cells[metric].is_none());
                let place = place.unwrap_or_else(|| {
                    self.places.insert(whole, self.rows.len());
                    let keys = units().chain(columns());
                    self.rows.push(Row {
                        keys: keys.flat_map(|(codes, e)| codes.keys(*e)).collect(),
                        subtotal: of_row || any_subtotal(page.column_codes, &group.elements),
                        cells: vec![None; metrics.count],
                        of: of.clone(),
                    });
                    self.rows.len() - 1
                });
                let cell = group.cells.first().copied().flatten();
                let cell = cell.and_then(|cell| data.cells.row(number).get(cell));
                self.rows[place].cells[metric] = Some(cell.map_or(Cell::Null, own));
            }
        }
    }

    /// The rows that are complete when the metrics are the innermost unit: all but those of the
    /// last grid row, whose other metrics may come with the next page.
    pub(crate) fn take_complete(&mut self) -> Vec<Row> {
        let Some(last) = self.rows.last().map(|row| row.of.clone()) else { return Vec::new() };
        let first = self.rows.iter().position(|row| row.of == last).unwrap_or(0);
        let rest = self.rows.split_off(first);
        self.places.retain(|_, place| *place >= first);
        self.places.values_mut().for_each(|place| *place -= first);
        std::mem::replace(&mut self.rows, rest)
    }

    /// All rows, complete or not.
    pub(crate) fn take_all(&mut self) -> Vec<Row> {
        self.places.clear();
        std::mem::take(&mut self.rows)
    }
}

fn own(cell: &Cell<'_>) -> Cell<'static> {
    let text = |text: &Cow<'_, str>| Cow::Owned(text.as_ref().to_owned());
    match cell {
        Cell::Null => Cell::Null,
        Cell::Bool(value) => Cell::Bool(*value),
        Cell::Int(value) => Cell::Int(*value),
        Cell::Float(value) => Cell::Float(*value),
        Cell::Text(value) => Cell::Text(text(value)),
        Cell::Digits(value) => Cell::Digits(text(value)),
    }
}
