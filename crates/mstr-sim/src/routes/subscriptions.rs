//! `/subscriptions`: what is delivered to whom.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, answer, body, enter, invalid};
use super::lists::named;
use super::objects::{metadata, not_found};
use crate::metadata::{REPORT, USER, date};
use crate::{Reply, random};

/// The type of schedules.
const SCHEDULE: u32 = 51;

/// `GET /subscriptions`: wrapped.
pub(super) async fn list(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let metadata = metadata(&sim);
        let shown: Vec<Json> = metadata.server.subscriptions.values().cloned().collect();
        named(&sim, &request, &shown, "subscriptions")
    }))
}

/// `GET /subscriptions/{id}`.
pub(super) async fn one(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let metadata = metadata(&sim);
        let found = metadata.server.subscriptions.get(&id).ok_or_else(|| gone(&id))?;
        Ok(Reply::json(200, found))
    }))
}

/// 404 `ERR004` (inferred).
fn gone(id: &str) -> Reply {
    Reply::error(404, "ERR004", &format!("There is no subscription {id}"))
}

/// `POST /subscriptions`: 201 with the subscription, `Location`.
pub(super) async fn create(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let mut body = body(&request)?;
        for member in ["name", "contents", "recipients", "delivery"] {
            if body.get(member).is_none_or(Json::is_null) {
                return Err(Reply::error(400, "ERR005", &format!("{member} is missing")));
            }
        }
        let mut metadata = metadata(&sim);
        for (member, kind) in [("contents", REPORT), ("schedules", SCHEDULE), ("recipients", USER)]
        {
            let list = body.get_mut(member).and_then(Json::as_array_mut);
            for item in list.into_iter().flatten() {
                let id = item.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
                let name = match kind {
                    REPORT => metadata.tree.get(&id).map(|entry| entry.name.clone()),
                    SCHEDULE => {
                        let schedule = metadata.server.schedules.get(&id);
                        schedule.and_then(|one| Some(one.get("name")?.as_str()?.to_owned()))
                    }
                    _ => Some(sim.trustee(&id).0).filter(|name| !name.is_empty()),
                };
                item["name"] = name.ok_or_else(|| not_found(&id, kind))?.into();
            }
        }
        let id = random::upper_hex();
        let now = format!("{}.000+0000", date(sim.clock.now()));
        let owner = sim.user_id(request.user().unwrap_or_default());
        let members = body.as_object_mut().ok_or_else(|| invalid("Invalid JSON"))?;
        members.remove("sendNow");
        members.insert("id".to_owned(), json!(id));
        members.insert("editable".to_owned(), json!(true));
        members.insert("dateCreated".to_owned(), json!(now));
        members.insert("dateModified".to_owned(), json!(now));
        members.insert("owner".to_owned(), json!({ "id": owner, "name": sim.trustee(&owner).0 }));
        let location = format!("{}/subscriptions/{id}", sim.api_path());
        let reply = Reply::json(201, &body).header("location", &location);
        metadata.server.subscriptions.insert(id, body);
        Ok(reply)
    }))
}

/// `POST /subscriptions/{id}/send`, also under `/v2`: 202; nothing is delivered.
pub(super) async fn send(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let metadata = metadata(&sim);
        metadata.server.subscriptions.get(&id).ok_or_else(|| gone(&id))?;
        Ok(Reply::new(202))
    }))
}

/// `DELETE /subscriptions/{id}`: 204.
pub(super) async fn delete(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let removed = metadata(&sim).server.subscriptions.remove(&id);
        removed.map(|_| Reply::new(204)).ok_or_else(|| gone(&id))
    }))
}
