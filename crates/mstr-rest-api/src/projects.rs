//! Projects: the list, and names to ids and back.

mod loading;

use std::future::Future;

use mstr_rest_core::{Call, Error, ErrorKind, Result, Session};
use serde::Deserialize;

pub use loading::{
    LanguageSet, ProjectLanguages, ProjectOnNode, ProjectOperation, ProjectState, ProjectStatus,
};

use crate::{lenient, sealed};

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
