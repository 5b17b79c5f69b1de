//! The simulator is held to the corpus by shape: what the documented and recorded replies always
//! have, its replies have too, with a type that the corpus shows. Values are its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mstr_rest_api::{ObjectType, SearchExt, SearchPattern};
use mstr_rest_core::{Auth, Error, Response, Session, try_with_session};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer};
use serde_json::{Value, json};

use crate::corpus::case::{Case, Source};
use crate::corpus::grid::Grid;

/// What a kind of reply looks like, by path: `data.headers.rows[]`.
type Shape = BTreeMap<String, Node>;

/// What is known of the values at one path.
#[derive(Default)]
struct Node {
    types: BTreeSet<&'static str>,
    /// How many objects there were, and how many of them had each member.
    objects: usize,
    members: BTreeMap<String, usize>,
}

/// By the name of the endpoint.
#[derive(Default)]
struct Shapes(BTreeMap<&'static str, Shape>);

const GRID: &str = "grid";
const DEFINITION: &str = "definition";
const PAGE_BY: &str = "page-by elements";
const PROMPTS: &str = "prompts";
const PROMPT_ELEMENTS: &str = "prompt elements";
const ATTRIBUTE_ELEMENTS: &str = "attribute elements";

impl Shapes {
    fn add(&mut self, endpoint: &'static str, reply: &Value) {
        walk(self.0.entry(endpoint).or_default(), "", reply);
    }

    /// What the documented and the recorded cases show.
    fn of_cases(cases: &[Case]) -> Self {
        let mut shapes = Self::default();
        let shown =
            cases.iter().filter(|it| matches!(it.source, Source::Documentation | Source::Recorded));
        for case in shown {
            if let Some(grid) = Grid::of(case).filter(|_| !is_compound(case)) {
                shapes.add(GRID, &grid.page(&json!({}), 0, None));
                shapes.add(DEFINITION, &grid.definition());
            }
            if let Some(page_by) = &case.page_by {
                shapes.add(PAGE_BY, &page_by.elements);
            }
            if !case.prompts.is_empty() {
                shapes.add(PROMPTS, &json!(case.prompts));
            }
            for route in &case.routes {
                let reply = match (&route.reply, &route.list) {
                    (Some(reply), _) => reply.clone(),
                    (None, Some(list)) => match &list.member {
                        Some(member) => json!({ member: list.items }),
                        None => json!(list.items),
                    },
                    _ => continue,
                };
                let parts: Vec<&str> = route.path.split('/').collect();
                match parts.as_slice() {
                    [.., "prompts", _, "elements"] => shapes.add(PROMPT_ELEMENTS, &reply),
                    [.., "attributes", _, "elements"] => shapes.add(ATTRIBUTE_ELEMENTS, &reply),
                    _ => {}
                }
            }
        }
        shapes
    }

    /// How these differ from the shapes that must be.
    fn differences(&self, must: &Self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (endpoint, must) in &must.0 {
            let Some(shape) = self.0.get(endpoint) else {
                found.insert(format!("{endpoint}: not served"));
                continue;
            };
            for (path, node) in shape {
                let Some(must) = must.get(path) else { continue };
                let place = if path.is_empty() { "the reply" } else { path };
                for kind in node.types.difference(&must.types) {
                    let shown: Vec<_> = must.types.iter().copied().collect();
                    found
                        .insert(format!("{endpoint}: {place} is {kind}, not {}", shown.join(", ")));
                }
                let always = must.members.iter().filter(|(_, count)| **count == must.objects);
                for (member, _) in always {
                    if node.members.get(member).copied().unwrap_or(0) < node.objects {
                        found.insert(format!("{endpoint}: {place} has no {member}"));
                    }
                }
            }
        }
        found
    }
}

/// Compound grids are served as visualizations alone.
fn is_compound(case: &Case) -> bool {
    case.visualization.is_some()
}

fn walk(shape: &mut Shape, path: &str, value: &Value) {
    let node = shape.entry(path.to_owned()).or_default();
    node.types.insert(match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    });
    match value {
        Value::Object(members) => {
            node.objects += 1;
            for name in members.keys() {
                *node.members.entry(name.clone()).or_default() += 1;
            }
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(shape, &path, value);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(shape, &format!("{path}[{}]", unit_type(path, item)), item);
            }
        }
        _ => {}
    }
}

/// Units of attributes and of metrics have other members.
fn unit_type(path: &str, item: &Value) -> String {
    let axis = path.rsplit('.').next().unwrap_or(path);
    match item["type"].as_str() {
        Some(kind) if matches!(axis, "rows" | "columns" | "pageBy") => {
            let kind = kind.to_ascii_lowercase();
            if kind == "metrics" { "templatemetrics".to_owned() } else { kind }
        }
        _ => String::new(),
    }
}

/// Compares, and prints what differs. Whether nothing does but what is in the list `known`: the
/// difference and why, each of which must still be there.
pub(crate) fn run(cases: &[Case], known: &Path) -> Result<bool, String> {
    let known = std::fs::read(known).map_err(|error| format!("{}: {error}", known.display()))?;
    let known: BTreeMap<String, String> =
        serde_json::from_slice(&known).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let must = Shapes::of_cases(cases);
    let served = runtime.block_on(served())?;
    let differences = served.differences(&must);
    let new: Vec<_> = differences.iter().filter(|it| !known.contains_key(*it)).collect();
    let mended: Vec<_> = known.keys().filter(|it| !differences.contains(*it)).collect();
    for difference in &new {
        println!("FAILED simulator: {difference}");
    }
    for difference in &mended {
        println!("FAILED simulator: no longer so, remove it from the list: {difference}");
    }
    let paths: usize = served.0.values().map(BTreeMap::len).sum();
    println!(
        "simulator shapes: {paths} places compared, {} differ, {} known to differ",
        new.len() + mended.len(),
        differences.len() - new.len()
    );
    Ok(new.is_empty() && mended.is_empty())
}

/// What the simulator replies.
async fn served() -> Result<Shapes, String> {
    let server = LibraryServer::builder().samples().start().await.map_err(|e| e.to_string())?;
    let builder = Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
        .project("MicroStrategy Tutorial");
    try_with_session(builder, async |session| shapes(&session).await)
        .await
        .map_err(|error: Error| format!("the simulator: {error}"))
}

async fn shapes(session: &Session) -> Result<Shapes, Error> {
    let mut shapes = Shapes::default();
    let get = async |path: String| json_of(session.get(path).await?);
    for (name, folder) in [
        ("Sample Report", "v2/reports"),
        ("Sample Cross-Tab", "v2/reports"),
        ("Sample Metrics in Rows", "v2/reports"),
        ("Sample Subtotals", "v2/reports"),
        ("Sample Pages", "v2/reports"),
        ("Sample Cube", "v2/cubes"),
    ] {
        let path = format!("{folder}/{}", id_of(session, name).await?);
        let definition = get(path.clone()).await?;
        shapes.add(DEFINITION, &definition);
        let page = execute(session, format!("{path}/instances")).await?;
        shapes.add(GRID, &page);
        let attribute = &definition["definition"]["availableObjects"]["attributes"][0]["id"];
        if let Some(attribute) = attribute.as_str() {
            let path = path.trim_start_matches("v2/");
            let elements = get(format!("{path}/attributes/{attribute}/elements")).await?;
            shapes.add(ATTRIBUTE_ELEMENTS, &elements);
        }
        if name == "Sample Pages" {
            let instance = page["instanceId"].as_str().unwrap_or_default();
            shapes
                .add(PAGE_BY, &get(format!("{path}/instances/{instance}/pageBy/elements")).await?);
        }
    }
    let report = id_of(session, "Sample Prompts").await?;
    let asking = execute(session, format!("v2/reports/{report}/instances")).await?;
    let instance = asking["instanceId"].as_str().unwrap_or_default();
    let path = format!("reports/{report}/instances/{instance}/prompts");
    let prompts = get(path.clone()).await?;
    shapes.add(PROMPTS, &prompts);
    for prompt in prompts.as_array().into_iter().flatten().filter(|it| it["type"] == "ELEMENTS") {
        let id = prompt["id"].as_str().unwrap_or_default();
        shapes.add(PROMPT_ELEMENTS, &get(format!("{path}/{id}/elements")).await?);
    }
    Ok(shapes)
}

async fn id_of(session: &Session, name: &str) -> Result<String, Error> {
    let search = session.search().name(name).pattern(SearchPattern::Exactly);
    let found = search.kind(ObjectType::Report).await?;
    Ok(found.into_iter().next().map(|found| found.id).unwrap_or_default())
}

async fn execute(session: &Session, path: String) -> Result<Value, Error> {
    json_of(session.post(path).query("limit", 10).json(&json!({})).await?)
}

#[allow(clippy::needless_pass_by_value, reason = "of a call that has ended")]
fn json_of(reply: Response) -> Result<Value, Error> {
    reply.json()
}
