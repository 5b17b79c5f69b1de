//! Cubes: what they are made of, running them, publishing them.

mod status;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde::Deserialize;

pub use status::CubeStatus;

use crate::executable::{Kind, Source};
use crate::polling::Step;
use crate::{
    Definition, Element, GridRequest, Instance, List, MonitorsExt as _, Operation, execution,
    lenient, sealed,
};

/// Cubes of the server.
pub trait CubesExt: sealed::Sealed {
    /// The handler of cubes. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project.
    fn cubes(&self) -> Cubes;
}

impl CubesExt for Session {
    fn cubes(&self) -> Cubes {
        Cubes::new(self)
    }
}

/// Cubes. Owned and cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
/// use mstr_rest_api::CubesExt;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let cubes = session.in_project("MicroStrategy Tutorial").cubes();
/// let cube = cubes.cube("8CCD8D9D4051A4C533C719A6590DEED8");
/// if !cube.status().await?.is_ready() {
///     cube.publish().await?.timeout(Duration::from_secs(600)).wait().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cubes {
    session: Session,
}

impl Cubes {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// The cube with that id. Nothing is sent.
    pub fn cube(&self, id: impl AsRef<str>) -> Cube {
        Cube(Source::new(&self.session, Kind::Cube, id.as_ref()))
    }
}

/// One cube. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{CubesExt, GridRequest};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let cubes = session.in_project("MicroStrategy Tutorial").cubes();
/// let cube = cubes.cube("8CCD8D9D4051A4C533C719A6590DEED8");
/// if !cube.status().await?.is_published() {
///     cube.publish().await?.wait().await?;
/// }
/// let instance = cube.run(GridRequest::designed().page_size(10_000)).await?;
/// println!("{:?} lines", instance.total());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cube(Source);

impl Cube {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn source(&self) -> &Source {
        &self.0
    }

    /// The objects that can be asked for: `GET /v2/cubes/{id}` (recorded from servers).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a token.
    pub fn definition(&self) -> Call<Definition> {
        self.0.definition()
    }

    /// Runs it: `POST /v2/cubes/{id}/instances`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for what [`GridRequest::check`] refuses, and
    /// nothing is sent; [`is_cube_unpublished`](crate::ErrorExt::is_cube_unpublished).
    pub fn run(
        &self,
        request: GridRequest,
    ) -> impl Future<Output = Result<Instance>> + Send + use<> {
        Instance::run(self.0.clone(), request)
    }

    /// The elements of an attribute, by its id, over all pages:
    /// `GET /cubes/{id}/attributes/{attribute}/elements` (recorded from servers).
    ///
    /// # Errors
    /// As [`definition`](Self::definition).
    pub fn attribute_elements(&self, attribute: impl AsRef<str>) -> List<Element> {
        self.0.attribute_elements(attribute.as_ref())
    }

    /// Its state: `HEAD /cubes/{id}`, header `X-MSTR-CubeStatus`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors), with the id of the cube;
    /// [`Api`](ErrorKind::Api) when the reply does not say.
    pub fn status(&self) -> impl Future<Output = Result<CubeStatus>> + Send + use<> {
        let cube = self.clone();
        async move {
            let status = cube.ask_status().decode_with(cube_status).await;
            status.map_err(|error| cube.unreadable_status(error))
        }
    }

    fn ask_status(&self) -> Call<Response> {
        self.0.v1(Method::HEAD)
    }

    /// The reply to a `HEAD` has no body, so that its error says little by itself.
    fn unreadable_status(&self, error: Error) -> Error {
        let Some(status) = error.status() else { return error };
        let message = format!("the state of the cube {} cannot be read", self.id());
        Error::with_source(error.kind(), message, error).with_status(status)
    }

    /// Begins to publish it: `POST /v2/cubes/{id}`. The server publishes in the background, within
    /// the session: logging out cancels it.
    ///
    /// The states of the [operation](Operation) are those of the [cube](Self::status), as the
    /// server has none of one publication: if the cube was published before, and the new
    /// publication has not begun at the first question, that is taken for the end.
    /// [`Operation::cancel`] cancels the job that the server named
    /// (`DELETE /v2/monitors/jobs/{id}`; which member of the reply names it, `jobId` or `id`, is
    /// inferred from the vendor's client).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors). Of the operation:
    /// [`Api`](ErrorKind::Api) when the cube was being published and then is not published.
    pub fn publish(&self) -> Call<Operation<CubeStatus>> {
        let cube = self.clone();
        self.0.v2(Method::POST).decode_with(move |reply| {
            let publication = cube.publication();
            Ok(match job(reply) {
                Some(job) => {
                    let jobs = cube.0.session().jobs();
                    publication.cancelled_by(jobs.cancel(job))
                }
                None => publication,
            })
        })
    }

    fn publication(&self) -> Operation<CubeStatus> {
        let name = format!("the publication of the cube {}", self.id());
        let (cube, began) = (self.clone(), AtomicBool::new(false));
        let judge = move |status: CubeStatus| match (status.is_processing(), status.is_published())
        {
            (true, _) => {
                began.store(true, Ordering::Relaxed);
                Ok(Step::seen(status))
            }
            (false, true) => Ok(Step::Done(status)),
            (false, false) if began.load(Ordering::Relaxed) => {
                let message =
                    format!("publishing the cube {} failed: its state is {status}", cube.id());
                Err(Error::new(ErrorKind::Api, message))
            }
            (false, false) => Ok(Step::seen(status)),
        };
        Operation::new(name, self.ask_status(), cube_status, judge).administrative()
    }

    /// The SQL that fills it: `GET /v2/cubes/{id}/sqlView`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn sql_view(&self) -> Call<String> {
        execution::sql_view(&self.0, "")
    }
}

fn cube_status(reply: &Response) -> Result<CubeStatus> {
    let header = reply.headers().get("x-mstr-cubestatus");
    let bits = header.and_then(|bits| bits.to_str().ok()?.trim().parse().ok());
    bits.map(CubeStatus::from_bits).ok_or_else(|| {
        let message = "the server did not say the state of the cube (header X-MSTR-CubeStatus)";
        Error::new(ErrorKind::Api, message).with_status(reply.status())
    })
}

/// The job that publishes a cube, where the reply names it.
fn job(reply: &Response) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Job {
        #[serde(deserialize_with = "lenient::text")]
        job_id: String,
        #[serde(deserialize_with = "lenient::text")]
        id: String,
    }
    let Job { job_id, id } = reply.json().ok()?;
    [job_id, id].into_iter().find(|id| !id.is_empty())
}
