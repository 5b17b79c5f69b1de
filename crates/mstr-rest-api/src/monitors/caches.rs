//! Caches: of cubes, of reports and documents, and those of a whole project.

use std::time::SystemTime;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::polling::Step;
use crate::{List, NodeName, Operation, dates, lenient};

/// Caches of the server. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::MonitorsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let caches = session.caches();
/// for cache in caches.cubes("node-1").all().await? {
///     println!("{}  {:?}  {:?} KB", cache.id, cache.state.loaded_state, cache.size);
///     caches.unload_cube(&cache.id).await?.wait().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Caches {
    session: Session,
}

impl Caches {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn cube(&self, method: Method) -> Call<Response> {
        self.session.call(method, "monitors/caches/cubes").without_project().require_session()
    }

    /// The caches of cubes on a node: `GET /monitors/caches/cubes?clusterNode=`.
    pub fn cubes(&self, node: impl AsRef<str>) -> List<CubeCache> {
        List::new(self.cube(Method::GET).query("clusterNode", node.as_ref())).changing()
    }

    /// One cache of a cube: `GET /monitors/caches/cubes/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn cube_cache(&self, id: impl AsRef<str>) -> Call<CubeCache> {
        self.cube(Method::GET).segment(id).decode()
    }

    /// Deletes a cache of a cube: `DELETE /monitors/caches/cubes/{id}`. The cube is not published
    /// then.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn delete_cube(&self, id: impl AsRef<str>) -> Call<()> {
        self.cube(Method::DELETE).segment(id).decode_with(|_| Ok(()))
    }

    /// Begins to load a cache of a cube into memory: `PATCH /monitors/caches/cubes/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn load_cube(&self, id: impl AsRef<str>) -> Call<Operation<CubeCache>> {
        self.change_cube(id.as_ref(), "loaded")
    }

    /// Begins to take a cache of a cube out of memory.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn unload_cube(&self, id: impl AsRef<str>) -> Call<Operation<CubeCache>> {
        self.change_cube(id.as_ref(), "unloaded")
    }

    fn change_cube(&self, id: &str, state: &'static str) -> Call<Operation<CubeCache>> {
        let name = format!("the change of the cache {id} to {state}");
        let ask = self.cube(Method::GET).segment(id);
        let call = self.cube(Method::PATCH).segment(id).header("Prefer", "respond-async");
        let call = call.json(&json!({ "state": { "loadedState": state } }));
        call.decode_with(move |_| {
            let judge = move |cache: CubeCache| {
                let now = cache.state.loaded_state.as_deref().unwrap_or("unknown");
                let is_done = now.eq_ignore_ascii_case(state);
                Ok(if is_done { Step::Done(cache) } else { Step::seen(now) })
            };
            Ok(Operation::new(&name, ask.clone(), Response::json, judge).administrative())
        })
    }

    /// The caches of reports and documents of a project on a node:
    /// `GET /monitors/caches/contents?projectId=&clusterNode=`.
    pub fn contents(
        &self,
        project: impl AsRef<str>,
        node: impl Into<NodeName>,
    ) -> List<ContentCache> {
        let call = self.session.get("monitors/caches/contents").without_project();
        let call = call.query("projectId", project.as_ref());
        List::new(call.query("clusterNode", node.into())).changing()
    }

    /// Deletes caches of reports and documents on a node, by their
    /// [combined ids](ContentCache::combined_id): `PATCH /v2/monitors/caches/contents`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without any, and nothing is sent.
    pub fn delete_contents<I>(&self, node: impl Into<NodeName>, combined_ids: I) -> Call<()>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        // the path is the server's own, not a pointer to a member
        let remove = |id: I::Item| {
            json!({
                "op": "remove",
                "path": format!("/contentCaches/{}", id.as_ref()),
                "value": Value::Null,
            })
        };
        let operations: Vec<Value> = combined_ids.into_iter().map(remove).collect();
        let call = self.session.patch("v2/monitors/caches/contents").without_project();
        let call = call.query("clusterNode", node.into()).require_session();
        let call = call.json(&json!({ "operationList": operations }));
        let call = if operations.is_empty() {
            let message = "there is no cache to delete";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        call.decode_with(|_| Ok(()))
    }

    /// Deletes all caches of a kind of a project: `DELETE /monitors/projects/{id}/caches/{kind}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn purge(&self, project: impl AsRef<str>, which: ProjectCache) -> Call<()> {
        let call = self.session.delete("monitors/projects").segment(project).segment("caches");
        let call = call.segment(which.name()).without_project().require_session();
        call.decode_with(|_| Ok(()))
    }
}

/// A kind of caches that a project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProjectCache {
    /// Of objects of the metadata.
    Object,
    /// Of elements of attributes.
    Element,
}

impl ProjectCache {
    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Element => "element",
        }
    }
}

/// A cache of a cube.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct CubeCache {
    /// Its id, which is not that of the cube.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The cube.
    pub source: Option<crate::Named>,
    /// The id of the project.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub project_id: Option<String>,
    /// Its state.
    #[serde(deserialize_with = "lenient::or_default")]
    pub state: CubeCacheState,
    /// Its size in KB.
    #[serde(deserialize_with = "lenient::count")]
    pub size: Option<u64>,
    /// When it was made last.
    #[serde(deserialize_with = "dates::date")]
    pub last_update_time: Option<SystemTime>,
    /// How often it was used.
    #[serde(deserialize_with = "lenient::count")]
    pub hit_count: Option<u64>,
    /// How many rows it has.
    #[serde(deserialize_with = "lenient::count")]
    pub row_count: Option<u64>,
    /// How many columns it has.
    #[serde(deserialize_with = "lenient::count")]
    pub column_count: Option<u64>,
}

/// The state of a cache of a cube.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct CubeCacheState {
    /// Whether it is used.
    #[serde(deserialize_with = "lenient::boolean")]
    pub active: Option<bool>,
    /// Whether its data are older than what they come from.
    #[serde(deserialize_with = "lenient::boolean")]
    pub dirty: Option<bool>,
    /// `loaded` into memory, `unloaded`, `load_pending`, `unload_pending`.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub loaded_state: Option<String>,
}

/// A cache of a report or a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentCache {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// What it is deleted by.
    #[serde(deserialize_with = "lenient::text")]
    pub combined_id: String,
    /// The report or the document.
    pub source: Option<crate::Named>,
    /// What it is: `report`, `document`, `dossier`.
    #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// Its size in KB.
    #[serde(deserialize_with = "lenient::count")]
    pub size: Option<u64>,
    /// How often it was used.
    #[serde(deserialize_with = "lenient::count")]
    pub hit_count: Option<u64>,
    /// When it was made last.
    #[serde(deserialize_with = "dates::date")]
    pub last_update_time: Option<SystemTime>,
}
