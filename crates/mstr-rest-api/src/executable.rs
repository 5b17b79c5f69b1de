//! What reports, cubes, documents and dashboards have in common.

use std::fmt;
use std::sync::Arc;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};

use crate::{Definition, Element, List};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Report,
    Cube,
    Document,
    Dashboard,
}

/// What can be executed in a session.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    session: Session,
    pub(crate) kind: Kind,
    pub(crate) id: Arc<str>,
}

impl Source {
    pub(crate) fn new(session: &Session, kind: Kind, id: &str) -> Self {
        Self { session: session.clone(), kind, id: id.into() }
    }

    /// The session that it is executed in.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// A call of the older endpoints, `reports/{id}`.
    pub(crate) fn v1(&self, method: Method) -> Call<Response> {
        let path = match self.kind {
            Kind::Report => "reports",
            Kind::Cube => "cubes",
            // what can be done with documents can be done with dashboards by the same endpoints
            Kind::Document | Kind::Dashboard => "documents",
        };
        self.session.call(method, path).segment(&self.id).require_session()
    }

    /// A call of the newer endpoints, `v2/reports/{id}`.
    pub(crate) fn v2(&self, method: Method) -> Call<Response> {
        let path = match self.kind {
            Kind::Report => "v2/reports",
            Kind::Cube => "v2/cubes",
            // documents have newer endpoints under their old name
            Kind::Document => "documents",
            Kind::Dashboard => "v2/dossiers",
        };
        self.session.call(method, path).segment(&self.id).require_session()
    }

    /// Executes it.
    pub(crate) fn execute(&self) -> Call<Response> {
        let call = match self.kind {
            Kind::Dashboard => self.session.call(Method::POST, "dossiers").segment(&self.id),
            _ => self.v2(Method::POST),
        };
        call.require_session().segment("instances")
    }

    /// An execution of it, where it is asked for its state and dropped.
    pub(crate) fn instance(&self, method: Method, id: &str) -> Call<Response> {
        let call = match self.kind {
            Kind::Dashboard => self.v1(method),
            _ => self.v2(method),
        };
        call.segment("instances").segment(id)
    }

    pub(crate) fn definition(&self) -> Call<Definition> {
        self.v2(Method::GET).decode()
    }

    pub(crate) fn attribute_elements(&self, attribute: &str) -> List<Element> {
        let call = self.v1(Method::GET).segment("attributes").segment(attribute);
        List::new(call.segment("elements"))
    }

    /// Lets calls of cubes fail that only the others know.
    pub(crate) fn for_reports<T>(&self, what: &str, call: Call<T>) -> Call<T> {
        match self.kind {
            Kind::Report | Kind::Document | Kind::Dashboard => call,
            Kind::Cube => call.fail_with(Error::new(
                ErrorKind::InvalidRequest,
                format!("{what} is for reports; this is an instance of a cube"),
            )),
        }
    }
}

/// Names it in errors: `the report 8CCD..`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Report => "report",
            Kind::Cube => "cube",
            Kind::Document => "document",
            Kind::Dashboard => "dashboard",
        };
        write!(f, "the {kind} {}", self.id)
    }
}
