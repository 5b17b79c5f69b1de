//! Data sources, and SQL that is sent to them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::changes::{is_empty, located};
use crate::polling::Step;
use crate::users::listed;
use crate::{DataSourceId, Named, Operation, ProjectId, lenient, sealed};

/// Data sources of the server.
pub trait DataSourcesExt: sealed::Sealed {
    /// The handler of data sources. They belong to the whole server; SQL is executed in a project.
    fn data_sources(&self) -> DataSources;
}

impl DataSourcesExt for Session {
    fn data_sources(&self) -> DataSources {
        DataSources::new(self)
    }
}

/// Data sources. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{DataSourcesExt, ProjectId};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let sources = session.data_sources();
/// let project = ProjectId::new("B7CA92F04B9FAE8D941C3E9B7E0CD754");
/// for source in sources.list().await? {
///     let rows = sources.execute(&source, &project, "select 1").await?.wait().await?;
///     println!("{}  {}  {:?}", source.id, source.name, rows.columns);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DataSources {
    session: Session,
}

impl DataSources {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// All data sources: `GET /datasources`. The server has no pages of them.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<DataSource>> {
        listed(self.session.get("datasources").without_project().require_session())
    }

    /// The data sources of a project: `GET /projects/{id}/datasources`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn of_project(&self, project: impl AsRef<str>) -> Call<Vec<DataSource>> {
        let call = self.session.get("projects").segment(project).segment("datasources");
        listed(call.without_project().require_session())
    }

    /// One data source: `GET /datasources/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when it is not there.
    pub fn get(&self, id: impl AsRef<str>) -> Call<DataSource> {
        self.session.get("datasources").segment(id).without_project().require_session().decode()
    }

    /// Sends SQL to a data source, in a project by id: `POST /datasources/{id}/sqlexecution`. The
    /// server executes it in the background; the [operation](Operation) asks
    /// `GET /datasources/sqlexecution/{id}`, and fails with the database's words.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without SQL, and
    /// nothing is sent.
    pub fn execute(
        &self,
        id: impl Into<DataSourceId>,
        project: impl Into<ProjectId>,
        sql: impl AsRef<str>,
    ) -> Call<Operation<SqlResult, SqlStatus>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Begun {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
        }
        let project = project.into();
        let call = self.session.post("datasources").segment(id.into()).segment("sqlexecution");
        // this endpoint has a header of its own for the project (seen in clients)
        let call = call.project_id(project.as_str()).header("projectId", project.as_str());
        let call = call.require_session().json(&json!({ "query": STANDARD.encode(sql.as_ref()) }));
        let call = if sql.as_ref().trim().is_empty() {
            call.fail_with(Error::new(ErrorKind::InvalidRequest, "there is no SQL to execute"))
        } else {
            call
        };
        let session = self.session.clone();
        call.decode_with(move |reply| {
            let begun = if is_empty(reply) { Begun::default() } else { reply.json()? };
            let named = Some(begun.id).filter(|id| !id.is_empty());
            let Some(id) = named.or_else(|| located(reply)) else {
                return Err(Error::new(ErrorKind::Decode, "the reply names no execution (id)"));
            };
            let ask = session.get("datasources/sqlexecution").segment(&id).require_session();
            Ok(execution(ask, &id))
        })
    }
}

/// A data source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct DataSource {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// What it is for.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// Its type: `normal`, `data_import` ...
    #[serde(rename = "datasourceType", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// The database management system.
    pub dbms: Option<Named>,
}

/// How far the execution of SQL is: the state of the [operation](Operation) of
/// [`DataSources::execute`].
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SqlStatus {
    /// The server's number: 3 is done, 4 failed, others are taken for running. `None` if it sent
    /// none.
    #[serde(rename = "status", deserialize_with = "lenient::integer")]
    pub number: Option<i64>,
    /// What the database or its driver says.
    #[serde(deserialize_with = "lenient::text")]
    pub message: String,
    #[serde(deserialize_with = "lenient::or_default")]
    results: Results,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Results {
    #[serde(deserialize_with = "lenient::or_default")]
    data: Map<String, Value>,
}

const DONE: i64 = 3;
const FAILED: i64 = 4;

impl SqlStatus {
    /// The SQL was executed. A failure whose message is a success with information of the driver
    /// is one, too (seen in clients).
    pub fn is_done(&self) -> bool {
        match self.number {
            Some(DONE) => true,
            Some(FAILED) => self.message.contains("Odbc success with info"),
            _ => false,
        }
    }

    /// The SQL failed.
    pub fn is_failed(&self) -> bool {
        self.number == Some(FAILED) && !self.is_done()
    }
}

impl fmt::Display for SqlStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) if self.message.is_empty() => write!(f, "status {number}"),
            Some(number) => write!(f, "{} (status {number})", self.message),
            None => f.write_str("no status"),
        }
    }
}

fn execution(ask: Call<Response>, id: &str) -> Operation<SqlResult, SqlStatus> {
    let judge = |status: SqlStatus| {
        if status.is_done() {
            return Ok(Step::Done(SqlResult { columns: status.results.data }));
        }
        if status.is_failed() {
            let message = format!("the SQL failed: {}", status.message);
            return Err(Error::new(ErrorKind::Api, message));
        }
        Ok(Step::seen(status))
    };
    Operation::new(format!("the SQL execution {id}"), ask, Response::json, judge)
}

/// What SQL gave.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SqlResult {
    /// The columns by name, each with its values, as the server has them.
    pub columns: Map<String, Value>,
}
