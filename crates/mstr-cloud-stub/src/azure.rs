//! Azure as far as a secret needs it: a Key Vault with its challenge, Entra's token endpoint, the
//! managed identities of App Service and of virtual machines.
//!
//! What it speaks is checked by the official Python SDKs in `cargo xtask interop`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

use crate::{Reply, Request, contract::Mood, form};

/// What App Service tells its processes in `IDENTITY_HEADER`.
pub const IDENTITY_HEADER: &str = "app-service-header";
/// The only client secret that the token endpoint takes.
pub const CLIENT_SECRET: &str = "entra-client-secret";
/// The only federated token that it takes.
pub const FEDERATED_TOKEN: &str = "federated-token";

/// The stub. Clones share what it holds.
#[derive(Clone, Debug)]
pub struct Azure(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Versions of each secret, oldest first.
    secrets: BTreeMap<String, Vec<Version>>,
    mood: Mood,
    domain: String,
    /// Tokens that are good, and what for.
    tokens: BTreeMap<String, String>,
    identities: Vec<String>,
    /// Whether the machine has an identity.
    assigned: bool,
    fetches: usize,
}

#[derive(Clone, Debug)]
struct Version {
    id: String,
    value: Option<String>,
    enabled: bool,
}

impl Default for Azure {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            secrets: BTreeMap::new(),
            mood: Mood::Answers,
            domain: "vault.azure.net".to_owned(),
            tokens: BTreeMap::new(),
            identities: vec![],
            assigned: true,
            fetches: 0,
        })))
    }
}

impl Azure {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new version of a secret, without a value if there is none. Gives its id.
    pub fn put(&self, name: &str, value: Option<&str>) -> String {
        let mut state = self.state();
        let versions = state.secrets.entry(name.to_owned()).or_default();
        let id = format!("{:032x}", 0xa000 + versions.len());
        versions.push(Version { id: id.clone(), value: value.map(str::to_owned), enabled: true });
        id
    }

    /// Disables all versions of a secret.
    pub fn disable(&self, name: &str) {
        for version in self.state().secrets.entry(name.to_owned()).or_default() {
            version.enabled = false;
        }
    }

    /// How it behaves from now on.
    pub fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// The domain that its challenges ask a token for: `vault.azure.net` unless set.
    pub fn domain(&self, domain: &str) {
        domain.clone_into(&mut self.state().domain);
    }

    /// Whether the machine has a managed identity; it has unless set.
    pub fn assigned(&self, assigned: bool) {
        self.state().assigned = assigned;
    }

    /// How often a secret was asked for with a token.
    pub fn fetches(&self) -> usize {
        self.state().fetches
    }

    /// A token that the vault takes.
    pub fn token(&self) -> String {
        let mut state = self.state();
        let audience = format!("https://{}", state.domain);
        issue(&mut state, "test", &audience)
    }

    /// Who got tokens, in order: `secret CLIENT`, `federated CLIENT`, `app-service`, `imds`.
    pub fn identities(&self) -> Vec<String> {
        self.state().identities.clone()
    }

    /// What it says to a request; `None` when that is none of its own.
    pub fn answer(&self, request: &Request) -> Option<Reply> {
        let mut state = self.state();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let words: Vec<&str> = path.trim_matches('/').split('/').collect();
        let query = form::parse(query);
        Some(match (request.method.as_str(), words.as_slice()) {
            ("GET", ["secrets", name]) => get(&mut state, request, name, None),
            ("GET", ["secrets", name, version]) => get(&mut state, request, name, Some(version)),
            ("PUT", ["secrets", name]) => {
                drop(state);
                self.set_secret(request, name)
            }
            ("POST", [_, "oauth2", "v2.0", "token"]) => entra(&mut state, request),
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                discovery(request, tenant)
            }
            ("GET", ["metadata", "identity", "oauth2", "token"]) => {
                imds(&mut state, request, &query)
            }
            ("GET", ["msi", "token"]) => app_service(&mut state, request, &query),
            _ => return None,
        })
    }

    fn set_secret(&self, request: &Request, name: &str) -> Reply {
        if let Some(refused) = refused(&mut self.state(), request) {
            return refused;
        }
        let id = self.put(name, request.json()["value"].as_str());
        let state = self.state();
        let version = state.secrets[name].iter().find(|version| version.id == id);
        version.map_or_else(|| Reply::status(500), |version| bundle(request, name, version))
    }
}

fn issue(state: &mut State, identity: &str, audience: &str) -> String {
    let token = format!("azure-token-{}", state.tokens.len());
    state.tokens.insert(token.clone(), audience.trim_end_matches('/').to_owned());
    if identity != "test" {
        state.identities.push(identity.to_owned());
    }
    token
}

fn error(status: u16, code: &str, message: &str, inner: Option<&str>) -> Reply {
    let inner = inner.map(|code| json!({"code": code}));
    let mut error = json!({"code": code, "message": message});
    if let Some(inner) = inner {
        error["innererror"] = inner;
    }
    Reply::json(status, json!({"error": error}).to_string())
}

/// The challenge of a request without a token, or with one for something else.
fn refused(state: &mut State, request: &Request) -> Option<Reply> {
    let audience = format!("https://{}", state.domain);
    let token = request.header("authorization").strip_prefix("Bearer ");
    if token.is_some_and(|token| state.tokens.get(token) == Some(&audience)) {
        return None;
    }
    let authority = format!("https://{}/tenant", request.header("host"));
    let challenge = format!(r#"Bearer authorization="{authority}", resource="{audience}""#);
    let message = "AKV10000: Request is missing a Bearer or PoP token.";
    Some(error(401, "Unauthorized", message, None).header("WWW-Authenticate", challenge))
}

fn get(state: &mut State, request: &Request, name: &str, version: Option<&str>) -> Reply {
    if let Some(refused) = refused(state, request) {
        return refused;
    }
    state.fetches += 1;
    let versions = state.secrets.get(name).map(Vec::as_slice).unwrap_or_default();
    let found = match version {
        None => versions.last(),
        Some(id) => versions.iter().find(|version| version.id == id),
    };
    match state.mood {
        Mood::Hangs => return Reply::never(),
        // with the escapes of the real one
        Mood::Denies => {
            let text = "Caller is not authorized to perform action on resource.\r\nIf role \
                        assignments were changed recently, please observe propagation time.\r\n";
            return error(403, "Forbidden", text, Some("ForbiddenByRbac"));
        }
        Mood::NotFound => return missing(name),
        Mood::Throttles => {
            let text = "Request was not processed because too many requests were received.";
            return error(429, "Throttled", text, None);
        }
        Mood::Garbles => {
            let value = found.and_then(|version| version.value.clone()).unwrap_or_default();
            let garbled = json!({"value": {"value": value}, "id": value, "attributes": value});
            return Reply::json(200, garbled.to_string());
        }
        Mood::Answers => {}
    }
    match found {
        None => missing(name),
        Some(version) if !version.enabled => {
            let text = "Operation get is not allowed on a disabled secret.";
            error(403, "Forbidden", text, Some("SecretDisabled"))
        }
        Some(version) => bundle(request, name, version),
    }
}

fn missing(name: &str) -> Reply {
    let text = format!("A secret with (name/id) {name} was not found in this key vault.");
    error(404, "SecretNotFound", &text, None)
}

fn bundle(request: &Request, name: &str, version: &Version) -> Reply {
    let mut body = json!({
        "id": format!("https://{}/secrets/{name}/{}", request.header("host"), version.id),
        "attributes": {"enabled": version.enabled, "created": 1_700_000_000, "updated": 1_700_000_000},
        "tags": {},
    });
    if let Some(value) = &version.value {
        body["value"] = json!(value);
    }
    Reply::json(200, body.to_string())
}

fn entra(state: &mut State, request: &Request) -> Reply {
    let body = String::from_utf8_lossy(&request.body);
    let fields = form::parse(&body);
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let who = match (field("client_secret"), field("client_assertion")) {
        (CLIENT_SECRET, _) => "secret",
        ("", FEDERATED_TOKEN) => "federated",
        _ => {
            // with the escapes of the real one
            let text = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 0";
            let body = json!({"error": "invalid_client", "error_description": text,
                "error_codes": [7_000_215]});
            return Reply::json(401, body.to_string());
        }
    };
    let audience = field("scope").trim_end_matches("/.default").to_owned();
    let token = issue(state, &format!("{who} {}", field("client_id")), &audience);
    let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token});
    Reply::json(200, body.to_string())
}

/// Only Python looks at this.
fn discovery(request: &Request, tenant: &str) -> Reply {
    let base = format!("https://{}/{tenant}", request.header("host"));
    let body = json!({
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "issuer": format!("{base}/v2.0"),
    });
    Reply::json(200, body.to_string())
}

fn imds(state: &mut State, request: &Request, query: &BTreeMap<String, String>) -> Reply {
    if request.header("metadata") != "true" {
        return Reply::json(
            400,
            r#"{"error":"invalid_request","error_description":"Required metadata header not specified"}"#,
        );
    }
    if !state.assigned {
        return Reply::json(
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        );
    }
    managed(state, "imds", query)
}

fn app_service(state: &mut State, request: &Request, query: &BTreeMap<String, String>) -> Reply {
    if request.header("x-identity-header") != IDENTITY_HEADER {
        return Reply::json(401, r#"{"statusCode":401,"message":"wrong header"}"#);
    }
    managed(state, "app-service", query)
}

fn managed(state: &mut State, who: &str, query: &BTreeMap<String, String>) -> Reply {
    let resource = query.get("resource").map(String::as_str).unwrap_or_default();
    let client = query.get("client_id").map(|id| format!(" {id}")).unwrap_or_default();
    let token = issue(state, &format!("{who}{client}"), resource);
    // far away, and a text: that is what the services send
    let body: Value = json!({"access_token": token, "expires_on": "4102444800", "expires_in": "86399",
        "resource": resource, "token_type": "Bearer"});
    Reply::json(200, body.to_string())
}
