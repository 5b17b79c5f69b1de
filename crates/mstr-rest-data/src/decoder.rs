//! What is known of a table since the first page, and how a page becomes rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use mstr_rest_core::{Error, Result};

use crate::codes::{Codes, Form, Group, PageCodes, any_subtotal};
use crate::column::{Column, form_value};
use crate::definition::{Element, Grid, Unit};
use crate::dictionary::Dictionary;
use crate::error::broken;
use crate::layout::{Attribute, Kinds, Layout, MetricAxis};
use crate::options::GridOptions;
use crate::page::{Cell, Data, Reading};
use crate::pivot::{Metrics, Pivot, Row};
use crate::shape::{check_shape, grid_rows, slots};
use crate::types::{attribute_units, needs_digits, settle, unfit};
use crate::value_type::{Kind, ValueType};

/// What is known since the first page.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) layout: Layout,
    pub(crate) schema: SchemaRef,
    pub(crate) kinds: Kinds,
    pub(crate) options: GridOptions,
    /// One for each column of an attribute.
    dictionaries: Vec<Dictionary>,
    metrics: Vec<Column>,
    pub(crate) pivot: Pivot,
    /// For each attribute, what number an element has.
    identities: Vec<HashMap<String, u32>>,
    pub(crate) reading: Reading,
}

/// What became of a page.
pub(crate) enum Outcome {
    Batch(RecordBatch),
    /// It has to be read once more, by the digits of its numbers ([`Reading::digits`]).
    NeedsDigits,
}

impl Decoder {
    /// `kinds` are the types of an earlier reading of the same table, if there was one.
    pub(crate) fn new(
        options: &GridOptions,
        kinds: Option<&Kinds>,
        layout: Layout,
        grid: &Grid<'_>,
        data: &Data<'_>,
    ) -> Result<Self> {
        check_shape(grid, data)?;
        let groups = groups(&layout, grid, data)?;
        let widths = layout.attributes().map(Attribute::width).sum();
        // the report may have been changed between two readings
        let fits = |kinds: &&Kinds| {
            (kinds.forms.len(), kinds.metrics.len()) == (widths, layout.metrics.len())
        };
        let kinds = match kinds.filter(fits) {
            Some(kinds) => kinds.clone(),
            None => settle(options, &layout, &groups, grid, data)?,
        };
        let mut digits = kinds.metrics.iter().any(|kind| kind.needs_digits());
        for (number, kind) in kinds.metrics.iter().enumerate() {
            let may_round = kind.column == ValueType::Float && !kind.is_nearest();
            if may_round || kind.column == ValueType::Integer {
                digits |= needs_digits(&cells_of(&layout, number, &groups, grid, data)?);
            }
        }
        Ok(Self {
            schema: layout.schema(&kinds, options.flag.as_deref()),
            metrics: kinds.metrics.iter().map(|kind| Column::new(*kind)).collect(),
            kinds,
            options: options.clone(),
            dictionaries: std::iter::repeat_with(Dictionary::default).take(widths).collect(),
            pivot: Pivot::default(),
            identities: Vec::new(),
            reading: Reading { digits },
            layout,
        })
    }

    fn is_flagged(&self) -> bool {
        self.options.flag.is_some()
    }

    /// Decodes a page that was read as [`reading`](Self::reading) says.
    /// `shown` is the element that each page-by unit shows.
    pub(crate) fn batch(
        &mut self,
        grid: &Grid<'_>,
        data: &Data<'_>,
        shown: &[u32],
    ) -> Result<Outcome> {
        check_shape(grid, data)?;
        let mut groups = groups(&self.layout, grid, data)?;
        let mut codes = Vec::new();
        let mut first = 0;
        for unit in attribute_units(grid) {
            codes.push(self.codes(unit, codes.len(), first)?);
            first += unit.width();
        }
        let (shown_codes, codes) = codes.split_at(grid.page_by.len());
        let (row_codes, column_codes) = codes.split_at(self.layout.rows.len());
        if let MetricAxis::Rows(_) = self.layout.axis {
            // before they are put together: some of them come out with a later page
            for metric in 0..self.layout.metrics.len() {
                let cells = cells_of(&self.layout, metric, &groups, grid, data)?;
                if !self.kinds.metrics[metric].holds(&cells) && !self.widen(metric, &cells)? {
                    return Ok(Outcome::NeedsDigits);
                }
            }
        }
        if !self.is_flagged() {
            groups.retain(|group| !any_subtotal(column_codes, &group.elements));
        }
        let page = PageCodes { shown, shown_codes, row_codes, column_codes };
        let MetricAxis::Rows(at) = self.layout.axis else {
            return self.flat(&page, &groups, data, grid_rows(grid, data));
        };
        let Some(unit) = slots(&grid.rows).nth(at) else {
            return Err(broken("the metrics are not where they were"));
        };
        let numbers = metric_numbers(&self.layout, unit)?;
        let metrics = Metrics { at, numbers: &numbers, count: self.layout.metrics.len() };
        self.pivot.add(&page, &groups, data, &metrics, self.is_flagged());
        let innermost = at + 1 == slots(&grid.rows).count();
        let complete = if innermost { self.pivot.take_complete() } else { Vec::new() };
        self.pivoted(&complete).map(Outcome::Batch)
    }

    /// The usual case: a grid row and a group make a row of the table.
    fn flat(
        &mut self,
        page: &PageCodes<'_>,
        groups: &[Group],
        data: &Data<'_>,
        rows: usize,
    ) -> Result<Outcome> {
        let is_subtotal = |row: usize| any_subtotal(page.row_codes, data.rows.list(row));
        let all = self.is_flagged() || !page.row_codes.iter().any(|codes| codes.any_subtotal);
        let kept: Vec<usize> = (0..rows).filter(|row| all || !is_subtotal(*row)).collect();
        let (count, several) = (kept.len() * groups.len(), groups.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let mut dictionaries = self.dictionaries.iter_mut();
        let mut add = |codes: &Codes, elements: &[u32]| -> Result<()> {
            for (form, dictionary) in codes.forms.iter().zip(&mut dictionaries) {
                arrays.push(form.column(elements, dictionary).map_err(arrow)?);
            }
            Ok(())
        };
        for (codes, shown) in page.shown_codes.iter().zip(page.shown) {
            add(codes, &vec![*shown; count])?;
        }
        for (place, codes) in page.row_codes.iter().enumerate() {
            let of_rows = kept.iter().map(|row| data.rows.list(*row)[place]);
            let elements: Vec<u32> = match several {
                1 => of_rows.collect(),
                _ => of_rows.flat_map(|element| std::iter::repeat_n(element, several)).collect(),
            };
            add(codes, &elements)?;
        }
        for (place, codes) in page.column_codes.iter().enumerate() {
            let one: Vec<u32> = groups.iter().map(|group| group.elements[place]).collect();
            add(codes, &one.repeat(kept.len()))?;
        }
        if self.is_flagged() {
            let mut flags = BooleanBuilder::with_capacity(count);
            for row in &kept {
                for group in groups {
                    let column = any_subtotal(page.column_codes, &group.elements);
                    flags.append_value(is_subtotal(*row) || column);
                }
            }
            arrays.push(Arc::new(flags.finish()));
        }
        for number in 0..self.metrics.len() {
            let cell = |row: usize, group: &Group| match group.cells[number] {
                Some(place) => data.cells.row(row).get(place).unwrap_or(&Cell::Null),
                None => &Cell::Null,
            };
            let cells = || kept.iter().flat_map(|row| groups.iter().map(move |g| cell(*row, g)));
            let column = &mut self.metrics[number];
            let done = match groups {
                [one] => column.extend(kept.iter().map(|row| cell(*row, one))),
                _ => column.extend(cells()),
            };
            if done.is_err() {
                if !self.widen(number, &cells().collect::<Vec<_>>())? {
                    return Ok(Outcome::NeedsDigits);
                }
                let fits = self.metrics[number].extend(cells());
                fits.map_err(|_| self.unfit_metric(number))?;
            }
            arrays.push(self.metrics[number].finish().map_err(arrow)?);
        }
        record_batch(&self.schema, arrays, count).map(Outcome::Batch)
    }

    /// Gives a metric a type that holds these cells of a page. False when the page has to be read
    /// by its digits first.
    fn widen(&mut self, number: usize, cells: &[&Cell<'_>]) -> Result<bool> {
        let kind = self.kinds.metrics[number];
        self.metrics[number] = Column::new(kind);
        if kind.is_chosen() {
            return Err(self.unfit_metric(number));
        }
        if !self.reading.digits && needs_digits(cells) {
            self.forget_columns();
            self.reading.digits = true;
            return Ok(false);
        }
        if kind.holds(cells) {
            // its digits show that it does
            return Ok(true);
        }
        if !self.options.widens {
            return Err(self.unfit_metric(number));
        }
        let wider = kind.widened(cells, self.options.big_decimal);
        self.kinds.metrics[number] = wider;
        self.schema = self.layout.schema(&self.kinds, self.options.flag.as_deref());
        if wider.needs_digits() && !self.reading.digits {
            self.forget_columns();
            self.reading.digits = true;
            return Ok(false);
        }
        self.metrics[number] = Column::new(wider);
        Ok(true)
    }

    /// Columns that are begun hold values of a page that is read once more.
    fn forget_columns(&mut self) {
        self.metrics = self.kinds.metrics.iter().map(|kind| Column::new(*kind)).collect();
    }

    fn unfit_metric(&self, number: usize) -> Error {
        unfit("metric", &self.layout.metrics[number].name, self.kinds.metrics[number])
    }

    /// Rows that came together out of several grid rows.
    pub(crate) fn pivoted(&mut self, rows: &[Row]) -> Result<RecordBatch> {
        let count = rows.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let forms = self.kinds.forms.iter().zip(&mut self.dictionaries);
        for (number, (kind, dictionary)) in forms.enumerate() {
            if kind.column == ValueType::Text {
                let keys: Int32Array = rows.iter().map(|row| row.keys[number]).collect();
                let array = if self.options.local_dictionaries {
                    dictionary.local_array(&keys)
                } else {
                    dictionary.array(keys)
                };
                arrays.push(array.map_err(arrow)?);
                continue;
            }
            let mut column = Column::new(*kind);
            for row in rows {
                // whether its values fit was found out when the page was read
                let text = row.keys[number].map(|key| dictionary.text(key));
                let cell = text.and_then(|text| form_value(text, kind.column).ok());
                let fits = column.append(&cell.unwrap_or(Cell::Null));
                fits.map_err(|_| broken("a value of an attribute does not fit its column"))?;
            }
            arrays.push(column.finish().map_err(arrow)?);
        }
        if self.is_flagged() {
            let flags: Vec<bool> = rows.iter().map(|row| row.subtotal).collect();
            arrays.push(Arc::new(BooleanArray::from(flags)));
        }
        for number in 0..self.metrics.len() {
            let cells = rows.iter().map(|row| row.cells[number].as_ref().unwrap_or(&Cell::Null));
            let fits = self.metrics[number].extend(cells);
            fits.map_err(|_| self.unfit_metric(number))?;
            arrays.push(self.metrics[number].finish().map_err(arrow)?);
        }
        record_batch(&self.schema, arrays, count)
    }

    /// The codes of the attribute of that number, whose first column is `first`.
    fn codes(&mut self, unit: &Unit<'_>, number: usize, first: usize) -> Result<Codes> {
        let width = unit.width();
        let long = unit.elements.iter().find(|element| element.form_values.len() > width);
        if let Some(element) = long {
            return Err(broken(format!(
                "an element of {} has {} form values, but {width} forms",
                unit.name,
                element.form_values.len()
            )));
        }
        let is_pivoted = matches!(self.layout.axis, MetricAxis::Rows(_));
        let mut forms = Vec::with_capacity(width);
        for form in 0..width {
            let kind = self.kinds.forms[first + form];
            let is_text = kind.column == ValueType::Text;
            let mut values = if is_text { None } else { Form::typed(unit, form, kind).ok() };
            if !is_text && values.is_none() {
                let wider = self.widened_form(unit, number, form, kind)?;
                self.kinds.forms[first + form] = wider;
                self.schema = self.layout.schema(&self.kinds, self.options.flag.as_deref());
                values = Form::typed(unit, form, wider).ok().filter(|_| wider != Kind::TEXT);
            }
            let values = match values {
                Some(values) if !is_pivoted => values,
                None if self.options.local_dictionaries && !is_pivoted => {
                    Form::local(unit, form).map_err(|_| full(unit))?
                }
                _ => Form::shared(unit, form, &mut self.dictionaries[first + form])
                    .map_err(|_| full(unit))?,
            };
            forms.push(values);
        }
        let subtotal: Vec<bool> = unit.elements.iter().map(|element| element.subtotal).collect();
        let any_subtotal = subtotal.contains(&true);
        let identities = if is_pivoted { self.identities(unit, number) } else { Vec::new() };
        Ok(Codes { forms, subtotal, any_subtotal, identities })
    }

    /// A wider type for a form with a value that does not fit.
    fn widened_form(
        &self,
        unit: &Unit<'_>,
        number: usize,
        form: usize,
        kind: Kind,
    ) -> Result<Kind> {
        if kind.is_chosen() || !self.options.widens {
            let attribute = self.layout.attributes().nth(number);
            let name = attribute.map_or_else(String::new, |one| one.column_name(form));
            return Err(unfit("attribute", &name, kind));
        }
        Ok(Form::widened(unit, form, kind))
    }

    fn identities(&mut self, unit: &Unit<'_>, number: usize) -> Vec<u32> {
        if self.identities.len() <= number {
            self.identities.resize_with(number + 1, HashMap::new);
        }
        let known = &mut self.identities[number];
        let identity = |element: &Element<'_>| {
            let name = match element.id.as_deref() {
                Some(id) => Cow::Borrowed(id),
                None => Cow::Owned(format!("{:?}{:?}", element.name, element.form_values)),
            };
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            match known.get(&*name) {
                Some(number) => *number,
                None => *known.entry(name.into_owned()).or_insert(next),
            }
        };
        unit.elements.iter().map(identity).collect()
    }
}

/// The metric of each element of the unit. One that is listed twice is two columns, in the same
/// order.
fn metric_numbers(layout: &Layout, unit: &Unit<'_>) -> Result<Vec<usize>> {
    let mut numbers: Vec<usize> = Vec::with_capacity(unit.elements.len());
    for element in &unit.elements {
        let of_it = |number: &usize| layout.metrics[*number].is(element);
        let mut all = (0..layout.metrics.len()).filter(of_it);
        let free = all.clone().find(|number| !numbers.contains(number));
        let number = free.or_else(|| all.next());
        numbers.push(number.ok_or_else(|| broken("there is a metric that was not there before"))?);
    }
    Ok(numbers)
}

/// The groups of grid columns, in the order of the grid. Columns with the same elements and the
/// same metric make a group each: no value takes the place of another.
fn groups(layout: &Layout, grid: &Grid<'_>, data: &Data<'_>) -> Result<Vec<Group>> {
    let metrics = layout.metrics.len();
    let units: Vec<_> = slots(&grid.columns).collect();
    let (at, numbers) = match layout.axis {
        MetricAxis::Columns(at) => match units.get(at) {
            Some(unit) => (Some(at), metric_numbers(layout, unit)?),
            None => return Err(broken("the metrics are not where they were")),
        },
        _ => (None, Vec::new()),
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
    for column in 0..data.columns.width {
        let mut elements = Vec::with_capacity(layout.columns.len());
        let mut metric = 0;
        for place in 0..data.columns.lists {
            let element = data.columns.list(place)[column];
            if at == Some(place) {
                metric = numbers[element as usize];
            } else {
                elements.push(element);
            }
        }
        let group = known.get(&elements).copied().filter(|g| groups[*g].cells[metric].is_none());
        let group = group.unwrap_or_else(|| {
            known.insert(elements.clone(), groups.len());
            groups.push(Group { elements, cells: vec![None; metrics.max(1)] });
            groups.len() - 1
        });
        groups[group].cells[metric] = Some(column);
    }
    if groups.is_empty() && layout.columns.is_empty() {
        // nothing is in columns: rows alone, or with metrics in rows one column of values
        let only = (data.cells.width > 0).then_some(0);
        groups.push(Group { elements: Vec::new(), cells: vec![only; metrics.max(1)] });
    }
    Ok(groups)
}

/// The cells of a metric on this page.
pub(crate) fn cells_of<'d>(
    layout: &Layout,
    metric: usize,
    groups: &[Group],
    grid: &Grid<'_>,
    data: &'d Data<'d>,
) -> Result<Vec<&'d Cell<'d>>> {
    let rows = 0..data.cells.rows;
    let MetricAxis::Rows(at) = layout.axis else {
        let places: Vec<_> = groups.iter().filter_map(|group| group.cells[metric]).collect();
        let row = |row| places.iter().filter_map(move |place| data.cells.row(row).get(*place));
        return Ok(rows.flat_map(row).collect());
    };
    let Some(unit) = slots(&grid.rows).nth(at) else { return Ok(Vec::new()) };
    let numbers = metric_numbers(layout, unit)?;
    let of_metric = |row: &usize| numbers[data.rows.list(*row)[at] as usize] == metric;
    Ok(rows.filter(of_metric).flat_map(|row| data.cells.row(row)).collect())
}

fn record_batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(arrow)
}

/// The texts of an attribute are more than a dictionary holds.
fn full(unit: &Unit<'_>) -> Error {
    broken(format!(
        "the texts of {} are more than one dictionary can hold (2 GB, 2^31 texts): write a file \
         (to_parquet, to_csv), whose dictionaries are those of a page, or read fewer rows",
        unit.name
    ))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn arrow(error: ArrowError) -> Error {
    broken(error.to_string())
}
