//! Projects on the nodes of a cluster: their states, loading and unloading.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use mstr_rest_core::{Call, Result, Session};
use serde::{Deserialize, Serialize};

use super::Projects;
use crate::patch::{Op, Operations};
use crate::{List, NodeName, lenient, polling};

/// The state of a project on a node. A state that this version does not know is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProjectState {
    /// It can be used.
    Loaded,
    /// It cannot.
    Unloaded,
    /// Any other, as the server calls it: `pending`, `request_idle` ...
    Other(String),
}

impl ProjectState {
    fn of(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "loaded" => Self::Loaded,
            "unloaded" => Self::Unloaded,
            _ => Self::Other(text.to_owned()),
        }
    }
}

/// As the server calls it.
impl fmt::Display for ProjectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Loaded => "loaded",
            Self::Unloaded => "unloaded",
            Self::Other(text) => text,
        })
    }
}

impl Default for ProjectState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl<'de> Deserialize<'de> for ProjectState {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        lenient::text(from).map(|text| Self::of(&text))
    }
}

/// A project with its state on every node, as `GET /monitors/projects` lists it: also those that
/// are loaded nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectStatus {
    /// The id of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Another name that it goes by, often empty.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub alias: Option<String>,
    /// Its state, node by node.
    #[serde(deserialize_with = "lenient::or_default")]
    pub nodes: Vec<ProjectOnNode>,
}

impl ProjectStatus {
    /// Whether it is loaded on any node.
    pub fn is_loaded(&self) -> bool {
        self.nodes.iter().any(|node| node.status == ProjectState::Loaded)
    }
}

/// The state of a project on one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ProjectOnNode {
    /// The name of the node.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its state there.
    pub status: ProjectState,
}

/// Projects on nodes.
impl Projects {
    /// All projects of the server with their states, loaded or not: `GET /monitors/projects`.
    pub fn statuses(&self) -> List<ProjectStatus> {
        List::new(self.session.get("monitors/projects").without_project())
    }

    /// The state of a project on a node:
    /// `GET /monitors/iServer/nodes/{node}/projects/{id}/status`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn state_on(&self, id: impl AsRef<str>, node: impl Into<NodeName>) -> Call<ProjectState> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct State {
            status: ProjectState,
        }
        let call = self.on_node(Method::GET, id.as_ref(), &node.into()).segment("status");
        call.decode::<State>().map(|state| Ok(state.status))
    }

    fn on_node(&self, method: Method, id: &str, node: &NodeName) -> Call<mstr_rest_core::Response> {
        let call = self.session.call(method, "monitors/iServer/nodes").segment(node);
        call.segment("projects").segment(id).without_project().require_session()
    }

    /// Begins to load a project on a node: `PATCH /monitors/iServer/nodes/{node}/projects/{id}`.
    /// [`ProjectOperation::wait`] waits.
    ///
    /// ```no_run
    /// use mstr_rest_api::{NodeName, ProjectsExt};
    ///
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let projects = session.projects();
    /// let node = NodeName::new("node-1");
    /// projects.load_on("B7CA92F04B9FAE8D941C3E9B7E0CD754", node).await?.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn load_on(
        &self,
        id: impl AsRef<str>,
        node: impl Into<NodeName>,
    ) -> Call<ProjectOperation> {
        self.change(id.as_ref(), node.into(), ProjectState::Loaded)
    }

    /// Begins to unload a project from a node: its sessions there end.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn unload_from(
        &self,
        id: impl AsRef<str>,
        node: impl Into<NodeName>,
    ) -> Call<ProjectOperation> {
        self.change(id.as_ref(), node.into(), ProjectState::Unloaded)
    }

    fn change(&self, id: &str, node: NodeName, wanted: ProjectState) -> Call<ProjectOperation> {
        let mut body = Operations::default();
        body.push(Op::Replace, "status", wanted.to_string().into());
        let change = ProjectOperation {
            session: self.session.clone(),
            id: id.into(),
            node,
            wanted,
            timeout: polling::DEFAULT_TIMEOUT,
            progress: None,
        };
        let call =
            self.on_node(Method::PATCH, id, &change.node).json(&body).decode_with(|_| Ok(()));
        call.map(move |()| Ok(change.clone()))
    }
}

type Progress = Arc<dyn Fn(&ProjectState) + Send + Sync>;

/// A project that is being loaded or unloaded, from [`Projects::load_on`].
#[derive(Clone)]
#[must_use = "the operation continues on the server; call wait() for its result"]
pub struct ProjectOperation {
    session: Session,
    id: Arc<str>,
    node: NodeName,
    wanted: ProjectState,
    timeout: Duration,
    progress: Option<Progress>,
}

impl ProjectOperation {
    /// The longest time that [`wait`](Self::wait) waits. Default: 10 minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Called with each state that the server reports while [`wait`](Self::wait) waits.
    pub fn on_progress(mut self, progress: impl Fn(&ProjectState) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Asks for the [state](Projects::state_on) until it is the one that was asked for.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`Timeout`](mstr_rest_core::ErrorKind::Timeout) when the [timeout](Self::timeout) is over,
    /// and the operation continues on the server.
    pub async fn wait(self) -> Result<ProjectState> {
        let projects = Projects::new(&self.session);
        let ask = || projects.state_on(&self.id, &self.node);
        polling::until(self.timeout, "the change of the project", ask, |state| {
            if let Some(progress) = &self.progress {
                progress(state);
            }
            Ok(*state == self.wanted)
        })
        .await
    }
}

impl fmt::Debug for ProjectOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectOperation")
            .field("id", &self.id)
            .field("node", &self.node)
            .field("wanted", &self.wanted)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Serialize for ProjectState {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
