//! What reports and cubes have in common.

use std::sync::Arc;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};

use crate::elements;
use crate::{Definition, Elements};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Report,
    Cube,
}

/// A report or a cube of a session.
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

    /// A call of the older endpoints, `reports/{id}`.
    pub(crate) fn v1(&self, method: Method) -> Call<Response> {
        let path = match self.kind {
            Kind::Report => "reports",
            Kind::Cube => "cubes",
        };
        self.session.call(method, path).segment(&self.id).require_session()
    }

    /// A call of the newer endpoints, `v2/reports/{id}`.
    pub(crate) fn v2(&self, method: Method) -> Call<Response> {
        let path = match self.kind {
            Kind::Report => "v2/reports",
            Kind::Cube => "v2/cubes",
        };
        self.session.call(method, path).segment(&self.id).require_session()
    }

    pub(crate) fn definition(&self) -> Call<Definition> {
        self.v2(Method::GET).decode()
    }

    pub(crate) fn attribute_elements(
        &self,
        attribute: &str,
        offset: u64,
        limit: u64,
    ) -> Call<Elements> {
        let call = self.v1(Method::GET).segment("attributes").segment(attribute);
        elements::list(call.segment("elements"), offset, limit)
    }

    /// Lets calls of cubes fail that only reports know.
    pub(crate) fn for_reports<T>(&self, what: &str, call: Call<T>) -> Call<T> {
        match self.kind {
            Kind::Report => call,
            Kind::Cube => call.refuse(Error::new(
                ErrorKind::InvalidRequest,
                format!("{what} is for reports; this is an instance of a cube"),
            )),
        }
    }
}
