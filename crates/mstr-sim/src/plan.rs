//! What an execution shows: which objects on which axis, which lines, which columns.

use std::collections::HashMap;
use std::sync::Arc;

use crate::aggregate;
use crate::attribute::Axis;
use crate::dataset::{Dataset, Place};
use crate::filter::Filter;
use crate::manipulation::{Chosen, Manipulation};
use crate::report::Source;
use crate::sorting::{Looked, Sorting};
use crate::value::Cell;

/// What stands on an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// An attribute and the forms that are shown of it.
    Attribute(usize, Vec<usize>),
    Metrics,
}

/// A line of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The row behind it: of the page of a grid, or of the flat table.
    pub(crate) row: u64,
    /// The metric, counted among those shown, if metrics are in rows.
    pub(crate) metric: u32,
    /// How many attributes show their element; the others show a subtotal.
    pub(crate) keep: u32,
}

const NO_SUBTOTAL: u32 = u32::MAX;

#[derive(Debug)]
enum Lines {
    /// Every row, with so many lines of metrics each: nothing to remember.
    All { first: u64, rows: u64, per_row: u64 },
    /// What a filter left, or an order that depends on the elements.
    Listed(Vec<Line>),
}

/// A column of the grid: a combination of the elements of the attributes there, and a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) elements: u64,
    pub(crate) metric: Option<usize>,
}

/// What an execution shows.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Arc<Source>,
    pub(crate) metrics: Vec<usize>,
    pub(crate) rows: Vec<Unit>,
    pub(crate) columns: Vec<Unit>,
    pub(crate) pages: Vec<Unit>,
    pub(crate) page: u64,
    pub(crate) tuples: Vec<Column>,
    pub(crate) subtotals: bool,
    pub(crate) cross_tab: bool,
    /// Every attribute in rows: a row of the grid is one of the flat table.
    flat: bool,
    /// What rows are made of where there are fewer attributes than the source has.
    grouped: Option<Dataset>,
    /// Applies to rows of the source.
    filter: Option<Filter>,
    /// Applies to rows that are shown.
    limit: Option<Filter>,
    pub(crate) sorting: Sorting,
    lines: Lines,
}

impl Plan {
    pub(crate) fn new(source: &Arc<Source>, wanted: &Manipulation) -> Self {
        let data = &source.data;
        let is_flat = wanted.requested.is_some() || source.kind.is_cube();
        let (attributes, metrics) = wanted.requested.clone().unwrap_or_else(|| {
            let attributes = data.attributes.iter().enumerate();
            let all = attributes.map(|(at, attribute)| (at, attribute.all_forms())).collect();
            (all, (0..data.metrics.len()).collect())
        });
        let unit = |(at, forms): &Chosen| Unit::Attribute(*at, forms.clone());
        let on = |axis: Axis| {
            let there = attributes.iter().filter(move |(at, _)| {
                data.attributes.get(*at).is_some_and(|attribute| attribute.axis == axis)
            });
            there.map(unit).collect::<Vec<_>>()
        };
        let mut plan = Self {
            source: Arc::clone(source),
            rows: on(Axis::Rows),
            columns: on(Axis::Columns),
            pages: on(Axis::Pages),
            page: 0,
            tuples: Vec::new(),
            subtotals: source.subtotals && !wanted.no_subtotals,
            cross_tab: false,
            flat: is_flat,
            grouped: None,
            filter: None,
            limit: None,
            sorting: wanted.sorting.clone(),
            lines: Lines::Listed(Vec::new()),
            metrics,
        };
        if is_flat {
            plan.columns.clear();
            // What is on the page-by axis and was not asked for stays there.
            plan.pages = data
                .on(Axis::Pages)
                .filter(|(at, _)| !attributes.iter().any(|(asked, _)| asked == at))
                .map(|(at, attribute)| Unit::Attribute(at, attribute.all_forms()))
                .collect();
            plan.rows = attributes.iter().map(unit).collect();
        }
        plan.cross_tab = !plan.columns.is_empty();
        if !plan.metrics.is_empty() {
            let in_rows = source.metrics_on_rows && !is_flat;
            let axis = if in_rows { &mut plan.rows } else { &mut plan.columns };
            let at = if is_flat { axis.len() } else { source.metrics_at.min(axis.len()) };
            axis.insert(at, Unit::Metrics);
        }
        plan.page = wanted.page.unwrap_or_else(|| plan.page_order().first().copied().unwrap_or(0));
        plan.choose(wanted);
        plan.tuples = plan.all_tuples();
        plan.sort_tuples();
        plan.lines = plan.all_lines();
        plan
    }

    /// Applies the filters, aggregates, applies the limits: in this order (documented).
    fn choose(&mut self, wanted: &Manipulation) {
        let all = |filters: Vec<Filter>| (!filters.is_empty()).then_some(Filter::And(filters));
        let takes_filters = self.takes_filters();
        // not supported with prompts (documented); that it is ignored is assumed
        let takes_view_filter = takes_filters && self.source.prompts.is_empty();
        let view_filter = wanted.view_filter.as_ref().filter(|_| takes_view_filter);
        let filters = wanted.answers.iter().chain(view_filter).cloned();
        let mut filter = all(filters.collect());
        let mut limit = all(wanted.limits.clone()).filter(|_| takes_filters);
        if let Some(filter) = &mut filter {
            filter.rank(self.data());
        }
        self.filter = filter;
        // those that are shown, on rows or as a page
        let mut kept: Vec<usize> = self.attributes().collect();
        kept.sort_unstable();
        let has_fewer = self.flat && kept.len() < self.data().attributes.len();
        // ranks are among the rows that the filter left
        if has_fewer || (self.filter.is_some() && limit.is_some()) {
            let rows = self.base().filter(|row| self.passes(*row));
            self.grouped = Some(aggregate::grouped(self.data(), &kept, rows));
            self.filter = None;
        }
        if let Some(limit) = &mut limit {
            limit.rank(self.table());
        }
        self.limit = limit;
    }

    /// The attributes that it shows.
    fn attributes(&self) -> impl Iterator<Item = usize> {
        let units = self.rows.iter().chain(&self.columns).chain(&self.pages);
        units.filter_map(|unit| match unit {
            Unit::Attribute(at, _) => Some(*at),
            Unit::Metrics => None,
        })
    }

    /// Whether filters and limits are applied. A report must have its attributes on rows and its
    /// metrics on columns, otherwise filtering is not applied, and there is none with page-by
    /// (documented). What is asked for by its objects is of that shape (assumed).
    fn takes_filters(&self) -> bool {
        self.pages.is_empty()
            && self.columns.iter().all(|unit| *unit == Unit::Metrics)
            && !self.has_metrics_in_rows()
    }

    /// What the report or the cube holds.
    pub(crate) fn data(&self) -> &Dataset {
        &self.source.data
    }

    /// What the rows are made of.
    fn table(&self) -> &Dataset {
        self.grouped.as_ref().unwrap_or_else(|| self.data())
    }

    /// The number of lines.
    pub(crate) fn total(&self) -> u64 {
        match &self.lines {
            Lines::All { rows, per_row, .. } => rows * per_row,
            Lines::Listed(lines) => lines.len() as u64,
        }
    }

    pub(crate) fn line(&self, at: u64) -> Line {
        match &self.lines {
            Lines::All { first, per_row, .. } => Line {
                row: first + at / per_row,
                metric: u32::try_from(at % per_row).unwrap_or_default(),
                keep: NO_SUBTOTAL,
            },
            Lines::Listed(lines) => {
                let line = usize::try_from(at).ok().and_then(|at| lines.get(at));
                line.copied().unwrap_or(Line { row: 0, metric: 0, keep: NO_SUBTOTAL })
            }
        }
    }

    /// Where the metrics stand: whether in rows, and behind how many units.
    pub(crate) fn metrics_position(&self) -> Option<(bool, usize)> {
        let at = |units: &[Unit]| units.iter().position(|unit| *unit == Unit::Metrics);
        at(&self.rows).map(|at| (true, at)).or_else(|| at(&self.columns).map(|at| (false, at)))
    }

    fn place(&self, row: u64, column: u64) -> Place {
        if self.flat || self.grouped.is_some() {
            self.table().place(row)
        } else {
            Place { page: self.page, row, column }
        }
    }

    /// The elements of all attributes in a line, those on columns aside.
    pub(crate) fn elements(&self, line: Line) -> Vec<u64> {
        self.table().elements(self.place(line.row, 0))
    }

    /// The numbers that stand for an element of an attribute in a header.
    pub(crate) fn header(&self, attribute: usize, element: u64) -> impl Iterator<Item = u64> {
        self.data().attributes.get(attribute).into_iter().flat_map(move |one| one.header(element))
    }

    /// What a line has in a column.
    pub(crate) fn cell(&self, line: Line, column: Column) -> Cell {
        let metric = match column.metric {
            Some(metric) => Some(metric),
            None => usize::try_from(line.metric).ok().filter(|_| self.has_metrics_in_rows()),
        };
        let Some(metric) = metric.and_then(|metric| self.metrics.get(metric)) else {
            return Cell::Null;
        };
        let row = self.table().flat(self.place(line.row, column.elements));
        let is_subtotal = line.keep != NO_SUBTOTAL;
        if !is_subtotal && !self.flat && !self.passes(row) {
            return Cell::Null;
        }
        let salt = if is_subtotal { 1 + u64::from(line.keep) } else { 0 };
        self.table().cell(*metric, row, salt)
    }

    fn has_metrics_in_rows(&self) -> bool {
        self.rows.contains(&Unit::Metrics)
    }

    fn passes(&self, row: u64) -> bool {
        let passes = |filter: &Option<Filter>, data: &Dataset| {
            filter.as_ref().is_none_or(|filter| filter.passes(data, row))
        };
        passes(&self.filter, self.data()) && passes(&self.limit, self.table())
    }

    /// The combinations of what is on columns, in their order. There is one column without any.
    fn all_tuples(&self) -> Vec<Column> {
        if self.metrics.is_empty() && self.columns.is_empty() {
            return Vec::new();
        }
        let size = |unit: &Unit| match unit {
            Unit::Metrics => self.metrics.len() as u64,
            Unit::Attribute(at, _) => self.data().attributes.get(*at).map_or(1, |one| one.elements),
        };
        let all: u64 = self.columns.iter().map(size).product();
        let tuples = (0..all).map(|number| {
            let (mut rest, mut place, mut step) = (number, 0, 1);
            let mut metric = None;
            for unit in self.columns.iter().rev() {
                let digit = rest % size(unit);
                rest /= size(unit);
                match unit {
                    Unit::Metrics => metric = usize::try_from(digit).ok(),
                    Unit::Attribute(..) => {
                        place += digit * step;
                        step *= size(unit);
                    }
                }
            }
            Column { elements: place, metric }
        });
        tuples.collect()
    }

    fn looked(&self, axis: Axis) -> Looked<'_> {
        let (data, page) = match &self.grouped {
            Some(grouped) if axis != Axis::Pages => (grouped, 0),
            _ => (self.data(), self.page),
        };
        Looked { data, axis, page, is_flat: self.flat }
    }

    /// The pages of page-by in their order.
    pub(crate) fn page_order(&self) -> Vec<u64> {
        if self.pages.is_empty() {
            return Vec::new();
        }
        let mut pages: Vec<u64> = (0..self.data().combinations(Axis::Pages)).collect();
        self.looked(Axis::Pages).sort(&self.sorting.pages, &mut pages);
        pages
    }

    /// Sorts the columns. Metrics keep their order.
    fn sort_tuples(&mut self) {
        if self.sorting.columns.is_empty() {
            return;
        }
        let mut order: Vec<u64> = self.tuples.iter().map(|column| column.elements).collect();
        order.sort_unstable();
        order.dedup();
        self.looked(Axis::Columns).sort(&self.sorting.columns, &mut order);
        let place = |column: &Column| order.iter().position(|one| *one == column.elements);
        let metrics_first = self.columns.first() == Some(&Unit::Metrics);
        self.tuples.sort_by_cached_key(|column| {
            (metrics_first.then_some(column.metric), place(column), column.metric)
        });
    }

    /// Brings the rows together that one subtotal is of; otherwise they keep their order.
    fn gather(&self, rows: &mut [u64], attributes: usize) {
        let line = |row: u64| Line { row, metric: 0, keep: NO_SUBTOTAL };
        let mut seen = HashMap::new();
        for row in rows.iter() {
            let number = seen.len();
            seen.entry(self.shown(line(*row), attributes - 1)).or_insert(number);
        }
        rows.sort_by_cached_key(|row| seen.get(&self.shown(line(*row), attributes - 1)).copied());
    }

    /// The rows that the grid is made of, before subtotals and metrics multiply them.
    fn base(&self) -> std::ops::Range<u64> {
        if let Some(grouped) = &self.grouped {
            let nothing = self.rows.is_empty() && self.metrics.is_empty();
            return 0..if nothing { 0 } else { grouped.flat_rows() };
        }
        let data = self.data();
        if !self.flat {
            return 0..data.grid_rows();
        }
        let (mut start, mut end) = (0, data.flat_rows());
        if !self.pages.is_empty() {
            start = data.flat(Place { page: self.page, row: 0, column: 0 });
            end = data.flat(Place { page: self.page + 1, row: 0, column: 0 });
        }
        start..end
    }

    fn all_lines(&self) -> Lines {
        let base = self.base();
        let attributes = self.rows.iter().filter(|unit| **unit != Unit::Metrics).count();
        let in_rows = self.rows.iter().position(|unit| *unit == Unit::Metrics);
        let per_row = if in_rows.is_some() { self.metrics.len() as u64 } else { 1 };
        let innermost = in_rows.is_none_or(|at| at == attributes);
        let subtotals = self.subtotals && attributes > 0;
        let is_whole = self.filter.is_none() && self.limit.is_none();
        if is_whole && self.sorting.rows.is_empty() && !subtotals && innermost {
            let rows = base.end - base.start;
            return Lines::All { first: base.start, rows, per_row };
        }
        let columns = if self.flat { 1 } else { self.table().combinations(Axis::Columns) };
        let passes = |row: &u64| {
            let flat = |column| self.table().flat(self.place(*row, column));
            (0..columns).any(|column| self.passes(flat(column)))
        };
        let mut rows: Vec<u64> = base.filter(passes).collect();
        self.looked(Axis::Rows).sort(&self.sorting.rows, &mut rows);
        if subtotals {
            self.gather(&mut rows, attributes);
        }
        let mut lines: Vec<Line> =
            rows.into_iter().map(|row| Line { row, metric: 0, keep: NO_SUBTOTAL }).collect();
        if subtotals {
            lines = self.with_subtotals(&lines, attributes);
        }
        let metrics = u32::try_from(per_row).unwrap_or(u32::MAX);
        let Some(at) = in_rows else { return Lines::Listed(lines) };
        let runs =
            lines.chunk_by(|a, b| at < attributes && self.shown(*a, at) == self.shown(*b, at));
        let expanded = runs.flat_map(|run| {
            (0..metrics).flat_map(|metric| run.iter().map(move |line| Line { metric, ..*line }))
        });
        Lines::Listed(expanded.collect())
    }

    /// A subtotal behind each run of lines that differ in the last attribute only, and a grand
    /// total behind all.
    fn with_subtotals(&self, lines: &[Line], attributes: usize) -> Vec<Line> {
        let keep = u32::try_from(attributes - 1).unwrap_or_default();
        let first = self.sorting.subtotals_first();
        let mut all = Vec::new();
        if first {
            all.extend(lines.last().map(|line| Line { keep: 0, ..*line }));
        }
        if keep > 0 {
            let kept = attributes - 1;
            for run in lines.chunk_by(|a, b| self.shown(*a, kept) == self.shown(*b, kept)) {
                let subtotal = run.last().map(|line| Line { keep, ..*line });
                all.extend(subtotal.filter(|_| first));
                all.extend_from_slice(run);
                all.extend(subtotal.filter(|_| !first));
            }
        } else {
            all.extend_from_slice(lines);
        }
        if !first {
            all.extend(lines.last().map(|line| Line { keep: 0, ..*line }));
        }
        all
    }

    /// What a line shows for the first row attributes; `None` is a subtotal.
    pub(crate) fn shown(&self, line: Line, attributes: usize) -> Vec<Option<u64>> {
        let elements = self.elements(line);
        let units = self.rows.iter().filter_map(|unit| match unit {
            Unit::Attribute(at, _) => elements.get(*at).copied(),
            Unit::Metrics => None,
        });
        let keep = usize::try_from(line.keep).unwrap_or(usize::MAX);
        units
            .take(attributes)
            .enumerate()
            .map(|(at, element)| (at < keep).then_some(element))
            .collect()
    }
}
