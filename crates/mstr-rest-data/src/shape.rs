//! Whether headers, values and the definition of a page fit each other.

use mstr_rest_core::{Error, Result};

use crate::definition::{Grid, Unit};
use crate::error::broken;
use crate::page::{Data, NO_ELEMENT, PageByElement};

/// The units of an axis, one for each header entry: a custom group may have several.
pub(crate) fn slots<'u, 'a>(units: &'u [Unit<'a>]) -> impl Iterator<Item = &'u Unit<'a>> + Clone {
    units.iter().flat_map(|unit| std::iter::repeat_n(unit, unit.headers()))
}

/// How many rows the grid has. Without attributes in rows there is one, if there is any value.
pub(crate) fn grid_rows(grid: &Grid<'_>, data: &Data<'_>) -> usize {
    if grid.rows.is_empty() { data.cells.rows } else { data.rows.lists }
}

/// Prepares the headers of a page: an entry that repeats the one before it of the same unit is
/// empty (the upper levels of a custom group).
pub(crate) fn empty_repeated(grid: &Grid<'_>, data: &mut Data<'_>) {
    let width = data.rows.width.max(1);
    for place in repeatable(&grid.rows).filter(|place| *place < width) {
        for row in data.rows.flat.chunks_exact_mut(width) {
            if row[place] == row[place - 1] {
                row[place] = NO_ELEMENT;
            }
        }
    }
    let columns = &mut data.columns;
    for place in repeatable(&grid.columns).filter(|place| *place < columns.lists) {
        let (above, own) = columns.flat.split_at_mut(place * columns.width);
        for (own, above) in own.iter_mut().zip(&above[(place - 1) * columns.width..]) {
            if own == above {
                *own = NO_ELEMENT;
            }
        }
    }
}

/// The header entries that may repeat the one before them. Those of a unit from the last on: each
/// is compared with what the one before it was.
fn repeatable(units: &[Unit<'_>]) -> impl Iterator<Item = usize> {
    let mut next = 0;
    units.iter().flat_map(move |unit| {
        let first = next;
        next += unit.headers();
        (first + 1..next).rev()
    })
}

/// Headers and values fit the definition and each other: indices can be followed from here on, and
/// every value has a row and a column.
pub(crate) fn check_shape(grid: &Grid<'_>, data: &Data<'_>) -> Result<()> {
    let rows = grid_rows(grid, data);
    let (in_rows, in_columns) = (slots(&grid.rows).count(), slots(&grid.columns).count());
    if data.rows.lists > 0 && data.rows.width != in_rows {
        return Err(units("row", data.rows.width, in_rows));
    }
    if data.columns.width > 0 && data.columns.lists != in_columns {
        return Err(units("column", data.columns.lists, in_columns));
    }
    // without metrics there are no values, or rows of none; a column of values without a header is
    // that of a grid that has nothing in columns
    let columns = if grid.columns.is_empty() { 1 } else { data.columns.width };
    if data.cells.width > 0 && (data.cells.rows != rows || data.cells.width != columns) {
        return Err(broken(format!(
            "{} x {} values for {rows} rows and {columns} columns of headers",
            data.cells.rows, data.cells.width
        )));
    }
    let metrics = || grid.rows.iter().chain(&grid.columns).find(|unit| unit.is_metrics());
    if data.cells.width > 0 && metrics().is_none() {
        return Err(broken("it has values, but its definition has no metrics"));
    }
    if let Some(unit) = metrics()
        && data.cells.width == 0
        && rows > 0
        && (data.columns.width > 0 || grid.columns.is_empty())
        && !unit.elements.is_empty()
    {
        return Err(broken(format!("there are {rows} rows of {}, but no values", unit.name)));
    }
    for (place, unit) in slots(&grid.rows).enumerate() {
        let used = data.rows.flat.iter().skip(place).step_by(in_rows.max(1));
        check_indices(unit, used)?;
    }
    for (place, unit) in slots(&grid.columns).enumerate() {
        check_indices(unit, data.columns.list(place).iter())?;
    }
    Ok(())
}

fn check_indices<'i>(unit: &Unit<'_>, mut used: impl Iterator<Item = &'i u32>) -> Result<()> {
    let is_metrics = unit.is_metrics();
    let count = unit.elements.len();
    let is_known = |index: u32| (index as usize) < count || (index == NO_ELEMENT && !is_metrics);
    if used.any(|index| !is_known(*index)) {
        return Err(broken(format!(
            "a header names an element of {} that is not listed",
            unit.name
        )));
    }
    Ok(())
}

fn units(axis: &str, headers: usize, definition: usize) -> Error {
    broken(format!(
        "the {axis} headers have {headers} entries, but the definition has {definition} units \
         there (headerCount included)"
    ))
}

/// The element that each page-by unit shows; `asked` are the ids that were asked for, which count
/// where the page says nothing.
pub(crate) fn shown(grid: &Grid<'_>, data: &Data<'_>, asked: &[String]) -> Result<Vec<u32>> {
    let is_empty = grid_rows(grid, data) == 0;
    let found = grid.page_by.iter().enumerate().map(|(number, unit)| {
        let named = |id: &str| unit.elements.iter().position(|e| e.id.as_deref() == Some(id));
        let place = match data.current_page_by.get(number) {
            Some(PageByElement::Index(index)) if *index < 0 => return Ok(NO_ELEMENT),
            Some(PageByElement::Index(index)) => usize::try_from(*index).ok(),
            Some(PageByElement::Id(id) | PageByElement::Element { id }) => named(id),
            None => match asked.get(number) {
                Some(id) => named(id),
                // a unit with one element can show no other
                None => (unit.elements.len() == 1).then_some(0),
            },
        };
        let place = place.filter(|place| *place < unit.elements.len());
        let place = place.and_then(|place| u32::try_from(place).ok());
        if place.is_none() && is_empty {
            // a report without data shows no page
            return Ok(NO_ELEMENT);
        }
        place.ok_or_else(|| broken(format!("it does not say which {} it shows", unit.name)))
    });
    found.collect()
}
