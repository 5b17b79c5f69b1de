//! The control endpoint for clients in other languages. Off unless asked for.

use std::time::Duration;

use http::{Method, Uri};
use serde::Serialize;

use crate::Reply;
use crate::sim::Sim;

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

fn query(uri: &Uri, name: &str) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}
