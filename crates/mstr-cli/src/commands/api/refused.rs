//! An error reply to `mstr api`: its body is printed, and the exit code is that of its error.

use std::fmt::Write as _;

use mstr_rest::Response;
use serde_json::Value;

use crate::{
    failure::{Failure, code},
    hints,
};

/// I-Server codes of objects that do not exist.
const NOT_FOUND: [i64; 3] = [-2_147_216_373, -2_147_216_364, -2_147_217_381];

/// The error of the server in a reply, as far as it tells.
pub(super) struct Refused {
    code: Option<String>,
    message: String,
    iserver_code: Option<i64>,
    ticket: Option<String>,
    status: u16,
}

impl Refused {
    /// `None` where the reply is no error.
    pub(super) fn of(reply: &Response) -> Option<Self> {
        let status = reply.status().as_u16();
        if status < 400 {
            return None;
        }
        let body: Value = serde_json::from_slice(reply.bytes()).unwrap_or_default();
        let first = body.get("errors").and_then(|errors| errors.get(0));
        let error = first.filter(|_| body.get("code").is_none()).unwrap_or(&body);
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let number = error.get("iServerCode").or_else(|| error.get("IserverCode"));
        Some(Self {
            code: text("code"),
            message: text("message").unwrap_or_else(|| format!("HTTP status {}", reply.status())),
            iserver_code: number.and_then(Value::as_i64),
            ticket: text("ticketId"),
            status,
        })
    }

    pub(super) fn is_session_expired(&self) -> bool {
        self.code.as_deref() == Some("ERR009")
    }

    pub(super) fn failure(self, request: &str) -> Failure {
        let no_endpoint = self.iserver_code.is_none()
            && self.message.trim_start().starts_with(&format!("HTTP {} ", self.status));
        let code = match self.code.as_deref() {
            _ if no_endpoint => code::SERVER,
            Some("ERR003" | "ERR009") => code::AUTH,
            Some("ERR004") => code::NOT_FOUND,
            Some("ERR014" | "ERR017") => code::DENIED,
            _ if self.iserver_code.is_some_and(|it| NOT_FOUND.contains(&it)) => code::NOT_FOUND,
            _ => code::SERVER,
        };
        let mut text = self.code.map(|code| format!("{code}: ")).unwrap_or_default();
        text.push_str(self.message.trim());
        if let Some(number) = self.iserver_code.filter(|number| *number != 0) {
            let _ = write!(text, "  [I-Server error code {number}]");
        }
        let ticket = self.ticket.map(|ticket| format!(", ticket {ticket}")).unwrap_or_default();
        let failure = Failure::new(code, format!("{text} [{request}{ticket}]"));
        let hint = match hints::of_server(self.iserver_code, &self.message) {
            None if no_endpoint => Some(
                "the server does not have this endpoint: `mstr api GET status` tells its version"
                    .to_owned(),
            ),
            hint => hint,
        };
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
