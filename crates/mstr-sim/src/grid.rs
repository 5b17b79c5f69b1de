//! A page of a grid as JSON text, written straight into bytes: what it costs depends on the lines
//! of the page, not on those before it.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::attribute::{ABSENT, Attribute, Axis, Form, Kind};
use crate::plan::{Column, Line, Plan, Unit};
use crate::value::{self, Cell, Dates};

/// Which page, and what of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Show {
    pub(crate) offset: u64,
    /// As the client sent it: -1 is all.
    pub(crate) limit: i64,
    pub(crate) formatted: bool,
    pub(crate) extras: bool,
    pub(crate) dates: Dates,
    /// Whether the client takes it compressed.
    pub(crate) gzip: bool,
}

/// How many lines a page has at most for a client that asks for all: it may get fewer
/// (documented).
pub(crate) const MOST_LINES: u64 = 100_000;

impl Show {
    /// How many lines of so many a page has.
    pub(crate) fn lines(&self, total: u64) -> u64 {
        let limit = u64::try_from(self.limit).unwrap_or(MOST_LINES);
        total.saturating_sub(self.offset).min(limit)
    }
}

/// An element in the dictionary of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Element {
    Plain(u64),
    Subtotal,
}

/// The elements of a unit on this page, numbered in the order in which they come first.
#[derive(Default)]
struct Dictionary {
    order: Vec<Element>,
    numbers: HashMap<Element, usize>,
    last: Option<(Element, usize)>,
}

impl Dictionary {
    /// The index that stands for an element in a header: -1 for none (recorded).
    fn index(&mut self, element: Element) -> i64 {
        if element == Element::Plain(ABSENT) {
            return -1;
        }
        i64::try_from(self.number(element)).unwrap_or_default()
    }

    fn number(&mut self, element: Element) -> usize {
        // Lines that follow each other mostly share their first elements.
        if let Some((known, number)) = self.last
            && known == element
        {
            return number;
        }
        let next = self.order.len();
        let number = *self.numbers.entry(element).or_insert(next);
        if number == next {
            self.order.push(element);
        }
        self.last = Some((element, number));
        number
    }
}

/// The indices of a page: a list for each line or for each unit, and the dictionaries of the
/// units.
struct Header {
    json: Vec<u8>,
    dictionaries: Vec<Dictionary>,
}

/// The smallest and the largest value of each metric on the page.
type Range = Option<(f64, f64)>;

/// Renders a page. `total` is what it claims.
pub(crate) fn page(plan: &Plan, instance: &str, show: &Show, total: u64) -> Vec<u8> {
    page_with_status(plan, instance, show, total, 1)
}

/// The same, with the status of the instance: 1 is ready, 2 waits for answers to prompts.
pub(crate) fn page_with_status(
    plan: &Plan,
    instance: &str,
    show: &Show,
    total: u64,
    status: u8,
) -> Vec<u8> {
    let count = show.lines(plan.total());
    let lines: Vec<Line> = (show.offset..show.offset + count).map(|at| plan.line(at)).collect();
    let mut ranges: Vec<Range> = vec![None; plan.metrics.len()];
    let rows = row_header(plan, &lines);
    let columns = column_header(plan);
    let raw = values(plan, &lines, |out, line, column| {
        let cell = plan.cell(line, column);
        cell.write(out, show.dates);
        note(&mut ranges, line, column, &cell);
    });

    let mut out = Vec::with_capacity(raw.len() + rows.json.len() + 4096);
    let data = plan.data();
    out.extend_from_slice(b"{\"name\":");
    value::json(&mut out, &data.name);
    out.extend_from_slice(b",\"id\":");
    value::json(&mut out, &data.id);
    out.extend_from_slice(b",\"instanceId\":");
    value::json(&mut out, instance);
    out.extend_from_slice(b",\"status\":");
    value::write_integer(&mut out, i64::from(status));
    out.extend_from_slice(b",\"definition\":{\"grid\":{\"crossTab\":");
    value::json(&mut out, &plan.cross_tab);
    out.extend_from_slice(b",\"metricsPosition\":");
    value::json(&mut out, &metrics_position(plan));
    let shown = Shown { plan, dates: show.dates, ranges: &ranges };
    out.extend_from_slice(b",\"rows\":");
    shown.units(&mut out, &plan.rows, &rows.dictionaries);
    out.extend_from_slice(b",\"columns\":");
    shown.units(&mut out, &plan.columns, &columns.dictionaries);
    out.extend_from_slice(b",\"pageBy\":");
    value::json(&mut out, &page_by(plan, show.dates));
    out.extend_from_slice(b",\"subtotals\":");
    let defined = plan.source.subtotals;
    value::json(&mut out, &json!({ "defined": defined, "visible": plan.subtotals }));
    out.extend_from_slice(b",\"sorting\":");
    value::json(&mut out, &plan.sorting.shown());
    out.extend_from_slice(b",\"thresholds\":[]}},\"data\":");
    out.extend_from_slice(b"{\"currentPageBy\":");
    value::json(&mut out, &current_page_by(plan));
    let paging =
        json!({ "total": total, "current": count, "offset": show.offset, "limit": show.limit });
    out.extend_from_slice(b",\"paging\":");
    value::json(&mut out, &paging);
    out.extend_from_slice(b",\"headers\":{\"rows\":");
    out.extend_from_slice(&rows.json);
    out.extend_from_slice(b",\"columns\":");
    out.extend_from_slice(&columns.json);
    out.extend_from_slice(b"},\"metricValues\":{\"raw\":");
    out.extend_from_slice(&raw);
    if show.formatted {
        out.extend_from_slice(b",\"formatted\":");
        out.extend(values(plan, &lines, |out, line, column| {
            plan.cell(line, column).write_formatted(out, show.dates);
        }));
    }
    if show.extras {
        out.extend_from_slice(b",\"extras\":");
        out.extend(values(plan, &lines, |out, _, _| out.extend_from_slice(b"{}")));
    }
    out.extend_from_slice(b"}}}");
    out
}

/// A list: what `write` writes for each item.
fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn values(
    plan: &Plan,
    lines: &[Line],
    mut write: impl FnMut(&mut Vec<u8>, Line, Column),
) -> Vec<u8> {
    let mut out = Vec::new();
    // without metrics the columns have no values (recorded in compound grids, else assumed)
    let lines = if plan.metrics.is_empty() && !plan.columns.is_empty() { &[] } else { lines };
    list(&mut out, lines, |out, line| {
        list(out, &plan.tuples, |out, column| write(out, *line, *column));
    });
    out
}

fn note(ranges: &mut [Range], line: Line, column: Column, cell: &Cell) {
    let metric = column.metric.unwrap_or(usize::try_from(line.metric).unwrap_or_default());
    if let (Some(number), Some(range)) = (cell.number(), ranges.get_mut(metric)) {
        let (least, most) = range.unwrap_or((number, number));
        *range = Some((least.min(number), most.max(number)));
    }
}

/// Row-major: a list of indices for each line.
fn row_header(plan: &Plan, lines: &[Line]) -> Header {
    let mut dictionaries: Vec<_> = plan.rows.iter().map(|_| Dictionary::default()).collect();
    let mut json = Vec::with_capacity(lines.len() * (plan.rows.len() * 5 + 2));
    let mut indices = Vec::new();
    list(&mut json, lines, |out, line| {
        let elements = plan.elements(*line);
        let mut attribute = 0;
        indices.clear();
        for (unit, dictionary) in plan.rows.iter().zip(&mut dictionaries) {
            match unit {
                Unit::Metrics => {
                    indices.push(dictionary.index(Element::Plain(u64::from(line.metric))));
                }
                Unit::Attribute(at, _) => {
                    attribute += 1;
                    let element = elements.get(*at).copied().unwrap_or_default();
                    let is_subtotal = attribute > line.keep;
                    for number in plan.header(*at, element) {
                        let shown = Element::Plain(number);
                        let shown = if is_subtotal { Element::Subtotal } else { shown };
                        indices.push(dictionary.index(shown));
                    }
                }
            }
        }
        list(out, &indices, |out, index| value::write_integer(out, *index));
    });
    Header { json, dictionaries }
}

/// Unit-major: a list of indices for each unit, or one for each of its headers.
fn column_header(plan: &Plan) -> Header {
    let columns = plan.data().on(Axis::Columns).map(|(at, _)| at).collect::<Vec<_>>();
    let size = |at: &usize| plan.data().attributes.get(*at).map_or(1, |one| one.elements);
    let mut dictionaries = Vec::new();
    let mut lists: Vec<Vec<i64>> = Vec::new();
    for unit in &plan.columns {
        let mut dictionary = Dictionary::default();
        let first = lists.len();
        for tuple in &plan.tuples {
            let numbers = match unit {
                Unit::Metrics => vec![tuple.metric.unwrap_or_default() as u64],
                Unit::Attribute(at, _) => {
                    // The digit of this attribute in the number of the combination.
                    let inner = columns.iter().rev().take_while(|other| *other != at);
                    let step: u64 = inner.map(size).product();
                    plan.header(*at, tuple.elements / step % size(at)).collect()
                }
            };
            for (at, number) in numbers.into_iter().enumerate() {
                if lists.len() <= first + at {
                    lists.push(Vec::new());
                }
                if let Some(list) = lists.get_mut(first + at) {
                    list.push(dictionary.index(Element::Plain(number)));
                }
            }
        }
        if lists.len() == first {
            lists.push(Vec::new());
        }
        dictionaries.push(dictionary);
    }
    let mut json = Vec::new();
    list(&mut json, &lists, |out, indices| {
        list(out, indices, |out, index| value::write_integer(out, *index));
    });
    Header { json, dictionaries }
}

/// What units and elements are written from.
struct Shown<'a> {
    plan: &'a Plan,
    dates: Dates,
    ranges: &'a [Range],
}

impl Shown<'_> {
    fn units(&self, out: &mut Vec<u8>, units: &[Unit], dictionaries: &[Dictionary]) {
        list(out, units.iter().zip(dictionaries), |out, (unit, dictionary)| match unit {
            Unit::Metrics => {
                let metrics = dictionary.order.iter().filter_map(|element| match element {
                    Element::Plain(metric) => usize::try_from(*metric).ok(),
                    Element::Subtotal => None,
                });
                let elements: Vec<_> = metrics.filter_map(|metric| self.metric(metric)).collect();
                value::json(out, &template_metrics(&elements));
            }
            Unit::Attribute(at, forms) => {
                let Some(attribute) = self.plan.data().attributes.get(*at) else { return };
                let head = head(attribute, forms).to_string();
                out.extend_from_slice(head.trim_end_matches('}').as_bytes());
                out.extend_from_slice(b",\"elements\":");
                list(out, &dictionary.order, |out, shown| match shown {
                    Element::Plain(number) => element(out, attribute, forms, *number, self.dates),
                    Element::Subtotal => {
                        let id = format!("j1;{}", attribute.id);
                        let total = json!({ "formValues": ["Total"], "id": id, "subtotal": true });
                        value::json(out, &total);
                    }
                });
                out.push(b'}');
            }
        });
    }

    fn metric(&self, shown: usize) -> Option<Json> {
        let metric = self.plan.data().metrics.get(*self.plan.metrics.get(shown)?)?;
        let mut described = describe_metric(metric);
        if let (Some(members), Some(Some((least, most)))) =
            (described.as_object_mut(), self.ranges.get(shown))
        {
            members.insert("min".to_owned(), json!(least));
            members.insert("max".to_owned(), json!(most));
        }
        Some(described)
    }
}

/// The unit of the metrics. Its id is recorded.
pub(crate) fn template_metrics(elements: &[Json]) -> Json {
    json!({
        "name": "Metrics",
        "id": "00000000000000000000000000000000",
        "type": "templateMetrics",
        "elements": elements,
    })
}

pub(crate) fn describe_metric(metric: &crate::Metric) -> Json {
    json!({
        "name": metric.name,
        "id": metric.id,
        "type": "metric",
        "dataType": metric.data_type.wire(),
        "numberFormatting": {
            "category": 1,
            "decimalPlaces": 2,
            "thousandSeparator": true,
            "currencySymbol": "$",
            "currencyPosition": 0,
            "formatString": "#,##0.00",
            "negativeType": 1,
        },
    })
}

pub(crate) fn describe_form(form: &Form) -> Json {
    json!({
        "id": form.id,
        "name": form.name,
        "dataType": form.data_type.wire(),
        "baseFormCategory": form.name,
        "baseFormType": form.data_type.base_type(),
    })
}

/// A unit without its elements. A custom group or a consolidation has no forms.
pub(crate) fn head(attribute: &Attribute, forms: &[usize]) -> Json {
    let kind = match attribute.kind {
        Kind::Attribute => "attribute",
        Kind::CustomGroup => "customGroup",
        Kind::Consolidation => "consolidation",
    };
    let mut head = json!({ "name": attribute.name, "id": attribute.id, "type": kind });
    if let (Some(members), Kind::Attribute) = (head.as_object_mut(), attribute.kind) {
        let forms = forms.iter().filter_map(|form| attribute.forms.get(*form));
        members.insert("forms".to_owned(), forms.map(describe_form).collect());
    }
    if !attribute.parents.is_empty() {
        head["headerCount"] = json!(2);
    }
    head
}

fn element(out: &mut Vec<u8>, attribute: &Attribute, forms: &[usize], number: u64, dates: Dates) {
    let values = forms.iter().map_while(|form| attribute.form_value(*form, number, dates));
    if attribute.kind == Kind::Attribute {
        out.extend_from_slice(b"{\"formValues\":");
        list(out, values, |out, text| value::json(out, &text));
    } else if !attribute.parents.is_empty() {
        let label = attribute.label(number);
        out.extend_from_slice(b"{\"name\":");
        value::json(out, &label);
        out.extend_from_slice(b",\"formValues\":");
        list(out, label, |out, text| value::json(out, &text));
    } else {
        out.extend_from_slice(b"{\"name\":");
        value::json(out, &attribute.form_value(0, number, dates));
    }
    out.extend_from_slice(b",\"id\":");
    value::json(out, &element_id(attribute, number));
    out.push(b'}');
}

/// The id of an element in results.
pub(crate) fn element_id(attribute: &Attribute, element: u64) -> String {
    format!("h{};{}", element + 1, attribute.id)
}

pub(crate) fn metrics_position(plan: &Plan) -> Json {
    plan.metrics_position().map_or(Json::Null, |(in_rows, index)| {
        json!({ "axis": if in_rows { "rows" } else { "columns" }, "index": index })
    })
}

/// The units of the page-by axis with all their elements, whatever the page.
pub(crate) fn page_by(plan: &Plan, dates: Dates) -> Json {
    let units = plan.pages.iter().filter_map(|unit| match unit {
        Unit::Attribute(at, forms) => Some((plan.data().attributes.get(*at)?, forms)),
        Unit::Metrics => None,
    });
    let described = units.map(|(attribute, forms)| {
        let elements: Vec<_> = (0..attribute.elements)
            .map(|number| {
                let values = forms.iter().map_while(|form| attribute.form_value(*form, number, dates));
                json!({ "formValues": values.collect::<Vec<_>>(), "id": element_id(attribute, number) })
            })
            .collect();
        let mut head = head(attribute, forms);
        if let Some(members) = head.as_object_mut() {
            members.insert("elements".to_owned(), json!(elements));
        }
        head
    });
    described.collect()
}

/// The elements of the page that is shown, as indices into the page-by units (inferred).
fn current_page_by(plan: &Plan) -> Vec<u64> {
    page_elements(plan, plan.page)
}

/// The elements of a page, one for each unit of the page-by axis.
pub(crate) fn page_elements(plan: &Plan, page: u64) -> Vec<u64> {
    let mut rest = page;
    let mut elements: Vec<u64> = Vec::new();
    for (at, attribute) in plan.data().on(Axis::Pages).rev() {
        let element = rest % attribute.elements;
        rest /= attribute.elements;
        if plan.pages.iter().any(|unit| matches!(unit, Unit::Attribute(shown, _) if *shown == at)) {
            elements.push(element);
        }
    }
    elements.reverse();
    elements
}
