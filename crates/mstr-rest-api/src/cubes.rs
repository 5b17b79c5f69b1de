//! Cubes: what they are made of, running them, publishing them.

mod publication;
mod status;

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};

pub use publication::Publication;
pub use status::CubeStatus;

use crate::source::{Kind, Source};
use crate::{Definition, Element, GridRequest, Instance, List, execution, sealed};

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
    /// Those [common to all calls](mstr_rest_core::Call#errors); [`Api`](ErrorKind::Api) when the
    /// reply does not say.
    pub fn status(&self) -> Call<CubeStatus> {
        self.0.v1(Method::HEAD).decode_with(|reply: &Response| {
            let header = reply.headers().get("x-mstr-cubestatus");
            let bits = header.and_then(|bits| bits.to_str().ok()?.trim().parse().ok());
            bits.map(CubeStatus::from_bits).ok_or_else(|| {
                let message = "the server did not say the state of the cube (X-MSTR-CubeStatus)";
                Error::new(ErrorKind::Api, message).with_status(reply.status())
            })
        })
    }

    /// Begins to publish it: `POST /v2/cubes/{id}`. The server does it in the background, within
    /// the session: logging out cancels it. [`Publication::wait`] waits.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn publish(&self) -> Call<Publication> {
        let cube = self.clone();
        let call = self.0.v2(Method::POST).decode_with(|_| Ok(()));
        call.map(move |()| Ok(Publication::new(&cube)))
    }

    /// The SQL that fills it: `GET /v2/cubes/{id}/sqlView`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn sql_view(&self) -> Call<String> {
        execution::sql_view(&self.0, "")
    }
}
