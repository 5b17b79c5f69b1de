//! What was expected against what came. Knows every member; another one is a difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::drive::Observation;
use crate::failure;
use crate::log::Entry;
use crate::script::Recorded;

/// The differences, one a line; none when all is as expected.
pub(crate) fn differences(then: &Value, seen: &Observation) -> Vec<String> {
    let mut out = Differences::default();
    if then.as_object().is_some_and(Map::is_empty) {
        out.add("the case expects nothing");
    }
    out.then(then, seen);
    out.0
}

#[derive(Default)]
pub(crate) struct Differences(Vec<String>);

impl Differences {
    pub(crate) fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    pub(crate) fn equal(&mut self, at: &str, expected: &Value, got: &Value) {
        if !same(expected, got) {
            self.add(format!("{at}: expected {expected}, got {got}"));
        }
    }

    pub(crate) fn unknown(&mut self, at: &str) {
        self.add(format!("{at}: the runner does not know this member"));
    }

    /// The members of an object; anything else is a difference.
    pub(crate) fn members<'v>(&mut self, at: &str, value: &'v Value) -> &'v Map<String, Value> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        value.as_object().unwrap_or_else(|| {
            self.add(format!("{at}: the case has {value} where an object belongs"));
            &NONE
        })
    }

    pub(crate) fn list<'v>(&mut self, at: &str, value: &'v Value) -> &'v [Value] {
        value.as_array().map_or_else(
            || {
                self.add(format!("{at}: the case has {value} where a list belongs"));
                &[][..]
            },
            Vec::as_slice,
        )
    }

    fn then(&mut self, then: &Value, seen: &Observation) {
        for (name, expected) in self.members("then", then) {
            match name.as_str() {
                "requests" => self.requests(expected, &seen.requests),
                "request_counts" => {
                    self.counts(expected, &seen.counts, |got, wanted| got == wanted);
                }
                "request_counts_min" => {
                    self.counts(expected, &seen.counts, |got, wanted| got >= wanted);
                }
                "last_request" => match seen.requests.last() {
                    Some(last) => self.request("last_request", expected, last),
                    None => self.add("last_request: there was no request"),
                },
                "results" => self.results(expected, seen),
                "session" => self.session(expected, seen),
                "log_contains" => self.log_contains(expected, &seen.log.events),
                "log_absent" => self.log_absent(expected, seen),
                "warnings" => {
                    let warnings = seen.log.events.iter().filter(|e| is_level(e, "WARNING"));
                    let texts: Vec<_> = warnings.map(|entry| entry.message.as_str()).collect();
                    if *expected != json!(texts.len()) {
                        self.add(format!("warnings: expected {expected}, got {}", json!(texts)));
                    }
                }
                "sleeps" => {
                    let sleeps: Vec<_> =
                        seen.log.events.iter().filter_map(|entry| entry.delay).collect();
                    self.equal("sleeps", expected, &json!(sleeps));
                }
                "backend_calls" => {
                    self.equal("backend_calls", expected, &json!(seen.backend_calls));
                }
                "call_counts" => {
                    for (call, expected) in self.members("call_counts", expected) {
                        let is = |seen: &&Value| seen[0] == call.as_str();
                        let got = seen.backend_calls.iter().filter(is).count();
                        self.equal(&format!("call_counts.{call}"), expected, &json!(got));
                    }
                }
                other => self.unknown(other),
            }
        }
    }

    fn requests(&mut self, expected: &Value, seen: &[Recorded]) {
        let expected = self.list("requests", expected);
        let lines =
            |requests: &mut dyn Iterator<Item = String>| requests.collect::<Vec<_>>().join(", ");
        if expected.len() != seen.len() {
            let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
            let wanted = &mut expected
                .iter()
                .map(|request| format!("{} {}", text(&request["method"]), text(&request["url"])));
            let got = &mut seen.iter().map(|request| format!("{} {}", request.method, request.url));
            self.add(format!(
                "requests: expected {} [{}], got {} [{}]",
                expected.len(),
                lines(wanted),
                seen.len(),
                lines(got)
            ));
        }
        for (at, (expected, seen)) in expected.iter().zip(seen).enumerate() {
            self.request(&format!("requests[{at}]"), expected, seen);
        }
    }

    fn request(&mut self, at: &str, expected: &Value, seen: &Recorded) {
        for (name, expected) in self.members(at, expected) {
            let at = format!("{at}.{name}");
            match name.as_str() {
                "method" => self.equal(&at, expected, &json!(seen.method)),
                "url" => self.equal(&at, expected, &json!(seen.url)),
                "headers" => {
                    for (name, value) in self.members(&at, expected) {
                        let got = json!(seen.values(name));
                        self.equal(&format!("{at}.{name}"), &json!([value]), &got);
                    }
                }
                "header_values" => {
                    for (name, values) in self.members(&at, expected) {
                        self.equal(&format!("{at}.{name}"), values, &json!(seen.values(name)));
                    }
                }
                "absent" => {
                    for name in self.list(&at, expected) {
                        let values = seen.values(name.as_str().unwrap_or_default());
                        if !values.is_empty() {
                            self.add(format!("{at}: {name} was sent: {}", json!(values)));
                        }
                    }
                }
                "json" => {
                    let got = serde_json::from_slice(&seen.body).unwrap_or_else(|_| {
                        json!(format!("no JSON: {}", String::from_utf8_lossy(&seen.body)))
                    });
                    self.equal(&at, expected, &got);
                }
                "body" => {
                    self.equal(&at, expected, &json!(String::from_utf8_lossy(&seen.body)));
                }
                _ => self.unknown(&at),
            }
        }
    }

    fn counts(
        &mut self,
        expected: &Value,
        seen: &BTreeMap<String, usize>,
        holds: impl Fn(u64, u64) -> bool,
    ) {
        for (request, wanted) in self.members("request_counts", expected) {
            let got = seen.get(request).copied().unwrap_or_default() as u64;
            if !wanted.as_u64().is_some_and(|wanted| holds(got, wanted)) {
                self.add(format!("{request}: expected {wanted} times, got {got} of {seen:?}"));
            }
        }
    }

    fn results(&mut self, expected: &Value, seen: &Observation) {
        let expected = self.list("results", expected);
        if expected.len() != seen.results.len() {
            self.add(format!("results: {} for {} steps", expected.len(), seen.results.len()));
        }
        for (at, (expected, outcome)) in expected.iter().zip(&seen.results).enumerate() {
            failure::result(self, &format!("results[{at}]"), expected, outcome);
        }
    }

    fn session(&mut self, expected: &Value, seen: &Observation) {
        for (name, expected) in self.members("session", expected) {
            match name.as_str() {
                "token" => self.equal("session.token", expected, &json!(seen.token)),
                "base_url" => self.equal("session.base_url", expected, &json!(seen.base_url)),
                // `conventions`: ignore this member
                "client_closed" => {}
                other => self.unknown(&format!("session.{other}")),
            }
        }
    }

    fn log_contains(&mut self, expected: &Value, seen: &[Entry]) {
        for wanted in self.list("log_contains", expected) {
            let (Some(level), Some(text)) = (wanted[0].as_str(), wanted[1].as_str()) else {
                self.add(format!("log_contains: {wanted} is not a level and a text"));
                continue;
            };
            let there = |entry: &Entry| is_level(entry, level) && entry.message.contains(text);
            if !seen.iter().any(there) {
                let of_level = seen.iter().filter(|entry| is_level(entry, level));
                let got: Vec<_> = of_level.map(|entry| entry.message.as_str()).collect();
                self.add(format!("log_contains: no {level} with {text:?} in {}", json!(got)));
            }
        }
    }

    fn log_absent(&mut self, expected: &Value, seen: &Observation) {
        let events = seen.log.events.iter().map(|entry| &entry.text);
        let texts: Vec<_> = events.chain(&seen.log.spans).collect();
        for unwanted in self.list("log_absent", expected) {
            let unwanted = unwanted.as_str().unwrap_or_default();
            if let Some(text) = texts.iter().find(|text| text.contains(unwanted)) {
                self.add(format!("log_absent: {unwanted:?} is in {text:?}"));
            }
        }
    }
}

/// The names are Python's.
fn is_level(entry: &Entry, name: &str) -> bool {
    let level = match name {
        "WARNING" => "WARN",
        other => other,
    };
    entry.level.as_str() == level
}

/// Equal, where `2` and `2.0` are the same number.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-9,
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
