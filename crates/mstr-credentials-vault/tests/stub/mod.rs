//! A KV version 2 engine with AppRole and Kubernetes logins, and as much of a vault's
//! administration as the tests in `server.rs` need.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mstr_cloud_stub::{Reply, Request, Responder, contract::Mood};
use mstr_credentials_vault::{VaultSecret, kv};
use serde_json::{Value, json};

/// May do everything.
pub(crate) const ROOT: &str = "root-token";
pub(crate) const ROLE_ID: &str = "role-1";
pub(crate) const SECRET_ID: &str = "cAnArYsEcReTiD-5d1f";
pub(crate) const JWT: &str = "cAnArYjWt-88c1";

#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) server: Responder,
    shared: Arc<Mutex<State>>,
}

struct State {
    /// By namespace, mount and path.
    secrets: BTreeMap<String, Vec<Version>>,
    /// What may read, and how often still.
    tokens: BTreeMap<String, u64>,
    /// How often a token of a login may read.
    uses: u64,
    lease: u64,
    logins: usize,
    mood: Mood,
    fetches: usize,
}

#[derive(Clone, Default)]
struct Version {
    data: String,
    deleted: bool,
    destroyed: bool,
}

impl Stub {
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Mutex::new(State {
            secrets: BTreeMap::new(),
            tokens: BTreeMap::from([(ROOT.to_owned(), u64::MAX)]),
            uses: u64::MAX,
            lease: 3600,
            logins: 0,
            mood: Mood::Answers,
            fetches: 0,
        }));
        let state = Arc::clone(&shared);
        let server = Responder::start(move |request| lock(&state).answer(request));
        Self { server, shared }
    }

    pub(crate) fn secret(&self, path: &str) -> VaultSecret {
        kv("secret", path).address(self.server.url()).token(ROOT)
    }

    pub(crate) fn app_role(&self, path: &str) -> VaultSecret {
        kv("secret", path).address(self.server.url()).app_role(ROLE_ID, SECRET_ID)
    }

    /// A new version: an object as it is, anything else as a JSON text.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let is_json = serde_json::from_str::<Value>(text).is_ok();
        let data = if is_json { text.to_owned() } else { json!(text).to_string() };
        self.state().write(format!("/secret/{path}"), data);
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Requests for a secret.
    pub(crate) fn fetches(&self) -> usize {
        self.state().fetches
    }

    pub(crate) fn logins(&self) -> usize {
        self.state().logins
    }

    /// Tokens of later logins may read so often, for so many seconds.
    pub(crate) fn tokens_last(&self, uses: u64, lease: u64) {
        let mut state = self.state();
        (state.uses, state.lease) = (uses, lease);
    }

    /// All tokens of logins, from now on.
    pub(crate) fn revoke(&self) {
        self.state().tokens.retain(|token, _| token == ROOT);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Reply {
        assert_eq!(request.header("x-vault-request"), "true");
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let path = path.strip_prefix("/v1/").unwrap_or_default();
        if let Some(auth) = path.strip_prefix("auth/").and_then(|path| path.strip_suffix("/login"))
        {
            return self.login(auth, &request.json());
        }
        self.fetches += 1;
        match self.mood {
            Mood::Hangs => return Reply::never(),
            Mood::Denies => return failure(403, "1 error occurred:\n\t* permission denied\n\n"),
            Mood::NotFound => return Reply::json(404, r#"{"errors":[]}"#),
            _ => {}
        }
        match self.tokens.get_mut(request.header("x-vault-token")) {
            Some(uses) if *uses > 0 => *uses -= 1,
            _ => {
                return failure(
                    403,
                    "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n",
                );
            }
        }
        let is_root = request.header("x-vault-token") == ROOT;
        if is_root && let Some(reply) = self.administered(path, request) {
            return reply;
        }
        let Some((mount, path)) = path.split_once("/data/") else {
            return failure(404, "no handler for route");
        };
        // what the policy of the roles does not name
        if !is_root && path.starts_with("forbidden") {
            return failure(403, "1 error occurred:\n\t* permission denied\n\n");
        }
        let key = format!("{}/{mount}/{path}", request.header("x-vault-namespace"));
        if request.method == "POST" {
            self.write(key, request.json()["data"].to_string());
            return Reply::json(200, "{}");
        }
        let Some(versions) = self.secrets.get_mut(&key) else {
            return Reply::json(404, r#"{"errors":[]}"#);
        };
        let number = query.strip_prefix("version=").map(|number| number.parse().unwrap());
        let number: usize = number.unwrap_or(versions.len());
        let Some(version) = versions.get_mut(number.wrapping_sub(1)) else {
            return Reply::json(404, r#"{"errors":[]}"#);
        };
        if request.method == "DELETE" {
            version.deleted = true;
            return Reply::status(204);
        }
        let gone = version.deleted || version.destroyed;
        let time = if version.deleted { "2026-01-02T03:04:05Z" } else { "" };
        let metadata =
            json!({"version": number, "deletion_time": time, "destroyed": version.destroyed});
        let data = if gone { "null" } else { &version.data };
        let body =
            format!(r#"{{"request_id":"r","data":{{"data":{data},"metadata":{metadata}}}}}"#);
        match self.mood {
            Mood::Garbles => Reply::json(200, body.replace("\"metadata\":", "\"metadata\"")),
            _ => Reply::json(if gone { 404 } else { 200 }, body),
        }
    }

    fn write(&mut self, key: String, data: String) {
        let versions = self.secrets.entry(key).or_default();
        versions.push(Version { data, ..Version::default() });
    }

    fn administered(&mut self, path: &str, request: &Request) -> Option<Reply> {
        if let Some(path) = path.strip_prefix("secret/destroy/") {
            for version in self.secrets.get_mut(&format!("/secret/{path}"))? {
                version.destroyed = true;
            }
            return Some(Reply::status(204));
        }
        if path.starts_with("sys/") {
            return Some(Reply::status(204));
        }
        let role = path.strip_prefix("auth/approle/role/")?;
        Some(match role.split_once('/') {
            None => {
                self.uses = request.json()["token_num_uses"].as_u64().unwrap_or(u64::MAX);
                Reply::status(204)
            }
            Some((_, "role-id")) => {
                Reply::json(200, json!({"data": {"role_id": ROLE_ID}}).to_string())
            }
            Some(_) => Reply::json(200, json!({"data": {"secret_id": SECRET_ID}}).to_string()),
        })
    }

    fn login(&mut self, mount: &str, body: &Value) -> Reply {
        let good = match mount {
            "approle" | "team/approle" => {
                body["role_id"] == ROLE_ID && body["secret_id"] == SECRET_ID
            }
            "kubernetes" => body["role"] == "mstr" && body["jwt"] == JWT,
            _ => return failure(404, "no handler for route"),
        };
        if !good {
            // a vault that repeats what it was sent
            let sent = body["secret_id"].as_str().or_else(|| body["jwt"].as_str()).unwrap_or("");
            return failure(400, &format!("invalid role or secret ID {sent}"));
        }
        self.logins += 1;
        let token = format!("hvs.cAnArYtOkEn-{}", self.logins);
        self.tokens.insert(token.clone(), self.uses);
        let auth = json!({"client_token": token, "lease_duration": self.lease, "renewable": true});
        Reply::json(200, json!({ "auth": auth }).to_string())
    }
}

fn failure(status: u16, text: &str) -> Reply {
    Reply::json(status, json!({"errors": [text]}).to_string())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
