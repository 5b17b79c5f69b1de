//! `/datasets/...`: uploads.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, TwoIds, answer, body, enter, gone, invalid};
use crate::uploads::Progress;
use crate::{Reply, lock};

/// `POST /datasets/models`: describes a dataset and makes a cube of it, still without rows.
pub(super) async fn describe(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let body = body(&request)?;
        let mut store = lock(&sim.data);
        let (id, name) = store.uploads.describe(&body).map_err(|why| invalid(&why))?;
        if let Some(cube) = store.uploads.cube(&id) {
            store.put(cube);
        }
        Ok(Reply::json(200, &json!({ "id": id, "name": name })))
    }))
}

/// `GET /datasets/{id}?fields=tables&fields=columns`: an uploaded dataset's tables; a cube of
/// another kind has none.
pub(super) async fn definition(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let store = lock(&sim.data);
        let Some(source) = store.source(&id).filter(|source| source.kind.is_cube()) else {
            let message = format!("(Object with ID '{id}' is not found in metadata.)");
            return Err(Reply::iserver_error(500, "ERR001", -2_147_216_373, &message));
        };
        let tables = store.uploads.tables(&id).unwrap_or_default();
        let columns: Vec<Json> = tables
            .iter()
            .flat_map(|table| table.columns.iter().map(|column| (&table.name, column)))
            .map(|(table, column)| json!({ "tableName": table, "columnName": column }))
            .collect();
        let tables: Vec<_> = tables.iter().map(|table| json!({ "name": table.name })).collect();
        let available = json!({ "tables": tables, "columns": columns });
        Ok(Reply::json(
            200,
            &json!({
                "id": id,
                "name": source.data.name,
                "result": { "definition": { "availableObjects": available } },
            }),
        ))
    }))
}

/// `POST /datasets/{id}/uploadSessions`.
pub(super) async fn open(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let body = body(&request)?;
        let alive: Vec<u64> =
            sim.sessions(|sessions, _| sessions.all().iter().map(|one| one.generation).collect());
        let is_alive = |session| alive.contains(&session);
        let opened = lock(&sim.data).uploads.open(session, &id, &body, is_alive);
        let upload = opened.ok_or_else(gone)?.map_err(|why| invalid(&why))?;
        Ok(Reply::json(200, &json!({ "uploadSessionId": upload })))
    }))
}

/// `PUT /datasets/{id}/uploadSessions/{sid}`: a part of a table.
pub(super) async fn part(
    State(sim): Server,
    Extension(request): Request,
    Path((id, upload)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let body = body(&request)?;
        let taken = lock(&sim.data).uploads.part(session, &id, &upload, &body);
        taken.ok_or_else(gone)?.map_err(|why| invalid(&why))?;
        Ok(Reply::new(200))
    }))
}

/// `POST /datasets/{id}/uploadSessions/{sid}/publish`.
pub(super) async fn publish(
    State(sim): Server,
    Extension(request): Request,
    Path((id, upload)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let polls = sim.config.data.polls;
        lock(&sim.data).uploads.publish(session, &id, &upload, polls).ok_or_else(gone)?;
        Ok(Reply::new(200))
    }))
}

/// `GET /datasets/{id}/uploadSessions/{sid}/publishStatus`. What a failed publication looks like
/// is inferred: 3 is an error in the I-Server's list of states.
pub(super) async fn publish_status(
    State(sim): Server,
    Extension(request): Request,
    Path((id, upload)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let config = &sim.config.data;
        let mut store = lock(&sim.data);
        let progress = store.uploads.status(session, &id, &upload, config.failing_publish);
        let (status, message) = match progress.ok_or_else(gone)? {
            Progress::NotAsked => return Err(invalid("The upload session is not published")),
            Progress::Running => (6, "sql execution"),
            Progress::Failed => (3, "the publication failed"),
            Progress::Done(cube) => {
                store.put(*cube);
                (1, "result ready")
            }
        };
        let status = if config.status_as_text { json!(status.to_string()) } else { json!(status) };
        let reply = json!({ "uploadSessionId": upload, "status": status, "message": message });
        Ok(Reply::json(200, &reply))
    }))
}

/// `DELETE /datasets/{id}/uploadSessions/{sid}`.
pub(super) async fn cancel(
    State(sim): Server,
    Extension(request): Request,
    Path((id, upload)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let cancelled = lock(&sim.data).uploads.cancel(session, &id, &upload);
        if cancelled { Ok(Reply::new(204)) } else { Err(gone()) }
    }))
}
