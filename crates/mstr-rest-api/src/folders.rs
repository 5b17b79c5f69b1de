//! Folders: what is in them, and where they are.

mod predefined;

use std::future::Future;

use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, Session};
use serde::{Deserialize, Serialize};

pub use predefined::PredefinedFolder;

use crate::changes::made;
use crate::{FolderId, List, Object, ObjectType, ObjectsExt as _, lenient, sealed};

/// Folders of the server.
pub trait FoldersExt: sealed::Sealed {
    /// The handler of folders. They live in projects: ask a session
    /// [`in_project`](Session::in_project), or one whose builder names a project. Without a project
    /// it is the folders of the whole server: users, data sources, schedules ...
    fn folders(&self) -> Folders;
}

impl FoldersExt for Session {
    fn folders(&self) -> Folders {
        Folders::new(self)
    }
}

/// Folders. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::{FoldersExt, PredefinedFolder};
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let folders = session.in_project("MicroStrategy Tutorial").folders();
/// for object in folders.predefined(PredefinedFolder::PublicReports).all().await? {
///     println!("{}  {}  {}", object.id, object.kind, object.name);
/// }
/// let reports = folders.find("/Public Objects/Reports").await?;
/// let mut items = folders.contents(&reports.id).stream();
/// while let Some(object) = items.next().await {
///     println!("{}", object?.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Folders {
    session: Session,
}

/// Deeper paths are no paths: a server that answers each step with a folder would never end.
const DEEPEST: usize = 256;

impl Folders {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    fn get(&self) -> Call<Response> {
        self.session.get("folders")
    }

    /// The folders at the top of the project, or of the server: `GET /folders`.
    pub fn root(&self) -> List<Object> {
        List::new(self.get())
    }

    /// What is in a folder, folders and other objects: `GET /folders/{id}`.
    ///
    /// # Errors
    /// Those of reading a [list](crate::List#what-ends-it);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when there is no such folder.
    pub fn contents(&self, id: impl AsRef<str>) -> List<Object> {
        List::new(self.get().segment(id))
    }

    /// What is in a folder that every project has: `GET /folders/preDefined/{number}`.
    pub fn predefined(&self, folder: PredefinedFolder) -> List<Object> {
        let number = folder.number().to_string();
        List::new(self.get().segment("preDefined").segment(number))
    }

    /// The id of a folder that every project has: `GET /folders/preDefined/{number}/id`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors).
    pub fn predefined_id(&self, folder: PredefinedFolder) -> Call<String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Id {
            #[serde(deserialize_with = "lenient::text")]
            id: String,
        }
        let number = folder.number();
        let call = self.get().segment("preDefined").segment(number.to_string()).segment("id");
        let call = call.query("folderType", number).require_session().decode::<Id>();
        call.map(|Id { id }| {
            if id.is_empty() {
                return Err(Error::new(ErrorKind::Decode, "the reply names no folder"));
            }
            Ok(id)
        })
    }

    /// The user's own objects: `GET /folders/myPersonalObjects`.
    pub fn my_objects(&self) -> List<Object> {
        List::new(self.get().segment("myPersonalObjects"))
    }

    /// Makes a folder in another one, and gives it: `POST /folders`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) without a name, and nothing is sent;
    /// [`ObjectAlreadyExists`](ErrorKind::ObjectAlreadyExists).
    pub fn create(&self, folder: &NewFolder) -> Call<Object> {
        let call = self.session.post("folders").require_session().json(folder);
        let call = if folder.name.is_empty() || folder.parent.is_empty() {
            let message = "a new folder needs a name and the folder that it is in";
            call.fail_with(Error::new(ErrorKind::InvalidRequest, message))
        } else {
            call
        };
        let (name, kind) = (folder.name.clone(), ObjectType::Folder);
        made(call, move |id| Object { id, name: name.clone(), kind, ..Object::default() })
    }

    /// Deletes a folder: `DELETE /folders/{id}`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) when there is no such folder.
    pub fn delete(&self, id: impl AsRef<str>) -> Call<()> {
        let call = self.session.delete("folders").segment(id).require_session();
        call.decode_with(|_| Ok(()))
    }

    /// The folder or other object at a path from the top of the project, such as
    /// `/Public Objects/Reports/Sales`: reads one folder after the other. Names are case-sensitive;
    /// where a folder and another object bear one name, the folder is meant.
    ///
    /// # Errors
    /// Those of reading a [list](crate::List#what-ends-it);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound), naming the part that is not there;
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an empty path.
    pub fn find(&self, path: &str) -> impl Future<Output = Result<Object>> + Send + use<> {
        let folders = self.clone();
        let path = path.trim_matches('/').to_owned();
        async move {
            if path.is_empty() || path.split('/').count() > DEEPEST {
                let message = "the path is empty, or has no end";
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
            let mut found = None::<Object>;
            for name in path.split('/') {
                let list = match &found {
                    None => folders.root(),
                    Some(folder) if folder.kind == ObjectType::Folder => {
                        folders.contents(&folder.id)
                    }
                    Some(object) => return Err(not_there(name, &object.name)),
                };
                let mut matching: Vec<_> = Vec::new();
                let mut items = list.stream();
                while let Some(object) = items.next().await {
                    let object = object?;
                    if object.name == name {
                        matching.push(object);
                    }
                }
                let folder = matching.iter().position(|object| object.kind == ObjectType::Folder);
                let above = found.as_ref().map_or("the top", |folder| &folder.name);
                if matching.is_empty() {
                    return Err(not_there(name, above));
                }
                found = Some(matching.swap_remove(folder.unwrap_or(0)));
            }
            found.ok_or_else(|| not_there(&path, "the top"))
        }
    }

    /// The path of an object from the top of its project: its [ancestors](Object::ancestors) and
    /// its name, from `GET /objects/{id}?type=`.
    ///
    /// # Errors
    /// As [`Objects::get`](crate::Objects::get).
    pub fn path(&self, id: impl AsRef<str>, kind: ObjectType) -> Call<String> {
        self.session.objects().get(id, kind).map(|object| Ok(object.path()))
    }
}

fn not_there(name: &str, folder: &str) -> Error {
    let message = format!("there is no `{name}` in `{folder}`");
    Error::new(ErrorKind::ResourceNotFound, message)
}

/// A folder to be made. [`Folders::create`] makes it.
///
/// ```
/// use mstr_rest_api::{FolderId, NewFolder};
///
/// let reports = FolderId::new("D3C7D461F69C4610AA6BAA5EF51F4125");
/// let folder = NewFolder::new("2026", reports).description("Sales of the year");
/// # let _ = folder;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use = "a new folder is not made until it is created"]
pub struct NewFolder {
    name: String,
    parent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl NewFolder {
    /// A folder of that name in another one.
    pub fn new(name: impl Into<String>, parent: impl Into<FolderId>) -> Self {
        Self { name: name.into(), parent: parent.into().as_str().to_owned(), description: None }
    }

    /// Sets a description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}
