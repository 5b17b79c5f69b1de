//! What is asked of a report or a cube: objects, conditions, order, and how it is run.

use std::time::Duration;

use mstr_rest_core::{Call, Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use crate::expression::Expression;
use crate::polling::DEFAULT_TIMEOUT;
use crate::sorting::Sorting;
use crate::{Definition, Sort, TemplateUnit, UnitKind};

/// How many lines the first page has unless it is said otherwise: the server's own default.
const PAGE: u64 = 1000;

/// Leaves out what formatted values need.
const RAW_ONLY: &str = "-data.metricValues.formatted,-data.metricValues.extras";

/// What is asked of a report or a cube, and how it is run.
///
/// [`designed`](Self::designed) takes the report's own layout: cross-tabs stay cross-tabs. A
/// request that names objects flattens the grid: attributes to rows, metrics to columns.
///
/// ```
/// use mstr_rest_api::GridRequest;
/// use mstr_rest_api::expression::{attribute, metric};
///
/// let revenue = "4C05177011D3E877C000B3B2D86C964F";
/// let request = GridRequest::designed()
///     .attribute("8D679D4B11D3E4981000E787EC6DE8A4")
///     .metric(revenue)
///     .view_filter(attribute("8D679D3711D3E4981000E787EC6DE8A4").is_in(["h2;8D679D37"]))
///     .metric_limit(revenue, metric(revenue).greater_than(1_000))
///     .page_size(10_000);
/// assert!(request.check().is_ok());
///
/// // the limit of one metric cannot be about another one
/// let other = GridRequest::designed().metric_limit(revenue, metric("X").greater_than(1));
/// assert!(other.check().is_err());
/// ```
///
/// Sources: the vendor's documentation of filters, metric limits, sorting and field selection, and
/// requests of its own client.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct GridRequest {
    pub(crate) objects: Option<Objects>,
    pub(crate) filter: Option<Expression>,
    pub(crate) limits: Vec<(String, Expression)>,
    sorting: Sorting,
    subtotals: Option<bool>,
    page_by: Option<Vec<String>>,
    page_size: u64,
    formatted: bool,
    iso_dates: bool,
    pub(crate) is_async: bool,
    pub(crate) timeout: Duration,
}

/// The objects that are asked for, in the order of the template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Objects {
    /// With forms; without any it is all of them.
    pub(crate) attributes: Vec<(String, Vec<String>)>,
    pub(crate) metrics: Vec<String>,
}

impl Default for GridRequest {
    fn default() -> Self {
        Self::designed()
    }
}

/// What is asked for.
impl GridRequest {
    /// The layout of the report as designed; of a cube all objects.
    pub fn designed() -> Self {
        Self {
            objects: None,
            filter: None,
            limits: Vec::new(),
            sorting: Sorting::default(),
            subtotals: None,
            page_by: None,
            page_size: PAGE,
            formatted: false,
            iso_dates: true,
            is_async: false,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// All objects of a definition in the order of its template, as a flat table: those in rows,
    /// on columns, and those that make pages; then the metrics. Without a template, of a cube say,
    /// all objects that can be asked for.
    ///
    /// Custom groups and consolidations are asked for as attributes; no source says whether every
    /// server takes them so. [`designed`](Self::designed) leaves them where they are.
    pub fn from_definition(definition: &Definition) -> Self {
        let objects = match &definition.template {
            Some(template) => Objects::of_units(template.units()),
            None => {
                let available = &definition.available;
                let attributes = available.attributes.iter();
                let all =
                    attributes.chain(&available.custom_groups).chain(&available.consolidations);
                Objects {
                    attributes: all.map(|one| (one.id.clone(), Vec::new())).collect(),
                    metrics: available.metrics.iter().map(|one| one.id.clone()).collect(),
                }
            }
        };
        Self { objects: Some(objects), ..Self::designed() }
    }

    /// Asks for an attribute with all its forms. Ask in the order of the template.
    pub fn attribute(self, id: impl Into<String>) -> Self {
        self.attribute_with_forms(id, [] as [&str; 0])
    }

    /// Asks for an attribute with these forms only, by id.
    pub fn attribute_with_forms<F: Into<String>>(
        mut self,
        id: impl Into<String>,
        forms: impl IntoIterator<Item = F>,
    ) -> Self {
        let forms = forms.into_iter().map(Into::into).collect();
        self.objects.get_or_insert_default().attributes.push((id.into(), forms));
        self
    }

    /// Asks for a metric. Ask in the order of the template.
    pub fn metric(mut self, id: impl Into<String>) -> Self {
        self.objects.get_or_insert_default().metrics.push(id.into());
        self
    }

    /// Keeps only what this expression is true for. A second one replaces the first: join them
    /// with [`Expression::all`].
    ///
    /// It acts on the objects of the report or cube before they are aggregated: a condition on a
    /// metric holds at the level of all of its attributes, also where fewer are asked for.
    /// [`metric_limit`](Self::metric_limit) acts on the lines that come. It is not applied to every
    /// report: [`check_against`](Self::check_against) knows to which (vendor documentation). Dates
    /// in it are written as the locale of the session has them.
    pub fn view_filter(mut self, filter: Expression) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Keeps only the lines whose metric is in a limit. The expression is about that metric
    /// ([`Expression::check_limit`]). A second limit of one metric replaces the first.
    ///
    /// It acts after aggregation, on the values that come; ranks and percentages count from the
    /// greatest (vendor documentation).
    pub fn metric_limit(mut self, metric: impl Into<String>, limit: Expression) -> Self {
        let metric = metric.into();
        self.limits.retain(|(limited, _)| *limited != metric);
        self.limits.push((metric, limit));
        self
    }

    /// Sorts rows; behind the sorts that were given before.
    pub fn sort_rows(mut self, sort: Sort) -> Self {
        self.sorting.rows.push(sort);
        self
    }

    /// Sorts columns; behind the sorts that were given before.
    pub fn sort_columns(mut self, sort: Sort) -> Self {
        self.sorting.columns.push(sort);
        self
    }

    /// Sorts the pages of page-by; behind the sorts that were given before.
    pub fn sort_pages(mut self, sort: Sort) -> Self {
        self.sorting.pages.push(sort);
        self
    }

    /// Shows subtotals, or leaves them out. As the report says unless this does.
    pub fn subtotals(mut self, visible: bool) -> Self {
        self.subtotals = Some(visible);
        self
    }

    /// Chooses a page of a report with page-by: an element for each unit, by id, in order. From
    /// [`PageBy`](crate::PageBy).
    pub fn page_by<I: Into<String>>(mut self, elements: impl IntoIterator<Item = I>) -> Self {
        self.page_by = Some(elements.into_iter().map(Into::into).collect());
        self
    }
}

/// Looking at it.
impl GridRequest {
    /// Whether it names objects of the report or cube: requested ones, or those of filters and
    /// limits. Such a request can be [resolved](Self::resolve) and
    /// [checked](Self::check_against) against the definition.
    pub fn names_objects(&self) -> bool {
        self.objects.is_some() || self.filter.is_some() || !self.limits.is_empty()
    }

    /// The page that was [chosen](Self::page_by), by the ids of its elements.
    pub fn chosen_page(&self) -> Option<&[String]> {
        self.page_by.as_deref()
    }
}

/// How it is run.
impl GridRequest {
    /// How many lines the first page has at most: 1000 unless this says otherwise.
    pub fn page_size(mut self, lines: u64) -> Self {
        self.page_size = lines;
        self
    }

    /// Whether the values come formatted (`$1,200`) too. Without, replies are half as long.
    pub fn formatted_values(mut self, yes: bool) -> Self {
        self.formatted = yes;
        self
    }

    /// Whether dates come as `2024-01-31`, and not as the user's locale has them (`1/31/2024` or
    /// `31.1.2024`, which no program can tell apart). Default: true.
    pub fn iso_dates(mut self, yes: bool) -> Self {
        self.iso_dates = yes;
        self
    }

    /// Whether the server runs it in the background while the client asks how far it is: for long
    /// executions behind proxies that close silent connections. Reports only.
    pub fn respond_async(mut self, yes: bool) -> Self {
        self.is_async = yes;
        self
    }

    /// Timeout of the execution. Default: 10 minutes. In the background it bounds the whole
    /// execution; else the longest time without a byte on the connection.
    pub fn execution_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl GridRequest {
    /// Whether the server could take it; what it is sent by asks this first.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest): an expression that is refused
    /// ([`Expression::check`], [`Expression::check_limit`]), a sort that the server forbids, an
    /// empty id, an empty list of objects, a page of no lines.
    pub fn check(&self) -> Result<()> {
        let invalid = |what: &str| Err(Error::new(ErrorKind::InvalidRequest, what));
        if let Some(objects) = &self.objects {
            let ids = objects.attributes.iter().flat_map(|(id, forms)| forms.iter().chain([id]));
            if ids.chain(&objects.metrics).any(String::is_empty) {
                return invalid("the id of a requested object is empty");
            }
            if objects.attributes.is_empty() && objects.metrics.is_empty() {
                return invalid("the request asks for no objects: designed() takes the template");
            }
        }
        if let Some(filter) = &self.filter {
            filter.check()?;
        }
        for (metric, limit) in &self.limits {
            limit.check_limit(metric)?;
        }
        if self.filter.is_some() && self.page_by.is_some() && self.objects.is_none() {
            return invalid(
                "view filters are not supported together with page-by: name the objects that are \
                 wanted, which makes a flat table, and leave page_by out",
            );
        }
        if self.page_by.iter().flatten().any(String::is_empty) {
            return invalid("the id of an element of page-by is empty");
        }
        if self.page_size == 0 {
            return invalid("a page has at least one line");
        }
        self.sorting.check()
    }

    /// Without the choice of a page.
    pub(crate) fn all_pages(mut self) -> Self {
        self.page_by = None;
        self
    }

    /// The body of a request that was checked. An empty one changes nothing.
    pub(crate) fn body(&self) -> Result<Map<String, Value>> {
        self.check()?;
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        if let Some(objects) = &self.objects {
            put("requestedObjects", objects.json());
        }
        if let Some(filter) = &self.filter {
            put("viewFilter", json!(filter));
        }
        if !self.limits.is_empty() {
            put(
                "metricLimits",
                self.limits.iter().map(|(id, limit)| (id.clone(), json!(limit))).collect(),
            );
        }
        if let Some(sorting) = self.sorting.json() {
            put("sorting", sorting);
        }
        if let Some(visible) = self.subtotals {
            put("subtotals", json!({ "visible": visible }));
        }
        if let Some(elements) = &self.page_by {
            put("currentPageBy", elements.iter().map(|id| json!({ "id": id })).collect());
        }
        Ok(body)
    }

    /// What a page is asked for with.
    pub(crate) fn window<T>(&self, call: Call<T>, offset: u64, limit: u64) -> Call<T> {
        let call = call.query("offset", offset).query("limit", limit);
        let call = if self.formatted { call } else { call.query("fields", RAW_ONLY) };
        if !self.iso_dates {
            return call;
        }
        call.query("standardDateFormat", true).query("standardRawDateFormat", true)
    }

    /// The same for the first page.
    pub(crate) fn first_window<T>(&self, call: Call<T>) -> Call<T> {
        self.window(call, 0, self.page_size)
    }
}

impl Objects {
    fn of_units<'a>(units: impl Iterator<Item = &'a TemplateUnit>) -> Self {
        let mut objects = Self::default();
        for unit in units {
            if unit.kind == UnitKind::Metrics {
                objects.metrics.extend(unit.elements.iter().map(|metric| metric.id.clone()));
            } else {
                let forms = unit.forms.iter().map(|form| form.id.clone()).collect();
                objects.attributes.push((unit.id.clone(), forms));
            }
        }
        objects
    }

    fn json(&self) -> Value {
        let id = |id: &String| json!({ "id": id });
        let attributes = self.attributes.iter().map(|(attribute, forms)| {
            let forms: Vec<_> = forms.iter().map(id).collect();
            json!({ "id": attribute, "forms": forms })
        });
        let attributes: Vec<_> = attributes.collect();
        let metrics: Vec<_> = self.metrics.iter().map(id).collect();
        json!({ "attributes": attributes, "metrics": metrics })
    }
}
