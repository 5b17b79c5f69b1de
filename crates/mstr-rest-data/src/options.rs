//! How a grid becomes a table.

use mstr_rest_api::UnitElement;

use crate::layout::Metric;
use crate::value_type::ValueType;

/// How a grid is read.
#[derive(Debug, Clone)]
#[must_use]
pub struct GridOptions {
    pub(crate) flag: Option<String>,
    pub(crate) big_decimal: ValueType,
    pub(crate) attribute_types: bool,
    pub(crate) chosen_metrics: Vec<(String, ValueType)>,
    pub(crate) chosen_forms: Vec<(String, ValueType)>,
    pub(crate) column_set: Option<String>,
    pub(crate) known: Vec<Metric>,
    /// Dictionaries hold the texts of one page, as files need them. Otherwise they grow from page
    /// to page, and a text keeps its key.
    pub(crate) local_dictionaries: bool,
    /// A value that does not fit its column widens the column. Otherwise it is an error.
    pub(crate) widens: bool,
}

impl Default for GridOptions {
    /// Subtotals are left out, attribute forms have their declared type, `bigDecimal` metrics are
    /// text.
    fn default() -> Self {
        Self {
            flag: None,
            big_decimal: ValueType::Text,
            attribute_types: true,
            chosen_metrics: Vec::new(),
            chosen_forms: Vec::new(),
            column_set: None,
            known: Vec::new(),
            local_dictionaries: false,
            widens: false,
        }
    }
}

impl GridOptions {
    /// Keeps subtotal rows, and says which they are in a Boolean column of that name. Without it
    /// they are left out, or sums over the table would count twice.
    ///
    /// With it attribute forms are text unless [`attribute_type`](Self::attribute_type) chooses a
    /// type: the names of subtotals (`Total`) stand among their values.
    pub fn subtotal_flag(mut self, column: impl Into<String>) -> Self {
        self.flag = Some(column.into());
        self
    }

    /// The type of metrics that the server calls `bigDecimal`, and of `decimal` and `numeric` ones
    /// whose values have more than 15 significant digits. Default: [`ValueType::Text`], which
    /// keeps every digit.
    pub fn big_decimal(mut self, kind: ValueType) -> Self {
        self.big_decimal = kind;
        self
    }

    /// Whether attribute forms that the server declares as integers, dates or timestamps have that
    /// type; otherwise all of them are text. A form with a value that its type does not give back
    /// as it was (`007` as an integer) is text. Default: true.
    pub fn attribute_types(mut self, yes: bool) -> Self {
        self.attribute_types = yes;
        self
    }

    /// The type of one metric, by name or id, whatever the server says of it. A value that does
    /// not fit is an error.
    pub fn metric_type(mut self, name_or_id: impl Into<String>, kind: ValueType) -> Self {
        self.chosen_metrics.push((name_or_id.into(), kind));
        self
    }

    /// The type of an attribute form, whatever the server says of it: by `Attribute@Form`, or by
    /// the attribute's name or id for all of its forms. A value that does not fit is an error; the
    /// name of a subtotal is null in a column that is not text.
    pub fn attribute_type(mut self, attribute: impl Into<String>, kind: ValueType) -> Self {
        self.chosen_forms.push((attribute.into(), kind));
        self
    }

    /// Reads one column set of a compound grid, by name or key, as a table of its own. Without it
    /// the metrics of all sets stand side by side, which only works for sets without attributes.
    pub fn column_set(mut self, name_or_key: impl Into<String>) -> Self {
        self.column_set = Some(name_or_key.into());
        self
    }

    /// A metric of the grid, in the order of its template, with its `dataType`. Where metrics are in
    /// rows, a page lists only those that it shows; all the same the first one settles the columns.
    /// [`Data`](crate::Data) asks the definition for them.
    pub fn known_metric(mut self, metric: &UnitElement) -> Self {
        let name = metric.name.clone().unwrap_or_default();
        self.known.push(Metric::known(metric.id.clone(), name, metric.data_type.clone()));
        self
    }
}
