//! `/objects/{id}`: every object of the metadata by id and type.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, answer, body, invalid};
use crate::instances::Store;
use crate::metadata::{Entry, FOLDER, Metadata, PROJECT, REPORT, ROOT, date};
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, pipeline, random};

/// `GET /objects/{id}?type=32`: 500 `ERR001` for what is not there, as real servers have it.
pub(super) async fn one(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|kind| {
        if let Some(project) = sim.project(&id).filter(|one| kind == PROJECT && one.id == id) {
            let mut entry = Entry::new(&id, &project.name, PROJECT, "");
            entry.description = project.description;
            return Ok(Reply::json(200, &show(&sim, &request, &entry)));
        }
        let metadata = metadata(&sim);
        let found = metadata.tree.find(&id, kind).ok_or_else(|| not_found(&id, kind))?;
        Ok(Reply::json(200, &described(&sim, &request, &metadata, found)))
    }))
}

/// `PUT /objects/{id}?type=`: changes what the body names, and gives the object.
pub(super) async fn update(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|kind| {
        let body = body(&request)?;
        let (mut store, mut metadata) = both(&sim);
        metadata.tree.find(&id, kind).ok_or_else(|| not_found(&id, kind))?;
        let now = date(sim.clock.now());
        metadata.tree.change(&id, &body, &now).map_err(|why| invalid(&why))?;
        let found = metadata.tree.find(&id, kind).ok_or_else(|| not_found(&id, kind))?;
        if kind == REPORT {
            store.rename(&id, &found.name);
        }
        Ok(Reply::json(200, &described(&sim, &request, &metadata, found)))
    }))
}

/// `DELETE /objects/{id}?type=`: 204. A folder goes with what is in it (inferred).
pub(super) async fn delete(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|kind| remove(&sim, &id, kind)))
}

pub(super) fn remove(sim: &Sim, id: &str, kind: u32) -> Result<Reply, Reply> {
    let (mut store, mut metadata) = both(sim);
    metadata.tree.find(id, kind).ok_or_else(|| not_found(id, kind))?;
    for gone in metadata.tree.remove(id) {
        store.remove(&gone);
    }
    Ok(Reply::new(204))
}

/// `POST /objects/{id}/copy?type=`: a copy with a new id. A folder is copied without what is in it
/// (inferred).
pub(super) async fn copy(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|kind| {
        let body = body(&request)?;
        let (mut store, mut metadata) = both(&sim);
        let found = metadata.tree.find(&id, kind).ok_or_else(|| not_found(&id, kind))?;
        let mut entry = found.clone();
        let text = |name: &str| body.get(name).and_then(Json::as_str);
        let folder = text("folderId").or(entry.parent.as_deref()).unwrap_or(ROOT).to_owned();
        metadata.tree.find(&folder, FOLDER).ok_or_else(|| not_found(&folder, FOLDER))?;
        entry.name = text("name").map_or_else(|| format!("Copy of {}", entry.name), str::to_owned);
        if metadata.tree.is_taken(&folder, &entry.name, kind) {
            return Err(exists(&entry.name));
        }
        entry.id = random::upper_hex();
        entry.parent = Some(folder);
        entry.created = date(sim.clock.now());
        entry.modified.clone_from(&entry.created);
        if kind == REPORT {
            store.copy(&id, &entry.id, &entry.name);
        }
        let shown = described(&sim, &request, &metadata, &entry);
        metadata.tree.insert(entry);
        Ok(Reply::json(200, &shown))
    }))
}

/// Lets a request in that has a session and says a type; the project is no must.
fn enter(sim: &Sim, request: &RecordedRequest) -> Result<u32, Reply> {
    pipeline::enter(sim, request, request.project_id().filter(|id| !id.is_empty()))?;
    let Some(kind) = request.query_value("type") else {
        return Err(Reply::error(400, "ERR005", "The parameter type is missing"));
    };
    kind.parse().map_err(|_| invalid("Invalid type"))
}

/// The data and the metadata, which knows all that can be executed.
pub(super) fn both(
    sim: &Sim,
) -> (std::sync::MutexGuard<'_, Store>, std::sync::MutexGuard<'_, Metadata>) {
    let store = lock(&sim.data);
    let mut metadata = lock(&sim.metadata);
    metadata.tree.sync(&store);
    (store, metadata)
}

/// The metadata alone.
pub(super) fn metadata(sim: &Sim) -> std::sync::MutexGuard<'_, Metadata> {
    both(sim).1
}

pub(super) fn not_found(id: &str, kind: u32) -> Reply {
    let message = format!("(Object with ID '{id}' and type '{kind}' is not found in metadata.)");
    Reply::iserver_error(500, "ERR001", -2_147_216_373, &message)
}

/// 409 `ERR015`: the code is documented, the status is inferred.
pub(super) fn exists(name: &str) -> Reply {
    Reply::error(409, "ERR015", &format!("(An object with the name '{name}' already exists.)"))
}

/// An object with the folders above it.
pub(super) fn described(
    sim: &Sim,
    request: &RecordedRequest,
    metadata: &Metadata,
    entry: &Entry,
) -> Json {
    let mut shown = show(sim, request, entry);
    shown["ancestors"] = ancestors(sim, request, metadata, entry);
    shown
}

pub(super) fn ancestors(
    sim: &Sim,
    request: &RecordedRequest,
    metadata: &Metadata,
    entry: &Entry,
) -> Json {
    let above = metadata.tree.ancestors(&entry.id);
    let above = match (&entry.parent, above.is_empty()) {
        // a copy that is not in the tree yet
        (Some(parent), true) => {
            let mut above = metadata.tree.ancestors(parent);
            above.extend(metadata.tree.get(parent));
            above
        }
        _ => above,
    };
    let depth = above.len();
    let shown = above.iter().enumerate().map(|(at, folder)| {
        json!({ "name": name(sim, request, folder), "id": folder.id, "level": depth - at })
    });
    shown.collect()
}

/// The root bears the name of the project.
fn name(sim: &Sim, request: &RecordedRequest, entry: &Entry) -> String {
    if entry.id != ROOT {
        return entry.name.clone();
    }
    let project = request.project_id().and_then(|id| sim.project(id));
    project.map_or_else(|| "CASTOR_SERVER_CONFIGURATION".to_owned(), |project| project.name)
}

/// An object (recorded members), without the folders above it.
pub(super) fn show(sim: &Sim, request: &RecordedRequest, entry: &Entry) -> Json {
    let zoned = |date: &str| format!("{date}.000+0000");
    let owner = sim.trustee(&entry.owner).0;
    let acl: Vec<Json> = entry
        .acl
        .iter()
        .map(|ace| {
            let (name, subtype) = sim.trustee(&ace.trustee);
            ace.show(&name, subtype)
        })
        .collect();
    json!({
        "name": name(sim, request, entry),
        "id": entry.id,
        "type": entry.kind,
        "subtype": entry.subtype,
        "description": entry.description,
        "abbreviation": entry.abbreviation,
        "dateCreated": zoned(&entry.created),
        "dateModified": zoned(&entry.modified),
        "version": random::id_of(&format!("{} {}", entry.id, entry.modified)),
        "acg": 255,
        "owner": { "name": owner, "id": entry.owner },
        "acl": acl,
        "extType": 0,
        "viewMedia": 0,
        "hidden": entry.hidden,
        "comments": entry.comments,
        "ancestors": [],
        "certifiedInfo": { "certified": false },
    })
}

