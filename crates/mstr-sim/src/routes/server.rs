//! Schedules, events, security and data sources.

use axum::Extension;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use super::data::{Id, Request, Server, answer, body, enter as enter_project, invalid};
use super::lists::list;
use super::objects::{metadata, not_found, show};
use super::patch::operations;
use super::privileges::PRIVILEGES;
use super::projects::not_loaded;
use super::users::enter;
use crate::metadata::{self, Entry, Metadata, Sql, USER};
use crate::{Reply, lock, random};

/// The types of events, schedules, security roles, security filters and data sources.
const EVENT: u32 = 49;
const SCHEDULE: u32 = 51;
const ROLE: u32 = 44;
const FILTER: u32 = 58;
const DATASOURCE: u32 = 29;

type Shelf = std::collections::BTreeMap<String, Json>;

fn all(shelf: &Shelf) -> Vec<&Json> {
    shelf.values().collect()
}

fn one(shelf: &Shelf, id: &str, kind: u32) -> Result<Reply, Reply> {
    let found = shelf.get(id).ok_or_else(|| not_found(id, kind))?;
    Ok(Reply::json(200, found))
}

fn delete(shelf: &mut Shelf, id: &str, kind: u32) -> Result<Reply, Reply> {
    shelf.remove(id).map(|_| Reply::new(204)).ok_or_else(|| not_found(id, kind))
}

fn reply(
    sim: &crate::sim::Sim,
    request: &crate::RecordedRequest,
    act: impl FnOnce(&mut Metadata) -> Result<Reply, Reply>,
) -> Reply {
    answer(enter(sim, request).and_then(|()| act(&mut metadata(sim))))
}

/// `GET /schedules`, without pages.
pub(super) async fn schedules(State(sim): Server, Extension(request): Request) -> Reply {
    reply(&sim, &request, |metadata| {
        Ok(Reply::json(200, &json!({ "schedules": all(&metadata.server.schedules) })))
    })
}

/// `GET /schedules/{id}`.
pub(super) async fn schedule(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| one(&metadata.server.schedules, &id, SCHEDULE))
}

/// `DELETE /schedules/{id}`: 204.
pub(super) async fn delete_schedule(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| delete(&mut metadata.server.schedules, &id, SCHEDULE))
}

/// `GET /events`, without pages.
pub(super) async fn events(State(sim): Server, Extension(request): Request) -> Reply {
    reply(&sim, &request, |metadata| {
        Ok(Reply::json(200, &json!({ "events": all(&metadata.server.events) })))
    })
}

/// `GET /events/{id}`.
pub(super) async fn event(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    reply(&sim, &request, |metadata| one(&metadata.server.events, &id, EVENT))
}

/// `POST /events/{id}/trigger`: 204 (inferred). Nothing is scheduled here.
pub(super) async fn trigger(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| {
        one(&metadata.server.events, &id, EVENT).map(|_| Reply::new(204))
    })
}

/// `GET /iserver/privileges`.
pub(super) async fn privileges(State(sim): Server, Extension(request): Request) -> Reply {
    reply(&sim, &request, |_| {
        let shown = PRIVILEGES.iter().map(|(id, name)| json!({ "id": id, "name": name }));
        Ok(Reply::json(200, &shown.collect::<Vec<_>>()))
    })
}

/// `GET /securityRoles`, without pages.
pub(super) async fn roles(State(sim): Server, Extension(request): Request) -> Reply {
    reply(&sim, &request, |metadata| Ok(Reply::json(200, &all(&metadata.server.roles))))
}

/// `GET /securityRoles/{id}`.
pub(super) async fn role(State(sim): Server, Extension(request): Request, Path(id): Id) -> Reply {
    reply(&sim, &request, |metadata| one(&metadata.server.roles, &id, ROLE))
}

/// `DELETE /securityRoles/{id}`: 204.
pub(super) async fn delete_role(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| delete(&mut metadata.server.roles, &id, ROLE))
}

/// `GET /securityFilters`: those of the project, which all projects share.
pub(super) async fn filters(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter_project(&sim, &request).and_then(|_| {
        let metadata = metadata(&sim);
        let filters = metadata.server.filters.iter();
        let entries = filters.map(|(id, filter)| Entry::new(id, &filter.name, FILTER, ""));
        let shown: Vec<Json> = entries.map(|entry| show(&sim, &request, &entry)).collect();
        list(&sim, &request, &shown)
    }))
}

/// `GET /securityFilters/{id}/members`.
pub(super) async fn filter_members(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter_project(&sim, &request).and_then(|_| {
        let metadata = metadata(&sim);
        let filter = metadata.server.filters.get(&id).ok_or_else(|| not_found(&id, FILTER))?;
        let members = filter.members.iter().map(|member| {
            let (name, subtype) = sim.trustee(member);
            json!({ "id": member, "name": name, "type": USER, "subtype": subtype })
        });
        Ok(Reply::json(200, &json!({ "users": members.collect::<Vec<_>>() })))
    }))
}

/// `PATCH /securityFilters/{id}/members`: 204 (inferred).
pub(super) async fn change_filter_members(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter_project(&sim, &request).and_then(|_| {
        let body = body(&request)?;
        let mut metadata = metadata(&sim);
        let filter = metadata.server.filters.get_mut(&id).ok_or_else(|| not_found(&id, FILTER))?;
        for operation in operations(&body)? {
            if operation.member != "members" {
                return Err(invalid("Only /members can be changed"));
            }
            let directory = lock(&sim.directory);
            if let Some(id) = operation.ids().iter().find(|id| directory.trustee(id).is_none()) {
                return Err(not_found(id, USER));
            }
            operation.apply(&mut filter.members)?;
        }
        Ok(Reply::new(204))
    }))
}

/// `GET /datasources`, without pages.
pub(super) async fn datasources(State(sim): Server, Extension(request): Request) -> Reply {
    reply(&sim, &request, |metadata| {
        Ok(Reply::json(200, &json!({ "datasources": all(&metadata.server.datasources) })))
    })
}

/// `GET /projects/{id}/datasources`: every project uses all of them.
pub(super) async fn project_datasources(
    State(sim): Server,
    Extension(request): Request,
    Path(project): Id,
) -> Reply {
    if sim.project(&project).is_none() {
        return not_loaded(&project);
    }
    datasources(State(sim), Extension(request)).await
}

/// `GET /datasources/{id}`.
pub(super) async fn datasource(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| one(&metadata.server.datasources, &id, DATASOURCE))
}

/// `POST /datasources/{id}/sqlexecution`: the query as base64.
pub(super) async fn execute_sql(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata| {
        one(&metadata.server.datasources, &id, DATASOURCE)?;
        let body = body(&request)?;
        let query = body.get("query").and_then(Json::as_str).unwrap_or_default();
        let statement = STANDARD.decode(query).ok().and_then(|sql| String::from_utf8(sql).ok());
        let statement = statement.ok_or_else(|| invalid("query is not base64"))?;
        let id = random::upper_hex();
        let polls = sim.config.data.polls;
        metadata.server.sql.insert(id.clone(), Sql { statement, polls });
        Ok(Reply::json(200, &json!({ "id": id, "status": 1 })))
    })
}

/// `GET /datasources/sqlexecution/{id}`: there is no database here. The result is the statement
/// itself, in one row and one column; a statement that begins with `fail` fails.
pub(super) async fn sql_result(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    reply(&sim, &request, |metadata: &mut metadata::Metadata| {
        let sql = metadata.server.sql.get_mut(&id).ok_or_else(|| not_found(&id, DATASOURCE))?;
        if sql.polls > 0 {
            sql.polls -= 1;
            return Ok(Reply::json(200, &json!({ "id": id, "status": 2 })));
        }
        if sql.statement.starts_with("fail") {
            let message = "(Error type: Odbc error. syntax error)";
            return Ok(Reply::json(200, &json!({ "id": id, "status": 4, "message": message })));
        }
        let results = json!({ "data": { "STATEMENT": [sql.statement] } });
        Ok(Reply::json(200, &json!({ "id": id, "status": 3, "results": results })))
    })
}
