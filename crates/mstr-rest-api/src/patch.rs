//! Changes as a list of operations, what the server takes with `PATCH`.

use serde::Serialize;
use serde_json::Value;

/// `{"operationList": [{"op": "replace", "path": "/enabled", "value": false}]}`
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operations {
    operation_list: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Operation {
    op: Op,
    path: String,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Op {
    Add,
    Remove,
    Replace,
    AddElements,
    RemoveElements,
}

impl Operations {
    /// One more, for a member.
    pub(crate) fn push(&mut self, op: Op, member: &str, value: Value) {
        // as JSON pointers have it
        let member = member.replace('~', "~0").replace('/', "~1");
        self.operation_list.push(Operation { op, path: format!("/{member}"), value });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operation_list.is_empty()
    }
}
