//! `/objects/{id}`: projects, which clients ask for when they connect, and reports and cubes.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use crate::documents::Paper;
use crate::report::Source;
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, pipeline};

/// The object type of projects.
const PROJECT: &str = "32";
/// The object type of reports and cubes.
const REPORT: &str = "3";
/// The object type of dashboards and documents.
const DOCUMENT: &str = "55";
pub(super) const DOCUMENT_SUBTYPE: u32 = 14081;
/// What tells dashboards from documents: clients look at these bits.
const DASHBOARD_VIEW: u32 = 0x7000_0000;
pub(super) const OWNER_ID: &str = "54F3D26011D2896560009A8E67019608";
pub(super) const DATE: &str = "2015-06-30T21:55:35.000+0000";

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
    if let Some(project) = project {
        return Reply::json(200, &object(&project.name, &id, &project.description, 32, 8192));
    }
    let store = lock(&sim.data);
    if let Some(source) = store.source(&id).filter(|_| kind == REPORT) {
        return Reply::json(200, &described(source));
    }
    match store.papers.get(&id).filter(|_| kind == DOCUMENT) {
        Some(paper) => Reply::json(200, &described_paper(paper)),
        None => not_found(&id, &kind),
    }
}

/// `DELETE /objects/{id}?type=3`: a report or a cube; 204.
pub(super) async fn delete(
    State(sim): State<Arc<Sim>>,
    Extension(request): Extension<RecordedRequest>,
    Path(id): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, request.project_id()) {
        return refusal;
    }
    let kind = request.query_value("type").unwrap_or_default();
    if kind == REPORT && lock(&sim.data).remove(&id) {
        Reply::new(204)
    } else {
        not_found(&id, &kind)
    }
}

fn not_found(id: &str, kind: &str) -> Reply {
    let message = format!("(Object with ID '{id}' and type '{kind}' is not found in metadata.)");
    Reply::iserver_error(500, "ERR001", -2_147_216_373, &message)
}

/// A report or a cube as an object.
pub(super) fn described(source: &Source) -> Json {
    object(&source.data.name, &source.data.id, "", 3, source.kind.subtype())
}

/// A dashboard or a document as an object.
pub(super) fn described_paper(paper: &Paper) -> Json {
    let mut object = object(&paper.name, &paper.id, "", 55, DOCUMENT_SUBTYPE);
    if paper.is_dashboard
        && let Some(members) = object.as_object_mut()
    {
        members.insert("viewMedia".to_owned(), json!(DASHBOARD_VIEW));
    }
    object
}

fn object(name: &str, id: &str, description: &str, kind: u32, subtype: u32) -> Json {
    json!({
        "name": name,
        "id": id,
        "type": kind,
        "subtype": subtype,
        "description": description,
        "dateCreated": DATE,
        "dateModified": DATE,
        "version": "",
        "acg": 255,
        "owner": { "name": "Administrator", "id": OWNER_ID },
        "acl": [],
        "extType": 0,
        "viewMedia": 0,
        "ancestors": [],
        "certifiedInfo": { "certified": false },
    })
}
