//! What belongs to the whole server: schedules, events, security, data sources. Names are made up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use super::LONG_AGO;
use crate::random;

/// A security filter.
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) members: BTreeSet<String>,
}

/// SQL that is being executed.
pub(crate) struct Sql {
    pub(crate) statement: String,
    /// How often a client is told that it still runs.
    pub(crate) polls: usize,
}

/// All of that, mostly as it is shown.
pub(crate) struct Server {
    pub(crate) schedules: BTreeMap<String, Json>,
    pub(crate) events: BTreeMap<String, Json>,
    pub(crate) roles: BTreeMap<String, Json>,
    pub(crate) filters: BTreeMap<String, Filter>,
    pub(crate) datasources: BTreeMap<String, Json>,
    pub(crate) subscriptions: BTreeMap<String, Json>,
    pub(crate) sql: HashMap<String, Sql>,
}

fn named(kind: &str, name: &str, more: &Json) -> (String, Json) {
    let id = random::id_of(&format!("{kind} {name}"));
    let mut shown = json!({ "id": id, "name": name, "description": "" });
    if let (Some(shown), Some(more)) = (shown.as_object_mut(), more.as_object()) {
        shown.extend(more.clone());
    }
    (id, shown)
}

impl Server {
    pub(crate) fn new() -> Self {
        let (event, loaded) = named("event", "Database Load", &json!({}));
        let schedules = [
            named(
                "schedule",
                "All the Time",
                &json!({
                    "scheduleType": "time_based",
                    "scheduleNextDelivery": format!("{LONG_AGO}.000+0000"),
                    "expired": false,
                }),
            ),
            named(
                "schedule",
                "At Database Load",
                &json!({
                    "scheduleType": "event_based",
                    "expired": false,
                    "event": { "eventId": event, "name": "Database Load" },
                }),
            ),
        ];
        let privileges = json!({ "privileges": [{ "id": "3", "name": "Web user" }] });
        let filter = Filter { name: "Own Region".to_owned(), members: BTreeSet::new() };
        let warehouse = json!({
            "datasourceType": "normal",
            "dbms": { "id": random::id_of("dbms"), "name": "PostgreSQL" },
        });
        Self {
            schedules: schedules.into_iter().collect(),
            events: [(event, loaded)].into_iter().collect(),
            roles: [named("role", "Normal Users", &privileges)].into_iter().collect(),
            filters: [(random::id_of("filter Own Region"), filter)].into_iter().collect(),
            datasources: [named("datasource", "Warehouse", &warehouse)].into_iter().collect(),
            subscriptions: BTreeMap::new(),
            sql: HashMap::new(),
        }
    }
}
