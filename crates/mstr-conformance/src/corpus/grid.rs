//! The grid of a case: what its endpoints reply.

use serde_json::{Map, Value, json};

use crate::corpus::case::Case;

/// The id of a report or cube that does not say another one.
const ID: &str = "A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1";
/// The dashboard of a visualization, its chapter and its key.
pub(crate) const DASHBOARD: &str = "DADADADADADADADADADADADADADADADA";
pub(crate) const CHAPTER: &str = "C1";
pub(crate) const KEY: &str = "K1";
/// Members of metrics that definitions do not have.
const EXECUTED: [&str; 3] = ["min", "max", "numberFormatting"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Report,
    Cube,
    Visualization,
}

pub(crate) struct Grid {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    whole: Value,
    definition: Option<Value>,
}

impl Grid {
    pub(crate) fn of(case: &Case) -> Option<Self> {
        let kinds = [
            (Kind::Report, &case.report),
            (Kind::Cube, &case.cube),
            (Kind::Visualization, &case.visualization),
        ];
        let (kind, whole) = kinds.into_iter().find_map(|(kind, it)| Some((kind, it.clone()?)))?;
        let text = |name: &str, default: &str| whole[name].as_str().unwrap_or(default).to_owned();
        Some(Self {
            kind,
            id: text("id", if kind == Kind::Visualization { DASHBOARD } else { ID }),
            name: text("name", "Sales"),
            whole,
            definition: case.definition.clone(),
        })
    }

    /// `GET /objects/{id}`.
    pub(crate) fn object(&self) -> Value {
        let subtype = if self.kind == Kind::Cube { 776 } else { 768 };
        json!({"id": self.id, "name": self.name, "type": 3, "subtype": subtype})
    }

    /// `GET /v2/reports/{id}`, `GET /v2/cubes/{id}`.
    pub(crate) fn definition(&self) -> Value {
        if let Some(definition) = &self.definition {
            return definition.clone();
        }
        let mut grid = self.whole["definition"]["grid"].clone();
        let mut available: Map<String, Value> =
            ["attributes", "metrics", "customGroups", "consolidations", "hierarchies"]
                .map(|name| (name.to_owned(), json!([])))
                .into_iter()
                .collect();
        let mut add = |name: &str, one: Value| {
            if let Some(Value::Array(list)) = available.get_mut(name) {
                list.push(one);
            }
        };
        for axis in ["pageBy", "rows", "columns"] {
            let units = grid.get_mut(axis).and_then(Value::as_array_mut);
            for unit in units.into_iter().flatten() {
                let kind = unit["type"].as_str().unwrap_or("attribute").to_ascii_lowercase();
                if kind.ends_with("metrics") {
                    let metrics = unit.get_mut("elements").and_then(Value::as_array_mut);
                    for metric in metrics.into_iter().flatten() {
                        // what only an execution knows
                        if let Some(metric) = metric.as_object_mut() {
                            metric.retain(|name, _| !EXECUTED.contains(&name.as_str()));
                        }
                        add("metrics", metric.clone());
                    }
                    continue;
                }
                if let Some(unit) = unit.as_object_mut() {
                    unit.remove("elements");
                }
                let name = match kind.as_str() {
                    "customgroup" => "customGroups",
                    "consolidation" => "consolidations",
                    _ => "attributes",
                };
                add(name, unit.clone());
            }
        }
        let mut definition = json!({"availableObjects": available});
        if self.kind == Kind::Report {
            definition["grid"] = grid;
        }
        json!({"id": self.id, "name": self.name, "definition": definition})
    }

    /// Rows `offset` to `offset + limit` of the grid with these members changed.
    pub(crate) fn page(&self, change: &Value, offset: usize, limit: Option<usize>) -> Value {
        let mut page = self.whole.clone();
        merge(&mut page, change);
        if let Value::Object(page) = &mut page {
            page.entry("id").or_insert_with(|| json!(self.id));
            page.entry("name").or_insert_with(|| json!(self.name));
            page.entry("instanceId").or_insert_with(|| json!(super::served::INSTANCE));
            page.entry("status").or_insert_with(|| json!(1));
        }
        // a change that says its own paging is the page as it is
        if change["data"].get("paging").is_none() {
            cut(&mut page, offset, limit.unwrap_or(1000));
        }
        page
    }
}

/// Cuts rows out, and says so in `paging`.
fn cut(page: &mut Value, offset: usize, limit: usize) {
    let Some(data) = page.get_mut("data").and_then(Value::as_object_mut) else { return };
    let length = |list: Option<&Value>| list.and_then(Value::as_array).map_or(0, Vec::len);
    let headers = length(data.get("headers").and_then(|headers| headers.get("rows")));
    let total = match headers {
        0 => length(data.get("metricValues").and_then(|values| values.get("raw"))),
        some => some,
    };
    let end = offset.saturating_add(limit).min(total);
    let start = offset.min(end);
    let slice = |list: Option<&mut Value>| {
        if let Some(Value::Array(list)) = list
            && list.len() == total
        {
            *list = list[start..end].to_vec();
        }
    };
    slice(data.get_mut("headers").and_then(|headers| headers.get_mut("rows")));
    let paging = json!({"total": total, "current": end - start, "offset": offset, "limit": limit});
    data.insert("paging".to_owned(), paging);
    let Some(values) = data.get_mut("metricValues") else { return };
    let cut_values = |values: &mut Value| {
        for name in ["raw", "formatted", "extras"] {
            slice(values.get_mut(name));
        }
    };
    match values.get_mut("columnSets").and_then(Value::as_array_mut) {
        Some(sets) => sets.iter_mut().for_each(cut_values),
        None => cut_values(values),
    }
}

/// A JSON merge patch: members replace members, null removes them.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        if !patch.is_null() {
            *value = patch.clone();
        }
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Value::Object(members) = value else { return };
    for (name, patch) in patch {
        match patch {
            Value::Null => {
                members.remove(name);
            }
            patch => merge(members.entry(name.clone()).or_insert(Value::Null), patch),
        }
    }
}
