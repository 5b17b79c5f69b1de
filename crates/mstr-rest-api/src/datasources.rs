//! Data sources, and SQL that is sent to them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mstr_rest_core::{Call, Error, ErrorKind, Result, Session};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::users::listed;
use crate::{DataSourceId, Named, ProjectId, lenient, polling, sealed};

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
    /// server executes it in the background; [`SqlExecution::wait`] waits.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without SQL, and
    /// nothing is sent.
    pub fn execute(
        &self,
        id: impl Into<DataSourceId>,
        project: impl Into<ProjectId>,
        sql: impl AsRef<str>,
    ) -> Call<SqlExecution> {
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
        call.decode::<Begun>().map(move |Begun { id }| {
            if id.is_empty() {
                return Err(Error::new(ErrorKind::Decode, "the reply names no execution"));
            }
            let (session, id) = (session.clone(), id.into());
            Ok(SqlExecution { session, id, timeout: polling::DEFAULT_TIMEOUT, progress: None })
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

/// SQL that is being executed, from [`DataSources::execute`].
#[derive(Clone)]
#[must_use = "the operation continues on the server; call wait() for its result"]
pub struct SqlExecution {
    session: Session,
    id: Arc<str>,
    timeout: Duration,
    progress: Option<Arc<dyn Fn(i64) + Send + Sync>>,
}

/// Executions in these states are over.
const DONE: i64 = 3;
const FAILED: i64 = 4;

impl SqlExecution {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The longest time that [`wait`](Self::wait) waits. Default: 10 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Called with the server's number of each state while [`wait`](Self::wait) waits: 3 is done.
    pub fn on_progress(mut self, progress: impl Fn(i64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Asks for it until it is over: `GET /datasources/sqlexecution/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors); [`Api`](ErrorKind::Api) with the
    /// database's words when it failed; [`Timeout`](ErrorKind::Timeout) when the
    /// [timeout](Self::timeout) is over, and the operation continues on the server.
    pub async fn wait(self) -> Result<SqlResult> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct State {
            #[serde(deserialize_with = "lenient::integer")]
            status: Option<i64>,
            #[serde(deserialize_with = "lenient::text")]
            message: String,
            #[serde(deserialize_with = "lenient::or_default")]
            results: Results,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Results {
            #[serde(deserialize_with = "lenient::or_default")]
            data: Map<String, Value>,
        }
        let ask = || {
            let call = self.session.get("datasources/sqlexecution").segment(&self.id);
            call.require_session().decode::<State>()
        };
        let state = polling::until(self.timeout, "the SQL", ask, |state| {
            if let (Some(progress), Some(number)) = (&self.progress, state.status) {
                progress(number);
            }
            match state.status {
                Some(DONE) => Ok(true),
                // a success with a warning of the driver (seen in clients)
                Some(FAILED) if state.message.contains("Odbc success with info") => Ok(true),
                Some(FAILED) => {
                    let message = format!("the SQL failed: {}", state.message);
                    Err(Error::new(ErrorKind::Api, message))
                }
                _ => Ok(false),
            }
        });
        Ok(SqlResult { columns: state.await?.results.data })
    }
}

impl fmt::Debug for SqlExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlExecution")
            .field("id", &self.id)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What SQL gave.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SqlResult {
    /// The columns by name, each with its values, as the server has them.
    pub columns: Map<String, Value>,
}
