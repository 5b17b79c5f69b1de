//! What prompts offer, of reports and of documents.

use serde_json::{Value as Json, json};

use super::data::{self, invalid};
use crate::attribute::Attribute;
use crate::dataset::Dataset;
use crate::prompts::{self, Asks, Prompt};
use crate::{RecordedRequest, Reply, grid, sim::Sim};

/// So many items come unless a client says otherwise, and so many at most (documented).
const LIMIT: i64 = 100;
const MOST: i64 = 200;

/// `offset` and `limit`; a limit of more than 200, or of all, is 400 `ERR006` (the status is
/// assumed).
fn window(request: &RecordedRequest) -> Result<(usize, usize), Reply> {
    let (offset, _) = data::window(request)?;
    let limit = data::number(request, "limit", LIMIT)?;
    match usize::try_from(limit) {
        Ok(wanted) if limit <= MOST => Ok((offset, wanted)),
        _ => Err(invalid(&format!("The limit {limit} is not between 0 and {MOST}"))),
    }
}

fn find<'a>(prompts: &'a [Prompt], named: &str) -> Result<&'a Prompt, Reply> {
    prompts::named(prompts, named).ok_or_else(|| {
        invalid(&format!(
            "Failed to locate the prompt by either key: {named}, please verify this information \
             is correct."
        ))
    })
}

fn pattern(request: &RecordedRequest) -> String {
    request.query_value("searchPattern").unwrap_or_default().to_lowercase()
}

/// `GET .../prompts/{key or id}/elements?offset&limit&searchPattern`:
/// `{"elements":[{"id","name"}]}` (documented).
pub(super) fn elements(
    sim: &Sim,
    request: &RecordedRequest,
    prompts: &[Prompt],
    data: &Dataset,
    named: &str,
) -> Result<Reply, Reply> {
    let prompt = find(prompts, named)?;
    let attribute = prompt.asked_attribute(data).and_then(|at| data.attributes.get(at));
    let attribute = attribute.ok_or_else(|| invalid("The prompt does not ask for elements"))?;
    let (window, pattern) = (window(request)?, pattern(request));
    let describe = |(element, name): (u64, String)| json!({ "id": grid::element_id(attribute, element), "name": name });
    let (listed, total) = fitting(attribute, window, &pattern);
    let listed: Vec<_> = listed.into_iter().map(describe).collect();
    Ok(counted(sim, Reply::json(200, &json!({ "elements": listed })), total))
}

/// The elements of a window of those whose name has the pattern, and how many these are.
fn fitting(
    attribute: &Attribute,
    (offset, limit): (usize, usize),
    pattern: &str,
) -> (Vec<(u64, String)>, u64) {
    let named = |element: u64| (element, prompts::element_name(attribute, element));
    if pattern.is_empty() {
        // Only those that are shown are made: an attribute may have millions.
        let shown = (0..attribute.elements).skip(offset).take(limit);
        return (shown.map(named).collect(), attribute.elements);
    }
    let all = (0..attribute.elements).map(named);
    let found: Vec<_> = all.filter(|(_, name)| name.to_lowercase().contains(pattern)).collect();
    let total = found.len() as u64;
    (found.into_iter().skip(offset).take(limit).collect(), total)
}

/// `GET .../prompts/{key or id}/objects?offset&limit&searchPattern`: `{"objects":[..]}` with named
/// types. The units of a level come in any number (documented).
pub(super) fn objects(
    sim: &Sim,
    request: &RecordedRequest,
    prompts: &[Prompt],
    data: &Dataset,
    named: &str,
) -> Result<Reply, Reply> {
    let prompt = find(prompts, named)?;
    let objects = prompt.object_list(data);
    let mut objects = objects.ok_or_else(|| invalid("The prompt does not ask for objects"))?;
    let (offset, limit) =
        if prompt.asks == Asks::Level { data::window(request)? } else { window(request)? };
    let pattern = pattern(request);
    objects.retain(|one| {
        let name = one.get("name").and_then(Json::as_str).unwrap_or_default();
        name.to_lowercase().contains(&pattern)
    });
    let total = objects.len() as u64;
    let shown: Vec<_> = objects.into_iter().skip(offset).take(limit).collect();
    Ok(counted(sim, Reply::json(200, &json!({ "objects": shown })), total))
}

/// The documentation shows no total: a server sends one if it was told to.
fn counted(sim: &Sim, reply: Reply, total: u64) -> Reply {
    if !sim.config.data.prompt_totals {
        return reply;
    }
    reply.header("x-mstr-total-count", &total.to_string())
}
