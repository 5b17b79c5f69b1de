//! `/documents/...` and `/dossiers/...`: definitions, executions, prompts, grids, exports.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::json;

use super::data::{self, Id, Request, Server, TwoIds, answer, gone, invalid};
use crate::answers::Answers;
use crate::documents::{Paper, PaperInstance, Shown};
use crate::report::Source;
use crate::{RecordedRequest, Reply, compound, exports, grid, lock, pipeline, random, sim::Sim};

const NOT_FOUND: i64 = -2_147_216_373;
const PROMPTED: i64 = -2_147_468_903;

type ThreeIds = Path<(String, String, String)>;
type Result<T> = std::result::Result<T, Reply>;

/// Lets a request in that has a session. The official client does not name a project where an
/// instance is named; what needs one says so by [`data::enter`].
fn enter(sim: &Sim, request: &RecordedRequest) -> Result<u64> {
    let session = request.session().ok_or_else(Reply::session_expired)?;
    pipeline::enter(sim, request, request.project_id())?;
    Ok(session)
}

/// What is not in the metadata: 404 `ERR004` (the status is inferred).
fn find(sim: &Sim, id: &str) -> Result<Arc<Paper>> {
    lock(&sim.data).papers.get(id).cloned().ok_or_else(|| {
        let message = format!("(Object with ID '{id}' is not found in metadata.)");
        Reply::iserver_error(404, "ERR004", NOT_FOUND, &message)
    })
}

/// An instance of the session.
fn instance(sim: &Sim, session: u64, (id, mid): (&str, &str)) -> Result<PaperInstance> {
    lock(&sim.data).papers.instance(session, id, mid).cloned().ok_or_else(gone)
}

/// The same, whose prompts are answered. With open ones it is 400 `ERR010` (as reports have it;
/// inferred).
fn ready(sim: &Sim, session: u64, ids: (&str, &str)) -> Result<PaperInstance> {
    let found = instance(sim, session, ids)?;
    if found.is_ready() {
        return Ok(found);
    }
    let message = "The document has prompts that are required to be answered.";
    Err(Reply::iserver_error(400, "ERR010", PROMPTED, message))
}

fn status_of(instance: &PaperInstance) -> u8 {
    if instance.is_ready() { 1 } else { 2 }
}

/// `GET /v2/dossiers/{id}/definition`, `/documents/{id}/definition`.
pub(super) async fn definition(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(data::enter(&sim, &request).and_then(|_| {
        let wants_dashboard = request.endpoint().contains("dossiers");
        let paper = find(&sim, &id)?;
        if wants_dashboard && !paper.is_dashboard {
            return Err(invalid("It is no dashboard"));
        }
        Ok(Reply::json(200, &paper.definition()))
    }))
}

/// `GET /v2/dossiers/{id}/instances/{mid}/definition`.
pub(super) async fn instance_definition(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        Ok(Reply::json(200, &instance(&sim, session, (&id, &mid))?.paper.definition()))
    }))
}

/// `POST /dossiers/{id}/instances`, `/documents/{id}/instances`: 201 with `mid` and `status`; 202
/// with `Prefer: respond-async`.
pub(super) async fn execute(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let paper = find(&sim, &id)?;
        data::body(&request)?;
        let polls = if data::wants_async(&request) { sim.config.data.polls } else { 0 };
        let opened = PaperInstance::new(session, &paper, polls);
        let reply = json!({ "mid": opened.id, "id": id, "status": status_of(&opened) });
        let mid = json!({ "mid": opened.id });
        // Asked for before the store is locked: no lock is taken inside of another.
        let alive: Vec<u64> =
            sim.sessions(|sessions, _| sessions.all().iter().map(|one| one.generation).collect());
        lock(&sim.data).papers.open(opened, |session| alive.contains(&session));
        Ok(if polls > 0 { data::still_running(&sim, &mid) } else { Reply::json(201, &reply) })
    }))
}

/// `GET /documents/{id}/instances/{mid}/status`: 202 while it runs, then 200 with 1 or 2.
pub(super) async fn status(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let mut store = lock(&sim.data);
        let found = store.papers.instance(session, &id, &mid).ok_or_else(gone)?;
        if found.polls > 0 {
            found.polls -= 1;
            return Ok(data::still_running(&sim, &json!({ "status": 4 })));
        }
        Ok(Reply::json(200, &json!({ "status": status_of(found) })))
    }))
}

/// `DELETE /documents/{id}/instances/{mid}`: 204.
pub(super) async fn close(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let closed = lock(&sim.data).papers.close(session, &id, &mid);
        if closed { Ok(Reply::new(204)) } else { Err(gone()) }
    }))
}

/// `GET /documents/{id}/prompts`.
pub(super) async fn prompts(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(data::enter(&sim, &request).and_then(|_| {
        let paper = find(&sim, &id)?;
        let answers = Answers::new(&paper.prompts);
        Ok(Reply::json(200, &answers.list(&paper.prompts, &paper.data(), None)))
    }))
}

/// `GET /documents/{id}/instances/{mid}/prompts?closed=`.
pub(super) async fn open_prompts(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    let closed = request.query_value("closed").map(|value| value.eq_ignore_ascii_case("true"));
    answer(enter(&sim, &request).and_then(|session| {
        let found = instance(&sim, session, (&id, &mid))?;
        Ok(Reply::json(200, &found.answers.list(&found.paper.prompts, &found.paper.data(), closed)))
    }))
}

/// `PUT /documents/{id}/instances/{mid}/prompts/answers`: 204; 400 `ERR006` for a wrong answer.
pub(super) async fn answer_prompts(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let body = data::body(&request)?;
        let mut store = lock(&sim.data);
        let found = store.papers.instance(session, &id, &mid).ok_or_else(gone)?;
        let paper = Arc::clone(&found.paper);
        found.answers.take(&paper.prompts, &paper.data(), &body).map_err(|why| invalid(&why))?;
        Ok(Reply::new(204))
    }))
}

/// `GET /documents/{id}/instances/{mid}/prompts/{pid}/elements?searchPattern=`.
pub(super) async fn prompt_elements(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, prompt)): ThreeIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let paper = instance(&sim, session, (&id, &mid))?.paper;
        super::prompts::elements(&sim, &request, &paper.prompts, &paper.data(), &prompt)
    }))
}

/// `GET /documents/{id}/instances/{mid}/prompts/{pid}/objects`.
pub(super) async fn prompt_objects(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, prompt)): ThreeIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let paper = instance(&sim, session, (&id, &mid))?.paper;
        super::prompts::objects(&sim, &request, &paper.prompts, &paper.data(), &prompt)
    }))
}

/// `POST /documents/{id}/instances/{mid}/rePrompt`: another instance, with open prompts.
pub(super) async fn prompt_again(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let mut store = lock(&sim.data);
        let before = store.papers.take(session, &id, &mid).ok_or_else(gone)?;
        let opened = PaperInstance::new(session, &before.paper, 0);
        let reply = Reply::json(200, &json!({ "mid": opened.id }));
        store.papers.open(opened, |_| true);
        Ok(reply)
    }))
}

/// `GET /v2/dossiers/{id}/instances/{mid}/chapters/{ck}/visualizations/{vk}`: a page of its grid.
pub(super) async fn visualization(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, chapter, key)): Path<(String, String, String, String)>,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let show = data::show(&request)?;
        let found = ready(&sim, session, (&id, &mid))?;
        let shown = found.shown(&key).filter(|shown| shown.chapter == chapter);
        let shown = shown.ok_or_else(|| unknown(&key))?;
        let page = |source: &Arc<Source>| {
            let plan = found.plan(source);
            grid::page(&plan, &mid, &show, plan.total())
        };
        let first = page(&shown.source);
        // `k` and `n` are recorded, `key` is read by clients
        let (kind, name) = (shown.kind(), &shown.source.data.name);
        let head = json!({ "k": key, "n": name, "key": key, "visualizationType": kind });
        let mut body = head.to_string().into_bytes();
        body.pop();
        body.push(b',');
        if shown.is_compound {
            let sets = [first].into_iter().chain(shown.sets.iter().map(page)).collect::<Vec<_>>();
            let grid = compound::grid(&sets).to_string();
            body.extend_from_slice(grid.get(1..).unwrap_or_default().as_bytes());
        } else {
            body.extend_from_slice(first.get(1..).unwrap_or_default());
        }
        Ok(Reply::new(200).with_body("application/json", body))
    }))
}

fn unknown(key: &str) -> Reply {
    // the status is inferred; the code is not that of a dead instance
    Reply::error(400, "ERR006", &format!("There is no visualization {key}"))
}

/// `POST /documents/{id}/instances/{mid}/pdf`: `{"data":"<base64>"}`, or the PDF itself for a client
/// that accepts `application/octet-stream` only (documented); 202 with the id of the result for one
/// that prefers to be answered later.
pub(super) async fn pdf(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(data::enter(&sim, &request).and_then(|session| {
        options(&request)?;
        let found = ready(&sim, session, (&id, &mid))?;
        if !data::wants_async(&request) {
            return Ok(pdf_reply(&request, &found.paper.pdf()));
        }
        let result = random::upper_hex();
        let mut store = lock(&sim.data);
        let kept = store.papers.instance(session, &id, &mid).ok_or_else(gone)?;
        kept.results.insert(result.clone(), sim.config.data.polls);
        Ok(data::still_running(&sim, &json!({ "id": result })))
    }))
}

fn pdf_reply(request: &RecordedRequest, pdf: &[u8]) -> Reply {
    if request.header("accept") == Some("application/octet-stream") {
        return Reply::new(200).with_body("application/octet-stream", pdf.to_vec());
    }
    Reply::new(200).with_body("application/json", exports::as_json(pdf))
}

/// `GET /documents/{id}/instances/{mid}/pdf/{result}`: 202 while it is made, then as the export.
pub(super) async fn pdf_result(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, result)): ThreeIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let paper = {
            let mut store = lock(&sim.data);
            let kept = store.papers.instance(session, &id, &mid).ok_or_else(gone)?;
            let polls = kept.results.get_mut(&result).ok_or_else(|| no_result(&result))?;
            if *polls > 0 {
                *polls -= 1;
                return Ok(data::still_running(&sim, &json!({ "id": result })));
            }
            Arc::clone(&kept.paper)
        };
        Ok(pdf_reply(&request, &paper.pdf()))
    }))
}

/// `DELETE /documents/{id}/instances/{mid}/pdf/{result}`: 204.
pub(super) async fn delete_pdf_result(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, result)): ThreeIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let mut store = lock(&sim.data);
        let kept = store.papers.instance(session, &id, &mid).ok_or_else(gone)?;
        kept.results.remove(&result).ok_or_else(|| no_result(&result))?;
        Ok(Reply::new(204))
    }))
}

fn no_result(result: &str) -> Reply {
    Reply::error(400, "ERR006", &format!("There is no result {result}"))
}

/// `POST /documents/{id}/instances/{mid}/excel`: a workbook, as it is.
pub(super) async fn excel(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid)): TwoIds,
) -> Reply {
    answer(data::enter(&sim, &request).and_then(|session| {
        options(&request)?;
        let found = ready(&sim, session, (&id, &mid))?;
        Ok(Reply::new(200).with_body(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            found.paper.excel(),
        ))
    }))
}

/// `POST /documents/{id}/instances/{mid}/visualizations/{key}/csv`: UTF-16 text, as it is.
pub(super) async fn visualization_csv(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, key)): ThreeIds,
) -> Reply {
    answer(
        visualized(&sim, &request, (&id, &mid, &key)).map(|(_, shown)| {
            Reply::new(200).with_body("text/csv;charset=UTF-16", Paper::csv(&shown))
        }),
    )
}

/// `POST /documents/{id}/instances/{mid}/visualizations/{key}/pdf`: as the PDF of a document.
pub(super) async fn visualization_pdf(
    State(sim): Server,
    Extension(request): Request,
    Path((id, mid, key)): ThreeIds,
) -> Reply {
    answer(
        visualized(&sim, &request, (&id, &mid, &key))
            .map(|(_, shown)| pdf_reply(&request, &exports::pdf(&shown.source.data.name, 0))),
    )
}

fn visualized(
    sim: &Sim,
    request: &RecordedRequest,
    (id, mid, key): (&str, &str, &str),
) -> Result<(PaperInstance, Shown)> {
    let session = enter(sim, request)?;
    options(request)?;
    let found = ready(sim, session, (id, mid))?;
    let shown = found.shown(key).cloned().ok_or_else(|| unknown(key))?;
    Ok((found, shown))
}

/// Checks the options of an export: the documented ones, of their types.
fn options(request: &RecordedRequest) -> Result<()> {
    let body = data::body(request)?;
    for (name, value) in body.as_object().into_iter().flatten() {
        let fits = match name.as_str() {
            "pageHeight" | "pageWidth" => value.as_f64().is_some_and(|size| size > 0.0),
            "waitingTimeBeforeExport" => value.is_u64(),
            "orientation" | "pageOption" | "filterSummary" => value.is_string(),
            "includeOverview" | "includeDetailedPages" | "includeHeader" | "includeFooter" => {
                value.is_boolean()
            }
            _ => true,
        };
        if !fits {
            return Err(invalid(&format!("Invalid {name}")));
        }
    }
    Ok(())
}
