//! Classifies the error replies of servers and proxies as an [`Error`].

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};

use super::{Error, ErrorKind, Inner, kind};

/// The message for a reply with a code but without a usable message.
const UNKNOWN: &str = "Unknown error";

/// The hint for a reply from which the server does not know the path or its method.
const NO_ENDPOINT: &str = "The server does not have this endpoint: its version may be older (`GET \
                           /status` tells), or the base URL is not that of the REST API.";

/// Returns `true` if the server does not know the path (404) or its method (405), which is not a
/// missing object: both have the same code, and only the message differs (seen in clients).
fn is_unknown_endpoint(status: StatusCode, iserver_code: Option<i64>, message: &str) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
        && iserver_code.unwrap_or_default() == 0
        && message.trim_start().starts_with(&format!("HTTP {} ", status.as_u16()))
}

/// Returns `true` if the content type is `application/json`. Parameters and letter case are
/// ignored: the server sends `application/json;charset=UTF-8` with `ERR009`. Other types of JSON
/// (`application/problem+json`) come from proxies, not from the Library server.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
}

/// The media type without parameters: `text/html` for `text/html; charset=utf-8`.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim())
}

/// Makes the error for an error reply. `body` may be truncated at the size limit for error bodies.
pub(crate) fn from_reply(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    if !is_json(headers) {
        return http_error(status, headers);
    }
    // a body that is truncated, is not JSON or is nested too deeply cannot be used
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return http_error(status, headers);
    };
    let Some(object) = error_object(&body) else {
        return Error::new(
            ErrorKind::Unknown,
            format!("the server answered with status {status} and JSON that is not a server error"),
        )
        .with_status(status);
    };
    let iserver_code = object.get("iServerCode").or_else(|| object.get("IserverCode"));
    let iserver_code = iserver_code.and_then(number);
    let message = object.get("message").and_then(text);
    let from_server = message.is_some();
    let ticket_id = object.get("ticketId").and_then(text);
    let (kind, code, message) = match object.get("code").and_then(text) {
        Some(code) => {
            let message = message.unwrap_or_else(|| UNKNOWN.to_owned());
            let kind = if is_unknown_endpoint(status, iserver_code, &message) {
                ErrorKind::NotSupported
            } else {
                kind::of_code(&code, iserver_code)
            };
            (kind, Some(code), message)
        }
        None => {
            let message = message.unwrap_or_else(|| {
                format!("the server answered with status {status} and an error without a code")
            });
            (ErrorKind::Unknown, None, message)
        }
    };
    let note = is_unknown_endpoint(status, iserver_code, &message).then_some(NO_ENDPOINT);
    Error(Arc::new(Inner {
        kind,
        status: Some(status),
        code,
        message,
        from_server,
        iserver_code,
        ticket_id,
        attempts: 0,
        elapsed: None,
        note,
        is_final: false,
        source: None,
    }))
}

/// The object with `code` and `message`: the body itself, or the first element of `errors` (the
/// modeling service sends this form).
fn error_object(body: &Value) -> Option<&Map<String, Value>> {
    let object = body.as_object()?;
    if object.contains_key("code") {
        return Some(object);
    }
    match object.get("errors").and_then(|errors| errors.get(0)).and_then(Value::as_object) {
        Some(first) => Some(first),
        None => Some(object),
    }
}

fn http_error(status: StatusCode, headers: &HeaderMap) -> Error {
    let what = match media_type(headers) {
        Some(media) if !media.is_empty() && media.len() <= 100 => format!("{media} body"),
        _ => "body without a content type".to_owned(),
    };
    Error::new(
        ErrorKind::Http,
        format!(
            "HTTP status {status}, with a {what} that is not an error of the Library server: it \
             may come from a proxy, a load balancer or a sign-on page between client and server"
        ),
    )
    .with_status(status)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(content_type: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        headers
    }

    fn classify(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        from_reply(status, &headers("application/json;charset=UTF-8"), body.as_bytes())
    }

    #[test]
    fn an_error_keeps_everything_the_server_sent() {
        let error = classify(
            403,
            r#"{"code":"ERR017","iServerCode":-2147214568,"message":"(No access)","ticketId":"ab12"}"#,
        );
        assert_eq!(error.kind(), ErrorKind::InsufficientPrivileges);
        assert_eq!((error.code(), error.number()), (Some("ERR017"), Some(17)));
        assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
        assert_eq!(error.iserver_code(), Some(-2_147_214_568));
        assert_eq!(error.ticket_id(), Some("ab12"));
        assert!(error.to_string().starts_with("ERR017: (No access).  [I-Server error code "));
    }

    #[test]
    fn an_unknown_endpoint_is_not_a_missing_object() {
        for (status, code, message) in
            [(404, "ERR004", "HTTP 404 Not Found"), (405, "ERR001", "HTTP 405 Method Not Allowed")]
        {
            let error = classify(status, &format!(r#"{{"code":"{code}","message":"{message}"}}"#));
            assert_eq!((error.kind(), error.code()), (ErrorKind::NotSupported, Some(code)));
            assert_eq!(error.message(), message);
            assert!(error.hint().unwrap().contains("does not have this endpoint"), "{error}");
        }
        let missing = classify(404, r#"{"code":"ERR004","message":"(No such report.)"}"#);
        assert_eq!((missing.kind(), missing.hint()), (ErrorKind::ResourceNotFound, None));
        let gone = r#"{"code":"ERR004","iServerCode":-2147468986,"message":"HTTP 404 Not Found"}"#;
        assert_eq!(classify(404, gone).kind(), ErrorKind::ResourceNotFound);
    }

    #[test]
    fn display_prints_what_the_python_client_prints() {
        for (body, printed) in [
            (r#"{"code":"ERR001","message":"Bad."}"#, "ERR001: Bad."),
            (r#"{"code":"ERR004","message":null}"#, "ERR004: Unknown error."),
            (r#"{"code":"ERR004"}"#, "ERR004: Unknown error."),
            (r#"{"code":"ERR001","message":"m","iServerCode":0}"#, "ERR001: m."),
            (
                r#"{"code":"ERR001","message":"m","iServerCode":-1}"#,
                "ERR001: m.  [I-Server error code -1]",
            ),
            (r#"{"code":"ERR001","message":"m","self":"/x"}"#, "ERR001: m."),
        ] {
            assert_eq!(classify(500, body).to_string(), printed);
        }
        #[cfg(feature = "iserver-codes")]
        for code in ["-2147181482", "\"-2147181482\""] {
            let body = format!(r#"{{"code":"ERR001","message":"m","iServerCode":{code}}}"#);
            assert_eq!(
                classify(400, &body).to_string(),
                "ERR001: m.  [I-Server error code AE_DISABLEMERGEDE (-2147181482)]"
            );
        }
    }

    #[test]
    fn both_spellings_of_the_iserver_code_and_modeling_service_errors_are_read() {
        let error = classify(403, r#"{"code":"ERR014","IserverCode":-2147213784,"message":"m"}"#);
        assert_eq!(error.iserver_code(), Some(-2_147_213_784));
        let error =
            classify(400, r#"{"errors":[{"code":"8004cc41","message":"locked","ticketId":"t"}]}"#);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Api, Some("8004cc41")));
        assert_eq!((error.message(), error.ticket_id()), ("locked", Some("t")));
    }

    #[test]
    fn the_error_for_the_session_cap_has_a_hint() {
        let body = r#"{"code":"ERR001","iServerCode":-2147072486,"message":"(Maximum number)"}"#;
        assert!(classify(500, body).to_string().contains("freed after about 30 minutes"));
    }

    #[test]
    fn json_without_a_code_is_unknown_and_keeps_its_status() {
        for body in ["[\"a\"]", "\"text\"", "42", "null", "{}", r#"{"code":["x"],"message":"m"}"#] {
            let error = classify(500, body);
            assert_eq!(error.kind(), ErrorKind::Unknown, "{body}");
            assert_eq!((error.code(), error.status().unwrap().as_u16()), (None, 500));
        }
        assert_eq!(classify(500, r#"{"message":"why"}"#).message(), "why");
    }

    #[test]
    fn a_body_that_is_not_json_is_http_and_never_quoted() {
        let deep = "[".repeat(100_000);
        for body in ["oops-canary", "", "{\"code\":\"ERR009\"", deep.as_str(), "\u{feff}{}"] {
            let error = classify(502, body);
            assert_eq!(error.kind(), ErrorKind::Http);
            assert_eq!(error.status().unwrap().as_u16(), 502);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
        let html =
            from_reply(StatusCode::BAD_GATEWAY, &headers("text/html"), br#"{"code":"ERR009"}"#);
        assert_eq!((html.kind(), html.code()), (ErrorKind::Http, None));
        assert!(html.to_string().contains("text/html"));
        let none = from_reply(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"{}");
        assert_eq!(none.kind(), ErrorKind::Http);
    }

    #[test]
    fn only_application_json_is_json() {
        for yes in ["application/json", "Application/JSON;charset=UTF-8"] {
            assert!(is_json(&headers(yes)), "{yes}");
        }
        for no in [
            "text/html",
            "application/problem+json",
            "application/jsonx",
            "json",
            "text/json-seq",
            "",
        ] {
            assert!(!is_json(&headers(no)), "{no}");
        }
    }

    proptest! {
        #[test]
        fn classifying_any_body_keeps_the_status(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            status in 400u16..600,
            content_type in "[ -~]{0,30}",
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            for headers in [headers(&content_type), headers("application/json")] {
                let error = from_reply(status, &headers, &body);
                prop_assert_eq!(error.status(), Some(status));
                prop_assert!(!error.message().is_empty());
                let _ = format!("{error} {error:?}");
            }
        }

        #[test]
        fn classifying_any_json_members_gives_a_message(
            code in json_leaf(), message in json_leaf(), number in json_leaf(), ticket in json_leaf(),
        ) {
            let body = format!(
                r#"{{"code":{code},"message":{message},"iServerCode":{number},"ticketId":{ticket}}}"#
            );
            let error = classify(500, &body);
            prop_assert!(!error.message().is_empty());
            let _ = format!("{error} {error:?} {:?}", error.iserver_name());
        }
    }

    fn json_leaf() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("[1]".to_owned()),
            Just("{\"a\":1}".to_owned()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| n.to_string()),
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
        ]
    }
}
