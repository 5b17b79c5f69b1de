//! Privileges: a few, with made-up ids and names.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::directory::Group;

/// Ids and names. They are made up; the members around them are those that clients read.
pub(super) const PRIVILEGES: [(&str, &str); 3] =
    [("1", "Create application objects"), ("2", "Use report editor"), ("3", "Web user")];

/// Those of a user or a group, and where each comes from.
pub(super) fn shown(direct: &BTreeSet<String>, groups: &[&Group]) -> Json {
    let shown = PRIVILEGES.iter().filter_map(|(id, name)| {
        let mut sources = Vec::new();
        if direct.contains(*id) {
            sources.push(json!({ "direct": true }));
        }
        for group in groups.iter().filter(|group| group.privileges.contains(*id)) {
            let group = json!({ "id": group.id, "name": group.name });
            sources.push(json!({ "direct": false, "group": group }));
        }
        let privilege = json!({ "id": id, "name": name, "description": "" });
        (!sources.is_empty()).then(|| json!({ "privilege": privilege, "sources": sources }))
    });
    json!({ "privileges": shown.collect::<Vec<_>>() })
}
