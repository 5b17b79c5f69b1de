//! `/sessions/...` and `/status`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde::Serialize;

use crate::sim::Sim;
use super::privileges::PRIVILEGES;
use crate::{RecordedRequest, Reply, lock, pipeline};

type Request = Extension<RecordedRequest>;

/// Clients are known to read `timeout`, `workingSet` and `maxSearch`; the other members are not
/// recorded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    id: String,
    full_name: String,
    initials: String,
    locale: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    timeout: u64,
    working_set: i64,
    max_search: i64,
}

impl Info {
    fn of(sim: &Sim, request: &RecordedRequest, project: Option<String>) -> Reply {
        let Some(session) = sim.session_of(request) else { return Reply::session_expired() };
        let user = lock(&sim.directory).profile(&session.user);
        let info = Self {
            initials: user.initials(),
            id: user.id,
            full_name: user.full_name,
            locale: 1033,
            project_id: project,
            timeout: sim.config.idle_timeout.as_secs(),
            working_set: session.working_set,
            max_search: session.max_search,
        };
        Reply::json(200, &info)
    }
}

/// `GET /sessions`.
pub(super) async fn info(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    match pipeline::enter(&sim, &request, None) {
        Ok(()) => Info::of(&sim, &request, None),
        Err(refusal) => refusal,
    }
}

/// `GET /sessions/{projectId}`: the project session, which this call opens.
pub(super) async fn project_info(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(project): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let Some(project) = sim.project(&project).filter(|found| found.id == project) else {
        return super::projects::not_loaded(&project);
    };
    match pipeline::enter(&sim, &request, Some(&project.id)) {
        Ok(()) => Info::of(&sim, &request, Some(project.id)),
        Err(refusal) => refusal,
    }
}

/// `PUT /sessions`: keeps the session alive.
pub(super) async fn extend(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    pipeline::enter(&sim, &request, None).map_or_else(|refusal| refusal, |()| Reply::new(204))
}

/// Recorded, members in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserInfo {
    metadata_user: bool,
    id: String,
    full_name: String,
    initials: String,
    profile_color: &'static str,
}

/// `GET /sessions/userInfo`.
pub(super) async fn user_info(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let user = lock(&sim.directory).profile(request.user().unwrap_or_default());
    let info = UserInfo {
        metadata_user: true,
        initials: user.initials(),
        id: user.id,
        full_name: user.full_name,
        profile_color: "#F48852",
    };
    Reply::json(200, &info)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Privilege {
    id: &'static str,
    name: &'static str,
    is_user_level_allowed: bool,
    projects: Vec<ProjectPrivilege>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProjectPrivilege {
    id: String,
    name: String,
    is_allowed: bool,
}

fn granted(sim: &Sim) -> impl Iterator<Item = Privilege> {
    PRIVILEGES.into_iter().map(|(id, name)| Privilege {
        id,
        name,
        is_user_level_allowed: true,
        projects: sim
            .config
            .projects
            .iter()
            .filter(|project| project.loaded)
            .map(|project| ProjectPrivilege {
                id: project.id.clone(),
                name: project.name.clone(),
                is_allowed: true,
            })
            .collect(),
    })
}

/// `GET /sessions/privileges`.
pub(super) async fn privileges(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    match pipeline::enter(&sim, &request, None) {
        Ok(()) => Reply::json(200, &granted(&sim).collect::<Vec<_>>()),
        Err(refusal) => refusal,
    }
}

/// `GET /sessions/privileges/{id}`.
pub(super) async fn privilege(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
    Path(id): Path<String>,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    match granted(&sim).find(|privilege| privilege.id == id) {
        Some(privilege) => Reply::json(200, &privilege),
        None => Reply::error(404, "ERR004", "The privilege was not found"),
    }
}

/// Recorded, members in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    up_since: u64,
    up_time: u64,
    up_time_text: String,
    web_version: &'a str,
    #[serde(rename = "iServerVersion")]
    iserver_version: &'a str,
    min_mobile_compatible_version: &'static str,
}

/// When the recorded server came up, in milliseconds since 1970, and how long it was up then.
const UP_SINCE: u64 = 1_604_567_982_811;
const UP_TIME: u64 = 12_067_886;

/// `GET /status`: needs no session (recorded without token).
pub(super) async fn status(State(sim): State<Arc<Sim>>) -> Reply {
    let passed = u64::try_from(sim.clock.now().as_millis()).unwrap_or(u64::MAX);
    let up_time = UP_TIME.saturating_add(passed);
    let seconds = up_time / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let status = Status {
        up_since: UP_SINCE,
        up_time,
        up_time_text: format!("{hours:02} Hours {minutes:02} Minutes {seconds:02} seconds"),
        web_version: &sim.config.web_version,
        iserver_version: &sim.config.iserver_version,
        min_mobile_compatible_version: "11.2.220.0000",
    };
    Reply::json(200, &status)
}
