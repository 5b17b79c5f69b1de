//! Compound grids: several sets of columns over the same rows (vendor documentation of dashboards,
//! recorded replies).
//!
//! `definition.grid.columnSets` has the units of each set, `data.metricValues.columnSets` its
//! values: rows x columns of the set. `data.headers.columnSets` has its column headers: recorded
//! replies have one list for each column there, unlike `data.headers.columns`, which has one for
//! each unit. Sets that hold
//! nothing but metrics are put side by side and read like any other grid; otherwise one is chosen.

use mstr_rest_core::{Error, ErrorKind, Result};

use crate::definition::{ColumnSet, Grid, Text, Unit};
use crate::error::broken;
use crate::page::{Cells, Data, Headers, NO_ELEMENT};
use crate::shape::slots;

/// Turns a compound grid into one with the columns of a set, or of all of them. Other grids stay
/// as they are.
pub(crate) fn flatten<'a>(
    grid: &mut Grid<'a>,
    data: &mut Data<'a>,
    chosen: Option<&str>,
) -> Result<()> {
    if grid.column_sets.is_empty() {
        return match chosen {
            Some(_) => Err(Error::new(
                ErrorKind::InvalidRequest,
                "a column set is chosen, but this grid is not a compound one: leave column_set out",
            )),
            None => Ok(()),
        };
    }
    let definitions = std::mem::take(&mut grid.column_sets);
    let mut headers = std::mem::take(&mut data.set_columns).into_iter();
    let mut values = std::mem::take(&mut data.set_cells).into_iter();
    let names: Vec<_> = definitions.iter().map(|set| set.name.clone()).collect();
    let mut sets = Vec::new();
    for definition in definitions {
        let cells = values.next().unwrap_or_default();
        let units = slots(&definition.columns).count();
        let columns = by_unit(headers.next().unwrap_or_default(), units, cells.width);
        sets.push(Set { definition, columns, cells });
    }
    if headers.next().is_some() || values.next().is_some() {
        return Err(broken("it has values of a column set that the definition does not list"));
    }
    let set = match chosen {
        Some(chosen) => {
            let is_it =
                |set: &Set<'_>| set.definition.name == chosen || set.definition.key == chosen;
            let number = sets.iter().position(is_it).ok_or_else(|| no_such_set(chosen, &names))?;
            sets.swap_remove(number)
        }
        // the only one with columns, or with values where metrics are in rows
        None if sets.iter().filter(|set| !set.is_empty()).count() <= 1 => {
            sets.into_iter().find(|set| !set.is_empty()).unwrap_or_default()
        }
        None => side_by_side(sets, &names)?,
    };
    grid.columns = set.definition.columns;
    data.columns = set.columns;
    data.cells = set.cells;
    Ok(())
}

/// Column headers with a list for each unit, whichever way they came.
fn by_unit(headers: Headers, units: usize, columns: usize) -> Headers {
    let is_by_column = headers.width == units && (headers.lists == columns || columns == 0);
    if !is_by_column {
        return headers;
    }
    let entry = |unit| (0..headers.lists).map(move |column| (unit, column));
    let entries = (0..units).flat_map(entry);
    let flat = entries.map(|(unit, column)| headers.list(column)[unit]).collect();
    Headers { lists: units, width: headers.lists, flat }
}

/// A set of columns with what a page holds of it.
#[derive(Default)]
struct Set<'a> {
    definition: ColumnSet<'a>,
    columns: Headers,
    cells: Cells<'a>,
}

impl Set<'_> {
    fn is_empty(&self) -> bool {
        self.definition.columns.is_empty() && self.cells.width == 0
    }
}

/// All sets as one of nothing but metrics.
fn side_by_side<'a>(sets: Vec<Set<'a>>, names: &[String]) -> Result<Set<'a>> {
    let sets: Vec<_> = sets.into_iter().filter(|set| !set.is_empty()).collect();
    let only_metrics =
        |set: &Set<'_>| matches!(set.definition.columns.as_slice(), [unit] if unit.is_metrics());
    if !sets.iter().all(only_metrics) {
        return Err(Error::new(
            ErrorKind::NotSupported,
            format!(
                "this is a compound grid whose column sets have attributes: they are no one table. \
                 Read one at a time with GridOptions::column_set: {}",
                names.join(", ")
            ),
        ));
    }
    let rows = sets.iter().map(|set| set.cells.rows).max().unwrap_or(0);
    let mut unit = Unit::default();
    let (mut indices, mut width) = (Vec::new(), 0);
    for set in &sets {
        if set.columns.lists > 1 || (set.cells.width > 0 && set.cells.rows != rows) {
            return Err(broken(format!(
                "the column set {} has {} rows of values where others have {rows}",
                set.definition.name, set.cells.rows
            )));
        }
        width += set.cells.width;
    }
    let mut cells = Cells { rows, width, flat: Vec::with_capacity(rows * width) };
    for row in 0..rows {
        for set in &sets {
            cells.flat.extend_from_slice(set.cells.row(row));
        }
    }
    for set in sets {
        let name = set.definition.name;
        let first = u32::try_from(unit.elements.len()).unwrap_or(NO_ELEMENT);
        let shifted = |index: &u32| match *index {
            NO_ELEMENT => NO_ELEMENT,
            index => index.saturating_add(first),
        };
        indices.extend(set.columns.list(0).iter().map(shifted));
        for own in set.definition.columns {
            unit.kind.clone_from(&own.kind);
            unit.name.clone_from(&own.name);
            for mut metric in own.elements {
                let in_set = |text: &str| Text::from(format!("{text} ({name})"));
                if unit.elements.iter().any(|other| other.id == metric.id) {
                    metric.id = metric.id.as_deref().map(in_set);
                }
                if unit.elements.iter().any(|other| other.name == metric.name) {
                    metric.name = metric.name.as_deref().map(in_set);
                }
                unit.elements.push(metric);
            }
        }
    }
    let columns = Headers { lists: 1, width: indices.len(), flat: indices };
    let definition = ColumnSet { columns: vec![unit], ..ColumnSet::default() };
    Ok(Set { definition, columns, cells })
}

fn no_such_set(chosen: &str, names: &[String]) -> Error {
    let message = format!("the grid has no column set {chosen:?}: it has {}", names.join(", "));
    Error::new(ErrorKind::InvalidRequest, message)
}
