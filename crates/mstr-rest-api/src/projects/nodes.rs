//! Projects on the nodes of a cluster: their states, loading and unloading.

use std::fmt;

use http::Method;
use mstr_rest_core::{Call, Response, Result};
use serde::{Deserialize, Serialize};

use super::Projects;
use crate::patch::{Op, Operations};
use crate::polling::Step;
use crate::{List, NodeName, Operation, lenient};

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
        self.ask_state(id.as_ref(), &node.into()).decode_with(state)
    }

    fn ask_state(&self, id: &str, node: &NodeName) -> Call<Response> {
        self.on_node(Method::GET, id, node).segment("status")
    }

    fn on_node(&self, method: Method, id: &str, node: &NodeName) -> Call<Response> {
        let call = self.session.call(method, "monitors/iServer/nodes").segment(node);
        call.segment("projects").segment(id).without_project().require_session()
    }

    /// Begins to load a project on a node: `PATCH /monitors/iServer/nodes/{node}/projects/{id}`.
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
    ) -> Call<Operation<ProjectState>> {
        self.change(id.as_ref(), &node.into(), ProjectState::Loaded)
    }

    /// Begins to unload a project from a node: its sessions there end.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn unload_from(
        &self,
        id: impl AsRef<str>,
        node: impl Into<NodeName>,
    ) -> Call<Operation<ProjectState>> {
        self.change(id.as_ref(), &node.into(), ProjectState::Unloaded)
    }

    fn change(
        &self,
        id: &str,
        node: &NodeName,
        wanted: ProjectState,
    ) -> Call<Operation<ProjectState>> {
        let mut body = Operations::default();
        body.push(Op::Replace, "status", wanted.to_string().into());
        let loading = if wanted == ProjectState::Loaded { "loading" } else { "unloading" };
        let name = format!("{loading} the project {id} on the node {}", node.as_ref());
        let ask = self.ask_state(id, node);
        self.on_node(Method::PATCH, id, node).json(&body).decode_with(move |_| {
            let wanted = wanted.clone();
            let judge = move |state| {
                Ok(if state == wanted { Step::Done(state) } else { Step::seen(state) })
            };
            Ok(Operation::new(&name, ask.clone(), state, judge).administrative())
        })
    }
}

fn state(reply: &Response) -> Result<ProjectState> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct State {
        status: ProjectState,
    }
    reply.json::<State>().map(|state| state.status)
}

impl Serialize for ProjectState {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
