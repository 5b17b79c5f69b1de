//! What a client wants to see of an execution, read from the body of its request.

use serde_json::Value as Json;

use crate::attribute::Axis;
use crate::dataset::Dataset;
use crate::expression::{self, Reader};
use crate::filter::{self, Filter, Invalid};
use crate::report::Source;
use crate::sorting::{Sorting, Template};

/// An attribute and those of its forms that are shown.
pub(crate) type Chosen = (usize, Vec<usize>);
/// The selected attributes and metrics.
pub(crate) type Selection = (Vec<Chosen>, Vec<usize>);

/// What a client wants to see: the body of an execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manipulation {
    /// In the order of the template.
    pub(crate) requested: Option<Selection>,
    /// What answers to prompts chose.
    pub(crate) answers: Vec<Filter>,
    /// Applied before aggregation (documented).
    pub(crate) view_filter: Option<Filter>,
    /// Applied after aggregation (documented).
    pub(crate) limits: Vec<Filter>,
    /// None is the first one.
    pub(crate) page: Option<u64>,
    pub(crate) no_subtotals: bool,
    pub(crate) sorting: Sorting,
}

impl Manipulation {
    /// Reads a body, strictly where ids of filters must be valid. An error is for a 400.
    pub(crate) fn read(source: &Source, body: &Json, is_strict: bool) -> Result<Self, Invalid> {
        let data = &source.data;
        let reader = Reader { data, is_strict };
        let present = |name: &str| body.get(name).filter(|value| !value.is_null());
        let view_filter = match present("viewFilter") {
            Some(expression) => reader.filter(expression)?,
            None => None,
        };
        let limits = match present("metricLimits") {
            Some(limits) => reader.limits(limits)?,
            None => Vec::new(),
        };
        let visible = present("subtotals").and_then(|subtotals| subtotals.get("visible"));
        let requested = match present("requestedObjects") {
            Some(requested) => Some(selection(data, requested)?),
            None => None,
        };
        let chosen = requested.as_ref();
        let attributes = chosen.map(|(all, _)| all.iter().map(|(at, _)| *at).collect());
        let template = Template {
            data,
            attributes: &attributes
                .unwrap_or_else(|| (0..data.attributes.len()).collect::<Vec<_>>()),
            metrics: &chosen
                .map_or_else(|| (0..data.metrics.len()).collect(), |(_, all)| all.clone()),
            is_flat: requested.is_some() || source.kind.is_cube(),
        };
        let sorting = Sorting::read(&template, present("sorting"))?;
        Ok(Self {
            requested,
            answers: Vec::new(),
            view_filter,
            limits,
            page: present("currentPageBy").map(|chosen| page(data, chosen)).transpose()?,
            no_subtotals: visible.and_then(Json::as_bool) == Some(false),
            sorting,
        })
    }

    /// Adds a condition that answers a prompt.
    pub(crate) fn restrict(&mut self, data: &Dataset, expression: &Json) -> Result<(), Invalid> {
        self.answers.push(expression::answered(data, expression)?);
        Ok(())
    }

    /// Adds what answers to prompts chose.
    pub(crate) fn choose(&mut self, data: &Dataset, attribute: usize, ids: &[String]) {
        let chosen = ids.iter().filter_map(|id| filter::element(data, attribute, id));
        self.answers.push(Filter::Elements(attribute, chosen.collect()));
    }
}

fn selection(data: &Dataset, requested: &Json) -> Result<Selection, Invalid> {
    let list =
        |name: &str| requested.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
    let id = |object: &Json| {
        object.get("id").and_then(Json::as_str).map(str::to_owned).unwrap_or_default()
    };
    let mut attributes = Vec::new();
    for object in list("attributes") {
        let wanted = id(&object);
        let at = data.attribute(&wanted);
        let at = at.ok_or_else(|| format!("There is no attribute {wanted}"))?;
        let all = data.attributes.get(at).map(|found| found.forms.as_slice()).unwrap_or_default();
        let asked = object.get("forms").and_then(Json::as_array).cloned().unwrap_or_default();
        let mut forms = Vec::new();
        for form in asked {
            let wanted = id(&form);
            let found = all.iter().position(|one| one.id == wanted);
            forms.push(found.ok_or_else(|| format!("There is no form {wanted}"))?);
        }
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            forms = (0..all.len().max(1)).collect();
        }
        attributes.push((at, forms));
    }
    let mut metrics = Vec::new();
    for object in list("metrics") {
        let wanted = id(&object);
        let found = data.metric(&wanted);
        metrics.push(found.ok_or_else(|| format!("There is no metric {wanted}"))?);
    }
    // Real clients send them in any order: what counts is the template's.
    attributes.sort_unstable();
    attributes.dedup_by_key(|(at, _)| *at);
    metrics.sort_unstable();
    metrics.dedup();
    Ok((attributes, metrics))
}

/// The page that a `currentPageBy` names: an element for each attribute on the page-by axis.
fn page(data: &Dataset, chosen: &Json) -> Result<u64, Invalid> {
    let chosen = chosen.as_array().ok_or("currentPageBy is no list")?;
    let attributes: Vec<_> = data.on(Axis::Pages).collect();
    if chosen.len() != attributes.len() {
        return Err(format!("currentPageBy wants {} elements", attributes.len()));
    }
    let mut page = 0;
    for ((at, attribute), chosen) in attributes.into_iter().zip(chosen) {
        let id = chosen.get("id").and_then(Json::as_str).unwrap_or_default();
        let element = filter::element(data, at, id);
        page = page * attribute.elements
            + element.ok_or_else(|| format!("There is no element {id}"))?;
    }
    Ok(page)
}
