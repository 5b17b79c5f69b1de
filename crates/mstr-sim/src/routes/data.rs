//! What reports and cubes have in common: executing them and reading pages.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use crate::grid::{self, Show};
use crate::instances::{Instance, Store};
use crate::report::Source;
use crate::sim::Sim;
use crate::value::Dates;
use crate::{RecordedRequest, Reply, encode, lock, pipeline};

pub(super) type Request = Extension<RecordedRequest>;
pub(super) type Server = State<Arc<Sim>>;

const INSTANCE_GONE: i64 = -2_147_468_986;
const NOT_FOUND: i64 = -2_147_216_373;
const NOT_PUBLISHED: i64 = -2_147_072_488;
const TOO_MANY_ROWS: i64 = -2_147_205_488;
const REQUEST_TIMEOUT: i64 = -2_147_206_497;
const PROMPTED: i64 = -2_147_468_903;

/// Reports or cubes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    Reports,
    Cubes,
}

/// Lets a request in that has a session and names a project, and gives the session's number.
/// Without a project it is 400 `ERR005` (inferred).
pub(super) fn enter(sim: &Sim, request: &RecordedRequest) -> Result<u64, Reply> {
    let session = request.session().ok_or_else(Reply::session_expired)?;
    if request.project_id().is_none_or(str::is_empty) {
        pipeline::enter(sim, request, None)?;
        return Err(Reply::error(400, "ERR005", "The header X-MSTR-ProjectID is missing"));
    }
    pipeline::enter(sim, request, request.project_id())?;
    Ok(session)
}

pub(super) fn invalid(message: &str) -> Reply {
    Reply::error(400, "ERR006", message)
}

/// The body as JSON; none is an empty object, and so is null (documented).
pub(super) fn body(request: &RecordedRequest) -> Result<Json, Reply> {
    if request.body().is_empty() {
        return Ok(json!({}));
    }
    let body: Json = request.json().map_err(|_| invalid("Invalid JSON"))?;
    if body.is_null() {
        return Ok(json!({}));
    }
    if body.is_object() { Ok(body) } else { Err(invalid("Invalid JSON")) }
}

/// A member of the query as a number.
pub(super) fn number(request: &RecordedRequest, name: &str, default: i64) -> Result<i64, Reply> {
    match request.query_value(name) {
        None => Ok(default),
        Some(value) => value.parse().map_err(|_| invalid(&format!("Invalid {name}"))),
    }
}

/// `offset` and `limit` of a list; a limit of -1 is all of it.
pub(super) fn window(request: &RecordedRequest) -> Result<(usize, usize), Reply> {
    let offset = usize::try_from(number(request, "offset", 0)?);
    let limit = number(request, "limit", 1000)?;
    let offset = offset.map_err(|_| invalid("Invalid offset"))?;
    Ok((offset, usize::try_from(limit).unwrap_or(usize::MAX)))
}

/// Clients in Python send `True`.
fn flag(request: &RecordedRequest, name: &str) -> bool {
    request.query_value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

pub(super) fn show(request: &RecordedRequest) -> Result<Show, Reply> {
    let offset = number(request, "offset", 0)?;
    let limit = number(request, "limit", 1000)?;
    if limit < -1 {
        return Err(invalid("Invalid limit"));
    }
    let fields = request.query_value("fields").unwrap_or_default();
    let left_out = |name: &str| fields.split(',').any(|field| field.trim() == name);
    Ok(Show {
        offset: u64::try_from(offset).map_err(|_| invalid("Invalid offset"))?,
        limit,
        formatted: !left_out("-data.metricValues.formatted"),
        extras: !left_out("-data.metricValues.extras"),
        dates: Dates {
            iso_forms: flag(request, "standardDateFormat"),
            iso_raw: flag(request, "standardRawDateFormat"),
        },
        gzip: encode::accepts_gzip(request.headers()),
    })
}

/// What is not in the metadata: 404 `ERR004` (the status is inferred).
pub(super) fn find(store: &Store, shelf: Shelf, id: &str) -> Result<Arc<Source>, Reply> {
    let found = store.source(id).filter(|found| found.kind.is_cube() == (shelf == Shelf::Cubes));
    found.cloned().ok_or_else(|| {
        let message = format!("(Object with ID '{id}' is not found in metadata.)");
        Reply::iserver_error(404, "ERR004", NOT_FOUND, &message)
    })
}

pub(super) fn gone() -> Reply {
    Reply::iserver_error(404, "ERR004", INSTANCE_GONE, "(Message not found in user history list.)")
}

/// `POST .../instances`: executes.
pub(super) fn execute(
    sim: &Sim,
    request: &RecordedRequest,
    shelf: Shelf,
    id: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    let source = find(&lock(&sim.data), shelf, id)?;
    if !source.published {
        let message = "(The cube is not published.)";
        return Err(Reply::iserver_error(500, "ERR001", NOT_PUBLISHED, message));
    }
    let (body, show) = (body(request)?, show(request)?);
    let is_async = wants_async(request) && shelf == Shelf::Reports;
    if is_async && body.as_object().is_some_and(|body| !body.is_empty()) {
        return Err(invalid("respond-async cannot be combined with a manipulation"));
    }
    let config = &sim.config.data;
    let mut instance =
        Instance::new(session, &source, body, config).map_err(|why| invalid(&why))?;
    if is_async {
        instance.polls = config.polls;
    }
    if sim.config.data.keep_pages {
        instance.name_by_content();
    }
    govern(sim, &instance)?;
    let mut opened = instance.clone();
    let reply = if config.prompted_data && instance.polls == 0 && instance.plan.is_none() {
        let plan = instance.unanswered().map_err(|why| invalid(&why))?;
        let page = grid::page_with_status(&plan, &instance.id, &show, plan.total(), 2);
        Reply::new(200).with_body("application/json", page)
    } else {
        page(sim, &mut opened, &show)?
    };
    // Asked for before the store is locked: no lock is taken inside of another.
    let alive: Vec<u64> =
        sim.sessions(|sessions, _| sessions.all().iter().map(|one| one.generation).collect());
    lock(&sim.data).open(opened, |session| alive.contains(&session));
    Ok(reply)
}

/// Whether the client prefers to be answered later.
pub(super) fn wants_async(request: &RecordedRequest) -> bool {
    request.header("prefer").is_some_and(|prefer| {
        prefer.split([',', ';']).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
    })
}

fn govern(sim: &Sim, instance: &Instance) -> Result<(), Reply> {
    let rows = instance.plan.as_ref().map_or(0, |plan| plan.total());
    if sim.config.data.row_governor.is_some_and(|most| rows > most) {
        let message = "(The number of result rows exceeds the limit of the project.)";
        return Err(Reply::iserver_error(500, "ERR001", TOO_MANY_ROWS, message));
    }
    Ok(())
}

/// A page of an instance, or what is in its way.
fn page(sim: &Sim, instance: &mut Instance, show: &Show) -> Result<Reply, Reply> {
    let data = &instance.source.data;
    let reference = json!({ "id": data.id, "name": data.name, "instanceId": instance.id });
    if instance.polls > 0 {
        return Ok(still_running(sim, &reference));
    }
    let Some(plan) = instance.plan.clone() else {
        let mut reference = reference;
        if let Some(members) = reference.as_object_mut() {
            members.insert("status".to_owned(), json!(2));
        }
        return Ok(Reply::json(200, &reference));
    };
    if sim.config.data.page_limit.is_some_and(|most| show.lines(plan.total()) > most) {
        let message = "(The request timed out.)";
        return Err(Reply::iserver_error(500, "ERR001", REQUEST_TIMEOUT, message));
    }
    let total = instance.claim(&plan);
    let render = || grid::page(&plan, &instance.id, show, total);
    if sim.config.data.keep_pages && instance.always_shows_the_same() {
        let show = Show { gzip: show.gzip && sim.config.gzip, ..*show };
        let (body, compressed) = sim.kept.page(instance, &show, render);
        let reply = Reply::new(200).with_body("application/json", body);
        return Ok(if compressed { reply.header("content-encoding", "gzip") } else { reply });
    }
    Ok(Reply::new(200).with_body("application/json", render()))
}

/// 202, with `Retry-After` if the server was told to send it.
pub(super) fn still_running(sim: &Sim, body: &Json) -> Reply {
    let reply = Reply::json(202, body);
    match sim.config.data.retry_after {
        Some(seconds) => reply.header("retry-after", &seconds.to_string()),
        None => reply,
    }
}

/// `GET .../instances/{iid}`: a page.
pub(super) fn read(
    sim: &Sim,
    request: &RecordedRequest,
    source: &str,
    id: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    let show = show(request)?;
    // Rendered without the lock: pages are asked for in parallel.
    let mut instance = lock(&sim.data).instance(session, source, id).cloned().ok_or_else(gone)?;
    let reply = page(sim, &mut instance, &show)?;
    if let Some(kept) = lock(&sim.data).instance(session, source, id) {
        kept.pages += 1;
    }
    Ok(reply)
}

/// `PUT .../instances/{iid}`: shows something else of the same execution.
pub(super) fn manipulate(
    sim: &Sim,
    request: &RecordedRequest,
    source: &str,
    id: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    let (body, show) = (body(request)?, show(request)?);
    let mut instance = lock(&sim.data).instance(session, source, id).cloned().ok_or_else(gone)?;
    instance.manipulate(body).map_err(|why| invalid(&why))?;
    govern(sim, &instance)?;
    let reply = page(sim, &mut instance, &show)?;
    let mut store = lock(&sim.data);
    *store.instance(session, source, id).ok_or_else(gone)? = instance;
    Ok(if sim.config.data.silent_manipulation { Reply::new(204) } else { reply })
}

/// `DELETE .../instances/{iid}`.
pub(super) fn close(
    sim: &Sim,
    request: &RecordedRequest,
    source: &str,
    id: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    if lock(&sim.data).close(session, source, id) { Ok(Reply::new(204)) } else { Err(gone()) }
}

/// `GET .../instances/{iid}/status`: 202 while it runs, then 200 with 1 (ready) or 2 (prompts).
pub(super) fn status(
    sim: &Sim,
    request: &RecordedRequest,
    source: &str,
    id: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    let mut store = lock(&sim.data);
    let instance = store.instance(session, source, id).ok_or_else(gone)?;
    if instance.polls > 0 {
        instance.polls -= 1;
        // 4 is a running job in the I-Server's list of states; the body is inferred.
        return Ok(still_running(sim, &json!({ "status": 4 })));
    }
    let status = if instance.plan.is_some() { 1 } else { 2 };
    Ok(Reply::json(200, &json!({ "status": status })))
}

/// The plan of an instance that is ready. With open prompts it is 400 `ERR010` (the code is
/// seen by others, the status is inferred).
pub(super) fn ready(
    store: &mut Store,
    session: u64,
    source: &str,
    id: &str,
) -> Result<Instance, Reply> {
    let instance = store.instance(session, source, id).ok_or_else(gone)?.clone();
    if instance.plan.is_some() {
        return Ok(instance);
    }
    let message = "The report has prompts that are required to be answered.";
    Err(Reply::iserver_error(400, "ERR010", PROMPTED, message))
}

/// `GET /{reports|cubes}/{id}/attributes/{aid}/elements`: `<attribute>:<id>`, the total in a header.
pub(super) fn elements(
    sim: &Sim,
    request: &RecordedRequest,
    shelf: Shelf,
    (source, attribute): &(String, String),
) -> Result<Reply, Reply> {
    enter(sim, request)?;
    let source = find(&lock(&sim.data), shelf, source)?;
    let found = source.data.attributes.iter().find(|one| one.id == *attribute);
    let found = found.ok_or_else(|| invalid(&format!("There is no attribute {attribute}")))?;
    let (offset, limit) = window(request)?;
    let describe = |element: u64| {
        let forms = found.all_forms().into_iter();
        let values = forms.filter_map(|form| found.form_value(form, element, Dates::default()));
        json!({
            "id": format!("{}:{}", found.id, element + 1),
            "formValues": values.collect::<Vec<_>>(),
        })
    };
    let listed: Vec<_> = (0..found.elements).skip(offset).take(limit).map(describe).collect();
    let body = if sim.config.data.wrapped_elements {
        json!({ "elements": listed })
    } else {
        json!(listed)
    };
    Ok(Reply::json(200, &body).header("x-mstr-total-count", &found.elements.to_string()))
}

/// The objects of a report or a cube that a client may ask for.
pub(super) fn available_objects(source: &Source) -> Json {
    let of_kind = |kind: crate::attribute::Kind| -> Vec<Json> {
        let attributes = source.data.attributes.iter().filter(|one| one.kind == kind);
        attributes.map(|one| grid::head(one, &one.all_forms())).collect()
    };
    let metrics: Vec<_> = source.data.metrics.iter().map(grid::describe_metric).collect();
    json!({
        "attributes": of_kind(crate::attribute::Kind::Attribute),
        "metrics": metrics,
        "customGroups": of_kind(crate::attribute::Kind::CustomGroup),
        "consolidations": of_kind(crate::attribute::Kind::Consolidation),
        "hierarchies": [],
    })
}

/// A statement that such data could come from.
pub(super) fn sql(source: &Source) -> String {
    let attributes = source.data.attributes.iter().map(|one| one.name.as_str());
    let metrics = source.data.metrics.iter().map(|one| format!("sum({})", one.name));
    let columns: Vec<_> = attributes.map(str::to_owned).chain(metrics).collect();
    format!("select {} from {}", columns.join(", "), source.data.name)
}

/// The path of something with one id.
pub(super) type Id = Path<String>;
/// The path of something with two ids.
pub(super) type TwoIds = Path<(String, String)>;

/// A handler's result is a reply either way.
pub(super) fn answer(result: Result<Reply, Reply>) -> Reply {
    result.unwrap_or_else(|refusal| refusal)
}
