//! `/metadataSearches/...`: searches for reports, cubes, dashboards and documents by type and name.

use axum::Extension;
use axum::extract::State;
use serde_json::json;

use super::data::{Request, Server, answer, enter, invalid, window};
use super::objects::{DOCUMENT_SUBTYPE, described, described_paper};
use crate::instances::Store;
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
    let fits = |found: &str, types: [u32; 2]| {
        let (found, wanted) = (found.to_lowercase(), name.to_lowercase());
        let named = match pattern.as_str() {
            _ if wanted.is_empty() => true,
            EXACTLY => found == wanted,
            BEGINS_WITH => found.starts_with(&wanted),
            _ => found.contains(&wanted),
        };
        named && (kinds.is_empty() || kinds.iter().any(|kind| types.contains(kind)))
    };
    let mut store = lock(&sim.data);
    let sources = store.sources().filter(|one| fits(&one.data.name, [3, one.kind.subtype()]));
    let sources = sources.map(|source| source.data.id.clone());
    let papers = store.papers.all().filter(|one| fits(&one.name, [55, DOCUMENT_SUBTYPE]));
    let found: Vec<_> = sources.chain(papers.map(|paper| paper.id.clone())).collect();
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
    let object = |id: &String| match store.source(id) {
        Some(source) => Some(described(source)),
        None => store.papers.get(id).map(|paper| described_paper(paper)),
    };
    let listed: Vec<_> = found.iter().skip(offset).take(limit).filter_map(object).collect();
    Reply::json(200, &listed).header("x-mstr-total-count", &found.len().to_string())
}
