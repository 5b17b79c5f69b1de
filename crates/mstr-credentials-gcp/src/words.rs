//! The texts of the SDK's errors, without what they quote: bodies of replies, what programs print,
//! the queries of URLs.

use std::error::Error;

use google_cloud_gax::error::{CredentialsError, Error as SdkError};
use mstr_credentials::VaultError;

/// What the SDK puts around the error that tells what happened.
const BOILERPLATE: [&str; 4] = [
    // `NO_LOGIN` says it, where it is so
    "Could not fetch an auth token to authenticate with Google Cloud",
    "Fetching the token resulted in transient errors",
    "Request to fetch the token failed",
    "cannot create auth headers",
];

/// Instead of what the SDK says at length.
const NO_LOGIN: &str = "no metadata server answers, and there are no other credentials: run `gcloud \
                        auth application-default login`, or name a file in \
                        GOOGLE_APPLICATION_CREDENTIALS";

/// How the SDK ends what it says about credentials.
const ENDINGS: [&str; 2] =
    [" but future attempts may succeed", " and future attempts will not succeed"];

/// The codes of token endpoints (OAuth and Google's APIs). What is none of them is not repeated.
const CODES: [&str; 18] = [
    "access_denied",
    "admin_policy_enforced",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "org_internal",
    "unauthorized_client",
    "unsupported_grant_type",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
];

/// The texts of an error and its sources, each said once.
pub(crate) fn of(error: &(dyn Error + 'static)) -> String {
    // parsers of tokens and key files quote what they parsed
    if VaultError::sources(error).any(<dyn Error>::is::<serde_json::Error>) {
        return "the credentials, or the reply with a token, cannot be read".to_owned();
    }
    let nobody = status(error).is_none() && says_how_to_log_in(error);
    let start = if nobody { NO_LOGIN.to_owned() } else { String::new() };
    let said =
        VaultError::sources(error).filter_map(own).fold(start, |said, more| match said.as_str() {
            "" => more,
            said if said.contains(&more) => said.to_owned(),
            said => format!("{said}: {more}"),
        });
    if said.is_empty() { "the SDK does not say why".to_owned() } else { said }
}

/// The status of a reply, if there was one.
pub(crate) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
    VaultError::sources(error).find_map(|error| {
        let of_sdk = error.downcast_ref().and_then(SdkError::http_status_code);
        of_sdk.or_else(|| transport_status(&error.to_string()))
    })
}

/// Whether it is an error of the SDK's HTTP library, about a request that got no reply.
pub(crate) fn is_of_transport(error: &(dyn Error + 'static)) -> bool {
    error.to_string().starts_with("error sending request")
}

/// The status, if that is how the SDK's HTTP library tells it: `HTTP status client error (400 Bad
/// Request) for url (..)`.
fn transport_status(text: &str) -> Option<u16> {
    let starts = ["HTTP status client error (", "HTTP status server error ("];
    let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
    rest.get(..3)?.parse().ok()
}

/// Whether the SDK looked for a metadata server only because there is nothing else.
pub(crate) fn says_how_to_log_in(error: &(dyn Error + 'static)) -> bool {
    VaultError::sources(error)
        .filter_map(|error| error.downcast_ref::<CredentialsError>())
        .any(|error| error.to_string().contains("gcloud auth application-default login"))
}

/// What one error says of its own, if that is anything.
fn own(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<SdkError>() {
        // all others repeat their source
        let status = error.http_status_code()?;
        let code = error.http_payload().and_then(|body| code(&String::from_utf8_lossy(body)));
        return Some(reply(status, code));
    }
    let text = error.to_string();
    if let Some(status) = transport_status(&text) {
        return Some(reply(status, None));
    }
    let mut text = text.as_str();
    if error.is::<CredentialsError>() {
        text = ENDINGS.iter().find_map(|ending| text.strip_suffix(ending)).unwrap_or(text);
        if BOILERPLATE.iter().any(|start| text.starts_with(start)) {
            return None;
        }
    }
    Some(VaultError::without_queries(&without_bodies(text)))
}

fn reply(status: u16, code: Option<&str>) -> String {
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("a reply with status {status}{code}")
}

/// `failed to exchange token, body=<..>` without the body, but with its code; likewise `stderr=<..>`,
/// with the exit status that stands behind it.
fn without_bodies(text: &str) -> String {
    let Some((before, body)) = text.split_once("=<") else { return text.to_owned() };
    // the name of what is quoted
    let before = before.rsplit_once(", ").map_or("", |(before, _)| before);
    let exit = body.rsplit_once(">, code=").map(|(_, exit)| exit);
    let exit = exit.filter(|exit| (1..4).contains(&exit.len()) && exit.parse::<u8>().is_ok());
    let more = match (exit, code(body.trim_end_matches('>'))) {
        (Some(exit), _) => format!(" (exit status {exit})"),
        (None, Some(code)) => format!(" ({code})"),
        (None, None) => String::new(),
    };
    format!("{before}{more}")
}

/// The code of an error's body: `{"error": "invalid_grant"}`, `{"error": {"status": "NOT_FOUND"}}`.
fn code(body: &str) -> Option<&'static str> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let said = body["error"].as_str().or_else(|| body["error"]["status"].as_str())?;
    CODES.into_iter().find(|code| *code == said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_cut() {
        for (text, rest) in [
            ("failed to read it, body=<hunter2>", "failed to read it"),
            (
                "failed, command failed, stderr=<hunter2>, code=7",
                "failed, command failed (exit status 7)",
            ),
            ("failed, command failed, stderr=<a>, code=hunter2", "failed, command failed"),
            ("failed, code=<hunter2>, message=<hunter2>", "failed"),
            (
                "failed, body=<{\"error\":\"invalid_grant\",\"x\":\"hunter2\"}>",
                "failed (invalid_grant)",
            ),
            ("failed, body=<{\"error\":\"hunter2\"}>", "failed"),
            ("body=<hunter2>", ""),
            ("as it is", "as it is"),
        ] {
            assert_eq!(without_bodies(text), rest);
        }
    }

    #[test]
    fn what_the_sdk_puts_around_it_is_not_repeated() {
        let inner = CredentialsError::new(
            true,
            "failed to fetch token",
            SdkError::http(503, http::HeaderMap::new(), "hunter2".into()),
        );
        let outer = "Fetching the token resulted in transient errors. Subsequent calls with this \
                     credential might succeed.";
        let error = CredentialsError::new(true, outer, SdkError::authentication(inner));
        assert_eq!(of(&error), "failed to fetch token: a reply with status 503");
    }
}
