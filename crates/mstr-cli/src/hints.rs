//! What to do about an error of the client, in words of the command.

use std::{env, sync::OnceLock};

use mstr_rest::{Error, ErrorKind};

/// The profile that the command uses, if it is one.
static PROFILE: OnceLock<String> = OnceLock::new();

/// Notes the profile that hints name.
pub(crate) fn profile_is(name: &str) {
    let _ = PROFILE.set(name.to_owned());
}

/// What to do about an error with this code of the I-Server, or this message.
pub(crate) fn of_server(iserver_code: Option<i64>, message: &str) -> Option<String> {
    let hint = match iserver_code {
        Some(-2_147_209_151) => {
            "the project is not loaded, or there is none with that id: `mstr projects` lists those \
             that can be used; choose one with --project"
        }
        Some(-2_147_072_488) => "publish the cube first: `mstr cubes publish CUBE`",
        Some(-2_147_205_488) => {
            "the result has more rows than the project allows: take fewer with --filter, or ask an \
             administrator to raise the limit"
        }
        _ if message.contains("X-MSTR-ProjectID") => {
            "name a project: --project NAME; `mstr projects` lists them"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to do about the error.
pub(crate) fn hint(error: &Error) -> Option<String> {
    let ours = of_server(error.iserver_code(), error.message());
    if ours.is_some() {
        return ours;
    }
    match error.kind() {
        ErrorKind::SessionExpired | ErrorKind::NoSession => Some(match PROFILE.get() {
            Some(profile) => {
                format!(
                    "the session has ended: `mstr login --profile {profile}` begins another one"
                )
            }
            None => "the session has ended: `mstr login` begins another one".to_owned(),
        }),
        ErrorKind::LoginFailure if error.code().is_some() => Some(login()),
        ErrorKind::Timeout if error.message().contains("no data sent or received") => {
            Some("--timeout DURATION (or MSTR_TIMEOUT) sets how long to wait".to_owned())
        }
        _ => error.hint().map(in_words),
    }
}

/// For a login that was refused.
fn login() -> String {
    let trusted = PROFILE.get().is_none()
        && env::var_os("MSTR_USERNAME").is_some()
        && env::var_os("MSTR_PASSWORD").is_none()
        && env::var_os("MSTR_BASE_URL").is_some();
    if trusted {
        return "MSTR_PASSWORD is not set, so this was a login by user name alone".to_owned();
    }
    "check user name, secret and login mode (`mstr login --mode ldap` for users of a directory) \
     before the next attempt: servers lock accounts"
        .to_owned()
}

/// The names of the library that its errors may have, and what does the same here.
const WORDS: &[(&str, &str)] = &[
    ("`SessionBuilder::root_certificates_pem`", "`mstr login --ca-file FILE` or SSL_CERT_FILE"),
    ("use Auth, or SessionBuilder::basic_auth for a gateway", "leave it out"),
    ("use SessionBuilder::default_query", "leave it out"),
    ("Use Auth::browser_cookies or Auth::api_key", "Use `mstr login --mode api-key`"),
    ("log in first (connect() or login())", "log in first (`mstr login`)"),
    (
        "no authentication configured: call SessionBuilder::auth(Auth::...)",
        "the server wants a login: `mstr login`",
    ),
    ("raise the limit, or read the body with Call::stream", "ask for less of it"),
    (": use Body::stream_fn to make it repeatable", ""),
    ("`Operation::timeout`", "--execution-timeout"),
    ("`Export::timeout`", "--execution-timeout"),
    ("`GridRequest::execution_timeout`", "--execution-timeout"),
    ("`DocumentRequest::execution_timeout`", "--execution-timeout"),
    (
        "there are prompts that are not answered: run() it, answer() them, and take the data() of \
         that instance",
        "there are prompts that are not answered: --prompt NAME=ANSWER",
    ),
    ("GridOptions::column_set", "--column-set"),
    ("change its mode to", "change its mode with `chmod` to"),
    (", or call FileStore::allow_open_permissions", ""),
    (": call FileStore::encrypted", ": `mstr login` replaces it"),
    (": call projects().load() first, or projects().resolve(name)", ""),
    (": set one with Credential::with_timeout", ""),
];

/// The text without names of the library.
pub(crate) fn in_words(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, words) in WORDS {
        if text.contains(name) {
            text = text.replace(name, words);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_library_are_not_for_users_of_the_command() {
        for (name, words) in WORDS {
            let text = in_words(&format!("a {name} b"));
            assert_eq!(text, format!("a {words} b"));
            assert!(!text.contains("::") && !text.contains("()"), "{text}");
        }
    }
}
