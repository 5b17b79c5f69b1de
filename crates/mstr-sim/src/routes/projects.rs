//! `/projects/...` and what the monitors show of projects and nodes.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::sim::Sim;
use crate::{Project, RecordedRequest, Reply, lock, pipeline};

type Request = Extension<RecordedRequest>;

/// What "the project is not loaded" is called by the I-Server.
const NOT_LOADED: i64 = -2_147_209_151;

#[derive(Serialize)]
struct Listed<'a> {
    acg: u32,
    id: &'a str,
    name: &'a str,
    alias: &'static str,
    description: &'a str,
    status: u32,
}

impl<'a> Listed<'a> {
    fn of(project: &'a Project) -> Self {
        Self {
            acg: 255,
            id: &project.id,
            name: &project.name,
            alias: "",
            description: &project.description,
            status: 0,
        }
    }
}

/// `GET /projects`: all that are loaded, without paging, with their number in a header.
pub(super) async fn list(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let loaded = sim.config.projects.iter().filter(|project| sim.is_loaded(&project.id));
    let listed: Vec<_> = loaded.map(Listed::of).collect();
    Reply::json(200, &listed).header("x-mstr-total-count", &listed.len().to_string())
}

/// `GET /projects/{id or name}`: 404 `ERR004` for one that is not loaded.
pub(super) async fn one(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(project): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    match sim.project(&project) {
        Some(project) => Reply::json(200, &Listed::of(&project)),
        None => not_loaded(&project),
    }
}

pub(super) fn not_loaded(project: &str) -> Reply {
    let message = format!("(The project {project} is not loaded.)");
    Reply::iserver_error(404, "ERR004", NOT_LOADED, &message)
}

/// `GET /projects/{id}/languages`: English, for metadata and data. The language's id is made up.
pub(super) async fn languages(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(project): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    if sim.project(&project).is_none() {
        return not_loaded(&project);
    }
    let english = json!({
        "default": "00000409B37743C7B6B5B1C2C1A8B0C5",
        "languages": [{ "id": "00000409B37743C7B6B5B1C2C1A8B0C5", "name": "English" }],
    });
    Reply::json(200, &json!({ "metadata": english, "data": english }))
}

/// `GET /monitors/projects`: every project on every node, with paging.
pub(super) async fn monitor(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let number = |name: &str| request.query_value(name)?.parse::<i64>().ok();
    let offset = number("offset").and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0);
    // -1 is "all of them", and so is no limit.
    let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
    let projects: Vec<_> = sim
        .config
        .projects
        .iter()
        .skip(offset)
        .take(limit.unwrap_or(usize::MAX))
        .map(|project| {
            let loading = lock(&sim.loading);
            let nodes: Vec<_> = (0..sim.config.nodes)
                .map(|node| {
                    let status = loading.name(&project.id, node);
                    json!({ "name": node_name(node), "status": status })
                })
                .collect();
            json!({ "id": project.id, "name": project.name, "alias": "", "nodes": nodes })
        })
        .collect();
    Reply::json(200, &json!({ "projects": projects }))
        .header("x-mstr-total-count", &sim.config.projects.len().to_string())
}

/// `GET /monitors/iServer/nodes`.
pub(super) async fn nodes(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let nodes: Vec<_> = (0..sim.config.nodes)
        .map(|node| {
            let projects: Vec<_> = sim
                .config
                .projects
                .iter()
                .map(|project| {
                    let status = lock(&sim.loading).name(&project.id, node);
                    json!({ "id": project.id, "name": project.name, "status": status })
                })
                .collect();
            json!({
                "name": node_name(node),
                "ipAddress": "127.0.0.1",
                "port": 34952,
                "status": "running",
                "load": 10,
                "projects": projects,
                "default": node == 0,
            })
        })
        .collect();
    Reply::json(200, &json!({ "nodes": nodes }))
}

pub(super) fn node_name(node: usize) -> String {
    format!("node-{}", node + 1)
}

/// `GET /v2/projects/{id}/settings`: a few; names and values are made up but for their form.
pub(super) async fn settings(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(project): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let Some(project) = sim.project(&project) else { return not_loaded(&project) };
    Reply::json(200, &*lock(&sim.metadata).settings_of(&project.id))
}

/// `PATCH /v2/projects/{id}/settings`: 204 (inferred).
pub(super) async fn set_settings(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(project): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let Some(project) = sim.project(&project) else { return not_loaded(&project) };
    let body: Result<Map<String, Value>, _> = request.json();
    let Ok(body) = body else { return Reply::error(400, "ERR006", "Invalid JSON") };
    lock(&sim.metadata).settings_of(&project.id).extend(body);
    Reply::new(204)
}
