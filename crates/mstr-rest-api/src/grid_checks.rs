//! Requests of grids against the definition of the report or cube: what the server would silently
//! not do is an error before anything is sent.

use mstr_rest_core::{Error, ErrorKind, Result};

use crate::expression::names::{check_attribute, check_form_of, check_metric};
use crate::{Definition, GridRequest, Template, UnitKind};

/// What works where a filter does not.
const INSTEAD: &str =
    "name the objects that are wanted, which makes a flat table, and it is applied";

impl GridRequest {
    /// Whether the report or cube does what is asked. Some of it the server silently leaves out
    /// (vendor documentation), so that all rows come where some were asked for:
    ///
    /// - filters and metric limits are not applied to a report as designed that has attributes on
    ///   columns or metrics in rows;
    /// - view filters are not supported together with page-by;
    /// - ids that do not exist may match nothing, or be ignored.
    ///
    /// A request that names its objects makes a flat table, attributes in rows and metrics on
    /// columns, and is filtered whatever the report's layout. View filters are not supported with
    /// prompts either; a definition does not say whether there are some, so
    /// [`Report::run`](crate::Report::run) fails when the report asks.
    ///
    /// ```
    /// use mstr_rest_api::expression::metric;
    /// use mstr_rest_api::{Definition, GridRequest};
    ///
    /// let json = r#"{"name": "Sales", "definition": {
    ///     "grid": {"crossTab": true,
    ///         "rows": [{"id": "8D67", "name": "Region", "type": "attribute"}],
    ///         "columns": [{"id": "9A12", "name": "Year", "type": "attribute"}]},
    ///     "availableObjects": {"metrics": [{"id": "4C05", "name": "Revenue"}],
    ///         "attributes": [{"id": "8D67", "name": "Region"}]}}}"#;
    /// let definition: Definition = serde_json::from_str(json).unwrap();
    /// let filter = metric("4C05").greater_than(10);
    /// let designed = GridRequest::designed().view_filter(filter.clone());
    /// assert!(designed.check_against(&definition).is_err());
    /// let flat = GridRequest::designed().attribute("8D67").metric("4C05").view_filter(filter);
    /// assert!(flat.check_against(&definition).is_ok());
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest): as [`check`](Self::check); a filter that
    /// would not be applied, with what works instead; an id that the definition does not have.
    pub fn check_against(&self, definition: &Definition) -> Result<()> {
        self.check()?;
        if let Some(objects) = &self.objects {
            for (attribute, forms) in &objects.attributes {
                check_attribute(definition, attribute)?;
                forms.iter().try_for_each(|form| check_form_of(definition, attribute, form))?;
            }
            objects.metrics.iter().try_for_each(|metric| check_metric(definition, metric))?;
        } else if let Some(template) = &definition.template {
            self.check_layout(template)?;
        }
        if let Some(filter) = &self.filter {
            filter.check_against(definition)?;
        }
        for (metric, limit) in &self.limits {
            check_metric(definition, metric)?;
            limit.check_against(definition)?;
        }
        Ok(())
    }

    /// Whether what is asked of a report as designed is applied to it.
    fn check_layout(&self, template: &Template) -> Result<()> {
        let what = match (&self.filter, self.limits.is_empty()) {
            (Some(_), _) => "a view filter",
            (None, false) => "a metric limit",
            (None, true) => return Ok(()),
        };
        let position = template.metrics_position.as_ref().map_or("", |at| at.axis.as_str());
        let has_metrics = |unit: &crate::TemplateUnit| unit.kind == UnitKind::Metrics;
        let in_rows = position == "rows" || template.rows.iter().any(has_metrics);
        let on_columns =
            template.cross_tab == Some(true) || !template.columns.iter().all(has_metrics);
        let why = if self.filter.is_some() && !template.page_by.is_empty() {
            "page-by"
        } else if on_columns {
            "attributes on columns"
        } else if in_rows {
            "metrics in rows"
        } else {
            return Ok(());
        };
        Err(invalid(format!("{what} is not applied to a report with {why} as designed: {INSTEAD}")))
    }

    /// Whether it can be asked of a report that has prompts.
    pub(crate) fn check_prompted(&self) -> Result<()> {
        match self.filter {
            None => Ok(()),
            Some(_) => Err(invalid(
                "a view filter is not applied to a report with prompts: leave the filter out, and \
                 choose by the answers to the prompts, by metric limits, or in the rows that come"
                    .to_owned(),
            )),
        }
    }

    /// The same with ids where it has names: of the objects that are asked for, of their forms,
    /// and in filters and metric limits ([`Expression::resolve`](crate::Expression::resolve)).
    /// Attributes stay in the order in which they were named. It passes
    /// [`check_against`](Self::check_against) then.
    ///
    /// ```
    /// use mstr_rest_api::expression::metric;
    /// use mstr_rest_api::{Definition, GridRequest};
    ///
    /// let json = r#"{"name": "Sales", "definition": {"availableObjects": {
    ///     "attributes": [{"id": "8D67", "name": "Region"}],
    ///     "metrics": [{"id": "4C05", "name": "Revenue"}]}}}"#;
    /// let definition: Definition = serde_json::from_str(json).unwrap();
    /// let request = GridRequest::designed()
    ///     .attribute("Region")
    ///     .metric("Revenue")
    ///     .metric_limit("Revenue", metric("Revenue").greater_than(1_000));
    /// let by_id = GridRequest::designed()
    ///     .attribute("8D67")
    ///     .metric("4C05")
    ///     .metric_limit("4C05", metric("4C05").greater_than(1_000));
    /// assert_eq!(request.resolve(&definition).unwrap(), by_id);
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest): there is no object of a name or several, and
    /// as [`check_against`](Self::check_against).
    pub fn resolve(mut self, definition: &Definition) -> Result<Self> {
        if let Some(objects) = &mut self.objects {
            for (attribute, forms) in &mut objects.attributes {
                let found = definition.attribute(attribute)?;
                for form in forms {
                    form.clone_from(&found.form(form)?.id);
                }
                attribute.clone_from(&found.id);
            }
            for metric in &mut objects.metrics {
                metric.clone_from(&definition.metric(metric)?.id);
            }
        }
        if let Some(filter) = &mut self.filter {
            *filter = filter.resolve(definition)?;
        }
        for (metric, limit) in &mut self.limits {
            metric.clone_from(&definition.metric(metric)?.id);
            *limit = limit.resolve(definition)?;
        }
        self.check_against(definition)?;
        Ok(self)
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}
