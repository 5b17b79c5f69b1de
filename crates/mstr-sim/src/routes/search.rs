//! Searches of the metadata: in two steps (`/metadataSearches/...`), and in one
//! (`/searches/results`).

use axum::Extension;
use axum::extract::State;
use serde_json::{Value as Json, json};

use super::data::{Request, Server, answer, enter, invalid};
use super::lists::{cut, list};
use super::objects::{ancestors, metadata, show};
use crate::metadata::{Entry, Found, Metadata};
use crate::{RecordedRequest, Reply, random};

/// What a search asks for.
struct Query {
    name: String,
    pattern: String,
    root: Option<String>,
    /// A type may be there several times, as a type (3) or as a subtype (768).
    kinds: Vec<u32>,
    uses: Vec<String>,
    used_by: Vec<String>,
    recursive: bool,
    any: bool,
    from: Option<String>,
    until: Option<String>,
}

impl Query {
    fn read(request: &RecordedRequest) -> Result<Self, Reply> {
        let value = |name: &str| request.query_value(name).filter(|value| !value.is_empty());
        let flag = |name: &str| value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let query = request.query().unwrap_or_default();
        let types = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "type");
        let kinds = types.flat_map(|(_, value)| {
            value.split(',').filter_map(|kind| kind.trim().parse().ok()).collect::<Vec<u32>>()
        });
        // `id;type`, several with commas
        let ids = |name: &str| {
            let text = value(name).unwrap_or_default();
            let ids = text.split(',').filter_map(|one| one.split(';').next());
            ids.filter(|id| !id.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let read = Self {
            name: value("name").unwrap_or_default().to_lowercase(),
            pattern: value("pattern").unwrap_or_default(),
            root: value("root"),
            kinds: kinds.collect(),
            uses: ids("usesObject"),
            used_by: ids("usedByObject"),
            recursive: flag("usesRecursive") || flag("usedByRecursive"),
            any: flag("usesOneOf") || flag("usedByOneOf"),
            from: value("beginModificationTime"),
            until: value("endModificationTime"),
        };
        if !read.uses.is_empty() && !read.used_by.is_empty() {
            return Err(invalid("usesObject and usedByObject cannot be used together"));
        }
        Ok(read)
    }

    fn fits(&self, metadata: &Metadata, entry: &Entry) -> bool {
        let inside = |root: &String| metadata.tree.is_within(&entry.id, root);
        // 2026-01-01T00:00:00, whatever comes behind it
        let seconds = |date: &str| date.get(..19).unwrap_or(date).to_owned();
        entry.is_one_of(&self.kinds)
            && self.is_named(&entry.name.to_lowercase())
            && self.root.as_ref().is_none_or(inside)
            && self.from.as_deref().is_none_or(|from| entry.modified >= seconds(from))
            && self.until.as_deref().is_none_or(|until| entry.modified <= seconds(until))
            && self.is_related(metadata, entry)
    }

    fn is_named(&self, name: &str) -> bool {
        let wanted = self.name.as_str();
        match self.pattern.as_str() {
            _ if wanted.is_empty() => true,
            "0" => wanted.split_whitespace().any(|word| name.contains(word)),
            "1" => name.split_whitespace().any(|word| word.starts_with(wanted))
                || name.starts_with(wanted),
            "2" => name == wanted,
            "3" => name.starts_with(wanted),
            "5" => name.ends_with(wanted),
            _ => name.contains(wanted),
        }
    }

    fn is_related(&self, metadata: &Metadata, entry: &Entry) -> bool {
        let uses = |user: &str, used: &str| uses(metadata, user, used, self.recursive);
        let by = |used: &String| uses(&entry.id, used);
        let of = |user: &String| uses(user, &entry.id);
        let all = |list: &[String], test: &dyn Fn(&String) -> bool| {
            list.is_empty() || if self.any { list.iter().any(test) } else { list.iter().all(test) }
        };
        all(&self.uses, &by) && all(&self.used_by, &of)
    }
}

fn uses(metadata: &Metadata, user: &str, used: &str, recursive: bool) -> bool {
    let Some(user) = metadata.tree.get(user) else { return false };
    user.uses.iter().any(|id| id == used || (recursive && uses(metadata, id, used, true)))
}

/// `POST /metadataSearches/results`, also under `/v2`: searches; the result is read with `GET`, by
/// the session that searched (inferred from the limit of searches that a session has).
pub(super) async fn search(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let query = Query::read(&request)?;
        let alive: Vec<u64> =
            sim.sessions(|sessions, _| sessions.all().iter().map(|one| one.generation).collect());
        let mut metadata = metadata(&sim);
        let found = metadata.tree.all().filter(|entry| query.fits(&metadata, entry));
        let ids: Vec<_> = found.map(|entry| entry.id.clone()).collect();
        let (id, total) = (random::upper_hex(), ids.len());
        metadata.searches.retain(|_, found| alive.contains(&found.session));
        metadata.searches.insert(id.clone(), Found { session, ids });
        Ok(Reply::json(200, &json!({ "id": id, "totalItems": total })))
    }))
}

/// `GET /metadataSearches/results?searchId=`: a list, with the total in a header.
pub(super) async fn results(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|session| {
        let id = request.query_value("searchId").unwrap_or_default();
        let metadata = metadata(&sim);
        let found = metadata.searches.get(&id).filter(|found| found.session == session);
        let found = found.ok_or_else(|| invalid("There is no such search"))?;
        let entries = found.ids.iter().filter_map(|id| metadata.tree.get(id));
        let shown: Vec<Json> = entries.map(|entry| show(&sim, &request, entry)).collect();
        list(&sim, &request, &shown)
    }))
}

/// `GET /searches/results`: at once, wrapped.
pub(super) async fn quick(State(sim): Server, Extension(request): Request) -> Reply {
    answer(enter(&sim, &request).and_then(|_| {
        let query = Query::read(&request)?;
        let hidden = request.query_value("result.hidden");
        let certified = request.query_value("certifiedStatus");
        let metadata = metadata(&sim);
        let found = metadata.tree.all().filter(|entry| {
            // nothing is certified here
            certified.as_deref() != Some("CERTIFIED_ONLY")
                && hidden.as_deref().is_none_or(|h| h.eq_ignore_ascii_case("true") == entry.hidden)
                && query.fits(&metadata, entry)
        });
        let above = request.query_value("getAncestors");
        let above = above.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let shown: Vec<Json> = found
            .map(|entry| {
                let mut shown = show(&sim, &request, entry);
                if above {
                    shown["ancestors"] = ancestors(&sim, &request, &metadata, entry);
                }
                shown["projectId"] = json!(request.project_id());
                shown
            })
            .collect();
        let items = cut(&sim, &request, &shown)?;
        Ok(Reply::json(200, &json!({ "totalItems": shown.len(), "result": items })))
    }))
}
