//! The table behind a grid: what is known of it since the first page, and how a page becomes rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use mstr_rest_core::{Error, Result};

use crate::definition::{Element, Grid, Unit};
use crate::dictionary::Dictionary;
use crate::grid::{GridOptions, broken};
use crate::layout::{Attribute, Layout, MetricAxis};
use crate::metric::{MetricColumn, MetricType};
use crate::page::{Cell, Data, PageByElement, Reading};
use crate::pivot::{Metrics, Pivot, Row};

/// What is known since the first page.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) layout: Layout,
    pub(crate) schema: SchemaRef,
    types: Vec<MetricType>,
    /// One for each column of an attribute.
    dictionaries: Vec<Dictionary>,
    metrics: Vec<MetricColumn>,
    pub(crate) pivot: Pivot,
    /// For each attribute, what number an element has.
    identities: Vec<HashMap<String, u32>>,
    /// The name of the column that flags subtotals.
    flagged: bool,
    pub(crate) reading: Reading,
}

/// One page's elements of one unit.
pub(crate) struct Codes {
    /// For each form the key of each element.
    keys: Vec<Vec<Option<i32>>>,
    subtotal: Vec<bool>,
    any_subtotal: bool,
    /// Numbers of the elements that hold over all pages; only where rows are put together.
    identities: Vec<u32>,
}

impl Codes {
    /// The keys of an element, form after form.
    pub(crate) fn of(&self, element: u32) -> impl Iterator<Item = Option<i32>> {
        self.keys.iter().map(move |form| form[element as usize])
    }

    pub(crate) fn identity(&self, element: u32) -> u32 {
        self.identities[element as usize]
    }

    pub(crate) fn is_subtotal(&self, element: u32) -> bool {
        self.subtotal[element as usize]
    }
}

/// A combination of elements of the column units, without the metrics.
pub(crate) struct Group {
    /// An element for each attribute in columns.
    pub(crate) elements: Vec<u32>,
    /// The grid column of each metric; of the one and only column where metrics are in rows.
    pub(crate) cells: Vec<Option<usize>>,
}

impl Table {
    pub(crate) fn new(
        options: &GridOptions,
        layout: Layout,
        grid: &Grid<'_>,
        data: &Data<'_>,
    ) -> Result<Self> {
        let widths = layout.attributes().map(Attribute::width).sum();
        let mut table = Self {
            schema: Arc::new(Schema::empty()),
            types: Vec::new(),
            dictionaries: std::iter::repeat_with(Dictionary::default).take(widths).collect(),
            metrics: Vec::new(),
            pivot: Pivot::default(),
            identities: Vec::new(),
            flagged: options.flag.is_some(),
            reading: Reading::default(),
            layout,
        };
        check_shape(grid, data, grid_rows(grid, data))?;
        let groups = table.groups(grid, data)?;
        let mut types = Vec::new();
        for (number, metric) in table.layout.metrics.iter().enumerate() {
            let chosen = options.chosen.iter().find(|(n, _)| *n == metric.name || *n == metric.id);
            if let Some((_, chosen)) = chosen {
                types.push(*chosen);
                continue;
            }
            let declared = MetricType::of(metric.data_type.as_deref(), options.big_decimal);
            if declared.is_some_and(MetricType::is_exact) {
                types.extend(declared);
                continue;
            }
            let cells = table.cells_of(number, &groups, grid, data)?;
            types.push(MetricType::widened(declared, &cells));
        }
        table.schema = table.layout.schema(&types, options.flag.as_deref());
        table.metrics = types.iter().map(|kind| MetricColumn::new(*kind)).collect();
        table.reading.digits = types.iter().any(|kind| kind.is_exact());
        table.types = types;
        Ok(table)
    }

    pub(crate) fn batch(&mut self, grid: &Grid<'_>, data: &Data<'_>) -> Result<RecordBatch> {
        let rows = grid_rows(grid, data);
        check_shape(grid, data, rows)?;
        let shown = shown(grid, data)?;
        let mut codes = Vec::new();
        let mut dictionary = 0;
        for unit in grid.page_by.iter().chain(&grid.rows).chain(&grid.columns) {
            if !unit.is_metrics() {
                codes.push(self.codes(unit, codes.len(), dictionary)?);
                dictionary += unit.width();
            }
        }
        let (shown_codes, codes) = codes.split_at(grid.page_by.len());
        let (row_codes, column_codes) = codes.split_at(self.layout.rows.len());
        let mut groups = self.groups(grid, data)?;
        if !self.flagged {
            groups.retain(|group| !any_subtotal(column_codes, &group.elements));
        }
        let page = PageCodes { shown: &shown, shown_codes, row_codes, column_codes };
        if let MetricAxis::Rows(at) = self.layout.axis {
            let metrics = self.metric_numbers(&grid.rows[at])?;
            let count = self.layout.metrics.len();
            let metrics = Metrics { at, numbers: &metrics, count };
            self.pivot.add(&page, &groups, data, &metrics, self.flagged);
            let innermost = at + 1 == grid.rows.len();
            let complete = if innermost { self.pivot.take_complete() } else { Vec::new() };
            return self.pivoted(&complete);
        }
        self.flat(&page, &groups, data, rows)
    }

    /// The usual case: a grid row and a group make a row of the table.
    fn flat(
        &mut self,
        page: &PageCodes<'_>,
        groups: &[Group],
        data: &Data<'_>,
        rows: usize,
    ) -> Result<RecordBatch> {
        let is_subtotal = |row: usize| any_subtotal(page.row_codes, data.rows.list(row));
        let all = self.flagged || !page.row_codes.iter().any(|codes| codes.any_subtotal);
        let kept: Vec<usize> = (0..rows).filter(|row| all || !is_subtotal(*row)).collect();
        let count = kept.len() * groups.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        let mut dictionaries = self.dictionaries.iter_mut();
        let mut add = |keys: Int32Array| -> Result<()> {
            let Some(dictionary) = dictionaries.next() else { return Ok(()) };
            arrays.push(dictionary.array(keys).map_err(arrow)?);
            Ok(())
        };
        for (codes, shown) in page.shown_codes.iter().zip(page.shown) {
            for key in codes.of(*shown) {
                add(column(std::iter::repeat_n(key, count), &[key]))?;
            }
        }
        for (unit, codes) in page.row_codes.iter().enumerate() {
            let elements: Vec<usize> =
                kept.iter().map(|row| data.rows.list(*row)[unit] as usize).collect();
            for form in &codes.keys {
                let keys = elements.iter().map(|element| form[*element]);
                let several = groups.len();
                add(match several {
                    1 => column(keys, form),
                    _ => column(keys.flat_map(|key| std::iter::repeat_n(key, several)), form),
                })?;
            }
        }
        for (unit, codes) in page.column_codes.iter().enumerate() {
            for keys in &codes.keys {
                let one = groups.iter().map(|group| keys[group.elements[unit] as usize]);
                let one: Vec<_> = one.collect();
                add(column(one.repeat(kept.len()), &one))?;
            }
        }
        if self.flagged {
            let mut flags = BooleanBuilder::with_capacity(count);
            for row in &kept {
                for group in groups {
                    let column = any_subtotal(page.column_codes, &group.elements);
                    flags.append_value(is_subtotal(*row) || column);
                }
            }
            arrays.push(Arc::new(flags.finish()));
        }
        for (number, column) in self.metrics.iter_mut().enumerate() {
            let cell = |row: usize, group: &Group| match group.cells[number] {
                Some(place) => data.cells.row(row).get(place).unwrap_or(&Cell::Null),
                None => &Cell::Null,
            };
            let done = match groups {
                [one] => column.extend(kept.iter().map(|row| cell(*row, one))),
                _ => column.extend(
                    kept.iter().flat_map(|row| groups.iter().map(move |group| cell(*row, group))),
                ),
            };
            done.map_err(|_| self.layout.metrics[number].unfit(self.types[number]))?;
            arrays.push(column.finish().map_err(arrow)?);
        }
        record_batch(&self.schema, arrays, count)
    }

    /// Rows that came together out of several grid rows.
    pub(crate) fn pivoted(&mut self, rows: &[Row]) -> Result<RecordBatch> {
        let count = rows.len();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (number, dictionary) in self.dictionaries.iter_mut().enumerate() {
            let keys = rows.iter().map(|row| row.keys[number]).collect();
            arrays.push(dictionary.array(keys).map_err(arrow)?);
        }
        if self.flagged {
            let flags: Vec<bool> = rows.iter().map(|row| row.subtotal).collect();
            arrays.push(Arc::new(BooleanArray::from(flags)));
        }
        for (number, column) in self.metrics.iter_mut().enumerate() {
            column
                .extend(rows.iter().map(|row| &row.cells[number]))
                .map_err(|_| self.layout.metrics[number].unfit(self.types[number]))?;
            arrays.push(column.finish().map_err(arrow)?);
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
        let mut keys = Vec::with_capacity(width);
        for form in 0..width {
            let dictionary = &mut self.dictionaries[first + form];
            let key = |element: &Element<'_>| {
                element.text(form).map(|text| dictionary.key(text)).transpose()
            };
            let of_form: Result<Vec<_>, _> = unit.elements.iter().map(key).collect();
            keys.push(of_form.map_err(|_| broken("more than 2^31 different texts"))?);
        }
        let subtotal: Vec<bool> = unit.elements.iter().map(|element| element.subtotal).collect();
        let any_subtotal = subtotal.contains(&true);
        let identities = match self.layout.axis {
            MetricAxis::Rows(_) => self.identities(unit, number),
            _ => Vec::new(),
        };
        Ok(Codes { keys, subtotal, any_subtotal, identities })
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

    /// The metric of each element of the unit.
    fn metric_numbers(&self, unit: &Unit<'_>) -> Result<Vec<usize>> {
        let number = |element| self.layout.metrics.iter().position(|metric| metric.is(element));
        let numbers: Option<_> = unit.elements.iter().map(number).collect();
        numbers.ok_or_else(|| broken("there is a metric that was not there before"))
    }

    /// The groups of grid columns, in the order of the grid.
    fn groups(&self, grid: &Grid<'_>, data: &Data<'_>) -> Result<Vec<Group>> {
        let metrics = self.layout.metrics.len();
        let (at, numbers) = match self.layout.axis {
            MetricAxis::Columns(at) => (Some(at), self.metric_numbers(&grid.columns[at])?),
            _ => (None, Vec::new()),
        };
        let mut groups: Vec<Group> = Vec::new();
        let mut known = HashMap::new();
        for column in 0..data.columns.width {
            let mut elements = Vec::with_capacity(self.layout.columns.len());
            let mut metric = None;
            for unit in 0..data.columns.lists {
                let element = data.columns.list(unit)[column];
                if at == Some(unit) {
                    metric = Some(numbers[element as usize]);
                } else {
                    elements.push(element);
                }
            }
            let group = *known.entry(elements.clone()).or_insert_with(|| {
                groups.push(Group { elements, cells: vec![None; metrics.max(1)] });
                groups.len() - 1
            });
            groups[group].cells[metric.unwrap_or(0)] = Some(column);
        }
        if groups.is_empty() && self.layout.columns.is_empty() {
            // nothing is in columns: rows alone, or with metrics in rows one column of values
            let only = (data.cells.width > 0).then_some(0);
            groups.push(Group { elements: Vec::new(), cells: vec![only; metrics.max(1)] });
        }
        Ok(groups)
    }

    /// The cells of a metric on this page.
    fn cells_of<'d>(
        &self,
        metric: usize,
        groups: &[Group],
        grid: &Grid<'_>,
        data: &'d Data<'d>,
    ) -> Result<Vec<&'d Cell<'d>>> {
        let rows = 0..data.cells.rows;
        let MetricAxis::Rows(at) = self.layout.axis else {
            let places: Vec<_> = groups.iter().filter_map(|group| group.cells[metric]).collect();
            let row = |row| places.iter().filter_map(move |place| data.cells.row(row).get(*place));
            return Ok(rows.flat_map(row).collect());
        };
        let numbers = self.metric_numbers(&grid.rows[at])?;
        let of_metric = |row: &usize| numbers[data.rows.list(*row)[at] as usize] == metric;
        Ok(rows.filter(of_metric).flat_map(|row| data.cells.row(row)).collect())
    }
}

/// The elements of a page, unit by unit.
pub(crate) struct PageCodes<'p> {
    /// The element that each page-by unit shows.
    pub(crate) shown: &'p [u32],
    pub(crate) shown_codes: &'p [Codes],
    pub(crate) row_codes: &'p [Codes],
    pub(crate) column_codes: &'p [Codes],
}

/// A column of keys. Mostly none of them is null, which is worth knowing beforehand.
fn column(keys: impl IntoIterator<Item = Option<i32>>, of: &[Option<i32>]) -> Int32Array {
    if of.contains(&None) {
        return keys.into_iter().collect();
    }
    keys.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().into()
}

/// Whether one of these elements is a subtotal. Elements of metrics do not count.
pub(crate) fn any_subtotal(codes: &[Codes], elements: &[u32]) -> bool {
    codes.iter().zip(elements).any(|(codes, element)| codes.is_subtotal(*element))
}

/// The element that each page-by unit shows.
pub(crate) fn shown(grid: &Grid<'_>, data: &Data<'_>) -> Result<Vec<u32>> {
    let found = grid.page_by.iter().enumerate().map(|(number, unit)| {
        let named = |id: &str| unit.elements.iter().position(|e| e.id.as_deref() == Some(id));
        let place = match data.current_page_by.get(number) {
            Some(PageByElement::Index(index)) => Some(*index as usize),
            Some(PageByElement::Id(id) | PageByElement::Element { id }) => named(id),
            // a unit with one element can show no other
            None => (unit.elements.len() == 1).then_some(0),
        };
        let place = place.filter(|place| *place < unit.elements.len());
        let place = place.and_then(|place| u32::try_from(place).ok());
        place.ok_or_else(|| broken(format!("it is not said which {} is shown", unit.name)))
    });
    found.collect()
}

/// How many rows the grid has. Without attributes in rows there is one, if there is any value.
pub(crate) fn grid_rows(grid: &Grid<'_>, data: &Data<'_>) -> usize {
    if grid.rows.is_empty() { data.cells.rows } else { data.rows.lists }
}

/// Headers and values fit the definition and each other: indices can be followed from here on.
fn check_shape(grid: &Grid<'_>, data: &Data<'_>, rows: usize) -> Result<()> {
    if data.rows.lists > 0 && data.rows.width != grid.rows.len() {
        return Err(broken("the row headers have another number of units than the definition"));
    }
    if data.columns.width > 0 && data.columns.lists != grid.columns.len() {
        return Err(broken("the column headers have another number of units than the definition"));
    }
    // without metrics there are no values, or rows of none; a column of values without a header is
    // that of a grid that has nothing in columns
    let columns = if grid.columns.is_empty() { 1 } else { data.columns.width };
    if data.cells.width > 0 && (data.cells.rows != rows || data.cells.width != columns) {
        return Err(broken(format!(
            "{} x {} values for {rows} rows and {} columns of headers",
            data.cells.rows, data.cells.width, columns
        )));
    }
    if data.cells.width == 0 && rows > 0 && data.columns.width > 0 {
        return Err(broken("there are column headers, but no values"));
    }
    for (number, unit) in grid.rows.iter().enumerate() {
        let mut used = data.rows.flat.iter().skip(number).step_by(grid.rows.len());
        if used.any(|index| *index as usize >= unit.elements.len()) {
            return Err(beyond(unit));
        }
    }
    for (number, unit) in grid.columns.iter().enumerate() {
        if data.columns.list(number).iter().any(|index| *index as usize >= unit.elements.len()) {
            return Err(beyond(unit));
        }
    }
    Ok(())
}

fn beyond(unit: &Unit<'_>) -> Error {
    broken(format!("a header names an element of {} that is not listed", unit.name))
}

fn record_batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options).map_err(arrow)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn arrow(error: ArrowError) -> Error {
    broken(error.to_string())
}
