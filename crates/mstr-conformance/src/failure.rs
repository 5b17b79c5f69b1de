//! Results of steps, and errors in the words of the cases.

use mstr_rest_core::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::check::Differences;
use crate::drive::Outcome;

pub(crate) fn result(out: &mut Differences, at: &str, expected: &Value, outcome: &Outcome) {
    let members = out.members(at, expected);
    if let Some(error) = &outcome.error
        && !members.contains_key("error")
    {
        out.add(format!("{at}: expected {expected}, got {}", shown(error)));
        return;
    }
    for (name, expected) in members {
        let at = format!("{at}.{name}");
        match name.as_str() {
            "error" => match &outcome.error {
                Some(error) => self::error(out, &at, expected, error),
                None => out.add(format!("{at}: expected {expected}, got no error")),
            },
            "status" => out.equal(&at, expected, &json!(outcome.status)),
            "value" => match &outcome.value {
                Some(value) => out.equal(&at, expected, value),
                None => out.add(format!("{at}: expected {expected}, got no value")),
            },
            "snapshot" => match &outcome.snapshot {
                Some(snapshot) => self::snapshot(out, &at, expected, snapshot),
                None => out.add(format!("{at}: expected {expected}, got no snapshot")),
            },
            "list" => {
                let expected = out.list(&at, expected);
                let got = outcome.list.as_deref().unwrap_or_default();
                if expected.len() != got.len() {
                    out.add(format!("{at}: {} results for {} steps", expected.len(), got.len()));
                }
                for (number, (expected, outcome)) in expected.iter().zip(got).enumerate() {
                    result(out, &format!("{at}[{number}]"), expected, outcome);
                }
            }
            "all" => match outcome.list.as_deref() {
                None | Some([]) => out.add(format!("{at}: not several steps")),
                Some(list) => {
                    for (number, outcome) in list.iter().enumerate() {
                        result(out, &format!("{at}[{number}]"), expected, outcome);
                    }
                }
            },
            _ => out.unknown(&at),
        }
    }
}

/// A saved session; a header that is `null` must not be there.
fn snapshot(out: &mut Differences, at: &str, expected: &Value, snapshot: &Value) {
    for (name, expected) in out.members(at, expected) {
        let at = format!("{at}.{name}");
        match name.as_str() {
            "keys" => {
                let keys: Vec<_> =
                    snapshot.as_object().into_iter().flat_map(|members| members.keys()).collect();
                out.equal(&at, expected, &json!(keys));
            }
            "base_url" | "cookies" => out.equal(&at, expected, &snapshot[name]),
            "header" => {
                let held = snapshot["headers"].as_object();
                for (name, expected) in out.members(&at, expected) {
                    let is = |(other, _): &(&String, &Value)| other.eq_ignore_ascii_case(name);
                    let got = held.and_then(|headers| headers.iter().find(is));
                    out.equal(&format!("{at}.{name}"), expected, &json!(got.map(|(_, v)| v)));
                }
            }
            _ => out.unknown(&at),
        }
    }
}

fn error(out: &mut Differences, at: &str, expected: &Value, error: &Error) {
    let members = out.members(at, expected);
    // what did not come from the server, or has no code of its own
    let without_code =
        |text: &Value| text.as_str().is_some_and(|text| text == "N/A" || text.starts_with("N/A:"));
    let answered = error.status().is_some() || error.code().is_some();
    for (name, expected) in members {
        let at = format!("{at}.{name}");
        match name.as_str() {
            "type" => {
                if !expected.as_str().is_some_and(|name| is_type(error, name)) {
                    out.add(format!("{at}: expected {expected}, got {}", shown(error)));
                }
            }
            "code" if without_code(expected) => {
                out.equal(&at, &Value::Null, &json!(error.code()));
            }
            "code" => out.equal(&at, expected, &json!(error.code())),
            "message" if without_code(expected) || !answered => {
                for name in names(expected.as_str().unwrap_or_default()) {
                    if !chain(error).contains(name) {
                        out.add(format!("{at}: does not name {name:?}: {}", chain(error)));
                    }
                }
            }
            "message" => out.equal(&at, expected, &json!(error.to_string())),
            "status" => {
                out.equal(&at, expected, &json!(error.status().map(|status| status.as_u16())));
            }
            "iserver_code" => out.equal(&at, expected, &json!(error.iserver_code())),
            "iserver_message" => out.equal(&at, expected, &json!(error.iserver_name())),
            "ticket_id" => out.equal(&at, expected, &json!(error.ticket_id())),
            // of ours: texts that no form of the error may hold
            "absent" => {
                for text in out.list(&at, expected) {
                    let text = text.as_str().unwrap_or_default();
                    let all = format!("{} {error:?}", chain(error));
                    if all.contains(text) {
                        out.add(format!("{at}: {text:?} is in {all}"));
                    }
                }
            }
            _ => out.unknown(&at),
        }
    }
}

/// Whether the error is what the cases call by that name.
fn is_type(error: &Error, name: &str) -> bool {
    use ErrorKind as Kind;
    let kind = error.kind();
    let answered = error.status().is_some() || error.code().is_some();
    match name {
        "login_failure" => matches!(kind, Kind::LoginFailure | Kind::MissingCredential),
        "missing_credential" => kind == Kind::MissingCredential,
        "credential" => kind == Kind::Credential,
        "iserver" => kind == Kind::IServer,
        "resource_not_found" => kind == Kind::ResourceNotFound,
        "invalid_request" => kind == Kind::InvalidRequest && answered,
        "invalid_argument" => matches!(kind, Kind::InvalidRequest | Kind::Config) && !answered,
        "session" => matches!(
            kind,
            Kind::SessionExpired | Kind::NoSession | Kind::NotLoaded | Kind::Snapshot
        ),
        "insufficient_privileges" => kind == Kind::InsufficientPrivileges,
        "object_already_exists" => kind == Kind::ObjectAlreadyExists,
        "unknown" => kind == Kind::Unknown,
        "api" => matches!(
            kind,
            Kind::Api | Kind::NotSupported | Kind::ServiceUnavailable | Kind::ExecutionCancelled
        ),
        "http_error" | "http_status" => kind == Kind::Http,
        "connect" => kind == Kind::Connect,
        "timeout" => kind == Kind::Timeout,
        "too_many_redirects" => {
            kind == Kind::Redirect && error.message().contains("more than 20 redirects")
        }
        "redirect" => kind == Kind::Redirect,
        "decode" => kind == Kind::Decode,
        _ => false,
    }
}

/// The names that a message of the cases mentions: in quotes (a quoted list is data), and the
/// credentials that "resolved to None".
fn names(message: &str) -> Vec<&str> {
    let mut names = Vec::new();
    if let Some((before, _)) = message.split_once(" resolved to None") {
        names.extend(before.trim_start_matches("N/A: ").split(", "));
    }
    let mut rest = message;
    while let Some(at) = rest.find(['\'', '"', '`', '[']) {
        let (before, quoted) = rest.split_at(at);
        let open = quoted.chars().next().unwrap_or_default();
        let close = if open == '[' { ']' } else { open };
        // an apostrophe
        let inside_word = before.ends_with(char::is_alphanumeric);
        match quoted[1..].find(close) {
            Some(end) if !inside_word => {
                if open != '[' {
                    names.push(&quoted[1..=end]);
                }
                rest = &quoted[end + 2..];
            }
            _ => rest = &quoted[1..],
        }
    }
    names
}

/// The error with all that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn shown(error: &Error) -> String {
    format!("{:?} ({})", error.kind(), chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_messages() {
        for (message, expected) in [
            ("N/A: username resolved to None.", vec!["username"]),
            ("N/A: username, password resolved to None.", vec!["username", "password"]),
            ("N/A: 'base_url'.", vec!["base_url"]),
            ("N/A: ['a', 'b'].", vec![]),
            ("N/A: Couldn't parse the member 'k' of `s`.", vec!["k", "s"]),
            ("N/A: There is no valid session available.", vec![]),
        ] {
            assert_eq!(names(message), expected, "{message}");
        }
    }
}
