//! What went wrong, in words that hold no secret.

use mstr_credentials::{SecretString, VaultError, VaultErrorKind as Kind};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::address::Address;

/// No reply. The errors of the HTTP client quote no body; the URL is cut off, for it has the path.
pub(crate) fn unreachable(address: &Address, error: reqwest::Error) -> VaultError {
    let error = error.without_url();
    let text = VaultError::texts(&error);
    if error.is_builder() {
        return VaultError::new(Kind::Other, text);
    }
    let hint = if is_untrusted(&text) {
        "; if its CA is a private one, name the file with VAULT_CACERT or the option `ca_file`"
    } else {
        ""
    };
    VaultError::new(Kind::Unreachable, format!("{address}: {text}{hint}"))
}

/// Whether the certificate of the server is not trusted: the same the next time.
pub(crate) fn is_untrusted(text: &str) -> bool {
    text.contains("invalid peer certificate")
}

/// What a vault says about a request that it did not answer, and about a version that is gone.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    errors: Vec<String>,
    data: Option<Gone>,
}

/// A version that is deleted comes as 404 with its metadata.
#[derive(Deserialize)]
struct Gone {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

/// Of a body only `errors` and the metadata of a version are used.
pub(crate) fn of_reply(status: StatusCode, body: &[u8], sent: &[&SecretString]) -> VaultError {
    let said: Option<Said> = serde_json::from_slice(body).ok();
    let gone = said.as_ref().and_then(|said| said.data.as_ref()?.metadata.as_ref());
    let mut text = match gone {
        Some(version) if version.destroyed => "this version is destroyed".to_owned(),
        Some(version) if !version.deletion_time.is_empty() => "this version is deleted".to_owned(),
        _ => said.map(|said| plain(&said.errors)).unwrap_or_default(),
    };
    for secret in sent {
        let secret = secret.expose_secret();
        if !secret.is_empty() {
            text = text.replace(secret, "***");
        }
    }
    let kind = match status {
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::BAD_REQUEST if text.contains("missing client token") => Kind::NoCredentials,
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Kind::Denied,
        StatusCode::TOO_MANY_REQUESTS => Kind::Throttled,
        StatusCode::PRECONDITION_FAILED => Kind::Unreachable,
        status if status.is_server_error() => Kind::Unreachable,
        _ => Kind::Other,
    };
    VaultError::new(kind, text).with_code(status.as_str())
}

/// `1 error occurred:\n\t* permission denied\n\n` is `permission denied`.
fn plain(errors: &[String]) -> String {
    let lines = errors.iter().flat_map(|error| error.lines());
    let lines = lines.map(|line| line.trim().trim_start_matches("* "));
    let said = lines.filter(|line| {
        let count = line.ends_with("error occurred:") || line.ends_with("errors occurred:");
        !line.is_empty() && !count
    });
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> (Kind, String) {
        let sent = SecretString::from("s.token");
        let status = StatusCode::from_u16(status).unwrap();
        let error = of_reply(status, body.as_bytes(), &[&sent]);
        (error.kind(), error.to_string())
    }

    #[test]
    fn the_words_of_the_vault_are_kept() {
        for (status, body, kind, text) in [
            (
                403,
                r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#,
                Kind::Denied,
                "403: permission denied; invalid token",
            ),
            (404, r#"{"errors":[]}"#, Kind::NotFound, "404"),
            (404, "<html>hunter2", Kind::NotFound, "404"),
            (
                404,
                r#"{"data":{"data":null,"metadata":{"deletion_time":"2026-01-01T00:00:00Z","destroyed":false}}}"#,
                Kind::NotFound,
                "404: this version is deleted",
            ),
            (
                404,
                r#"{"data":{"data":null,"metadata":{"deletion_time":"","destroyed":true}}}"#,
                Kind::NotFound,
                "404: this version is destroyed",
            ),
            (503, r#"{"errors":["Vault is sealed"]}"#, Kind::Unreachable, "503: Vault is sealed"),
            (429, r#"{"errors":["quota"]}"#, Kind::Throttled, "429: quota"),
            (412, "", Kind::Unreachable, "412"),
            (
                400,
                r#"{"errors":["missing client token"]}"#,
                Kind::NoCredentials,
                "400: missing client token",
            ),
            (400, r#"{"errors":["no s.token here"]}"#, Kind::Other, "400: no *** here"),
            (400, r#"{"errors":"hunter2"}"#, Kind::Other, "400"),
        ] {
            assert_eq!(said(status, body), (kind, text.to_owned()), "{body}");
        }
    }
}
