//! Which type each column of a table has: chosen, declared, or what the values of the first page
//! need.

use mstr_rest_core::{Error, ErrorKind, Result};

use crate::codes::{Form, Group};
use crate::decoder::cells_of;
use crate::definition::{Grid, Unit};
use crate::error::broken;
use crate::layout::{Kinds, Layout};
use crate::options::GridOptions;
use crate::page::{Cell, Data};
use crate::value_type::Kind;

/// The types of all columns, as the first page has it.
pub(crate) fn settle(
    options: &GridOptions,
    layout: &Layout,
    groups: &[Group],
    grid: &Grid<'_>,
    data: &Data<'_>,
) -> Result<Kinds> {
    check_chosen(options, layout)?;
    let mut kinds = Kinds::default();
    for (attribute, unit) in layout.attributes().zip(attribute_units(grid)) {
        for form in 0..attribute.width() {
            let chosen =
                options.chosen_forms.iter().rev().find(|(by, _)| attribute.is_named(form, by));
            let kind = match chosen {
                Some((_, column)) => Kind::chosen(*column),
                None if options.attribute_types && options.flag.is_none() => {
                    let data_type = attribute.forms.get(form).and_then(|f| f.data_type.as_deref());
                    Form::widened(unit, form, Kind::of_form(data_type))
                }
                None => Kind::TEXT,
            };
            kinds.forms.push(kind);
        }
    }
    for (number, metric) in layout.metrics.iter().enumerate() {
        let chosen = options.chosen_metrics.iter().rev().find(|(by, _)| metric.is_named(by));
        if let Some((_, column)) = chosen {
            kinds.metrics.push(Kind::chosen(*column));
            continue;
        }
        let cells = cells_of(layout, number, groups, grid, data)?;
        let declared = Kind::of_metric(metric.data_type.as_deref(), options.big_decimal);
        let kind = declared.unwrap_or_else(|| Kind::guessed(&cells));
        kinds.metrics.push(kind.widened(&cells, options.big_decimal));
    }
    Ok(kinds)
}

/// The units that make columns of attributes, in the order of the columns.
pub(crate) fn attribute_units<'u, 'a>(grid: &'u Grid<'a>) -> impl Iterator<Item = &'u Unit<'a>> {
    let units = crate::shape::slots(&grid.rows).chain(crate::shape::slots(&grid.columns));
    grid.page_by.iter().chain(units.filter(|unit| !unit.is_metrics()))
}

/// Whether these cells can only be judged by the digits that the server wrote.
pub(crate) fn needs_digits(cells: &[&Cell<'_>]) -> bool {
    cells
        .iter()
        .any(|cell| matches!(cell, Cell::Float(value) if crate::column::is_beyond_integers(*value)))
}

/// A type that is chosen for a column that the table does not have is a mistake of the caller.
fn check_chosen(options: &GridOptions, layout: &Layout) -> Result<()> {
    for (by, _) in &options.chosen_metrics {
        if !layout.metrics.iter().any(|metric| metric.is_named(by)) {
            let names = layout.metrics.iter().map(|metric| metric.name.as_str());
            return Err(unknown("metric", by, names));
        }
    }
    for (by, _) in &options.chosen_forms {
        let is_it = |attribute: &crate::layout::Attribute| {
            (0..attribute.width()).any(|form| attribute.is_named(form, by))
        };
        if !layout.attributes().any(is_it) {
            let names = layout.attributes().map(|attribute| attribute.name.as_str());
            return Err(unknown("attribute", by, names));
        }
    }
    Ok(())
}

fn unknown<'n>(what: &str, by: &str, names: impl Iterator<Item = &'n str>) -> Error {
    let names: Vec<_> = names.collect();
    let message = format!(
        "a type is chosen for the {what} {by:?}, which the table does not have: it has {}",
        names.join(", ")
    );
    Error::new(ErrorKind::InvalidRequest, message)
}

/// The error for a value that its column does not hold.
pub(crate) fn unfit(what: &str, name: &str, kind: Kind) -> Error {
    let column = kind.column;
    let why = if kind.is_chosen() {
        format!("the type {} that was chosen for it; {} holds every value", column.name(), TEXT)
    } else {
        format!(
            "the type {} that earlier pages gave it, and a stream cannot change it: choose one \
             with GridOptions::{what}_type; {} holds every value",
            column.name(),
            TEXT
        )
    };
    broken(format!("the {what} {name} has a value that does not fit {why}"))
}

const TEXT: &str = "ValueType::Text";
