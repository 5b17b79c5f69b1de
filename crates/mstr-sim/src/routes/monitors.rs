//! `/monitors/...`: projects on nodes, jobs, caches.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, TwoIds, answer, body, invalid};
use super::lists::named;
use super::objects::not_found;
use super::patch::operations;
use super::projects::{node_name, not_loaded};
use super::users::enter;
use crate::instances::Store;
use crate::metadata::{LONG_AGO, REPORT};
use crate::report::Source;
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, random};

/// The number of a node, by its name.
fn node(sim: &Sim, name: &str) -> Result<usize, Reply> {
    let found = (0..sim.config.nodes).find(|node| node_name(*node) == name);
    found.ok_or_else(|| Reply::error(404, "ERR004", "There is no such node"))
}

/// `GET /monitors/iServer/nodes/{node}/projects/{id}/status`.
pub(super) async fn project_state(
    State(sim): Server,
    Extension(request): Request,
    Path((name, project)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let node = node(&sim, &name)?;
        let state = lock(&sim.loading).poll(&project, node).ok_or_else(|| not_loaded(&project))?;
        Ok(Reply::json(200, &json!({ "status": state })))
    }))
}

/// `PATCH /monitors/iServer/nodes/{node}/projects/{id}`: 202; it takes some polls (inferred).
pub(super) async fn change_project(
    State(sim): Server,
    Extension(request): Request,
    Path((name, project)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let node = node(&sim, &name)?;
        let mut loading = lock(&sim.loading);
        for operation in operations(&body)? {
            let load = match (operation.member, operation.text()?.as_str()) {
                ("status", "loaded") => true,
                ("status", "unloaded") => false,
                _ => return Err(invalid("Only /status can be loaded or unloaded")),
            };
            if !loading.change(&project, node, load, sim.config.data.polls) {
                return Err(not_loaded(&project));
            }
        }
        let state = loading.name(&project, node);
        Ok(Reply::json(202, &json!({ "project": { "id": project, "status": state } })))
    }))
}

/// A job as v2 shows it: an execution that a client still polls for.
fn jobs(sim: &Sim, store: &Store) -> Vec<(String, Json)> {
    let user = |session: u64| {
        let name = sim.sessions(|sessions, _| sessions.get(session).map(|one| one.user.clone()));
        lock(&sim.directory).profile(&name.unwrap_or_default()).full_name
    };
    let shown = store.running().map(|(job, instance, session)| {
        let source = &instance.source;
        let shown = json!({
            "id": job,
            "type": "interactive",
            "status": "executing",
            "user": user(session),
            "description": format!("Executing {}", source.data.name),
            "objectType": if source.kind.is_cube() { "cube" } else { "report" },
            "objectId": source.data.id,
            "objectName": source.data.name,
            "creationTime": format!("{LONG_AGO}.000+0000"),
            "completedTasks": 0,
            "totalTasks": 1,
        });
        (job, shown)
    });
    shown.collect()
}

/// `GET /v2/monitors/jobs?nodeName=`: without pages. All run on the first node.
pub(super) async fn list_jobs(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let at = node(&sim, &request.query_value("nodeName").unwrap_or_default())?;
        let shown: Vec<Json> = if at == 0 {
            jobs(&sim, &lock(&sim.data)).into_iter().map(|(_, shown)| shown).collect()
        } else {
            Vec::new()
        };
        Ok(Reply::json(200, &json!({ "jobs": shown })))
    }))
}

/// `GET /v2/monitors/jobs/{id}`.
pub(super) async fn job(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let found = jobs(&sim, &lock(&sim.data)).into_iter().find(|(job, _)| *job == id);
        Ok(Reply::json(200, &found.ok_or_else(no_job)?.1))
    }))
}

/// `DELETE /v2/monitors/jobs/{id}`: 204; whoever polls for it finds it gone.
pub(super) async fn cancel_job(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        if lock(&sim.data).cancel(&id) { Ok(Reply::new(204)) } else { Err(no_job()) }
    }))
}

/// `POST /v2/monitors/cancelJobs`: 200, or 207 where some are not there.
pub(super) async fn cancel_jobs(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let ids = body.get("jobIds").and_then(Json::as_array);
        let ids = ids.ok_or_else(|| invalid("jobIds is missing"))?;
        let mut store = lock(&sim.data);
        let mut all = true;
        let outcomes: Vec<Json> = ids
            .iter()
            .map(|id| {
                let done = id.as_str().is_some_and(|id| store.cancel(id));
                all &= done;
                json!({ "id": id, "status": if done { 204 } else { 404 } })
            })
            .collect();
        let status = if all { 200 } else { 207 };
        Ok(Reply::json(status, &json!({ "jobCancellationStatus": outcomes })))
    }))
}

/// 404 `ERR004` (inferred).
fn no_job() -> Reply {
    Reply::error(404, "ERR004", "There is no such job")
}

fn cache_id(cube: &str) -> String {
    random::id_of(&format!("cache {cube}"))
}

fn cube_of(store: &Store, cache: &str) -> Result<String, Reply> {
    let mut cubes = store.sources().filter(|one| one.kind.is_cube() && one.published);
    let found = cubes.find(|cube| cache_id(&cube.data.id) == cache);
    found.map(|cube| cube.data.id.clone()).ok_or_else(|| not_found(cache, REPORT))
}

fn cube_cache(source: &Source, state: &str) -> Json {
    json!({
        "id": cache_id(&source.data.id),
        "source": { "id": source.data.id, "name": source.data.name },
        "state": { "active": true, "dirty": false, "loadedState": state },
        "size": 1024,
        "hitCount": 0,
        "rowCount": source.data.rows,
        "columnCount": source.data.attributes.len() + source.data.metrics.len(),
        "lastUpdateTime": format!("{LONG_AGO}.000+0000"),
    })
}

/// `GET /monitors/caches/cubes?clusterNode=`: every published cube has one, on the first node.
pub(super) async fn cube_caches(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let at = node(&sim, &request.query_value("clusterNode").unwrap_or_default())?;
        let store = lock(&sim.data);
        let cubes = store.sources().filter(|one| one.kind.is_cube() && one.published && at == 0);
        let shown: Vec<Json> =
            cubes.map(|cube| cube_cache(cube, store.cache_state(&cube.data.id))).collect();
        named(&sim, &request, &shown, "cubeCaches")
    }))
}

/// `GET /monitors/caches/cubes/{id}`.
pub(super) async fn one_cube_cache(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let mut store = lock(&sim.data);
        let cube = cube_of(&store, &id)?;
        let state = store.poll_cache(&cube);
        let source = store.source(&cube).ok_or_else(|| not_found(&id, REPORT))?;
        Ok(Reply::json(200, &cube_cache(source, state)))
    }))
}

/// `PATCH /monitors/caches/cubes/{id}`: 202 with the id of the change.
pub(super) async fn change_cube_cache(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let load = match body.pointer("/state/loadedState").and_then(Json::as_str) {
            Some("loaded") => true,
            Some("unloaded") => false,
            _ => return Err(invalid("state.loadedState is missing")),
        };
        let mut store = lock(&sim.data);
        let cube = cube_of(&store, &id)?;
        store.move_cache(&cube, load, sim.config.data.polls);
        Ok(Reply::json(202, &json!({ "manipulationId": random::upper_hex() })))
    }))
}

/// `DELETE /monitors/caches/cubes/{id}`: 204; the cube is not published any more.
pub(super) async fn delete_cube_cache(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let mut store = lock(&sim.data);
        let cube = cube_of(&store, &id)?;
        store.unpublish(&cube);
        Ok(Reply::new(204))
    }))
}

/// `GET /monitors/caches/contents?projectId=&clusterNode=`: of every report that was executed.
pub(super) async fn content_caches(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let at = node(&sim, &request.query_value("clusterNode").unwrap_or_default())?;
        let store = lock(&sim.data);
        let reports = store.cached().filter(|_| at == 0);
        let shown: Vec<Json> = reports
            .map(|report| {
                json!({
                    "id": cache_id(&report.data.id),
                    "combinedId": combined_id(&report.data.id),
                    "source": { "id": report.data.id, "name": report.data.name },
                    "type": "report",
                    "size": 12,
                    "hitCount": 0,
                    "lastUpdateTime": format!("{LONG_AGO}.000+0000"),
                })
            })
            .collect();
        named(&sim, &request, &shown, "contentCaches")
    }))
}

fn combined_id(report: &str) -> String {
    format!("{}:0", cache_id(report))
}

/// `PATCH /v2/monitors/caches/contents?clusterNode=`: 200; deletes.
pub(super) async fn change_content_caches(
    State(sim): Server,
    Extension(request): Request,
) -> Reply {
    answer(enter(&sim, &request).and_then(|()| {
        let body = body(&request)?;
        let mut store = lock(&sim.data);
        for operation in operations(&body)? {
            let id = operation.member.strip_prefix("contentCaches/");
            let id = id.filter(|_| operation.op == "remove");
            let id = id.ok_or_else(|| invalid("Only contentCaches can be removed"))?;
            let found = store.cached().find(|one| combined_id(&one.data.id) == id);
            let found =
                found.map(|one| one.data.id.clone()).ok_or_else(|| not_found(id, REPORT))?;
            store.forget_cache(&found);
        }
        Ok(Reply::json(200, &json!({})))
    }))
}

/// `DELETE /monitors/projects/{id}/caches/{object or element}`: 204; there are none.
pub(super) async fn purge(
    State(sim): Server,
    Extension(request): Request,
    Path((project, which)): TwoIds,
) -> Reply {
    answer(purged(&sim, &request, &project, &which))
}

fn purged(
    sim: &Sim,
    request: &RecordedRequest,
    project: &str,
    which: &str,
) -> Result<Reply, Reply> {
    enter(sim, request)?;
    sim.project(project).ok_or_else(|| not_loaded(project))?;
    match which {
        "object" | "element" => Ok(Reply::new(204)),
        _ => Err(invalid("There is no such cache")),
    }
}
