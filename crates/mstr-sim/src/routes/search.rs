//! `/metadataSearches/...`: searches for reports and cubes by type and name.

use axum::Extension;
use axum::extract::State;
use serde_json::json;

use super::data::{Request, Server, answer, enter, invalid, window};
use super::objects::described;
use crate::instances::Store;
use crate::report::Source;
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, random};

/// How names are compared.
const BEGINS_WITH: &str = "1";
const EXACTLY: &str = "2";

/// `POST /metadataSearches/results`, also under `/v2`: searches; the result is read with `GET`.
pub(super) async fn search(State(sim): Server, Extension(request): Request) -> Reply {
    answer(find(&sim, &request))
}

fn find(sim: &Sim, request: &RecordedRequest) -> Result<Reply, Reply> {
    enter(sim, request)?;
    let query = request.query().unwrap_or_default();
    // A type may be there several times, as a type (3) or as a subtype (768).
    let kinds: Vec<u32> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "type")
        .filter_map(|(_, value)| value.parse().ok())
        .collect();
    let name = request.query_value("name").unwrap_or_default();
    let pattern = request.query_value("pattern").unwrap_or_default();
    let fits = |source: &Source| {
        let (found, wanted) = (source.data.name.to_lowercase(), name.to_lowercase());
        let named = match pattern.as_str() {
            _ if wanted.is_empty() => true,
            EXACTLY => found == wanted,
            BEGINS_WITH => found.starts_with(&wanted),
            _ => found.contains(&wanted),
        };
        let is_kind = |kind: &u32| *kind == 3 || *kind == source.kind.subtype();
        named && (kinds.is_empty() || kinds.iter().any(is_kind))
    };
    let mut store = lock(&sim.data);
    let sources = store.sources().filter(|source| fits(source.as_ref()));
    let found: Vec<_> = sources.map(|source| source.data.id.clone()).collect();
    let (id, total) = (random::upper_hex(), found.len());
    store.searches.insert(id.clone(), found);
    Ok(Reply::json(200, &json!({ "id": id, "totalItems": total })))
}

/// `GET /metadataSearches/results?searchId=`: a list, with the total in a header.
pub(super) async fn results(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let (offset, limit) = window(&request)?;
        let id = request.query_value("searchId").unwrap_or_default();
        let store = lock(&sim.data);
        let found = store.searches.get(&id).ok_or_else(|| invalid("There is no such search"))?;
        Ok(list(&store, found, offset, limit))
    }))
}

fn list(store: &Store, found: &[String], offset: usize, limit: usize) -> Reply {
    let listed = found.iter().skip(offset).take(limit).filter_map(|id| store.source(id));
    let listed: Vec<_> = listed.map(|source| described(source)).collect();
    Reply::json(200, &listed).header("x-mstr-total-count", &found.len().to_string())
}
