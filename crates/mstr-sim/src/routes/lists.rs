//! Lists: a window of them, the total in a header, and where the pages begin.

use serde_json::{Value as Json, json};

use super::data::window;
use crate::sim::Sim;
use crate::{RecordedRequest, Reply};

/// Recorded: a list, the total in a header, the first and the last page in another one.
pub(super) fn list(sim: &Sim, request: &RecordedRequest, all: &[Json]) -> Result<Reply, Reply> {
    wrapped(sim, request, all, |items| Json::Array(items))
}

/// The same, with the list as a member of an object.
pub(super) fn named(
    sim: &Sim,
    request: &RecordedRequest,
    all: &[Json],
    name: &str,
) -> Result<Reply, Reply> {
    wrapped(sim, request, all, |items| json!({ name: items }))
}

fn wrapped(
    sim: &Sim,
    request: &RecordedRequest,
    all: &[Json],
    wrap: impl FnOnce(Vec<Json>) -> Json,
) -> Result<Reply, Reply> {
    let items = cut(sim, request, all)?;
    let (_, limit) = window(request)?;
    let limit = if limit == usize::MAX { all.len().max(1) } else { limit.max(1) };
    let last = all.len().saturating_sub(1) / limit * limit;
    let path = request.path();
    let link = |offset: usize, relation: &str| {
        format!("<{path}?limit={limit}&offset={offset}>; rel=\"{relation}\"")
    };
    let links = format!("{}, {}", link(0, "first"), link(last, "last"));
    Ok(Reply::json(200, &wrap(items))
        .header("x-mstr-total-count", &all.len().to_string())
        .header("link", &links))
}

/// The items that are asked for, with the members that are asked for.
pub(super) fn cut(sim: &Sim, request: &RecordedRequest, all: &[Json]) -> Result<Vec<Json>, Reply> {
    let (offset, limit) = window(request)?;
    let limit = limit.min(sim.config.list_limit.unwrap_or(usize::MAX));
    let fields = request.query_value("fields");
    let wanted = |item: &Json| only(item, fields.as_deref());
    Ok(all.iter().skip(offset).take(limit).map(wanted).collect())
}

/// `fields=id,name` is a list of the members at the top that are wanted.
pub(super) fn only(item: &Json, fields: Option<&str>) -> Json {
    let Some((fields, members)) = fields.filter(|f| !f.is_empty()).zip(item.as_object()) else {
        return item.clone();
    };
    let wanted = |name: &str| fields.split(',').any(|field| field.trim() == name);
    members.iter().filter(|(name, _)| wanted(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
