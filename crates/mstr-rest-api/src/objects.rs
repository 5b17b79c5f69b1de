//! Objects of the metadata: whatever their type, read, changed, copied, deleted.

mod access;
mod changes;
mod model;
mod object_type;

use std::future::Future;

use http::Method;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde_json::json;

pub use access::{AccessChanges, AccessEntry, Propagation, Rights};
pub use changes::ObjectChanges;
pub use model::{Ancestor, Named, Object};
pub use object_type::ObjectType;

use crate::changes::{changed_or_read, made};
use crate::{FolderId, sealed};

/// Objects of the server.
pub trait ObjectsExt: sealed::Sealed {
    /// The handler of objects. Most objects live in projects: ask a session
    /// [`in_project`](Session::in_project) for them; users, projects and what else belongs to the
    /// whole server is found without a project.
    fn objects(&self) -> Objects;
}

impl ObjectsExt for Session {
    fn objects(&self) -> Objects {
        Objects::new(self)
    }
}

/// Objects of the metadata. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{ObjectChanges, ObjectType, ObjectsExt};
/// use mstr_rest_core::ErrorKind;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let objects = session.in_project("MicroStrategy Tutorial").objects();
/// let id = "13CFD83A458A68655A13CBA8D7C62CD5";
/// match objects.get(id, ObjectType::Report).await {
///     Ok(report) => println!("{} by {:?}", report.name, report.owner),
///     Err(error) if error.kind() == ErrorKind::ResourceNotFound => println!("no such report"),
///     Err(error) => return Err(error),
/// }
/// let changes = ObjectChanges::new().name("Sales 2026");
/// objects.update(id, ObjectType::Report, &changes).await?;
/// objects.delete(id, ObjectType::Report).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Objects {
    session: Session,
}

impl Objects {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn call(&self, method: Method, id: impl AsRef<str>, kind: ObjectType) -> Call<Response> {
        let call = self.session.call(method, "objects").segment(id).query("type", kind.number());
        call.require_session()
    }

    /// One object with its access list: `GET /objects/{id}?type=` (recorded from servers).
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) for what is not there. Servers send that
    /// as status 500 with `ERR001` and an I-Server code; all three are kept.
    pub fn get(&self, id: impl AsRef<str>, kind: ObjectType) -> Call<Object> {
        self.call(Method::GET, id, kind).decode()
    }

    /// Changes an object, and gives it as it is then: `PUT /objects/{id}?type=`. What the changes
    /// do not name stays. If the reply is empty, the object is read again.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without any change,
    /// and nothing is sent.
    pub fn update(
        &self,
        id: &str,
        kind: ObjectType,
        changes: &ObjectChanges,
    ) -> impl Future<Output = Result<Object>> + Send + use<> {
        let get = self.get(id, kind);
        let call = self.call(Method::PUT, id, kind).json(changes);
        let call = match changes.check() {
            Ok(()) => call,
            Err(error) => call.fail_with(error),
        };
        changed_or_read(call, get)
    }

    /// Deletes an object: `DELETE /objects/{id}?type=`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, id: impl AsRef<str>, kind: ObjectType) -> Call<()> {
        self.call(Method::DELETE, id, kind).decode_with(|_| Ok(()))
    }

    /// Who may do what with an object: the access list of [`get`](Self::get).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn access(&self, id: impl AsRef<str>, kind: ObjectType) -> Call<Vec<AccessEntry>> {
        self.get(id, kind).map(|object| Ok(object.acl))
    }

    /// Changes who may do what with an object, and gives it as it is then:
    /// `PUT /objects/{id}?type=` with `acl` alone. If the reply is empty, the object is read again.
    ///
    /// ```no_run
    /// use mstr_rest_api::{AccessChanges, ObjectType, ObjectsExt, Rights};
    ///
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let group = "C82C6B1011D2894CC0009D9F29718E4F";
    /// let change = AccessChanges::new().grant(group, Rights::VIEW);
    /// session.objects().update_access("13CFD83A458A", ObjectType::Report, &change).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get); [`InvalidRequest`](ErrorKind::InvalidRequest) without any change, or
    /// when children are meant of what is no folder, and nothing is sent.
    pub fn update_access(
        &self,
        id: &str,
        kind: ObjectType,
        change: &AccessChanges,
    ) -> impl Future<Output = Result<Object>> + Send + use<> {
        let get = self.get(id, kind);
        let call = self.call(Method::PUT, id, kind).json(change);
        let call = match change.check(kind) {
            Ok(()) => call,
            Err(error) => call.fail_with(error),
        };
        changed_or_read(call, get)
    }

    /// Makes a copy of an object in a folder, and gives it: `POST /objects/{id}/copy?type=`. If the
    /// reply is empty, the copy has the id of the header `Location`, or none.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`ObjectAlreadyExists`](ErrorKind::ObjectAlreadyExists) when the
    /// folder has an object of that name.
    pub fn copy(
        &self,
        id: impl AsRef<str>,
        kind: ObjectType,
        name: impl AsRef<str>,
        folder: impl Into<FolderId>,
    ) -> Call<Object> {
        let call = self.session.post("objects").segment(id).segment("copy");
        let call = call.query("type", kind.number()).require_session();
        let name = name.as_ref().to_owned();
        let call = call.json(&json!({ "name": name, "folderId": folder.into().as_str() }));
        made(call, move |id| Object { id, name: name.clone(), kind, ..Object::default() })
    }
}

/// Refuses what changes nothing.
pub(crate) fn nothing_to_change() -> Error {
    Error::new(ErrorKind::InvalidRequest, "there is nothing to change")
}
