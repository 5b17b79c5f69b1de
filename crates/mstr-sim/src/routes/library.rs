//! `/library`: what is published to whom.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, TwoIds, answer, body, enter, invalid};
use super::objects::{described, metadata, not_found};
use super::users;
use crate::metadata::USER;
use crate::{Reply, lock};

/// The type of documents, of which nothing else is known here.
const DOCUMENT: u32 = 55;

/// `GET /library`: what is published to the user (members that clients read).
pub(super) async fn list(State(sim): Server, Extension(request): Request) -> Reply {
    answer(users::enter(&sim, &request).map(|()| {
        let user = sim.user_id(request.user().unwrap_or_default());
        let metadata = metadata(&sim);
        let mine = metadata.library.iter().filter(|(_, (_, users))| users.contains(&user));
        let entries = mine.filter_map(|(id, (project, _))| Some((metadata.tree.get(id)?, project)));
        let shown: Vec<Json> = entries
            .map(|(entry, project)| {
                json!({
                    "id": entry.id,
                    "name": entry.name,
                    "projectId": project,
                    "active": true,
                    "target": described(&sim, &request, &metadata, entry),
                })
            })
            .collect();
        Reply::json(200, &shown)
    }))
}

/// `POST /library`: 204.
pub(super) async fn publish(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let body = body(&request)?;
        let id = body.get("id").and_then(Json::as_str).ok_or_else(|| invalid("id is missing"))?;
        let recipients = body.get("recipients").and_then(Json::as_array).into_iter().flatten();
        let recipients = recipients.filter_map(|one| one.get("id")?.as_str());
        let recipients: Vec<_> = recipients.map(str::to_owned).collect();
        for user in &recipients {
            lock(&sim.directory).trustee(user).ok_or_else(|| not_found(user, USER))?;
        }
        let mut metadata = metadata(&sim);
        metadata.tree.get(id).ok_or_else(|| not_found(id, DOCUMENT))?;
        let project = request.project_id().unwrap_or_default().to_owned();
        let entry = metadata.library.entry(id.to_owned()).or_insert_with(|| (project, Vec::new()));
        entry.1.extend(recipients);
        Ok(Reply::new(204))
    }))
}

/// `DELETE /library/{id}`: 204.
pub(super) async fn unpublish(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let removed = metadata(&sim).library.remove(&id);
        removed.map(|_| Reply::new(204)).ok_or_else(|| not_found(&id, DOCUMENT))
    }))
}

/// `DELETE /library/{id}/recipients/{user}`: 204.
pub(super) async fn unpublish_for(
    State(sim): Server,
    Extension(request): Request,
    Path((id, user)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let mut metadata = metadata(&sim);
        let entry = metadata.library.get_mut(&id).ok_or_else(|| not_found(&id, DOCUMENT))?;
        entry.1.retain(|one| *one != user);
        Ok(Reply::new(204))
    }))
}
