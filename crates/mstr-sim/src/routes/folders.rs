//! `/folders/...`: what is in folders.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, answer, body, enter, invalid};
use super::lists::list;
use super::objects::{described, exists, metadata, not_found, remove, show};
use crate::metadata::{Entry, FOLDER, ROOT, Tree, date};
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, pipeline, random};

/// Folders of the whole server. The names are made up, and nothing is in them: what they would
/// hold has endpoints of its own.
const SERVER_FOLDERS: [&str; 5] = ["Users", "Data Sources", "Schedules", "Events", "Security Roles"];

/// `GET /folders`: the top of the project; without a project, of the server.
pub(super) async fn root(State(sim): Server, Extension(request): Request) -> Reply {
    if request.project_id().is_none_or(str::is_empty) {
        return answer(pipeline::enter(&sim, &request, None).and_then(|()| {
            let folders = SERVER_FOLDERS.iter().map(|name| {
                let id = random::id_of(&format!("server folder {name}"));
                show(&sim, &request, &Entry::new(&id, name, FOLDER, ""))
            });
            list(&sim, &request, &folders.collect::<Vec<_>>())
        }));
    }
    answer(enter(&sim, &request).and_then(|_| contents_of(&sim, &request, ROOT)))
}

/// `GET /folders/{id}`.
pub(super) async fn contents(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| contents_of(&sim, &request, &id)))
}

/// `GET /folders/preDefined/{number}`.
pub(super) async fn predefined(
    State(sim): Server,
    Extension(request): Request,
    Path(number): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| contents_of(&sim, &request, &known(&number)?)))
}

/// `GET /folders/preDefined/{number}/id`.
pub(super) async fn predefined_id(
    State(sim): Server,
    Extension(request): Request,
    Path(number): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let id = known(&number)?;
        Ok(Reply::json(200, &json!({ "id": id })))
    }))
}

/// `GET /folders/myPersonalObjects`.
pub(super) async fn mine(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| contents_of(&sim, &request, &known("19")?)))
}

/// `POST /folders`: 201 with the new folder.
pub(super) async fn create(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let body = body(&request)?;
        let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
        let name = text("name").ok_or_else(|| invalid("name is missing"))?;
        let parent = text("parent").ok_or_else(|| invalid("parent is missing"))?;
        let mut metadata = metadata(&sim);
        metadata.tree.find(parent, FOLDER).ok_or_else(|| not_found(parent, FOLDER))?;
        if metadata.tree.is_taken(parent, name, FOLDER) {
            return Err(exists(name));
        }
        let mut folder = Entry::new(&random::upper_hex(), name, FOLDER, parent);
        folder.description = text("description").unwrap_or_default().to_owned();
        folder.owner = sim.user_id(request.user().unwrap_or_default());
        folder.created = date(sim.clock.now());
        folder.modified.clone_from(&folder.created);
        let id = folder.id.clone();
        metadata.tree.insert(folder);
        let folder = metadata.tree.get(&id).ok_or_else(|| not_found(&id, FOLDER))?;
        Ok(Reply::json(201, &described(&sim, &request, &metadata, folder)))
    }))
}

/// `DELETE /folders/{id}`: 204; what is in it goes with it (inferred).
pub(super) async fn delete(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| remove(&sim, &id, FOLDER)))
}

fn known(number: &str) -> Result<String, Reply> {
    let known = number.parse().ok().and_then(Tree::known);
    known.ok_or_else(|| invalid("There is no such predefined folder"))
}

fn contents_of(sim: &Sim, request: &RecordedRequest, id: &str) -> Result<Reply, Reply> {
    let metadata = metadata(sim);
    metadata.tree.find(id, FOLDER).ok_or_else(|| not_found(id, FOLDER))?;
    let contents = metadata.tree.contents(id);
    let shown: Vec<Json> = contents.iter().map(|entry| show(sim, request, entry)).collect();
    list(sim, request, &shown)
}
