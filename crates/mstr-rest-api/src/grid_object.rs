//! A report or a cube: what grids come from.

use std::fmt;
use std::future::Future;

use mstr_rest_core::{Call, Result};

use crate::{Cube, Definition, Element, GridRequest, Instance, List, Report};

/// A report or a cube, where either will do: made from a [`Report`] or a [`Cube`] with
/// [`From`]. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{CubesExt, GridObject, GridRequest, ReportsExt};
///
/// # async fn example(session: mstr_rest_core::Session, is_cube: bool) -> mstr_rest_core::Result<()> {
/// let id = "8CCD8D9D4051A4C533C719A6590DEED8";
/// let object: GridObject =
///     if is_cube { session.cubes().cube(id).into() } else { session.reports().report(id).into() };
/// let instance = object.run(GridRequest::designed()).await?;
/// println!("{object}: {:?} lines", instance.total());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GridObject {
    /// A report.
    Report(Report),
    /// A cube.
    Cube(Cube),
}

impl GridObject {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Report(report) => report.id(),
            Self::Cube(cube) => cube.id(),
        }
    }

    /// The report, or `None` for a cube.
    pub fn as_report(&self) -> Option<&Report> {
        match self {
            Self::Report(report) => Some(report),
            Self::Cube(_) => None,
        }
    }

    /// The cube, or `None` for a report.
    pub fn as_cube(&self) -> Option<&Cube> {
        match self {
            Self::Cube(cube) => Some(cube),
            Self::Report(_) => None,
        }
    }

    /// Its objects, and the template of a report: [`Report::definition`], [`Cube::definition`].
    ///
    /// # Errors
    /// Those [common to all calls](Call#errors).
    pub fn definition(&self) -> Call<Definition> {
        match self {
            Self::Report(report) => report.definition(),
            Self::Cube(cube) => cube.definition(),
        }
    }

    /// Runs it: [`Report::run`], [`Cube::run`].
    ///
    /// # Errors
    /// As [`Report::run`] and [`Cube::run`].
    pub fn run(
        &self,
        request: GridRequest,
    ) -> impl Future<Output = Result<Instance>> + Send + use<> {
        let source = match self {
            Self::Report(report) => report.source(),
            Self::Cube(cube) => cube.source(),
        };
        Instance::run(source.clone(), request)
    }

    /// The elements of an attribute, over all pages: [`Report::attribute_elements`],
    /// [`Cube::attribute_elements`].
    ///
    /// # Errors
    /// Those [common to all calls](Call#errors).
    pub fn attribute_elements(&self, attribute: impl AsRef<str>) -> List<Element> {
        match self {
            Self::Report(report) => report.attribute_elements(attribute),
            Self::Cube(cube) => cube.attribute_elements(attribute),
        }
    }
}

impl From<Report> for GridObject {
    fn from(report: Report) -> Self {
        Self::Report(report)
    }
}

impl From<Cube> for GridObject {
    fn from(cube: Cube) -> Self {
        Self::Cube(cube)
    }
}

/// What it is, and its id: `report 13CF..`, `cube 8CCD..`.
impl fmt::Display for GridObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(report) => write!(f, "report {}", report.id()),
            Self::Cube(cube) => write!(f, "cube {}", cube.id()),
        }
    }
}
