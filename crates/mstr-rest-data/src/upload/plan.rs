//! What the columns of an upload become, checked before anything is sent.

use std::collections::HashSet;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use mstr_rest_api::{ColumnType, DatasetDefinition, DatasetModel, ModelAttribute, ModelTable};
use mstr_rest_core::{Error, ErrorKind, Result};

use super::cells::column_type;

/// What was said about columns of a new dataset.
#[derive(Debug, Clone, Default)]
pub(super) struct Roles {
    pub(super) attributes: Vec<String>,
    /// Attributes of several columns: a category and a column for each form.
    pub(super) forms: Vec<(String, Vec<(String, String)>)>,
    pub(super) metrics: Vec<String>,
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, what)
}

/// Names and types of the columns to send.
pub(super) fn columns(schema: &Schema) -> Result<Vec<(String, ColumnType)>> {
    let mut known = HashSet::new();
    let columns = schema.fields().iter().map(|field| {
        let name = field.name();
        if name.trim().is_empty() {
            return Err(invalid("a column of the batches has no name"));
        }
        if !known.insert(name) {
            return Err(invalid(format!("the batches have two columns `{name}`")));
        }
        let kind = column_type(field.data_type()).ok_or_else(|| {
            let kind = field.data_type();
            invalid(format!("the column `{name}` is of a type that cannot be sent: {kind}"))
        })?;
        Ok((name.clone(), kind))
    });
    let columns: Vec<_> = columns.collect::<Result<_>>()?;
    if columns.is_empty() {
        return Err(invalid("the batches have no columns"));
    }
    Ok(columns)
}

pub(super) fn same_columns(schema: &SchemaRef, batch: &RecordBatch) -> Result<()> {
    same_schema(schema, &batch.schema())
}

/// Names and types are the same, in the same order.
pub(super) fn same_schema(wanted: &SchemaRef, other: &SchemaRef) -> Result<()> {
    let (wanted, other) = (wanted.fields(), other.fields());
    if wanted.len() != other.len() {
        let (was, is) = (wanted.len(), other.len());
        return Err(invalid(format!("the batches change: from {was} columns to {is}")));
    }
    for (wanted, other) in wanted.iter().zip(other) {
        if wanted.name() != other.name() || wanted.data_type() != other.data_type() {
            return Err(invalid(format!(
                "the batches change: the column `{}` ({}) becomes `{}` ({})",
                wanted.name(),
                wanted.data_type(),
                other.name(),
                other.data_type()
            )));
        }
    }
    Ok(())
}

impl Roles {
    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.forms.is_empty() && self.metrics.is_empty()
    }

    /// Every column that is spoken of is there and has one part.
    fn check(&self, columns: &[(String, ColumnType)]) -> Result<()> {
        let of_forms = self.forms.iter().flat_map(|(_, forms)| forms.iter().map(|(_, c)| c));
        let mut known = HashSet::new();
        for column in self.attributes.iter().chain(of_forms).chain(&self.metrics) {
            if !columns.iter().any(|(name, _)| name == column) {
                return Err(invalid(format!("the batches have no column `{column}`")));
            }
            if !known.insert(column) {
                let message = format!("it is said twice what the column `{column}` becomes");
                return Err(invalid(message));
            }
        }
        Ok(())
    }

    /// The model of a dataset with one table. Objects are in the order of their first columns.
    pub(super) fn model(
        &self,
        name: &str,
        table: &str,
        columns: &[(String, ColumnType)],
    ) -> Result<DatasetModel> {
        self.check(columns)?;
        let described =
            columns.iter().fold(ModelTable::new(table), |t, (name, kind)| t.column(name, *kind));
        let on = |column: &str| described.column_ref(column);
        let mut model = DatasetModel::new(name).table(described.clone());
        for (column, kind) in columns {
            let is_form = |forms: &[(String, String)]| forms.iter().any(|(_, c)| c == column);
            if let Some((attribute, forms)) = self.forms.iter().find(|(_, forms)| is_form(forms)) {
                if forms.first().is_some_and(|(_, first)| first == column) {
                    let attribute = ModelAttribute::new(attribute);
                    let add = |attribute: ModelAttribute, (category, column): &(String, String)| {
                        attribute.form(category, on(column))
                    };
                    model = model.attribute(forms.iter().fold(attribute, add));
                }
                continue;
            }
            let is_metric = self.metrics.contains(column)
                || kind.is_number() && !self.attributes.contains(column);
            model = if is_metric {
                model.metric(column, on(column))
            } else {
                model.attribute(ModelAttribute::new(column).form("ID", on(column)))
            };
        }
        model.check()?;
        Ok(model)
    }
}

/// The table of a dataset that is there, and whether it has these columns. A server that does not
/// say its tables is taken at its word when it opens the upload session.
pub(super) fn table_of(
    definition: &DatasetDefinition,
    asked: Option<&str>,
    columns: &[(String, ColumnType)],
) -> Result<String> {
    let table = match (asked, definition.tables.as_slice()) {
        (Some(table), []) => return Ok(table.to_owned()),
        (None, [only]) => only.as_str(),
        (None, tables) => {
            let count = tables.len();
            return Err(invalid(format!("the dataset has {count} tables: say which with table()")));
        }
        (Some(table), tables) if tables.iter().any(|known| known == table) => table,
        (Some(table), tables) => {
            let known = tables.join("`, `");
            return Err(invalid(format!("the dataset has no table `{table}` but `{known}`")));
        }
    };
    let known: HashSet<&str> = definition.columns_of(table).collect();
    match columns.iter().find(|(name, _)| !known.is_empty() && !known.contains(name.as_str())) {
        Some((name, _)) => Err(invalid(format!("the table `{table}` has no column `{name}`"))),
        None => Ok(table.to_owned()),
    }
}
