//! Google Cloud as far as a secret needs it: Secret Manager, the metadata server of a machine, the
//! token endpoint of a user's login.
//!
//! What it speaks is checked by the official Python SDK in `cargo xtask interop`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{Reply, Request, contract::Mood, form};

/// The only refresh token that the token endpoint takes.
pub const REFRESH_TOKEN: &str = "google-refresh-token";

/// The stub. Clones share what it holds.
#[derive(Clone, Debug)]
pub struct Gcp(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Versions of each secret (`projects/p/secrets/s`), oldest first.
    secrets: BTreeMap<String, Vec<Version>>,
    mood: Mood,
    checksum: Checksum,
    tokens: usize,
    identities: Vec<String>,
    fetches: usize,
    accessed: Vec<String>,
}

#[derive(Clone, Debug)]
struct Version {
    data: Vec<u8>,
    enabled: bool,
}

/// The checksum that replies carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// That of the data.
    Right,
    /// Another one.
    Wrong,
    /// None.
    Absent,
}

impl Default for Gcp {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            secrets: BTreeMap::new(),
            mood: Mood::Answers,
            checksum: Checksum::Right,
            tokens: 0,
            identities: vec![],
            fetches: 0,
            accessed: vec![],
        })))
    }
}

impl Gcp {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new version of a secret such as `projects/p/secrets/s`. Gives its number.
    pub fn put(&self, secret: &str, data: impl Into<Vec<u8>>) -> usize {
        let mut state = self.state();
        let versions = state.secrets.entry(secret.to_owned()).or_default();
        versions.push(Version { data: data.into(), enabled: true });
        versions.len()
    }

    /// Disables all versions of a secret.
    pub fn disable(&self, secret: &str) {
        for version in self.state().secrets.entry(secret.to_owned()).or_default() {
            version.enabled = false;
        }
    }

    /// How it behaves from now on.
    pub fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// The checksum of its replies from now on.
    pub fn checksum(&self, checksum: Checksum) {
        self.state().checksum = checksum;
    }

    /// How often a version was accessed.
    pub fn fetches(&self) -> usize {
        self.state().fetches
    }

    /// Which versions were accessed.
    pub fn accessed(&self) -> Vec<String> {
        self.state().accessed.clone()
    }

    /// Who got tokens, in order: `metadata`, `refresh`.
    pub fn identities(&self) -> Vec<String> {
        self.state().identities.clone()
    }

    /// What it says to a request; `None` when that is none of its own.
    pub fn answer(&self, request: &Request) -> Option<Reply> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if let Some(path) = path.strip_prefix("/computeMetadata/v1/") {
            return Some(self.metadata(request, path));
        }
        if (request.method.as_str(), path) == ("POST", "/token") {
            return Some(self.refresh(request));
        }
        let path = path.strip_prefix("/v1/")?;
        if !request.header("authorization").starts_with("Bearer google-token-") {
            let text = "Request is missing required authentication credential.";
            return Some(error(401, "UNAUTHENTICATED", text));
        }
        Some(match (request.method.as_str(), path.rsplit_once(':')) {
            ("GET", Some((version, "access"))) => self.access(version),
            ("POST", Some((secret, "addVersion"))) => self.add(request, secret),
            ("POST", Some((version, "disable"))) => self.disable_version(version),
            ("POST", None) => {
                let id = form::parse(query).get("secretId").cloned().unwrap_or_default();
                let name = format!("{path}/{id}");
                self.state().secrets.entry(name.clone()).or_default();
                Reply::json(
                    200,
                    json!({"name": name, "replication": {"automatic": {}}}).to_string(),
                )
            }
            _ => error(404, "NOT_FOUND", "no such method"),
        })
    }

    fn access(&self, path: &str) -> Reply {
        let mut state = self.state();
        state.fetches += 1;
        state.accessed.push(path.to_owned());
        let Some((secret, version)) = path.rsplit_once("/versions/") else {
            return error(404, "NOT_FOUND", "no version");
        };
        let versions = state.secrets.get(secret).map(Vec::as_slice).unwrap_or_default();
        let number = version.parse().unwrap_or(versions.len());
        let found = number.checked_sub(1).and_then(|at| versions.get(at));
        let missing = || {
            let text = format!("Secret [{secret}] not found or has no versions.");
            error(404, "NOT_FOUND", &text)
        };
        match state.mood {
            Mood::Hangs => return Reply::never(),
            Mood::NotFound => return missing(),
            Mood::Throttles => {
                return error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric.");
            }
            Mood::Denies => {
                let text = format!(
                    "Permission 'secretmanager.versions.access' denied for resource '{path}' \
                     (or it may not exist)."
                );
                return error(403, "PERMISSION_DENIED", &text);
            }
            Mood::Garbles => {
                let data = found.map(|version| version.data.clone()).unwrap_or_default();
                let text = String::from_utf8_lossy(&data);
                return Reply::json(200, json!({"name": text, "payload": text}).to_string());
            }
            Mood::Answers => {}
        }
        let Some(version) = found else { return missing() };
        if !version.enabled {
            let text = format!("Secret Version [{secret}/versions/{number}] is in DISABLED state.");
            return error(400, "FAILED_PRECONDITION", &text);
        }
        let mut payload = json!({"data": STANDARD.encode(&version.data)});
        let checksum = crc32c::crc32c(&version.data);
        match state.checksum {
            Checksum::Right => payload["dataCrc32c"] = json!(checksum.to_string()),
            Checksum::Wrong => payload["dataCrc32c"] = json!((checksum ^ 1).to_string()),
            Checksum::Absent => {}
        }
        let name = format!("{secret}/versions/{number}");
        Reply::json(200, json!({"name": name, "payload": payload}).to_string())
    }

    fn add(&self, request: &Request, secret: &str) -> Reply {
        let data =
            request.json()["payload"]["data"].as_str().and_then(|text| STANDARD.decode(text).ok());
        let Some(data) = data else { return error(400, "INVALID_ARGUMENT", "no payload") };
        let number = self.put(secret, data);
        let name = format!("{secret}/versions/{number}");
        Reply::json(200, json!({"name": name, "state": "ENABLED"}).to_string())
    }

    fn disable_version(&self, path: &str) -> Reply {
        let (secret, number) = path.rsplit_once("/versions/").unwrap_or((path, ""));
        let mut state = self.state();
        let versions = state.secrets.get_mut(secret);
        let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match versions.zip(at).and_then(|(versions, at)| versions.get_mut(at)) {
            None => error(404, "NOT_FOUND", "no such version"),
            Some(version) => {
                version.enabled = false;
                Reply::json(200, json!({"name": path, "state": "DISABLED"}).to_string())
            }
        }
    }

    fn metadata(&self, request: &Request, path: &str) -> Reply {
        if request.header("metadata-flavor") != "Google" {
            return Reply::status(403);
        }
        let text = |body: &'static str| {
            Reply::status(200).header("content-type", "application/text").body(body)
        };
        let reply = match path {
            "instance/service-accounts/default/token" => Reply::json(200, self.issue("metadata")),
            "universe/universe-domain" => text("googleapis.com"),
            "project/project-id" => text("p"),
            "instance/service-accounts/default/" => {
                Reply::json(200, r#"{"email":"stub@p.iam.gserviceaccount.com","scopes":[]}"#)
            }
            "" => text("instance/\nproject/\n"),
            _ => Reply::status(404),
        };
        reply.header("Metadata-Flavor", "Google")
    }

    fn refresh(&self, request: &Request) -> Reply {
        let fields = form::parse(&String::from_utf8_lossy(&request.body));
        let json = request.json();
        let token = fields.get("refresh_token").map(String::as_str);
        if token.or_else(|| json["refresh_token"].as_str()) != Some(REFRESH_TOKEN) {
            let body = json!({"error": "invalid_grant", "error_description": "Bad Request"});
            return Reply::json(400, body.to_string());
        }
        Reply::json(200, self.issue("refresh"))
    }

    fn issue(&self, who: &str) -> String {
        let mut state = self.state();
        state.tokens += 1;
        state.identities.push(who.to_owned());
        json!({"access_token": format!("google-token-{}", state.tokens), "expires_in": 3599,
            "token_type": "Bearer"})
        .to_string()
    }
}

fn error(code: u16, status: &str, message: &str) -> Reply {
    let info = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": status,
        "domain": "secretmanager.googleapis.com"}]);
    let error = json!({"code": code, "message": message, "status": status, "details": info});
    Reply::json(code, json!({"error": error}).to_string())
}
