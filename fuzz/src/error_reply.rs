//! The error classifier: total over whatever comes, and nothing that the server said is lost.

use http::StatusCode;
use mstr_rest_core::{__testing::error_of_reply, ErrorKind};
use serde_json::Value;

/// Two bytes of status, header lines, an empty line, the body.
pub fn check(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk::<2>() else { return };
    let status = StatusCode::from_u16(400 + u16::from_be_bytes(*status) % 200).expect("4xx, 5xx");
    let end = rest.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + 2..]));
    let headers = crate::headers(head);
    let error = error_of_reply(status, &headers, body);
    let printed = error.to_string();
    assert!(!printed.is_empty() && !format!("{error:?}").is_empty());
    assert_eq!(error.status(), Some(status));

    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    let json = serde_json::from_slice::<Value>(body)
        .ok()
        .filter(|_| media.trim().eq_ignore_ascii_case("application/json"));
    let Some(json) = json else {
        assert_eq!(error.kind(), ErrorKind::Http, "not JSON: {printed}");
        assert!(error.code().is_none() && error.ticket_id().is_none());
        return;
    };
    assert_ne!(error.kind(), ErrorKind::Http, "JSON: {printed}");
    let Some(object) = json.as_object() else { return };
    if let Some(code) = object.get("code").and_then(Value::as_str).filter(|c| !c.trim().is_empty())
    {
        assert_eq!(error.code(), Some(code), "the code is lost");
        let digits = code.strip_prefix("ERR").unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && digits.len() < 9 {
            assert_eq!(error.number().map(i64::from), digits.parse().ok(), "the number of {code}");
        }
        if let Some(message) = object.get("message").and_then(Value::as_str) {
            let message = if message.trim().is_empty() { "Unknown error" } else { message };
            assert_eq!(error.message(), message, "the message is lost");
        }
        if let Some(number) = object.get("iServerCode").and_then(Value::as_i64) {
            assert_eq!(error.iserver_code(), Some(number), "the I-Server code is lost");
            assert!(number == 0 || printed.contains(&number.to_string()), "{printed}");
        }
        if let Some(ticket) = object.get("ticketId").and_then(Value::as_str)
            && !ticket.trim().is_empty()
        {
            assert_eq!(error.ticket_id(), Some(ticket), "the ticket is lost");
        }
    }
}
