//! `/auth/...`: logins, logouts, tokens.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde_json::Value;

use crate::directory::DELEGATE;
use crate::sessions::{LiveSession, Opening};
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, lock, pipeline, random};

type Request = Extension<RecordedRequest>;

/// `POST /auth/login`: JSON, or a form as mstrio-py sends it for all modes but API keys.
pub(super) async fn login(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    let body = match Body::read(&request) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    // Mode 1 is what the vendor documents as default.
    let mode = match body.number("loginMode", 1) {
        Ok(mode) if mode != DELEGATE => mode,
        _ => return Reply::error(400, "ERR006", "Invalid loginMode"),
    };
    let (username, password) = (body.text("username"), body.text("password"));
    let locked = sim.config.lock_out_after.is_some_and(|limit| {
        sim.sessions(|sessions, _| sessions.failed_in_a_row(username) >= limit)
    });
    let user = lock(&sim.directory).admit(mode, username, password).filter(|_| !locked);
    let Some(user) = user else {
        sim.sessions(|sessions, _| sessions.login_failed(username));
        return Reply::login_failed();
    };
    let opening = match body.opening(user, mode, request.node()) {
        Ok(opening) => opening,
        Err(refusal) => return refusal,
    };
    let session = sim.sessions(|sessions, now| {
        sessions.login_succeeded(username);
        sessions.open(opening, now)
    });
    welcome(&sim, &session)
}

/// `POST /auth/delegate`: a session from an identity token. Clients send the `loginMode` -1 as a
/// number or as text, and the token in the body or (Power BI) also as a header.
pub(super) async fn delegate(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    let body = match Body::read(&request) {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    if body.number("loginMode", DELEGATE) != Ok(DELEGATE) {
        return Reply::error(400, "ERR006", "Invalid loginMode");
    }
    let in_header = request.header("x-mstr-identitytoken").unwrap_or_default();
    let identity = Some(body.text("identityToken")).filter(|text| !text.is_empty());
    let session = sim.sessions(|sessions, now| {
        let node = request.node();
        let opening = |user| Opening::new(user, DELEGATE, node);
        sessions.delegate(identity.unwrap_or(in_header), opening, now)
    });
    session.map_or_else(Reply::login_failed, |session| welcome(&sim, &session))
}

/// `POST /auth/logout`.
pub(super) async fn logout(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    match sim.session_of(&request) {
        Some(session) => {
            sim.end_session(&session);
            Reply::new(204)
        }
        None => Reply::session_expired(),
    }
}

/// `POST /auth/identityToken`: the token comes in a header.
pub(super) async fn create_identity_token(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let generation = request.session().unwrap_or_default();
    match sim.sessions(|sessions, _| sessions.create_identity(generation)) {
        Some(token) => Reply::new(201).header("x-mstr-identitytoken", &token),
        None => Reply::session_expired(),
    }
}

/// `GET /auth/identityToken`: whether the token in the header is valid.
pub(super) async fn validate_identity_token(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
) -> Reply {
    let token = request.header("x-mstr-identitytoken").unwrap_or_default();
    if sim.sessions(|sessions, _| sessions.knows_identity(token)) {
        Reply::new(200)
    } else {
        Reply::error(401, "ERR003", "The identity token is invalid")
    }
}

/// `GET /auth/token`: the token for the session that the cookies name, after a browser sign-on.
pub(super) async fn token(State(sim): State<Arc<Sim>>, Extension(request): Request) -> Reply {
    let (jsessionid, isession) = (request.cookie("JSESSIONID"), request.cookie("iSession"));
    let token = sim.sessions(|sessions, now| {
        let found = sessions.by_cookies(jsessionid, isession)?;
        let at_home = !sim.config.sticky || found.node == request.node();
        let (generation, token) = (found.generation, found.token.clone());
        sessions.touch(generation, now);
        at_home.then_some(token)
    });
    token.map_or_else(Reply::session_expired, |token| {
        Reply::new(204).header("x-mstr-authtoken", &token)
    })
}

/// `POST /auth/apiTokens`: a new API key for the user of the session, or for the one whose id
/// the body names.
pub(super) async fn create_api_token(
    State(sim): State<Arc<Sim>>,
    Extension(request): Request,
) -> Reply {
    if let Err(refusal) = pipeline::enter(&sim, &request, None) {
        return refusal;
    }
    let body: Value = request.json().unwrap_or_default();
    let mut directory = lock(&sim.directory);
    let own = request.user().unwrap_or_default();
    let owner = match body.get("userId").and_then(Value::as_str) {
        None => Some(own.to_owned()),
        Some(id) => {
            let mut users = directory.users.iter();
            users.find_map(|(name, user)| (user.id == id).then(|| name.clone()))
        }
    };
    let Some(owner) = owner else {
        return Reply::error(404, "ERR004", "The user was not found");
    };
    let key = random::token();
    directory.api_keys.insert(key.clone(), owner);
    Reply::json(200, &serde_json::json!({ "apiToken": key }))
}

/// The reply to a login: 204 with the token and the cookies `JSESSIONID` and `iSession`, the
/// latter the token itself (recorded).
fn welcome(sim: &Sim, session: &LiveSession) -> Reply {
    let path = sim.cookie_path();
    let secure = if sim.config.is_tls() { "; Secure" } else { "" };
    let cookie = |name, value| format!("{name}={value}; Path={path}{secure}; HttpOnly");
    Reply::new(204)
        .header("x-mstr-authtoken", &session.token)
        .add_header("set-cookie", &cookie("JSESSIONID", &session.jsessionid))
        .add_header("set-cookie", &cookie("iSession", &session.token))
}

/// The members of a login body, whatever form it came in.
struct Body(BTreeMap<String, String>);

impl Body {
    fn read(request: &RecordedRequest) -> Result<Self, Reply> {
        let content_type = request.header("content-type").unwrap_or_default();
        let media = content_type.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let pairs = form_urlencoded::parse(request.body()).into_owned();
            return Ok(Self(pairs.collect()));
        }
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(Reply::error(415, "ERR001", "HTTP 415 Unsupported Media Type"));
        }
        let Ok(Value::Object(members)) = request.json() else {
            return Err(Reply::error(400, "ERR006", "Invalid JSON"));
        };
        let members = members.into_iter().filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name, text)),
            other => Some((name, other.to_string())),
        });
        Ok(Self(members.collect()))
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str, default: i64) -> Result<i64, ()> {
        self.0.get(name).map_or(Ok(default), |text| text.trim().parse().map_err(|_| ()))
    }

    fn opening(&self, user: String, mode: i64, node: usize) -> Result<Opening, Reply> {
        let number = |name: &str, default| {
            let invalid = |()| Reply::error(400, "ERR006", &format!("Invalid {name}"));
            self.number(name, default).map_err(invalid)
        };
        let plain = Opening::new(user, mode, node);
        Ok(Opening {
            working_set: number("workingSet", plain.working_set)?,
            max_search: number("maxSearch", plain.max_search)?,
            ..plain
        })
    }
}
