//! What a new dataset is to be made of: tables, and the attributes and metrics on their columns.

use std::collections::HashSet;

use mstr_rest_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// The name and the description of a dataset are no longer (the vendor's client refuses them).
const LONGEST: usize = 250;

/// Characters that names of datasets and columns cannot hold (the vendor's client refuses them).
const FORBIDDEN: [char; 4] = ['\\', '"', '[', ']'];

/// The type of a column of an uploaded table (vendor documentation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// Text.
    String,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    BigInteger,
    /// A floating-point number of 64 bits.
    Double,
    /// A decimal number with more digits than a `Double` holds.
    BigDecimal,
    /// A truth value.
    Bool,
    /// A day: `2024-01-31`.
    Date,
    /// A time of day: `23:59:59`.
    Time,
    /// A day and a time: `2024-01-31T23:59:59.000`.
    DateTime,
}

impl ColumnType {
    /// Its name in requests: `STRING`, `BIGINTEGER` ..
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Integer => "INTEGER",
            Self::BigInteger => "BIGINTEGER",
            Self::Double => "DOUBLE",
            Self::BigDecimal => "BIGDECIMAL",
            Self::Bool => "BOOL",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::DateTime => "DATETIME",
        }
    }

    /// Whether it is a type of numbers: the vendor's client makes metrics of such columns, and
    /// attributes of the others.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger | Self::Double | Self::BigDecimal)
    }
}

/// A table of a new dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ModelTable {
    name: String,
    columns: Vec<(String, ColumnType)>,
}

impl ModelTable {
    /// A table without columns.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), columns: Vec::new() }
    }

    /// Adds a column.
    pub fn column(mut self, name: impl Into<String>, kind: ColumnType) -> Self {
        self.columns.push((name.into(), kind));
        self
    }

    /// A column of this table, for attributes and metrics. [`DatasetModel::check`] finds one that
    /// is not there.
    pub fn column_ref(&self, name: impl Into<String>) -> ColumnRef {
        ColumnRef { table: self.name.clone(), column: name.into() }
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }
}

/// A column of a table of a new dataset: from [`ModelTable::column_ref`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRef {
    table: String,
    column: String,
}

impl ColumnRef {
    fn json(&self) -> Value {
        json!({ "tableName": self.table, "columnName": self.column })
    }
}

/// An attribute of a new dataset: its forms, each on a column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ModelAttribute {
    name: String,
    forms: Vec<(String, Vec<ColumnRef>)>,
}

impl ModelAttribute {
    /// An attribute without forms.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), forms: Vec::new() }
    }

    /// Adds a form on a column of a table. The category is `ID`, `DESC` .. A form that has the
    /// category of an earlier one is the same form on another table: so tables are joined.
    pub fn form(mut self, category: impl Into<String>, column: ColumnRef) -> Self {
        let category = category.into();
        match self.forms.iter_mut().find(|(known, _)| *known == category) {
            Some((_, columns)) => columns.push(column),
            None => self.forms.push((category, vec![column])),
        }
        self
    }
}

/// What a new dataset is to be made of. [`Datasets::create_model`](super::Datasets::create_model)
/// makes it.
///
/// ```
/// use mstr_rest_api::{ColumnType, DatasetModel, ModelAttribute, ModelTable};
///
/// let table = ModelTable::new("orders")
///     .column("id", ColumnType::Integer)
///     .column("city", ColumnType::String)
///     .column("revenue", ColumnType::Double);
/// let city = ModelAttribute::new("City")
///     .form("ID", table.column_ref("id"))
///     .form("DESC", table.column_ref("city"));
/// let model = DatasetModel::new("Sales").table(table.clone()).attribute(city);
/// assert!(model.clone().metric("Revenue", table.column_ref("revenue")).check().is_ok());
///
/// // there is no such column
/// assert!(model.metric("Cost", table.column_ref("cost")).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DatasetModel {
    name: String,
    description: String,
    folder: String,
    tables: Vec<ModelTable>,
    attributes: Vec<ModelAttribute>,
    metrics: Vec<(String, ColumnRef)>,
}

impl DatasetModel {
    /// A model without tables.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            folder: String::new(),
            tables: Vec::new(),
            attributes: Vec::new(),
            metrics: Vec::new(),
        }
    }

    /// Sets a description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The id of the folder that it is made in: the user's `My Reports` unless this says
    /// otherwise.
    pub fn folder(mut self, id: impl Into<String>) -> Self {
        self.folder = id.into();
        self
    }

    /// Adds a table.
    pub fn table(mut self, table: ModelTable) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds an attribute.
    pub fn attribute(mut self, attribute: ModelAttribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Adds a metric on a column of a table.
    pub fn metric(mut self, name: impl Into<String>, column: ColumnRef) -> Self {
        self.metrics.push((name.into(), column));
        self
    }

    /// Whether the server could take it; what sends it asks this first.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest): a name that is empty or there twice; a
    /// table without columns, a model without tables, an attribute without forms; a form or a
    /// metric on a column that is not there. And what the vendor's client refuses: a name of the
    /// dataset or a description of more than 250 characters, one of `\ " [ ]` in the name of the
    /// dataset or of a column.
    pub fn check(&self) -> Result<()> {
        check_name("dataset", &self.name)?;
        check_length("the name of the dataset", &self.name)?;
        check_length("the description", &self.description)?;
        check_characters("dataset", &self.name)?;
        if self.tables.is_empty() {
            return invalid("a dataset has at least one table".to_owned());
        }
        check_names("table", self.tables.iter().map(|table| &table.name))?;
        for table in &self.tables {
            if table.columns.is_empty() {
                return invalid(format!("the table `{}` has no columns", table.name));
            }
            check_names("column", table.columns.iter().map(|(name, _)| name))?;
            table.columns.iter().try_for_each(|(name, _)| check_characters("column", name))?;
        }
        let attributes = self.attributes.iter().map(|attribute| &attribute.name);
        check_names("object", attributes.chain(self.metrics.iter().map(|(name, _)| name)))?;
        for attribute in &self.attributes {
            if attribute.forms.is_empty() {
                return invalid(format!("the attribute `{}` has no forms", attribute.name));
            }
            for (category, columns) in &attribute.forms {
                if category.is_empty() {
                    return invalid(format!("a form of `{}` has no category", attribute.name));
                }
                columns.iter().try_for_each(|column| self.check_column(&attribute.name, column))?;
            }
        }
        self.metrics.iter().try_for_each(|(name, column)| self.check_column(name, column))
    }

    fn check_column(&self, object: &str, on: &ColumnRef) -> Result<()> {
        let ColumnRef { table, column } = on;
        if self.tables.iter().any(|known| known.name == *table && known.has(column)) {
            return Ok(());
        }
        invalid(format!("`{object}` is on the column `{column}` of `{table}`, which is not there"))
    }

    /// The body of the request.
    pub(super) fn json(&self) -> Value {
        let tables: Vec<_> = self
            .tables
            .iter()
            .map(|table| {
                let columns = table.columns.iter();
                let columns: Vec<_> = columns
                    .map(|(name, kind)| json!({ "name": name, "dataType": kind.name() }))
                    .collect();
                json!({ "name": table.name, "columnHeaders": columns })
            })
            .collect();
        let attributes: Vec<_> = self
            .attributes
            .iter()
            .map(|attribute| {
                let forms = attribute.forms.iter().map(|(category, columns)| {
                    let columns: Vec<_> = columns.iter().map(ColumnRef::json).collect();
                    json!({ "category": category, "expressions": columns })
                });
                let forms: Vec<_> = forms.collect();
                json!({ "name": attribute.name, "attributeForms": forms })
            })
            .collect();
        let metrics = self.metrics.iter();
        let metrics: Vec<_> = metrics
            .map(|(name, column)| json!({ "name": name, "expressions": [column.json()] }))
            .collect();
        json!({
            "name": self.name,
            "description": self.description,
            "folderId": self.folder,
            "tables": tables,
            "attributes": attributes,
            "metrics": metrics,
        })
    }
}

fn invalid(what: String) -> Result<()> {
    Err(Error::new(ErrorKind::InvalidRequest, what))
}

fn check_names<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut known = HashSet::new();
    for name in names {
        check_name(what, name)?;
        if !known.insert(name) {
            return invalid(format!("there are two {what}s `{name}`"));
        }
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return invalid(format!("the name of a {what} is empty"));
    }
    Ok(())
}

fn check_length(what: &str, text: &str) -> Result<()> {
    if text.chars().count() > LONGEST {
        return invalid(format!("{what} has more than {LONGEST} characters"));
    }
    Ok(())
}

fn check_characters(what: &str, name: &str) -> Result<()> {
    match name.chars().find(|char| FORBIDDEN.contains(char)) {
        Some(char) => invalid(format!("the name `{name}` of a {what} holds the character {char}")),
        None => Ok(()),
    }
}
