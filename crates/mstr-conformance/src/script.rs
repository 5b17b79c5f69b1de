//! What the server answers: the replies of the case first, then the default server.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::case::{Given, Reply, Rule, SideEffect, Text, TransportError};
use crate::server::Replies;

/// Where the token that the session holds is looked at; not part of the case.
pub(crate) const PROBE: &str = "conformance-probe";
const BASE_URL: &str = "https://mstr.example.com/api/";
const TOKEN: &str = "x-mstr-authtoken";

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    /// Without a default port.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// All values of a header, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }
}

/// What happens to a request.
pub(crate) enum Answer {
    Reply(Wire),
    Fails(TransportError),
}

/// A reply as it goes out.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) side_effect: Option<SideEffect>,
}

pub(crate) struct Script {
    base_url: String,
    rules: Vec<Rule>,
    pub(crate) projects: Value,
    enforce_tokens: bool,
    slow: BTreeMap<String, f64>,
    calls: BTreeMap<String, u32>,
    logins: u32,
    /// Tokens that the server knows.
    live: HashSet<String>,
    pub(crate) requests: Vec<Recorded>,
    /// What the steps that run are about to send: a refused connection shows no request.
    pub(crate) announced: Vec<(String, String)>,
    /// The token of the last probe.
    pub(crate) probed: Option<String>,
    /// The token that was given last.
    pub(crate) given: Option<String>,
}

/// The base URL that the case gives the session, as it reads back.
pub(crate) fn base_url(given: &Given) -> String {
    let text = match &given.session.base_url {
        Some(Text::Literal(text)) => Some(text.as_str()),
        Some(Text::Provider(texts)) => texts.provider.first().and_then(Option::as_deref),
        Some(Text::Vault(_)) | None => None,
    };
    let mut base = text
        .and_then(|text| url::Url::parse(text).ok())
        .map_or_else(|| BASE_URL.to_owned(), String::from);
    if !base.ends_with('/') {
        base.push('/');
    }
    base
}

impl Script {
    pub(crate) fn new(given: &Given) -> Self {
        let default = json!([{"id": "P1", "name": "Tutorial"}, {"id": "P2", "name": "Sales"}]);
        Self {
            base_url: base_url(given),
            rules: given.replies.clone(),
            projects: given.projects.clone().unwrap_or(default),
            enforce_tokens: given.enforce_tokens,
            slow: given.slow.clone(),
            calls: BTreeMap::new(),
            logins: 0,
            live: given.preset.token.iter().cloned().collect(),
            requests: Vec::new(),
            announced: Vec::new(),
            probed: None,
            given: None,
        }
    }

    pub(crate) fn expire_sessions(&mut self) {
        self.live.clear();
    }

    /// How often a request such as `PUT sessions` came.
    pub(crate) fn count(&self, request: &str) -> usize {
        let is = |seen: &&Recorded| format!("{} {}", seen.method, self.path(&seen.url)) == request;
        self.requests.iter().filter(is).count()
    }

    /// Without query, and relative to the base URL if it is below it.
    pub(crate) fn path<'a>(&self, url: &'a str) -> &'a str {
        let url = without_query(url);
        url.strip_prefix(&self.base_url).unwrap_or(url)
    }

    fn rule(&self, method: &str, url: &str) -> Option<usize> {
        let url = without_query(url);
        self.rules.iter().position(|rule| {
            rule.times != Some(0)
                && rule.matches.url == url
                && rule.matches.method.as_deref().is_none_or(|wanted| wanted == method)
        })
    }

    fn used(&mut self, rule: usize) {
        if let Some(times) = &mut self.rules[rule].times {
            *times -= 1;
        }
    }

    fn default_reply(&mut self, method: &str, url: &str, token: Option<&str>) -> Wire {
        let path = without_query(url);
        let is = |wanted: &str, end: &str| method == wanted && path.ends_with(end);
        let just = |status| Wire { status, ..Wire::default() };
        if is("POST", "/auth/login") || is("POST", "/auth/delegate") {
            self.logins += 1;
            let token = format!("token-{}", self.logins);
            return Wire { headers: vec![("X-MSTR-AuthToken".into(), token)], ..just(204) };
        }
        if is("POST", "/auth/logout") {
            if let Some(token) = token {
                self.live.remove(token);
            }
            return just(204);
        }
        if self.enforce_tokens && !token.is_some_and(|token| self.live.contains(token)) {
            let error = json!({"code": "ERR009", "message": "The user's session has expired"});
            return json_reply(401, &error);
        }
        if is("POST", "/auth/identityToken") {
            let header = ("X-MSTR-IdentityToken".into(), "identity-1".into());
            return Wire { headers: vec![header], ..just(201) };
        }
        if is("GET", "/projects") {
            return json_reply(200, &self.projects);
        }
        json_reply(200, &json!({"ok": true}))
    }
}

impl Replies for Script {
    /// What happens instead of a connection to that origin, if something does. The request that it
    /// would have carried is the one that was announced.
    fn no_connection(&mut self, origin: &str) -> Option<TransportError> {
        let fate = self.announced.iter().find_map(|(method, url)| {
            let at = self.rule(method, url)?;
            let error = self.rules[at].reply.transport_error.filter(|e| e.before_request())?;
            let there = url.strip_prefix(origin).is_some_and(|path| path.starts_with('/'));
            there.then(|| (at, error, method.clone(), url.clone()))
        });
        let (at, error, method, url) = fate?;
        self.used(at);
        self.requests.push(Recorded { method, url, headers: Vec::new(), body: Vec::new() });
        Some(error)
    }

    /// How long the reply to this request is held back. Counts it.
    fn delay(&mut self, url: &str) -> Option<f64> {
        let path = self.path(url).to_owned();
        let calls = self.calls.entry(path.clone()).or_default();
        *calls += 1;
        self.slow.get(&format!("{path}#{calls}")).or_else(|| self.slow.get(&path)).copied()
    }

    fn answer(&mut self, request: Recorded) -> Answer {
        let token = request.values(TOKEN).first().map(|token| (*token).to_owned());
        if without_query(&request.url).ends_with(PROBE) {
            self.probed = token;
            return Answer::Reply(Wire { status: 204, ..Wire::default() });
        }
        let rule = self.rule(&request.method, &request.url);
        let (method, url) = (request.method.clone(), request.url.clone());
        self.requests.push(request);
        let answer = match rule {
            Some(at) => {
                self.used(at);
                scripted(&self.rules[at].reply)
            }
            None => Answer::Reply(self.default_reply(&method, &url, token.as_deref())),
        };
        if let Answer::Reply(wire) = &answer {
            let mut headers = wire.headers.iter();
            if let Some((_, token)) = headers.find(|(name, _)| name.eq_ignore_ascii_case(TOKEN)) {
                self.live.insert(token.clone());
                self.given = Some(token.clone());
            }
        }
        answer
    }
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Wire {
    let headers = vec![("Content-Type".into(), "application/json".into())];
    Wire { status, headers, body: body.to_string().into_bytes(), side_effect: None }
}

fn scripted(reply: &Reply) -> Answer {
    if let Some(error) = reply.transport_error {
        return Answer::Fails(error);
    }
    let mut headers: Vec<_> =
        reply.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    headers.extend(reply.headers_list.iter().cloned());
    let mut wire = match &reply.json {
        Some(json) => json_reply(200, json),
        None => Wire { body: reply.body.clone().unwrap_or_default().into(), ..Wire::default() },
    };
    if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        wire.headers.clear();
    }
    wire.headers.append(&mut headers);
    wire.status = reply.status.unwrap_or(200);
    wire.side_effect.clone_from(&reply.side_effect);
    Answer::Reply(wire)
}

pub(crate) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}
