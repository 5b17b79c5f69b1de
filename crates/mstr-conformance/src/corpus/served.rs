//! The server of a case: its routes, then its grid, then what every server replies.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::case::TransportError;
use crate::corpus::case::{Case, List, PageBy, Route, Sent};
use crate::corpus::grid::{CHAPTER, Grid, KEY, Kind};
use crate::script::{Answer, Recorded, Wire, json_reply};
use crate::server::Replies;

const ROOT: &str = "/MicroStrategyLibrary/api";
pub(crate) const INSTANCE: &str = "0000AAAA0000AAAA0000AAAA0000AAAA";
pub(crate) const PROJECT: &str = "B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0";

/// A request as the corpus looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Below `/api`, decoded.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    /// Null without a body of JSON.
    pub(crate) body: Value,
}

impl Asked {
    fn of(request: &Recorded) -> Self {
        let (before, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let path = before.find(ROOT).map_or(before, |at| &before[at + ROOT.len()..]);
        Self {
            method: request.method.clone(),
            path: percent_decode_str(path).decode_utf8_lossy().into_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query.get(name)?.parse().ok()
    }

    pub(crate) fn is(&self, sent: &Sent) -> bool {
        let Sent { method, path, query, body, .. } = sent;
        self.matches(method, path, query, body.as_ref())
    }

    fn matches(
        &self,
        method: &str,
        path: &str,
        query: &BTreeMap<String, String>,
        body: Option<&Value>,
    ) -> bool {
        self.method == method
            && fits(path, &self.path)
            && query.iter().all(|(name, value)| self.query.get(name) == Some(value))
            && body.is_none_or(|body| has(&self.body, body))
    }
}

/// `*` stands for one segment.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.trim_end_matches('/').split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
}

/// Whether a value has these members. Of lists it is as many items.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(value), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| value.get(name).is_some_and(|value| has(value, wanted))),
        (Value::Array(value), Value::Array(wanted)) => {
            value.len() == wanted.len() && value.iter().zip(wanted).all(|(v, w)| has(v, w))
        }
        _ => value == wanted,
    }
}

pub(crate) struct Served {
    grid: Option<Grid>,
    page_by: Option<PageBy>,
    prompts: Vec<Value>,
    routes: Vec<Route>,
    /// The page of page-by that is shown.
    shown: usize,
    answered: bool,
    pub(crate) asked: Vec<Asked>,
}

impl Replies for Served {
    fn answer(&mut self, request: Recorded) -> Answer {
        let asked = Asked::of(&request);
        self.asked.push(asked.clone());
        let route = self.routes.iter_mut().find(|route| {
            let Route { method, path, query, body, .. } = route;
            route.times != Some(0) && asked.matches(method, path, query, body.as_ref())
        });
        if let Some(route) = route {
            if let Some(times) = &mut route.times {
                *times -= 1;
            }
            let route = route.clone();
            return self.routed(&route, &asked);
        }
        if let Some(wire) = self.of_grid(&asked) {
            return Answer::Reply(wire);
        }
        Answer::Reply(of_every_server(&asked))
    }
}

impl Served {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            grid: Grid::of(case),
            page_by: case.page_by.clone(),
            prompts: case.prompts.clone(),
            routes: case.routes.clone(),
            shown: 0,
            answered: false,
            asked: Vec::new(),
        }
    }

    fn routed(&self, route: &Route, asked: &Asked) -> Answer {
        if route.drop {
            return Answer::Fails(TransportError::Read);
        }
        let mut wire = if let Some(list) = &route.list {
            window(list, asked)
        } else if let Some(change) = &route.grid {
            json_reply(route.status, &self.page(asked, change))
        } else if let Some(reply) = &route.reply {
            json_reply(route.status, reply)
        } else {
            let body = route.text.clone().unwrap_or_default().into_bytes();
            Wire { status: route.status, body, ..Wire::default() }
        };
        let has = |name: &str| route.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        wire.headers.retain(|(name, _)| !has(name));
        wire.headers.extend(route.headers.iter().map(|(n, v)| (n.clone(), v.clone())));
        Answer::Reply(wire)
    }

    /// The rows that are asked for, of the page that is shown.
    fn page(&self, asked: &Asked, change: &Value) -> Value {
        let Some(grid) = &self.grid else { return Value::Null };
        let mut all = self
            .page_by
            .as_ref()
            .and_then(|page_by| page_by.pages.get(self.shown))
            .cloned()
            .unwrap_or_else(|| json!({}));
        merge_over(&mut all, change);
        grid.page(&all, asked.number("offset").unwrap_or(0), asked.number("limit"))
    }

    fn of_grid(&mut self, asked: &Asked) -> Option<Wire> {
        let grid = self.grid.as_ref()?;
        let ok = |body: &Value| Some(json_reply(200, body));
        let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        // prompts have no version
        let parts = parts.strip_prefix(&["v2"]).unwrap_or(&parts);
        let method = asked.method.as_str();
        if parts == ["objects", grid.id.as_str()] {
            return ok(&grid.object());
        }
        if grid.kind == Kind::Visualization {
            return self.of_dashboard(method, parts, asked);
        }
        let folder = if grid.kind == Kind::Cube { "cubes" } else { "reports" };
        let rest = parts.strip_prefix(&[folder, grid.id.as_str()])?;
        match (method, rest) {
            ("GET", []) => ok(&grid.definition()),
            ("POST", ["instances"]) if !self.prompts.is_empty() => {
                self.answered = false;
                ok(&json!({"instanceId": INSTANCE, "status": 2}))
            }
            ("POST", ["instances"]) | ("GET", ["instances", _]) => {
                ok(&self.page(asked, &json!({})))
            }
            ("PUT", ["instances", _]) => {
                self.turn(&asked.body);
                ok(&self.page(asked, &json!({})))
            }
            ("DELETE", ["instances", _]) => Some(just(204)),
            ("GET", ["instances", _, "status"]) => {
                let open = !self.prompts.is_empty() && !self.answered;
                ok(&json!({"id": INSTANCE, "status": if open { 2 } else { 1 }}))
            }
            ("GET", ["instances", _, "prompts"] | ["prompts"]) => {
                ok(&if self.answered { json!([]) } else { json!(self.prompts) })
            }
            ("PUT", ["instances", _, "prompts", "answers"]) => {
                self.answered = true;
                Some(just(204))
            }
            ("GET", ["instances", _, "pageBy", "elements"]) => ok(&self.page_by_elements(asked)),
            _ => None,
        }
    }

    fn of_dashboard(&self, method: &str, parts: &[&str], asked: &Asked) -> Option<Wire> {
        let ok = |body: &Value| Some(json_reply(200, body));
        match (method, parts) {
            ("POST", ["dossiers", _, "instances"]) => {
                ok(&json!({"mid": INSTANCE, "status": 1, "partialManipulation": true}))
            }
            (
                "GET",
                ["dossiers", _, "instances", _, "chapters", chapter, "visualizations", key],
            ) if *chapter == CHAPTER && *key == KEY => ok(&self.page(asked, &json!({}))),
            ("GET", ["documents", _, "instances", _, "status"]) => {
                ok(&json!({"id": INSTANCE, "status": 1}))
            }
            ("DELETE", _) => Some(just(204)),
            _ => None,
        }
    }

    /// Shows the page that a `PUT` chooses, by the ids of its elements.
    fn turn(&mut self, body: &Value) {
        let Some(page_by) = &self.page_by else { return };
        let Some(chosen) = body["currentPageBy"].as_array() else { return };
        let ids: Vec<&str> =
            chosen.iter().filter_map(|one| one.as_str().or_else(|| one["id"].as_str())).collect();
        let units = page_by.elements["pageBy"].as_array();
        let id = |unit: usize, element: &Value| {
            let elements = &units?.get(unit)?["elements"];
            elements.get(usize::try_from(element.as_u64()?).ok()?)?["id"].as_str()
        };
        let items = page_by.elements["validPageByElements"]["items"].as_array();
        let found = items.and_then(|items| {
            items.iter().position(|item| {
                let item = item.as_array().into_iter().flatten();
                let of_item: Vec<_> = item.enumerate().map(|(unit, it)| id(unit, it)).collect();
                of_item.len() == ids.len() && of_item.iter().zip(&ids).all(|(a, b)| *a == Some(b))
            })
        });
        if let Some(found) = found {
            self.shown = found;
        }
    }

    fn page_by_elements(&self, asked: &Asked) -> Value {
        let Some(page_by) = &self.page_by else {
            return json!({"pageBy": [], "validPageByElements": {"paging": {"total": 0}, "items": []}});
        };
        let mut reply = page_by.elements.clone();
        let valid = &mut reply["validPageByElements"];
        let items = valid["items"].as_array().cloned().unwrap_or_default();
        let offset = asked.number("offset").unwrap_or(0).min(items.len());
        let limit = asked.number("limit").unwrap_or(1000);
        let end = offset.saturating_add(limit).min(items.len());
        let paging = json!({"total": items.len(), "current": end - offset, "offset": offset,
                            "limit": limit});
        valid["items"] = json!(items[offset..end]);
        valid["paging"] = paging;
        reply
    }
}

/// One patch after another is one patch.
fn merge_over(first: &mut Value, then: &Value) {
    match (first, then) {
        (Value::Object(first), Value::Object(then)) => {
            for (name, value) in then {
                merge_over(first.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (first, then) => *first = then.clone(),
    }
}

fn just(status: u16) -> Wire {
    Wire { status, ..Wire::default() }
}

fn error(status: u16, code: &str, message: &str) -> Wire {
    json_reply(status, &json!({"code": code, "message": message, "ticketId": "0".repeat(32)}))
}

fn window(list: &List, asked: &Asked) -> Wire {
    let copy = |item: &Value, number: u32| {
        let text = item.to_string().replace("{n}", &number.to_string());
        serde_json::from_str(&text).unwrap_or_default()
    };
    let copies = 0..list.copies.unwrap_or(1);
    let mut items: Vec<Value> =
        list.items.iter().flat_map(|item| copies.clone().map(|n| copy(item, n))).collect();
    if let Some(pattern) = asked.query.get("searchPattern") {
        let pattern = pattern.to_lowercase();
        let fits =
            |text: &Value| text.as_str().is_some_and(|t| t.to_lowercase().contains(&pattern));
        items.retain(|item| {
            fits(&item["name"]) || item["formValues"].as_array().is_some_and(|v| v.iter().any(fits))
        });
    }
    let limit = asked.number("limit").or(list.limit).unwrap_or(usize::MAX);
    if list.most.is_some_and(|most| limit > most) {
        return error(400, "ERR006", "The limit is beyond the range of valid values.");
    }
    let total = items.len();
    let start = asked.number("offset").unwrap_or(0).min(total);
    let part = &items[start..start.saturating_add(limit).min(total)];
    let mut wire = match &list.member {
        Some(member) => json_reply(200, &json!({ member: part })),
        None => json_reply(200, &json!(part)),
    };
    if list.total {
        wire.headers.push(("X-MSTR-Total-Count".to_owned(), total.to_string()));
    }
    wire
}

fn of_every_server(asked: &Asked) -> Wire {
    let ok = |body: &Value| json_reply(200, body);
    match (asked.method.as_str(), asked.path.trim_end_matches('/')) {
        ("POST", "/auth/login") => Wire {
            headers: vec![
                ("X-MSTR-AuthToken".to_owned(), "token".to_owned()),
                ("Set-Cookie".to_owned(), "JSESSIONID=1; Path=/; HttpOnly".to_owned()),
            ],
            ..just(204)
        },
        ("POST", "/auth/logout") | ("PUT", "/sessions") => just(204),
        ("GET", "/sessions") => ok(&json!({"timeout": 1800})),
        ("GET", "/sessions/userInfo") => ok(&json!({"id": "5".repeat(32), "fullName": "Ann"})),
        ("GET", "/projects") => {
            ok(&json!([{"id": PROJECT, "name": "Tutorial", "alias": "", "status": 0}]))
        }
        ("GET", "/status") => ok(&json!({"webVersion": "11.4.0.1", "iServerVersion": "11.4.0.1"})),
        _ => error(404, "ERR004", "HTTP 404 Not Found"),
    }
}
