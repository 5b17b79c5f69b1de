//! `/v2/cubes/...`, `/cubes/...` and `/model/cubes/...`: definitions, executions, publishing.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::json;

use super::data::{self, Id, Request, Server, Shelf, TwoIds, answer, enter, find};
use crate::metadata::{LONG_AGO, OWNER_ID};
use crate::{Reply, lock};

/// States of a cube: bits of the header `X-MSTR-CubeStatus`.
const PROCESSING: u32 = 1;
const ACTIVE: u32 = 2;
const LOADED: u32 = 32;
const READY: u32 = 64;

/// `GET /v2/cubes/{id}`: the objects that can be asked for.
pub(super) async fn definition(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let source = find(&lock(&sim.data), Shelf::Cubes, &id)?;
        let definition = json!({ "availableObjects": data::available_objects(&source) });
        let cube =
            json!({ "name": source.data.name, "id": source.data.id, "definition": definition });
        Ok(Reply::json(200, &cube))
    }))
}

/// `POST /v2/cubes/{id}/instances`.
pub(super) async fn execute(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(data::execute(&sim, &request, Shelf::Cubes, &id))
}

/// `POST /v2/cubes/{id}`: begins to publish; 202.
pub(super) async fn publish(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let mut store = lock(&sim.data);
        find(&store, Shelf::Cubes, &id)?;
        store.publish(&id, sim.config.data.polls);
        Ok(Reply::new(202))
    }))
}

/// `HEAD /cubes/{id}`: the state in a header.
pub(super) async fn status(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let mut store = lock(&sim.data);
        let publishing = store.is_publishing(&id);
        let state = state(publishing, find(&store, Shelf::Cubes, &id)?.published);
        Ok(Reply::new(200).header("x-mstr-cubestatus", &state.to_string()))
    }))
}

fn state(publishing: bool, published: bool) -> u32 {
    match (publishing, published) {
        (true, _) => PROCESSING,
        (false, true) => ACTIVE | LOADED | READY,
        (false, false) => 0,
    }
}

/// `GET /cubes?id=`: size, state and owner (members that clients read).
pub(super) async fn info(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let id = request.query_value("id").unwrap_or_default();
        let source = find(&lock(&sim.data), Shelf::Cubes, &id)?;
        let info = json!({
            "id": source.data.id,
            "name": source.data.name,
            "ownerId": OWNER_ID,
            "path": format!("/{}", source.data.name),
            "modificationTime": format!("{LONG_AGO}.000+0000"),
            "lastUpdateTime": format!("{LONG_AGO}.000+0000"),
            "serverMode": 1,
            "size": 1024,
            "status": state(false, source.published),
        });
        Ok(Reply::json(200, &json!({ "cubesInfos": [info] })))
    }))
}

/// `GET /v2/cubes/{id}/sqlView`.
pub(super) async fn sql(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let source = find(&lock(&sim.data), Shelf::Cubes, &id)?;
        Ok(Reply::json(200, &json!({ "sqlStatement": data::sql(&source) })))
    }))
}

/// `GET /cubes/{id}/attributes/{aid}/elements`.
pub(super) async fn elements(
    State(sim): Server,
    Extension(request): Request,
    Path(ids): TwoIds,
) -> Reply {
    answer(data::elements(&sim, &request, Shelf::Cubes, &ids))
}

/// `GET /model/cubes/{id}`: the template, with the members that mstrio-py reads.
pub(super) async fn model(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let source = find(&lock(&sim.data), Shelf::Cubes, &id)?;
        let attributes = source.data.attributes.iter().map(|one| {
            let forms = one.forms.iter().map(|form| json!({ "id": form.id, "name": form.name }));
            let forms = forms.collect::<Vec<_>>();
            json!({ "id": one.id, "name": one.name, "type": "attribute", "forms": forms })
        });
        let metrics = source
            .data
            .metrics
            .iter()
            .map(|one| json!({ "id": one.id, "name": one.name, "subType": "metric" }));
        let columns = json!([{ "type": "metrics", "elements": metrics.collect::<Vec<_>>() }]);
        let information = json!({
            "objectId": source.data.id,
            "subType": "report_cube",
            "name": source.data.name,
            "dateCreated": "2015-06-30T21:55:35.000Z",
            "dateModified": "2015-06-30T21:55:35.000Z",
        });
        let template =
            json!({ "rows": attributes.collect::<Vec<_>>(), "columns": columns, "pageBy": [] });
        Ok(Reply::json(200, &json!({ "information": information, "template": template })))
    }))
}
