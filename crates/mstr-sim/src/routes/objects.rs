//! `/objects/{id}`: only projects are there, which is what clients ask for when they connect.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::json;

use crate::sim::Sim;
use crate::{RecordedRequest, Reply, pipeline};

/// The object type of projects.
const PROJECT: &str = "32";
const DATE: &str = "2015-06-30T21:55:35.000+0000";

/// `GET /objects/{id}?type=32`: 500 `ERR001` for what is not there, as real servers have it.
pub(super) async fn one(
    State(sim): State<Arc<Sim>>,
    Extension(request): Extension<RecordedRequest>,
    Path(id): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, request.project_id()) {
        return refusal;
    }
    let Some(kind) = request.query_value("type") else {
        return Reply::error(400, "ERR005", "The parameter type is missing");
    };
    let project = sim.project(&id).filter(|found| kind == PROJECT && found.id == id);
    let Some(project) = project else {
        let message =
            format!("(Object with ID '{id}' and type '{kind}' is not found in metadata.)");
        return Reply::iserver_error(500, "ERR001", -2_147_216_373, &message);
    };
    let object = json!({
        "name": project.name,
        "id": project.id,
        "type": 32,
        "subtype": 8192,
        "description": project.description,
        "dateCreated": DATE,
        "dateModified": DATE,
        "version": "",
        "acg": 255,
        "owner": { "name": "Administrator", "id": "54F3D26011D2896560009A8E67019608" },
        "acl": [],
        "extType": 0,
        "viewMedia": 0,
        "ancestors": [],
        "certifiedInfo": { "certified": false },
    });
    Reply::json(200, &object)
}
