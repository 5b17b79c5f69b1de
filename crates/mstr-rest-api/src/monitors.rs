//! What goes on at the server: the nodes of its cluster, jobs, caches.

mod caches;
mod jobs;

use mstr_rest_core::{Call, Session};
use serde::Deserialize;

pub use caches::{Caches, ContentCache, CubeCache, CubeCacheState, ProjectCache};
pub use jobs::{CancelledJob, Job, Jobs};

use crate::users::listed;
use crate::{ProjectState, lenient, sealed};

/// Monitors of the server. They take privileges of administrators.
pub trait MonitorsExt: sealed::Sealed {
    /// The handler of the cluster.
    fn cluster(&self) -> Cluster;

    /// The handler of jobs.
    fn jobs(&self) -> Jobs;

    /// The handler of caches.
    fn caches(&self) -> Caches;
}

impl MonitorsExt for Session {
    fn cluster(&self) -> Cluster {
        Cluster::new(self)
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(self)
    }

    fn caches(&self) -> Caches {
        Caches::new(self)
    }
}

/// The cluster of the server. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::MonitorsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// for node in session.cluster().nodes().await? {
///     println!("{}  {:?}  {} projects", node.name, node.status, node.projects.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    session: Session,
}

impl Cluster {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The nodes: `GET /monitors/iServer/nodes` (recorded from servers).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](mstr_rest_core::ErrorKind::NoSession) without a token.
    pub fn nodes(&self) -> Call<Vec<Node>> {
        listed(self.session.get("monitors/iServer/nodes").without_project().require_session())
    }
}

/// A node of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Node {
    /// Its name.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Where it is.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub ip_address: Option<String>,
    /// The port of the Intelligence Server.
    #[serde(deserialize_with = "lenient::integer")]
    pub port: Option<i64>,
    /// Its state: `running`, `stopped` ...
    #[serde(deserialize_with = "lenient::optional_text")]
    pub status: Option<String>,
    /// How busy it is.
    #[serde(deserialize_with = "lenient::integer")]
    pub load: Option<i64>,
    /// Whether sessions go there unless they are told otherwise.
    #[serde(deserialize_with = "lenient::boolean")]
    pub default: Option<bool>,
    /// The projects, with their states there.
    #[serde(deserialize_with = "lenient::or_default")]
    pub projects: Vec<NodeProject>,
}

/// A project on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct NodeProject {
    /// The id of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name of the project.
    #[serde(deserialize_with = "lenient::text")]
    pub name: String,
    /// Its state on the node.
    pub status: ProjectState,
}
