//! How the lines and columns of a grid are sorted.

use mstr_rest_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::FormId;

/// Ascending or descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "there is no third one")]
pub enum Order {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// Where subtotals stand among what they are the subtotals of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SubtotalsPosition {
    /// Before it.
    First,
    /// Behind it.
    Last,
    /// Sorted among it by their value: with metrics only.
    Mixed,
    /// As the report says.
    Inherit,
}

/// One criterion of sorting (vendor documentation).
///
/// ```
/// use mstr_rest_api::{GridRequest, Order, Sort};
///
/// let request = GridRequest::designed()
///     .sort_rows(Sort::metric("7FD5B69611D5AC76C000D98A4CC5F24F", Order::Descending))
///     .sort_rows(Sort::attribute("8D679D4B11D3E4981000E787EC6DE8A4"));
/// assert!(request.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Sort {
    by: By,
    subtotals: Option<SubtotalsPosition>,
}

#[derive(Debug, Clone, PartialEq)]
enum By {
    Attribute(String),
    Form(String, FormId, Order),
    Metric(String, Order, Vec<String>),
    Subtotals,
}

impl Sort {
    /// By an attribute, in its default order.
    pub fn attribute(id: impl Into<String>) -> Self {
        Self { by: By::Attribute(id.into()), subtotals: None }
    }

    /// By the values of a form of an attribute.
    pub fn form(attribute: impl Into<String>, form: impl Into<FormId>, order: Order) -> Self {
        Self { by: By::Form(attribute.into(), form.into(), order), subtotals: None }
    }

    /// By the values of a metric. Not for pages.
    pub fn metric(id: impl Into<String>, order: Order) -> Self {
        Self { by: By::Metric(id.into(), order, Vec::new()), subtotals: None }
    }

    /// Says where subtotals stand, and sorts by nothing else. The first of its axis only.
    pub fn subtotals_only(position: SubtotalsPosition) -> Self {
        Self { by: By::Subtotals, subtotals: Some(position) }
    }

    /// For a metric in a cross-tab: in which column, by the ids of the elements of the attributes
    /// on the other axis. What is sorted by no metric has no column.
    pub fn in_column<I: Into<String>>(mut self, elements: impl IntoIterator<Item = I>) -> Self {
        if let By::Metric(_, _, column) = &mut self.by {
            *column = elements.into_iter().map(Into::into).collect();
        }
        self
    }

    /// Where subtotals stand. An attribute in its default order takes no such position.
    pub fn subtotals(mut self, position: SubtotalsPosition) -> Self {
        self.subtotals = Some(position);
        self
    }

    /// As it is sent.
    fn json(&self) -> Value {
        let order = |order: Order| match order {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        };
        let mut sort = match &self.by {
            By::Attribute(id) => json!({ "type": "attribute", "attribute": { "id": id } }),
            By::Form(attribute, form, by) => json!({
                "type": "form",
                "attribute": { "id": attribute },
                "form": { "id": form.as_str() },
                "order": order(*by),
            }),
            By::Metric(id, by, column) => {
                let mut sort =
                    json!({ "type": "metric", "metric": { "id": id }, "order": order(*by) });
                if !column.is_empty() {
                    sort["elements"] = column.iter().map(|id| json!({ "id": id })).collect();
                }
                sort
            }
            By::Subtotals => json!({ "type": "subtotalsPosition" }),
        };
        if let Some(position) = self.subtotals {
            sort["subtotalsPosition"] = json!(position);
        }
        sort
    }
}

/// What sorts each axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sorting {
    pub(crate) rows: Vec<Sort>,
    pub(crate) columns: Vec<Sort>,
    pub(crate) pages: Vec<Sort>,
}

impl Sorting {
    pub(crate) fn json(&self) -> Option<Value> {
        if self.rows.is_empty() && self.columns.is_empty() && self.pages.is_empty() {
            return None;
        }
        let axis = |sorts: &[Sort]| sorts.iter().map(Sort::json).collect::<Vec<_>>();
        Some(json!({
            "rows": axis(&self.rows),
            "columns": axis(&self.columns),
            "pageBy": axis(&self.pages),
        }))
    }

    /// The rules that the vendor documents with the errors of sorting.
    pub(crate) fn check(&self) -> Result<()> {
        let invalid = |what: &str| Err(Error::new(ErrorKind::InvalidRequest, what));
        for (axis, is_pages) in [(&self.rows, false), (&self.columns, false), (&self.pages, true)] {
            for (at, sort) in axis.iter().enumerate() {
                let has_empty_id = match &sort.by {
                    By::Attribute(id) | By::Metric(id, ..) => id.is_empty(),
                    By::Form(attribute, form, _) => {
                        attribute.is_empty() || form.as_str().is_empty()
                    }
                    By::Subtotals => false,
                };
                if has_empty_id {
                    return invalid("the id of a sort is empty");
                }
                match (&sort.by, sort.subtotals) {
                    (By::Metric(..), _) if is_pages => {
                        return invalid("pages cannot be sorted by a metric");
                    }
                    (By::Subtotals, _) if at > 0 => {
                        return invalid(
                            "a position of subtotals must be the first sort of its axis",
                        );
                    }
                    (By::Attribute(_), Some(_)) => {
                        return invalid("a sort by an attribute's default takes no subtotals");
                    }
                    (By::Form(..) | By::Subtotals, Some(SubtotalsPosition::Mixed)) => {
                        return invalid("subtotals are mixed only where a metric sorts");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
