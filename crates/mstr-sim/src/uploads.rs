//! Uploaded tables: models, upload sessions, and the cubes that come of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::attribute::{Attribute, Form};
use crate::dataset::{DataType, Metric, Stored};
use crate::random;
use crate::report::{Kind, Source};
use crate::uploaded;
use crate::value::{Cell, Value};

/// A table of an uploaded dataset, as it was published last.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UploadedTable {
    /// Its name.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Its rows. What is neither number nor text nor null in JSON is its JSON text.
    pub rows: Vec<Vec<Value>>,
}

/// A dataset that a client described.
#[derive(Clone, Debug)]
struct Model {
    name: String,
    description: Json,
    tables: Vec<UploadedTable>,
}

/// An upload session: rows that wait to be published.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    dataset: String,
    session: u64,
    tables: Vec<Target>,
    /// Parts by table and index: they may come in any order.
    parts: BTreeMap<(String, i64), Vec<Vec<Value>>>,
    /// Polls left until it is published, once that was asked for.
    publishing: Option<usize>,
}

/// A table that an upload session fills: its columns in the order of the parts, without rows.
#[derive(Clone, Debug)]
struct Target {
    table: UploadedTable,
    types: Vec<String>,
    policy: String,
    by_column: bool,
}

/// All datasets and upload sessions.
#[derive(Default)]
pub(crate) struct Uploads {
    models: HashMap<String, Model>,
    open: HashMap<String, Upload>,
}

/// What is wrong with a request; the client gets it as 400 `ERR006`.
type Invalid = String;

fn text<'a>(value: &'a Json, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str)
}

fn list<'a>(value: &'a Json, name: &str) -> &'a [Json] {
    value.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn plain(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::String(text) => Value::Text(text.clone()),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => number.as_f64().map_or(Value::Null, Value::Double),
        },
        other => Value::Text(other.to_string()),
    }
}

/// A column's header: an object with a name, or the name.
fn header(column: &Json) -> Option<String> {
    column.as_str().or_else(|| text(column, "name")).map(str::to_owned)
}

impl Uploads {
    /// Describes a dataset: `POST /datasets/models`. Gives its id and its name.
    pub(crate) fn describe(&mut self, body: &Json) -> Result<(String, String), Invalid> {
        let name = text(body, "name").ok_or("The member name is missing")?.to_owned();
        let tables: Vec<_> = list(body, "tables")
            .iter()
            .map(|table| {
                let name = text(table, "name").ok_or("A table has no name")?.to_owned();
                let headers = list(table, "columnHeaders");
                let columns: Vec<_> = headers.iter().filter_map(header).collect();
                if columns.iter().collect::<HashSet<_>>().len() != columns.len() {
                    return Err(format!("The table {name} has two columns of one name"));
                }
                let types = headers.iter().filter_map(|header| text(header, "dataType"));
                if let Some(unknown) = types.into_iter().find(|one| !uploaded::is_type(one)) {
                    return Err(format!("The data type {unknown} is not valid"));
                }
                Ok(UploadedTable { name, columns, rows: Vec::new() })
            })
            .collect::<Result<_, Invalid>>()?;
        if tables.is_empty() {
            return Err("There are no tables".to_owned());
        }
        let model = Model { name: name.clone(), description: body.clone(), tables };
        model.check()?;
        let id = random::upper_hex();
        self.models.insert(id.clone(), model);
        Ok((id, name))
    }

    /// Opens an upload session for a dataset; `None` if there is no such dataset.
    pub(crate) fn open(
        &mut self,
        session: u64,
        dataset: &str,
        body: &Json,
        is_alive: impl Fn(u64) -> bool,
    ) -> Option<Result<String, Invalid>> {
        self.open.retain(|_, upload| is_alive(upload.session));
        let model = self.models.get(dataset)?;
        let busy = |upload: &Upload| upload.dataset == dataset && upload.publishing != Some(0);
        if self.open.values().any(busy) {
            return Some(Err("Another upload session of the dataset is open".to_owned()));
        }
        let tables = list(body, "tables").iter().map(|table| {
            let name = text(table, "name").unwrap_or_default();
            let known = model.tables.iter().find(|known| known.name == name);
            let known = known.ok_or_else(|| format!("There is no table {name}"))?;
            let columns: Vec<_> = list(table, "columnHeaders").iter().filter_map(header).collect();
            if columns.iter().any(|column| !known.columns.contains(column)) {
                return Err(format!("The table {name} does not have these columns"));
            }
            let policy = text(table, "updatePolicy").unwrap_or("add").to_lowercase();
            if !["add", "update", "upsert", "replace"].contains(&policy.as_str()) {
                return Err(format!("The update policy {policy} is not valid"));
            }
            let by_column =
                text(table, "orientation").is_some_and(|one| one.eq_ignore_ascii_case("column"));
            let types = columns.iter().map(|column| model.type_of(name, Some(column)).to_owned());
            let types = types.collect();
            let table = UploadedTable { name: name.to_owned(), columns, rows: Vec::new() };
            Ok(Target { table, types, policy, by_column })
        });
        let tables = match tables.collect::<Result<Vec<_>, Invalid>>() {
            Ok(tables) if tables.is_empty() => return Some(Err("There are no tables".to_owned())),
            Ok(tables) => tables,
            Err(invalid) => return Some(Err(invalid)),
        };
        let id = random::upper_hex();
        let dataset = dataset.to_owned();
        let upload = Upload { dataset, session, tables, parts: BTreeMap::new(), publishing: None };
        self.open.insert(id.clone(), upload);
        Some(Ok(id))
    }

    fn upload(&mut self, session: u64, dataset: &str, id: &str) -> Option<&mut Upload> {
        let upload = self.open.get_mut(id)?;
        (upload.session == session && upload.dataset == dataset).then_some(upload)
    }

    /// Takes a part of a table; `None` if there is no such upload session.
    pub(crate) fn part(
        &mut self,
        session: u64,
        dataset: &str,
        id: &str,
        body: &Json,
    ) -> Option<Result<(), Invalid>> {
        let upload = self.upload(session, dataset, id)?;
        Some(upload.take(body))
    }

    /// Begins to publish.
    pub(crate) fn publish(
        &mut self,
        session: u64,
        dataset: &str,
        id: &str,
        polls: usize,
    ) -> Option<()> {
        // Counted down to 1 while it runs; 0 is done.
        self.upload(session, dataset, id)?.publishing = Some(polls + 1);
        Some(())
    }

    /// How publishing goes, and the cube when it is done. `None` if there is no such upload
    /// session.
    pub(crate) fn status(
        &mut self,
        session: u64,
        dataset: &str,
        id: &str,
        fails: bool,
    ) -> Option<Progress> {
        let upload = self.upload(session, dataset, id)?;
        let Some(left) = upload.publishing else { return Some(Progress::NotAsked) };
        if left > 1 {
            upload.publishing = Some(left - 1);
            return Some(Progress::Running);
        }
        if fails {
            return Some(Progress::Failed);
        }
        let is_first = left == 1;
        upload.publishing = Some(0);
        let upload = upload.clone();
        let model = self.models.get_mut(dataset)?;
        if is_first {
            model.apply(&upload);
        }
        Some(Progress::Done(Box::new(model.cube(dataset))))
    }

    pub(crate) fn cancel(&mut self, session: u64, dataset: &str, id: &str) -> bool {
        self.upload(session, dataset, id).is_some() && self.open.remove(id).is_some()
    }

    /// The tables of a dataset as published last.
    pub(crate) fn tables(&self, dataset: &str) -> Option<Vec<UploadedTable>> {
        Some(self.models.get(dataset)?.tables.clone())
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.open.len()
    }

    /// The dataset before anything is published: its objects are there, its rows are not.
    pub(crate) fn cube(&self, dataset: &str) -> Option<Source> {
        Some(self.models.get(dataset)?.cube(dataset))
    }
}

/// How publishing goes.
pub(crate) enum Progress {
    /// Nobody asked to publish.
    NotAsked,
    Running,
    Failed,
    Done(Box<Source>),
}

impl Upload {
    fn take(&mut self, body: &Json) -> Result<(), Invalid> {
        let name = text(body, "tableName").ok_or("The member tableName is missing")?;
        let index = body.get("index").and_then(Json::as_i64);
        let index = index.ok_or("The member index is missing")?;
        let target = self.tables.iter().find(|target| target.table.name == name);
        let target = target.ok_or_else(|| format!("There is no table {name}"))?;
        let data = text(body, "data").ok_or("The member data is missing")?;
        let bytes = STANDARD.decode(data).map_err(|_| "The member data is no base64")?;
        let sent: Vec<Vec<Json>> =
            serde_json::from_slice(&bytes).map_err(|_| "The data are no JSON list of lists")?;
        let rows = if target.by_column { transposed(&sent)? } else { sent };
        if rows.iter().any(|row| row.len() != target.types.len()) {
            return Err("A row does not have as many values as there are columns".to_owned());
        }
        for row in &rows {
            let mut values = row.iter().zip(&target.types);
            if let Some((value, kind)) = values.find(|(value, kind)| !uploaded::fits(kind, value)) {
                return Err(format!("The value {value} is no {kind}"));
            }
        }
        let rows = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
        self.parts.insert((name.to_owned(), index), rows);
        Ok(())
    }
}

fn transposed(columns: &[Vec<Json>]) -> Result<Vec<Vec<Json>>, Invalid> {
    let rows = columns.first().map_or(0, Vec::len);
    if columns.iter().any(|column| column.len() != rows) {
        return Err("The columns differ in length".to_owned());
    }
    let row = |at: usize| columns.iter().filter_map(|column| column.get(at).cloned()).collect();
    Ok((0..rows).map(row).collect())
}

impl Model {
    /// Every form and every metric refers to a column.
    fn check(&self) -> Result<(), Invalid> {
        let forms = list(&self.description, "attributes")
            .iter()
            .flat_map(|one| list(one, "attributeForms"));
        for object in forms.chain(list(&self.description, "metrics")) {
            let expression =
                list(object, "expressions").first().ok_or("An object has no expression")?;
            let (table, column) = (text(expression, "tableName"), text(expression, "columnName"));
            let known = self.tables.iter().find(|known| Some(known.name.as_str()) == table);
            let known = known.ok_or("An expression names no table")?;
            if !known.columns.iter().any(|known| Some(known.as_str()) == column) {
                return Err(format!("An expression names no column of the table {}", known.name));
            }
        }
        Ok(())
    }

    /// The columns that are attributes: they tell rows apart.
    fn key_columns(&self, table: &UploadedTable) -> Vec<usize> {
        let forms = list(&self.description, "attributes")
            .iter()
            .flat_map(|one| list(one, "attributeForms"));
        let names: HashSet<_> = forms
            .flat_map(|form| list(form, "expressions"))
            .filter_map(|expression| text(expression, "columnName"))
            .collect();
        let columns = table.columns.iter().enumerate();
        columns.filter(|(_, name)| names.contains(name.as_str())).map(|(at, _)| at).collect()
    }

    /// Takes the rows of an upload over, by the policy of each table.
    fn apply(&mut self, upload: &Upload) {
        for Target { table: sent, policy, .. } in &upload.tables {
            let parts = upload.parts.iter().filter(|((name, _), _)| *name == sent.name);
            let new: Vec<Vec<Value>> = parts.flat_map(|(_, rows)| rows.clone()).collect();
            let Some(at) = self.tables.iter().position(|table| table.name == sent.name) else {
                continue;
            };
            let Some(table) = self.tables.get(at) else { continue };
            let keys = self.key_columns(table);
            let place = |name: &String| sent.columns.iter().position(|column| column == name);
            let places: Vec<_> = table.columns.iter().map(place).collect();
            let in_order = |row: &Vec<Value>| {
                let value = |place: &Option<usize>| place.and_then(|at| row.get(at).cloned());
                places.iter().map(|place| value(place).unwrap_or(Value::Null)).collect::<Vec<_>>()
            };
            let new: Vec<_> = new.iter().map(in_order).collect();
            let mut rows = if policy == "replace" { Vec::new() } else { table.rows.clone() };
            let key = |row: &Vec<Value>| {
                let values: Vec<_> = keys.iter().filter_map(|at| row.get(*at)).collect();
                serde_json::to_string(&values).unwrap_or_default()
            };
            let known: HashMap<_, _> =
                rows.iter().enumerate().map(|(at, row)| (key(row), at)).collect();
            for row in new {
                match (known.get(&key(&row)), policy.as_str()) {
                    (Some(at), "update" | "upsert") => {
                        if let Some(old) = rows.get_mut(*at) {
                            *old = row;
                        }
                    }
                    (None, "update") => {}
                    // Rows that are there stay as they are; without attributes none is the same.
                    (Some(_), "add") if !keys.is_empty() => {}
                    _ => rows.push(row),
                }
            }
            if let Some(table) = self.tables.get_mut(at) {
                table.rows = rows;
            }
        }
    }

    /// The dataset as a cube: that of its first table. The attributes and metrics are those of
    /// the description that refer to it.
    fn cube(&self, id: &str) -> Source {
        let mut source = Source::new(&self.name, Kind::SuperCube);
        id.clone_into(&mut source.data.id);
        let Some(table) = self.tables.first() else { return source };
        let column = |object: &Json| {
            let expressions = list(object, "expressions");
            let mine =
                expressions.iter().find(|one| text(one, "tableName") == Some(&table.name))?;
            table.columns.iter().position(|name| Some(name.as_str()) == text(mine, "columnName"))
        };
        let mut stored = Stored {
            elements: vec![Vec::new(); table.rows.len()],
            values: vec![Vec::new(); table.rows.len()],
        };
        for described in list(&self.description, "attributes") {
            let forms: Vec<_> = list(described, "attributeForms")
                .iter()
                .filter_map(|form| Some((text(form, "category").unwrap_or("DESC"), column(form)?)))
                .collect();
            if forms.is_empty() {
                continue;
            }
            let mut numbers = HashMap::new();
            let mut labels = Vec::new();
            for (row, elements) in table.rows.iter().zip(&mut stored.elements) {
                let values: Vec<_> = forms.iter().map(|(_, at)| label(row.get(*at))).collect();
                let next = labels.len() as u64;
                let number = *numbers.entry(values.clone()).or_insert(next);
                if number == next {
                    labels.push(values);
                }
                elements.push(number);
            }
            let name = text(described, "name").unwrap_or_default();
            let forms = forms.iter().map(|(category, at)| {
                Form::new(category, self.data_type(&table.name, table.columns.get(*at)))
            });
            let attribute = Attribute::labels(name, labels).forms(forms);
            let id = random::id_of(&format!("{id} attribute {name}"));
            source.data.attributes.push(attribute.id(&id));
        }
        for described in list(&self.description, "metrics") {
            let Some(at) = column(described) else { continue };
            for (row, values) in table.rows.iter().zip(&mut stored.values) {
                values.push(row.get(at).cloned().map_or(Cell::Null, Cell::Stored));
            }
            let name = text(described, "name").unwrap_or_default();
            let data_type = self.data_type(&table.name, table.columns.get(at));
            let id = random::id_of(&format!("{id} metric {name}"));
            source.data.metrics.push(Metric::new(name, data_type).id(&id));
        }
        source.data.rows = table.rows.len() as u64;
        source.data.stored = Some(stored);
        source
    }

    /// The type of a column as the client described it; nothing if it did not.
    fn type_of(&self, table: &str, column: Option<&String>) -> &str {
        let tables = list(&self.description, "tables").iter();
        let mut columns = tables
            .filter(|described| text(described, "name") == Some(table))
            .flat_map(|described| list(described, "columnHeaders"));
        let described = columns.find(|one| header(one).as_ref() == column);
        described.and_then(|one| text(one, "dataType")).unwrap_or_default()
    }

    fn data_type(&self, table: &str, column: Option<&String>) -> DataType {
        let kind = self.type_of(table, column);
        match kind.to_uppercase().as_str() {
            "INTEGER" | "BIGINTEGER" => DataType::Integer,
            "DOUBLE" => DataType::Double,
            "BIGDECIMAL" => DataType::BigDecimal,
            "DATE" => DataType::Date,
            "TIME" => DataType::Time,
            "DATETIME" => DataType::TimeStamp,
            _ => DataType::VarChar,
        }
    }
}

/// A value as the text of a form.
fn label(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Double(number)) => number.to_string(),
    }
}
