//! Datasets of one's own rows (push data): described, and filled by upload sessions.

mod model;
mod upload;

use std::sync::Arc;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
use serde::{Deserialize, Deserializer};

pub use model::{ColumnRef, ColumnType, DatasetModel, ModelAttribute, ModelTable};
pub use upload::{PublishStatus, UpdatePolicy, UploadSession};

use crate::changes::{is_empty, located};
use crate::{lenient, sealed};

/// Datasets of the server that are filled from outside.
pub trait DatasetsExt: sealed::Sealed {
    /// The handler of datasets. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn datasets(&self) -> Datasets;
}

impl DatasetsExt for Session {
    fn datasets(&self) -> Datasets {
        Datasets::new(self)
    }
}

/// Datasets that are filled from outside: super cubes, as the vendor calls them. Owned and cheap
/// to clone. Arrow batches are uploaded more easily with the crate `mstr-rest-data`.
///
/// ```no_run
/// use mstr_rest_api::DatasetsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let datasets = session.in_project("MicroStrategy Tutorial").datasets();
/// let definition = datasets.dataset("8CCD8D9D4051A4C533C719A6590DEED8").definition().await?;
/// for column in definition.columns_of("orders") {
///     println!("{column}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Datasets {
    session: Session,
}

impl Datasets {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The dataset with that id, which is the id of its cube. Nothing is sent.
    pub fn dataset(&self, id: impl AsRef<str>) -> Dataset {
        Dataset { session: self.session.clone(), id: id.as_ref().into() }
    }

    /// Makes a dataset without rows: `POST /datasets/models` (vendor documentation).
    ///
    /// Of a name that is taken in its folder the vendor's client says that the dataset of that
    /// name is overwritten.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for what [`DatasetModel::check`] refuses, and
    /// nothing is sent.
    pub fn create_model(&self, model: &DatasetModel) -> Call<Dataset> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Made {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
            #[serde(deserialize_with = "lenient::text")]
            dataset_id: String,
        }
        let call = self.session.call(Method::POST, "datasets/models").require_session();
        let call = match model.check() {
            Ok(()) => call.json(&model.json()),
            Err(error) => call.fail_with(error),
        };
        let datasets = self.clone();
        call.decode_with(move |reply| {
            let made = if is_empty(reply) { Made::default() } else { reply.json()? };
            let named = [made.id, made.dataset_id].into_iter().find(|id| !id.is_empty());
            let id = named.or_else(|| located(reply)).unwrap_or_default();
            if id.is_empty() {
                let message = "the reply names no dataset (id)";
                return Err(Error::new(ErrorKind::Decode, message));
            }
            Ok(datasets.dataset(id))
        })
    }
}

/// One dataset. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{
///     ColumnType, DatasetModel, DatasetsExt, ModelAttribute, ModelTable, UpdatePolicy,
/// };
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let table = ModelTable::new("orders")
///     .column("city", ColumnType::String)
///     .column("revenue", ColumnType::Double);
/// let model = DatasetModel::new("Sales")
///     .attribute(ModelAttribute::new("City").form("ID", table.column_ref("city")))
///     .metric("Revenue", table.column_ref("revenue"))
///     .table(table);
/// let datasets = session.in_project("MicroStrategy Tutorial").datasets();
/// let dataset = datasets.create_model(&model).await?;
///
/// let columns = ["city", "revenue"];
/// let upload = dataset.open_upload("orders", &columns, UpdatePolicy::Replace).await?;
/// upload.send_part("orders", 1, br#"[["Bern",1.5],["Chur",null]]"#).await?;
/// upload.publish().await?;
/// while upload.status().await?.is_running() {
///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
/// }
/// upload.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dataset {
    session: Session,
    id: Arc<str>,
}

impl Dataset {
    /// Its id, which is the id of its cube.
    pub fn id(&self) -> &str {
        &self.id
    }

    fn call(&self, method: Method) -> Call<Response> {
        self.session.call(method, "datasets").segment(&self.id).require_session()
    }

    /// Its tables and their columns: `GET /datasets/{id}?fields=tables&fields=columns`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn definition(&self) -> Call<DatasetDefinition> {
        self.call(Method::GET).query("fields", "tables").query("fields", "columns").decode()
    }
}

/// What an uploaded dataset is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatasetDefinition {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The names of its tables.
    pub tables: Vec<String>,
    /// The columns of all its tables.
    pub columns: Vec<DatasetColumn>,
}

/// A column of an uploaded dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DatasetColumn {
    /// The name of its table.
    #[serde(rename = "tableName", deserialize_with = "lenient::text")]
    pub table: String,
    /// Its name.
    #[serde(rename = "columnName", deserialize_with = "lenient::text")]
    pub name: String,
}

impl DatasetDefinition {
    /// The columns of a table, in the server's order.
    pub fn columns_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a str> {
        let columns = self.columns.iter().filter(move |column| column.table == table);
        columns.map(|column| column.name.as_str())
    }
}

impl<'de> Deserialize<'de> for DatasetDefinition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Outer {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
            #[serde(deserialize_with = "lenient::text")]
            name: String,
            #[serde(deserialize_with = "lenient::or_default")]
            result: Inner,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Inner {
            #[serde(deserialize_with = "lenient::or_default")]
            definition: Definition,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Definition {
            #[serde(deserialize_with = "lenient::or_default")]
            available_objects: Available,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Available {
            #[serde(deserialize_with = "lenient::or_default")]
            tables: Vec<Table>,
            #[serde(deserialize_with = "lenient::or_default")]
            columns: Vec<DatasetColumn>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Table {
            #[serde(deserialize_with = "lenient::text")]
            name: String,
        }
        let Outer { id, name, result } = Outer::deserialize(from)?;
        let Available { tables, columns } = result.definition.available_objects;
        let tables = tables.into_iter().map(|table| table.name).collect();
        Ok(Self { id, name, tables, columns })
    }
}
