//! `{"operationList": [{"op": "replace", "path": "/enabled", "value": false}]}`: what `PATCH` takes.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::data::invalid;
use crate::Reply;

/// One operation.
pub(super) struct Operation<'a> {
    pub(super) op: &'a str,
    /// The member, without the slash.
    pub(super) member: &'a str,
    pub(super) value: &'a Json,
}

/// The operations of a body, which must have some.
pub(super) fn operations(body: &Json) -> Result<Vec<Operation<'_>>, Reply> {
    let list = body.get("operationList").and_then(Json::as_array);
    let list = list.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| invalid("operationList is missing"))?;
    let bad = || invalid("operationList has a bad operation");
    list.iter().map(|one| read(one).ok_or_else(bad)).collect()
}

fn read(one: &Json) -> Option<Operation<'_>> {
    let member = one.get("path")?.as_str()?.strip_prefix('/')?;
    Some(Operation { op: one.get("op")?.as_str()?, member, value: one.get("value")? })
}

impl Operation<'_> {
    /// The ids of the value: a list, or one.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        let one = |value: &Json| {
            let id = value.get("id").unwrap_or(value);
            id.as_str().map(str::to_owned).or_else(|| id.as_u64().map(|id| id.to_string()))
        };
        match self.value {
            Json::Array(list) => list.iter().filter_map(one).collect(),
            value => one(value).into_iter().collect(),
        }
    }

    /// Adds, takes away or replaces ids.
    pub(super) fn apply(&self, set: &mut BTreeSet<String>) -> Result<(), Reply> {
        match self.op {
            "add" | "addElement" | "addElements" => set.extend(self.ids()),
            "remove" | "removeElement" | "removeElements" => {
                let ids = self.ids();
                set.retain(|id| !ids.contains(id));
            }
            "replace" => *set = self.ids(),
            op => return Err(invalid(&format!("Unknown op {op}"))),
        }
        Ok(())
    }

    /// The text to put in place of another one.
    pub(super) fn text(&self) -> Result<String, Reply> {
        let text = self.value.as_str().filter(|_| self.op == "replace");
        text.map(str::to_owned).ok_or_else(|| invalid(&format!("{} must be text", self.member)))
    }
}
