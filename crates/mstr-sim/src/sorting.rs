//! Sorting of an execution's rows, columns and pages, with the documented refusals.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};

use crate::attribute::{ABSENT, Axis};
use crate::dataset::{Dataset, Place};
use crate::filter::{self, Invalid};
use crate::value::{Cell, Dates};

/// What may be sorted by: what the execution shows.
pub(crate) struct Template<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) attributes: &'a [usize],
    pub(crate) metrics: &'a [usize],
    /// All attributes stand in rows.
    pub(crate) is_flat: bool,
}

/// The criteria of all axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorting {
    pub(crate) rows: Vec<Sort>,
    pub(crate) columns: Vec<Sort>,
    pub(crate) pages: Vec<Sort>,
    /// As replies repeat it.
    shown: Json,
}

/// One criterion.
#[derive(Clone, Debug)]
pub(crate) struct Sort {
    by: By,
    descending: bool,
    subtotals_first: bool,
}

#[derive(Clone, Debug)]
enum By {
    Subtotals,
    Attribute(usize),
    Form(usize, usize),
    /// In the line of these elements on the other axis.
    Metric(usize, Vec<(usize, u64)>),
}

/// What is compared. What is not there comes last, whatever the order.
#[derive(Clone, Debug)]
enum Key {
    Null,
    Number(f64),
    Text(String),
}

impl Sorting {
    /// Reads the member `sorting` of a body. An error is for a 400.
    pub(crate) fn read(template: &Template<'_>, sorting: Option<&Json>) -> Result<Self, Invalid> {
        let mut read = Self::default();
        // an empty list is an old form of nothing
        let Some(all_axes) = sorting.and_then(Json::as_object) else { return Ok(read) };
        let mut shown = json!({ "rows": [], "columns": [] });
        for (name, sorts) in all_axes {
            let axis = match name.as_str() {
                "rows" => Axis::Rows,
                "columns" => Axis::Columns,
                "pageBy" => Axis::Pages,
                other => return Err(format!("There is no axis {other}")),
            };
            let sorts = sorts.as_array().map(Vec::as_slice).unwrap_or_default();
            let all = sorts.iter().enumerate().map(|(at, sort)| template.sort(axis, at, sort));
            let all = all.collect::<Result<Vec<_>, _>>()?;
            shown[name] = sorts.iter().map(described).collect();
            match axis {
                Axis::Rows => read.rows = all,
                Axis::Columns => read.columns = all,
                Axis::Pages => read.pages = all,
            }
        }
        read.shown = shown;
        Ok(read)
    }

    /// As the definition of a page has it.
    pub(crate) fn shown(&self) -> Json {
        if self.shown.is_null() { json!({ "rows": [], "columns": [] }) } else { self.shown.clone() }
    }

    /// Whether subtotals stand before what they are the subtotals of.
    pub(crate) fn subtotals_first(&self) -> bool {
        self.rows.iter().any(|sort| sort.subtotals_first)
    }
}

/// What a criterion is: clients may leave that out (documented).
fn kind(sort: &Json) -> &str {
    let has = |name: &str| sort.get(name).is_some_and(|value| !value.is_null());
    match sort.get("type").and_then(Json::as_str) {
        Some(kind) => kind,
        None if has("metric") => "metric",
        None if has("form") => "form",
        None if has("attribute") => "attribute",
        None => "subtotalsPosition",
    }
}

fn described(sort: &Json) -> Json {
    let mut sort = sort.clone();
    let kind = kind(&sort).to_owned();
    sort["type"] = json!(kind);
    sort
}

fn id<'a>(sort: &'a Json, name: &str) -> &'a str {
    sort.get(name).and_then(|one| one.get("id")).and_then(Json::as_str).unwrap_or_default()
}

impl Template<'_> {
    fn sort(&self, axis: Axis, at: usize, sort: &Json) -> Result<Sort, Invalid> {
        let kind = kind(sort);
        let position = sort.get("subtotalsPosition").and_then(Json::as_str);
        let order = sort.get("order").and_then(Json::as_str);
        let by = match kind {
            "subtotalsPosition" if at > 0 => {
                return Err(format!(
                    "Subtotals position sort can be only applied as the first sorting in the \
                     axis, but found in index {at}"
                ));
            }
            "subtotalsPosition" => By::Subtotals,
            "attribute" if order.is_some() || position.is_some() => {
                return Err(
                    "It is forbidden to set 'order' and 'subtotalsPosition' for attribute \
                            default sort."
                        .to_owned(),
                );
            }
            "attribute" => By::Attribute(self.attribute(sort, at)?),
            "form" => {
                let attribute = self.attribute(sort, at)?;
                By::Form(attribute, self.form(attribute, sort, at)?)
            }
            "metric" if axis == Axis::Pages => {
                return Err("Metric sort cannot be applied in page-by.".to_owned());
            }
            "metric" => {
                let metric = self.metric(sort, at)?;
                By::Metric(metric, self.opposite(axis, sort)?)
            }
            _ => {
                return Err("Incorrect node type. Supported node types are 'metric', 'form', \
                            'attribute' and 'subtotalsPosition' currently."
                    .to_owned());
            }
        };
        match position {
            None | Some("first" | "last" | "inherit") => {}
            Some("mixed") if kind == "metric" => {}
            Some("mixed") => {
                return Err(format!(
                    "Subtotals position 'mixed' cannot be applied for sort of type {kind}."
                ));
            }
            Some(other) => return Err(format!("Unknown subtotals position value {other}.")),
        }
        let descending = match order {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(other) => return Err(format!("Unknown order {other}")),
        };
        Ok(Sort { by, descending, subtotals_first: position == Some("first") })
    }

    fn attribute(&self, sort: &Json, at: usize) -> Result<usize, Invalid> {
        let id = id(sort, "attribute");
        if id.is_empty() {
            return Err(format!(
                "Attribute ID should not be null or empty in the sorting array[{at}]"
            ));
        }
        let found = self.data.attribute(id).filter(|found| self.attributes.contains(found));
        found.ok_or_else(|| format!("Failed to find the attribute {id} in the template"))
    }

    fn form(&self, attribute: usize, sort: &Json, at: usize) -> Result<usize, Invalid> {
        let id = id(sort, "form");
        if id.is_empty() {
            return Err(format!(
                "Attribute form ID should not be null or empty in the sorting array[{at}]"
            ));
        }
        let forms = self.data.attributes.get(attribute).map(|found| found.forms.as_slice());
        let found = forms.unwrap_or_default().iter().position(|form| form.id == id);
        found.ok_or_else(|| format!("Failed to find the attribute form {id} in the template"))
    }

    fn metric(&self, sort: &Json, at: usize) -> Result<usize, Invalid> {
        let id = id(sort, "metric");
        if id.is_empty() {
            return Err(format!(
                "Metric ID should not be null or empty in the sorting array[{at}]"
            ));
        }
        let found = self.data.metric(id).filter(|found| self.metrics.contains(found));
        found.ok_or_else(|| format!("Failed to find the metric {id} in the template"))
    }

    /// The elements that say in which line of the other axis a metric is looked at.
    fn opposite(&self, axis: Axis, sort: &Json) -> Result<Vec<(usize, u64)>, Invalid> {
        let opposite: Vec<usize> = match axis {
            _ if self.is_flat => match axis {
                Axis::Rows => Vec::new(),
                _ => self.attributes.to_vec(),
            },
            Axis::Rows => self.data.on(Axis::Columns).map(|(at, _)| at).collect(),
            _ => self.data.on(Axis::Rows).map(|(at, _)| at).collect(),
        };
        let given = sort.get("elements").and_then(Json::as_array).cloned().unwrap_or_default();
        let ids = given.iter().map(|one| one.get("id").and_then(Json::as_str).unwrap_or_default());
        let found: Option<Vec<_>> = opposite
            .iter()
            .zip(ids)
            .map(|(at, id)| Some((*at, filter::element(self.data, *at, id)?)))
            .collect();
        match found {
            Some(found) if found.len() == opposite.len() && found.len() == given.len() => Ok(found),
            _ => {
                let metric = id(sort, "metric");
                Err(format!(
                    "The elements of metric sort for metric id {metric} do not match the \
                     attributes in the opposite axis."
                ))
            }
        }
    }
}

/// Where a line of an axis lies, for its values.
pub(crate) struct Looked<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) axis: Axis,
    pub(crate) page: u64,
    pub(crate) is_flat: bool,
}

impl Looked<'_> {
    /// Sorts lines: numbers of rows, of combinations on columns, or of pages.
    pub(crate) fn sort(&self, sorts: &[Sort], lines: &mut [u64]) {
        if sorts.is_empty() {
            return;
        }
        // a metric in the line of elements on the other axis: the number of that line
        let others: Vec<Option<u64>> = sorts.iter().map(|sort| self.other_line(sort)).collect();
        lines.sort_by_cached_key(|line| {
            let elements = self.elements(*line);
            let keys = sorts.iter().zip(&others).map(|(sort, other)| Ordered {
                key: self.key(sort, *line, &elements, *other),
                descending: sort.descending,
            });
            keys.collect::<Vec<_>>()
        });
    }

    fn elements(&self, line: u64) -> Vec<u64> {
        let place = match self.axis {
            Axis::Rows if self.is_flat => self.data.place(line),
            Axis::Rows => Place { page: self.page, row: line, column: 0 },
            Axis::Columns => Place { page: self.page, row: 0, column: line },
            Axis::Pages => Place { page: line, row: 0, column: 0 },
        };
        self.data.elements(place)
    }

    fn other_line(&self, sort: &Sort) -> Option<u64> {
        let By::Metric(_, elements) = &sort.by else { return None };
        if self.axis == Axis::Rows {
            return Some(elements.iter().fold(0, |number, (at, element)| {
                let size = self.data.attributes.get(*at).map_or(1, |one| one.elements);
                number * size + element
            }));
        }
        (0..self.data.grid_rows()).find(|row| {
            let found = self.data.elements(Place { page: self.page, row: *row, column: 0 });
            elements.iter().all(|(at, element)| found.get(*at) == Some(element))
        })
    }

    fn key(&self, sort: &Sort, line: u64, elements: &[u64], other: Option<u64>) -> Key {
        match &sort.by {
            By::Subtotals => Key::Null,
            #[allow(clippy::cast_precision_loss, reason = "elements are far below 2^53")]
            By::Attribute(at) => {
                let element = elements.get(*at).filter(|one| **one != ABSENT);
                element.map_or(Key::Null, |one| Key::Number(*one as f64))
            }
            By::Form(at, form) => {
                let dates = Dates { iso_forms: true, iso_raw: true };
                let attribute = self.data.attributes.get(*at);
                let element = elements.get(*at).copied().unwrap_or_default();
                let value = attribute.and_then(|one| one.form_value(*form, element, dates));
                value.map_or(Key::Null, Key::of)
            }
            By::Metric(metric, _) => {
                let Some(other) = other else { return Key::Null };
                let flat = match self.axis {
                    Axis::Rows if self.is_flat => line,
                    Axis::Rows => {
                        self.data.flat(Place { page: self.page, row: line, column: other })
                    }
                    _ => self.data.flat(Place { page: self.page, row: other, column: line }),
                };
                match self.data.cell(*metric, flat, 0) {
                    Cell::Null => Key::Null,
                    cell => cell.number().map_or_else(|| Key::of(cell.text(true)), Key::Number),
                }
            }
        }
    }
}

impl Key {
    /// A text that is a number is compared as one.
    fn of(text: String) -> Self {
        text.parse().map_or(Self::Text(text), Self::Number)
    }
}

/// A key and its direction.
#[derive(Clone, Debug)]
struct Ordered {
    key: Key,
    descending: bool,
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = match (&self.key, &other.key) {
            (Key::Null, Key::Null) => return Ordering::Equal,
            (Key::Null, _) => return Ordering::Greater,
            (_, Key::Null) => return Ordering::Less,
            (Key::Number(one), Key::Number(two)) => one.total_cmp(two),
            (Key::Text(one), Key::Text(two)) => one.cmp(two),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        };
        if self.descending { order.reverse() } else { order }
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}
