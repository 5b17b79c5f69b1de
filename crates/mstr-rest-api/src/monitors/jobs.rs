//! Jobs: what the server executes now.

use std::future::Future;
use std::time::SystemTime;

use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde::Deserialize;
use serde_json::json;

use super::Cluster;
use crate::changes::changed;
use crate::users::listed;
use crate::{dates, lenient};

/// Jobs of the server. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::MonitorsExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// for job in session.jobs().all().await? {
///     println!("{}  {:?}  {:?}  {:?}", job.id, job.status, job.user, job.object_name);
/// }
/// session.jobs().cancel("31337").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Jobs {
    session: Session,
}

impl Jobs {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn get_jobs(&self) -> Call<Response> {
        self.session.get("v2/monitors/jobs").without_project().require_session()
    }

    /// The jobs of one node: `GET /v2/monitors/jobs?nodeName=`. The server has no pages of them.
    /// Further filters that a server knows go into [`query`](Call::query): `user`, `status`,
    /// `objectId` ...
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn on_node(&self, node: impl AsRef<str>) -> Call<Vec<Job>> {
        listed(self.get_jobs().query("nodeName", node.as_ref()))
    }

    /// The jobs of all nodes: asks for the nodes first.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn all(&self) -> impl Future<Output = Result<Vec<Job>>> + Send + use<> {
        let jobs = self.clone();
        async move {
            let mut all = Vec::new();
            for node in Cluster::new(&jobs.session).nodes().await? {
                all.extend(jobs.on_node(&node.name).await?);
            }
            Ok(all)
        }
    }

    /// One job: `GET /v2/monitors/jobs/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors); an error of the server when there
    /// is no such job any more.
    pub fn get(&self, id: impl AsRef<str>) -> Call<Job> {
        self.get_jobs().segment(id).decode()
    }

    /// Ends a job: `DELETE /v2/monitors/jobs/{id}`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn cancel(&self, id: impl AsRef<str>) -> Call<()> {
        let call = self.session.delete("v2/monitors/jobs").segment(id).without_project();
        call.require_session().decode_with(|_| Ok(()))
    }

    /// Ends several jobs, and says of each what became of it: `POST /v2/monitors/cancelJobs`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without any id, and nothing is sent. That some
    /// could not be ended is no error.
    pub fn cancel_all<I>(&self, ids: I) -> Call<Vec<CancelledJob>>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Outcome {
            #[serde(deserialize_with = "lenient::or_default")]
            job_cancellation_status: Vec<CancelledJob>,
        }
        let ids: Vec<String> = ids.into_iter().map(Into::into).collect();
        let call = self.session.post("v2/monitors/cancelJobs").without_project().require_session();
        let call = call.json(&json!({ "jobIds": ids }));
        let call = if ids.is_empty() {
            let message = "there is no job to cancel";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        changed::<Outcome>(call)
            .map(|outcome| Ok(outcome.unwrap_or_default().job_cancellation_status))
    }
}

/// What became of one of several jobs that were to be ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct CancelledJob {
    /// The id of the job.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// A status as of HTTP: 200 or 204 is success.
    #[serde(deserialize_with = "lenient::integer")]
    pub status: Option<i64>,
}

/// A job of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Job {
    /// Its id.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// What it is: `interactive`, `subscription`, `predictive_cache`.
    #[serde(rename = "type", deserialize_with = "lenient::optional_text")]
    pub kind: Option<String>,
    /// How far it is: `executing`, `waiting` ...
    #[serde(deserialize_with = "lenient::optional_text")]
    pub status: Option<String>,
    /// The full name of the user.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub user: Option<String>,
    /// What it does, in words.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub description: Option<String>,
    /// What is executed: `report`, `cube`, `document`, `dossier` ...
    #[serde(deserialize_with = "lenient::optional_text")]
    pub object_type: Option<String>,
    /// The id of what is executed.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub object_id: Option<String>,
    /// The name of what is executed.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub object_name: Option<String>,
    /// The name of the project.
    #[serde(deserialize_with = "lenient::optional_text")]
    pub project_name: Option<String>,
    /// When it began.
    #[serde(deserialize_with = "dates::date")]
    pub creation_time: Option<SystemTime>,
    /// How many of its tasks are done.
    #[serde(deserialize_with = "lenient::count")]
    pub completed_tasks: Option<u64>,
    /// How many tasks it has.
    #[serde(deserialize_with = "lenient::count")]
    pub total_tasks: Option<u64>,
}
