//! The table that a grid stands for: its columns, whichever axis they come from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use mstr_rest_core::Result;

use crate::definition::{Element, Form, Grid, Text, Unit};
use crate::error::broken;
use crate::shape::slots;
use crate::value_type::{Kind, ValueType};

/// An attribute, custom group or consolidation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) id: String,
    kind: String,
    /// None for what has no forms; it makes one column all the same.
    pub(crate) forms: Vec<Form>,
}

impl Attribute {
    fn of(unit: &Unit<'_>) -> Self {
        Self {
            name: unit.name.clone(),
            id: unit.id.clone(),
            kind: unit.kind.clone(),
            forms: unit.forms.clone(),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.forms.len().max(1)
    }

    /// The name of the column of that form.
    pub(crate) fn column_name(&self, form: usize) -> String {
        match self.forms.get(form) {
            Some(form) if self.forms.len() > 1 => format!("{}@{}", self.name, form.name),
            _ => self.name.clone(),
        }
    }

    /// Whether a caller means that form by this: `Attribute@Form` by names, or the name or id of
    /// the attribute for all of its forms.
    pub(crate) fn is_named(&self, form: usize, by: &str) -> bool {
        let of_form = |form: &Form| by == format!("{}@{}", self.name, form.name);
        by == self.name || by == self.id || self.forms.get(form).is_some_and(of_form)
    }

    fn fields(&self, kinds: &[Kind]) -> impl Iterator<Item = Field> {
        kinds.iter().enumerate().map(move |(number, kind)| {
            let form = self.forms.get(number);
            let name = self.column_name(number);
            let mut facts = HashMap::from([
                ("mstr.kind".to_owned(), self.kind.clone()),
                ("mstr.id".to_owned(), self.id.clone()),
            ]);
            if let Some(form) = form {
                facts.insert("mstr.form".to_owned(), form.name.clone());
                facts.insert("mstr.form.id".to_owned(), form.id.clone());
                facts.extend(form.data_type.clone().map(|t| ("mstr.data_type".to_owned(), t)));
            }
            let kind = match kind.column {
                ValueType::Text => {
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
                }
                other => other.arrow(),
            };
            Field::new(name, kind, true).with_metadata(facts)
        })
    }
}

/// A metric of the grid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data_type: Option<String>,
    format: Option<String>,
    currency: Option<String>,
}

impl Metric {
    fn of(element: &Element<'_>) -> Self {
        let formatting = element.number_formatting.as_deref().cloned().unwrap_or_default();
        let own = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
        Self {
            name: own(&element.name).unwrap_or_default(),
            id: own(&element.id).unwrap_or_default(),
            data_type: own(&element.data_type),
            format: formatting.format_string,
            currency: formatting.currency_symbol,
        }
    }

    pub(crate) fn known(id: String, name: String, data_type: Option<String>) -> Self {
        Self { name, id, data_type, format: None, currency: None }
    }

    fn same(&self, other: &Self) -> bool {
        self.id == other.id && self.name == other.name
    }

    /// Whether that element is this metric.
    pub(crate) fn is(&self, element: &Element<'_>) -> bool {
        match element.id.as_deref() {
            Some(id) if !self.id.is_empty() => id == self.id,
            _ => element.name.as_deref() == Some(self.name.as_str()),
        }
    }

    /// Whether a caller means it by this: its name or id.
    pub(crate) fn is_named(&self, by: &str) -> bool {
        by == self.name || by == self.id
    }

    fn field(&self, kind: Kind) -> Field {
        let facts = [
            ("mstr.kind", Some("metric")),
            ("mstr.id", Some(self.id.as_str())),
            ("mstr.data_type", self.data_type.as_deref()),
            ("mstr.format", self.format.as_deref()),
            ("mstr.currency", self.currency.as_deref()),
        ];
        let facts = facts.into_iter();
        let facts = facts.filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Field::new(&self.name, kind.column.arrow(), true)
            .with_metadata(facts.collect::<HashMap<_, _>>())
    }
}

/// Where the metrics are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricAxis {
    /// At this place among the entries of a row header.
    Rows(usize),
    /// At this place among the entries of a column header.
    Columns(usize),
    None,
}

/// The types of all columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Kinds {
    /// One for each form of each attribute.
    pub(crate) forms: Vec<Kind>,
    pub(crate) metrics: Vec<Kind>,
}

/// What stays the same on all pages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) page_by: Vec<Attribute>,
    /// Without the metrics.
    pub(crate) rows: Vec<Attribute>,
    /// Without the metrics.
    pub(crate) columns: Vec<Attribute>,
    pub(crate) axis: MetricAxis,
    pub(crate) metrics: Vec<Metric>,
}

impl Layout {
    pub(crate) fn of(grid: &Grid<'_>) -> Result<Self> {
        if grid.page_by.iter().any(Unit::is_metrics) {
            return Err(broken(
                "the metrics are in page-by, where a page shows one of them: ask for the objects \
                 (requestedObjects), which brings them into columns",
            ));
        }
        let units = grid.rows.iter().chain(&grid.columns).filter(|unit| unit.is_metrics());
        if units.count() > 1 {
            return Err(broken("metrics are at two places of the grid"));
        }
        let place = |units: &[Unit<'_>]| slots(units).position(Unit::is_metrics);
        let metrics = |units: &[Unit<'_>]| -> Vec<Metric> {
            let unit = units.iter().find(|unit| unit.is_metrics());
            unit.map_or_else(Vec::new, |unit| unit.elements.iter().map(Metric::of).collect())
        };
        let (axis, metrics) = match (place(&grid.rows), place(&grid.columns)) {
            (Some(at), _) => (MetricAxis::Rows(at), metrics(&grid.rows)),
            (None, Some(at)) => (MetricAxis::Columns(at), metrics(&grid.columns)),
            (None, None) => (MetricAxis::None, Vec::new()),
        };
        let attributes = |units: &[Unit<'_>]| {
            slots(units).filter(|unit| !unit.is_metrics()).map(Attribute::of).collect()
        };
        Ok(Self {
            page_by: attributes(&grid.page_by),
            rows: attributes(&grid.rows),
            columns: attributes(&grid.columns),
            axis,
            metrics,
        })
    }

    /// Puts in what is known of metrics that a page does not list.
    pub(crate) fn know(&mut self, known: &[Metric]) {
        if known.is_empty() || !matches!(self.axis, MetricAxis::Rows(_)) {
            return;
        }
        let listed = std::mem::take(&mut self.metrics);
        let unlisted = |metric: &&Metric| !listed.iter().any(|one| one.same(metric));
        let position = |metric: &Metric| known.iter().position(|one| one.same(metric));
        let mut all: Vec<_> = known.iter().filter(unlisted).cloned().collect();
        all.extend(listed);
        all.sort_by_key(|metric| position(metric).unwrap_or(usize::MAX));
        self.metrics = all;
    }

    /// Whether a later page is of the same grid. It may list only those metrics that it shows.
    pub(crate) fn is_continued_by(&self, later: &Self) -> bool {
        let attributes = |layout: &Self| {
            (layout.page_by.clone(), layout.rows.clone(), layout.columns.clone(), layout.axis)
        };
        attributes(self) == attributes(later)
            && later.metrics.iter().all(|metric| self.metrics.iter().any(|m| m.same(metric)))
    }

    /// Attributes in the order of their columns.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.page_by.iter().chain(&self.rows).chain(&self.columns)
    }

    /// Attributes, then the flag of subtotals if there is one, then metrics. Of columns with one
    /// name the later ones get a number behind it.
    pub(crate) fn schema(&self, kinds: &Kinds, flag: Option<&str>) -> SchemaRef {
        let mut fields = Vec::new();
        let mut forms = kinds.forms.as_slice();
        for attribute in self.attributes() {
            let own;
            (own, forms) = forms.split_at(attribute.width().min(forms.len()));
            fields.extend(attribute.fields(own));
        }
        fields.extend(flag.map(|name| Field::new(name, DataType::Boolean, false)));
        let metrics = self.metrics.iter().zip(&kinds.metrics);
        fields.extend(metrics.map(|(metric, kind)| metric.field(*kind)));
        let mut taken = HashSet::new();
        let fields = fields.into_iter().map(|field| {
            let mut name = field.name().clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{} {number}", field.name());
                number += 1;
            }
            field.with_name(name)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}
