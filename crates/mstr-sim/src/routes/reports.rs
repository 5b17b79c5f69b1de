//! `/v2/reports/...` and `/reports/...`: definitions, executions, pages, prompts.

use axum::Extension;
use axum::extract::{Path, State};
use serde_json::{Value as Json, json};

use super::data::{self, Id, Request, Server, Shelf, TwoIds, answer, enter, find, gone, invalid};
use crate::grid;
use crate::manipulation::Manipulation;
use crate::plan::{Plan, Unit};
use crate::value::Dates;
use crate::{RecordedRequest, Reply, lock, sim::Sim};

/// `GET /v2/reports/{id}`: the template and the objects that can be asked for.
pub(super) async fn definition(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(define(&sim, &request, &id))
}

fn define(sim: &Sim, request: &RecordedRequest, id: &str) -> Result<Reply, Reply> {
    enter(sim, request)?;
    let source = find(&lock(&sim.data), Shelf::Reports, id)?;
    let plan = Plan::new(&source, &Manipulation::default());
    let unit = |unit: &Unit| match unit {
        Unit::Metrics => {
            let metrics = source.data.metrics.iter().map(grid::describe_metric);
            grid::template_metrics(&metrics.collect::<Vec<_>>())
        }
        Unit::Attribute(at, forms) => {
            let attribute = source.data.attributes.get(*at);
            attribute.map_or(Json::Null, |one| grid::head(one, forms))
        }
    };
    let units = |units: &[Unit]| units.iter().map(unit).collect::<Vec<_>>();
    let grid = json!({
        "crossTab": plan.cross_tab,
        "metricsPosition": grid::metrics_position(&plan),
        "rows": units(&plan.rows),
        "columns": units(&plan.columns),
        "pageBy": units(&plan.pages),
        "subtotals": { "defined": source.subtotals, "visible": source.subtotals },
        "sorting": { "rows": [], "columns": [], "pageBy": [] },
        "thresholds": [],
    });
    let definition = json!({ "grid": grid, "availableObjects": data::available_objects(&source) });
    Ok(Reply::json(
        200,
        &json!({ "name": source.data.name, "id": source.data.id, "definition": definition }),
    ))
}

/// `POST /v2/reports/{id}/instances`.
pub(super) async fn execute(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(data::execute(&sim, &request, Shelf::Reports, &id))
}

/// `GET /{v2/reports|v2/cubes}/{id}/instances/{iid}`.
pub(super) async fn page(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(data::read(&sim, &request, &id, &iid))
}

/// `PUT /{v2/reports|v2/cubes}/{id}/instances/{iid}`.
pub(super) async fn manipulate(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(data::manipulate(&sim, &request, &id, &iid))
}

/// `DELETE /{v2/reports|v2/cubes}/{id}/instances/{iid}`.
pub(super) async fn close(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(data::close(&sim, &request, &id, &iid))
}

/// `GET /reports/{id}/instances/{iid}/status`.
pub(super) async fn status(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(data::status(&sim, &request, &id, &iid))
}

/// `GET /v2/reports/{id}/instances/{iid}/sqlView`.
pub(super) async fn sql(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let instance = data::ready(&mut lock(&sim.data), session, &id, &iid)?;
        Ok(Reply::json(200, &json!({ "sqlStatement": data::sql(&instance.source) })))
    }))
}

/// `GET /v2/reports/{id}/instances/{iid}/pageBy/elements`: the units of the page-by axis, and
/// the combinations of their elements that have data: here all of them.
pub(super) async fn page_by(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(page_elements(&sim, &request, &id, &iid))
}

fn page_elements(
    sim: &Sim,
    request: &RecordedRequest,
    id: &str,
    iid: &str,
) -> Result<Reply, Reply> {
    let session = enter(sim, request)?;
    let (offset, limit) = data::window(request)?;
    let instance = data::ready(&mut lock(&sim.data), session, id, iid)?;
    let plan = instance.plan.ok_or_else(gone)?;
    let order = plan.page_order();
    let pages = order.len();
    let items = order.into_iter().skip(offset).take(limit);
    let items: Vec<_> = items.map(|page| grid::page_elements(&plan, page)).collect();
    let paging =
        json!({ "total": pages, "current": items.len(), "offset": offset, "limit": limit });
    let mut units = grid::page_by(&plan, Dates::default());
    let items = only_listed(&mut units, &items);
    Ok(Reply::json(
        200,
        &json!({
            "pageBy": units,
            "validPageByElements": { "paging": paging, "items": items },
        }),
    ))
}

/// Leaves the elements that these pages have, and numbers them anew (documented: both lists are cut
/// by offset and limit).
fn only_listed(units: &mut Json, pages: &[Vec<u64>]) -> Vec<Vec<usize>> {
    let mut numbered = vec![Vec::new(); pages.len()];
    for (at, unit) in units.as_array_mut().into_iter().flatten().enumerate() {
        let mut listed: Vec<u64> = Vec::new();
        for (page, numbers) in pages.iter().zip(&mut numbered) {
            let element = page.get(at).copied().unwrap_or_default();
            let known = listed.iter().position(|one| *one == element);
            numbers.push(known.unwrap_or(listed.len()));
            if known.is_none() {
                listed.push(element);
            }
        }
        let all = unit.get_mut("elements").map(Json::take).unwrap_or_default();
        let place = |one: &u64| usize::try_from(*one).ok();
        let left: Vec<_> = listed.iter().filter_map(|one| all.get(place(one)?)).collect();
        unit["elements"] = json!(left);
    }
    numbered
}

/// `GET /reports/{id}/attributes/{aid}/elements`.
pub(super) async fn elements(
    State(sim): Server,
    Extension(request): Request,
    Path(ids): TwoIds,
) -> Reply {
    answer(data::elements(&sim, &request, Shelf::Reports, &ids))
}

/// `GET /reports/{id}/prompts`: those that are asked first.
pub(super) async fn prompts(
    State(sim): Server,
    Extension(request): Request,
    Path(id): Id,
) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let source = find(&lock(&sim.data), Shelf::Reports, &id)?;
        let answers = crate::answers::Answers::new(&source.prompts);
        Ok(Reply::json(200, &answers.list(&source.prompts, &source.data, None)))
    }))
}

/// `GET /reports/{id}/instances/{iid}/prompts?closed=`.
pub(super) async fn open_prompts(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    let closed = request.query_value("closed").map(|value| value.eq_ignore_ascii_case("true"));
    answer(enter(&sim, &request).and_then(|session| {
        let mut store = lock(&sim.data);
        let instance = store.instance(session, &id, &iid).ok_or_else(gone)?;
        let (answers, source) = (&instance.answers, &instance.source);
        Ok(Reply::json(200, &answers.list(&source.prompts, &source.data, closed)))
    }))
}

/// `PUT /reports/{id}/instances/{iid}/prompts/answers`: 204; 400 `ERR006` for a wrong answer.
pub(super) async fn answer_prompts(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid)): TwoIds,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let body = data::body(&request)?;
        let instance = lock(&sim.data).instance(session, &id, &iid).cloned();
        let mut instance = instance.ok_or_else(gone)?;
        instance.answer(&body).map_err(|why| invalid(&why))?;
        let mut store = lock(&sim.data);
        *store.instance(session, &id, &iid).ok_or_else(gone)? = instance;
        Ok(Reply::new(204))
    }))
}

/// `GET /reports/{id}/instances/{iid}/prompts/{pid}/elements?searchPattern=`.
pub(super) async fn prompt_elements(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid, prompt)): Path<(String, String, String)>,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let instance = lock(&sim.data).instance(session, &id, &iid).cloned().ok_or_else(gone)?;
        let source = &instance.source;
        super::prompts::elements(&sim, &request, &source.prompts, &source.data, &prompt)
    }))
}

/// `GET /reports/{id}/instances/{iid}/prompts/{pid}/objects`.
pub(super) async fn prompt_objects(
    State(sim): Server,
    Extension(request): Request,
    Path((id, iid, prompt)): Path<(String, String, String)>,
) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let instance = lock(&sim.data).instance(session, &id, &iid).cloned().ok_or_else(gone)?;
        let source = &instance.source;
        super::prompts::objects(&sim, &request, &source.prompts, &source.data, &prompt)
    }))
}
