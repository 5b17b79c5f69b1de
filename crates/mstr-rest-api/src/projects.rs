//! Projects: the list, names to ids and back, settings, languages.

mod nodes;

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde::Deserialize;
use serde_json::{Map, Value};

pub use nodes::{ProjectOnNode, ProjectState, ProjectStatus};

use crate::{Named, lenient, sealed};

/// Projects of the server.
pub trait ProjectsExt: sealed::Sealed {
    /// The handler of projects.
    fn projects(&self) -> Projects;
}

impl ProjectsExt for Session {
    fn projects(&self) -> Projects {
        Projects::new(self)
    }
}

/// The projects that the user sees. Owned and cheap to clone.
///
/// Names and ids are looked up in an index that the session keeps: [`load`](Self::load) fills it, and
/// [`resolve`](Self::resolve) does so if needed.
///
/// ```no_run
/// use mstr_rest_api::ProjectsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let id = session.projects().resolve("MicroStrategy Tutorial").await?;
/// let same = session.projects().id_of("MicroStrategy Tutorial")?;
/// assert_eq!(Some(id), same);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Projects {
    session: Session,
}

impl Projects {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// All projects: `GET /projects`. Sent without a project header.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn list(&self) -> Call<Vec<Project>> {
        self.session.get("projects").without_project().require_session().decode()
    }

    /// One project by id or by name: `GET /projects/{id or name}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when it is not there or
    /// not loaded.
    pub fn get(&self, id_or_name: impl AsRef<str>) -> Call<Project> {
        self.one(Method::GET, "projects", id_or_name).decode()
    }

    /// Loads the index of names and ids, or loads it anew, and says how many projects there are.
    /// Callers that come while a loading runs share it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn load(&self) -> impl Future<Output = Result<usize>> + Send + use<> {
        let loading = self.session.load_project_index();
        async move { Ok(loading.await?.len()) }
    }

    /// The id of the project of that name, case-sensitive, or with that id (32 hexadecimal digits),
    /// or `None`. Nothing is sent.
    ///
    /// # Errors
    /// [`NotLoaded`](ErrorKind::NotLoaded) before [`load`](Self::load);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when several projects bear the name.
    pub fn id_of(&self, name_or_id: &str) -> Result<Option<String>> {
        let index = self.session.project_index().ok_or_else(not_loaded)?;
        Ok(index.id_of(name_or_id)?.map(str::to_owned))
    }

    /// The name of the project with that id, or `None`. Nothing is sent.
    ///
    /// # Errors
    /// [`NotLoaded`](ErrorKind::NotLoaded) before [`load`](Self::load).
    pub fn name_of(&self, id: &str) -> Result<Option<String>> {
        let index = self.session.project_index().ok_or_else(not_loaded)?;
        Ok(index.name_of(id).map(str::to_owned))
    }

    /// The id of the project of that name: from the index, else from the server. An id (32
    /// hexadecimal digits) is given back as it is; nothing is sent then.
    ///
    /// # Errors
    /// As [`list`](Self::list); [`ResourceNotFound`](ErrorKind::ResourceNotFound) when no project
    /// bears the name, [`InvalidRequest`](ErrorKind::InvalidRequest) when several do.
    pub fn resolve(&self, name_or_id: &str) -> impl Future<Output = Result<String>> + Send + use<> {
        self.session.resolve_project(name_or_id)
    }

    /// The languages of a project: `GET /projects/{id}/languages`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn languages(&self, id: impl AsRef<str>) -> Call<ProjectLanguages> {
        self.one(Method::GET, "projects", id).segment("languages").decode()
    }

    /// The settings of a project, as the server has them: `GET /v2/projects/{id}/settings`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn settings(&self, id: impl AsRef<str>) -> Call<Map<String, Value>> {
        self.one(Method::GET, "v2/projects", id).segment("settings").decode()
    }

    /// Changes settings of a project: `PATCH /v2/projects/{id}/settings`. Those that are not named
    /// stay.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without
    /// any, and nothing is sent.
    pub fn set_settings(&self, id: impl AsRef<str>, settings: &Map<String, Value>) -> Call<()> {
        let call = self.one(Method::PATCH, "v2/projects", id).segment("settings").json(settings);
        let call = if settings.is_empty() {
            call.fail_with(crate::objects::nothing_to_change())
        } else {
            call
        };
        call.decode_with(|_| Ok(()))
    }

    fn one(&self, method: Method, path: &'static str, id: impl AsRef<str>) -> Call<Response> {
        self.session.call(method, path).segment(id).without_project().require_session()
    }
}

fn not_loaded() -> Error {
    Error::new(
        ErrorKind::NotLoaded,
        "the projects are not loaded: call projects().load() first, or \
         projects().resolve(name)",
    )
}

/// One project, as `GET /projects` lists it (recorded from a server).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Project {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Another name that it goes by, often empty.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub alias: Option<String>,
    /// What it is about.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// Its state as the server numbers it: 0 is active.
    #[serde(deserialize_with = "lenient::integer")]
    pub status: Option<i64>,
    /// What the user may do with it: a bit vector of access rights.
    #[serde(deserialize_with = "lenient::integer")]
    pub acg: Option<i64>,
}

/// The languages of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectLanguages {
    /// Of names and descriptions.
    #[serde(deserialize_with = "lenient::or_default")]
    pub metadata: LanguageSet,
    /// Of data.
    #[serde(deserialize_with = "lenient::or_default")]
    pub data: LanguageSet,
}

/// Some languages, and which of them is the usual one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LanguageSet {
    /// The id of the usual one.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub default: Option<String>,
    /// All of them.
    #[serde(deserialize_with = "lenient::or_default")]
    pub languages: Vec<Named>,
}
