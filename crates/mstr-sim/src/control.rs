//! The control endpoint for clients in other languages. Off unless asked for.

use std::time::Duration;

use http::{Method, Uri};
use serde::Serialize;

use crate::sim::Sim;
use crate::{Reply, Table, lock};

pub(crate) const PREFIX: &str = "/__sim__/";

/// What the journal shows to the outside: no value that a client sent.
#[derive(Serialize)]
struct Entry {
    method: String,
    endpoint: String,
    user: Option<String>,
    session: Option<u64>,
    node: usize,
    status: Option<u16>,
}

#[derive(Serialize)]
struct Session {
    generation: u64,
    user: String,
    login_mode: i64,
    node: usize,
}

pub(crate) fn answer(sim: &Sim, method: &Method, uri: &Uri) -> Reply {
    let action = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    match (method.as_str(), action) {
        ("POST", "expire") => {
            let ended = sim.sessions(|sessions, _| match query(uri, "user") {
                Some(user) => sessions.end_user(&user),
                None => sessions.end_all(),
            });
            Reply::json(200, &serde_json::json!({ "expired": ended }))
        }
        ("POST", "advance") => match query(uri, "seconds").and_then(|text| text.parse().ok()) {
            Some(seconds) => {
                sim.clock.advance(Duration::from_secs(seconds));
                Reply::new(204)
            }
            None => Reply::json(400, "advance needs ?seconds=NUMBER"),
        },
        ("POST", "revoke-identity-tokens") => {
            sim.sessions(|sessions, _| sessions.revoke_identities());
            Reply::new(204)
        }
        ("POST", "clear-journal") => {
            sim.journal.clear();
            Reply::new(204)
        }
        ("POST", "expire-instances") => {
            let expired = lock(&sim.data).expire();
            Reply::json(200, &serde_json::json!({ "expired": expired }))
        }
        ("GET", "table") => table(sim, uri),
        ("GET", "journal") => Reply::json(200, &journal(sim)),
        ("GET", "sessions") => Reply::json(200, &sessions(sim)),
        _ => Reply::json(404, "no such control"),
    }
}

fn journal(sim: &Sim) -> Vec<Entry> {
    let entry = |request: crate::RecordedRequest| Entry {
        method: request.method().to_string(),
        endpoint: request.endpoint().to_owned(),
        user: request.user().map(str::to_owned),
        session: request.session(),
        node: request.node(),
        status: request.status().map(|status| status.as_u16()),
    };
    sim.journal.all().into_iter().map(entry).collect()
}

fn sessions(sim: &Sim) -> Vec<Session> {
    let session = |session: crate::LiveSession| Session {
        generation: session.generation,
        user: session.user,
        login_mode: session.login_mode,
        node: session.node,
    };
    sim.sessions(|sessions, _| sessions.all()).into_iter().map(session).collect()
}

/// Rows of what a report or a cube holds: a client in another language compares with them.
fn table(sim: &Sim, uri: &Uri) -> Reply {
    let id = query(uri, "id").unwrap_or_default();
    let found = lock(&sim.data).source(&id).map(|source| Table::new(source.data.clone()));
    let Some(table) = found else { return Reply::json(404, "no such report or cube") };
    let number = |name: &str| query(uri, name).and_then(|text| text.parse::<u64>().ok());
    let start = number("offset").unwrap_or(0).min(table.len());
    let rows = number("limit").unwrap_or(u64::MAX).min(table.len() - start);
    let rows: Vec<_> = (start..start + rows).map(|row| table.row(row)).collect();
    let (columns, total) = (table.columns(), table.len());
    Reply::json(200, &serde_json::json!({ "columns": columns, "total": total, "rows": rows }))
}

fn query(uri: &Uri, name: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}
