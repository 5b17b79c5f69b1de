//! Spans of calls and attempts: method, route and outcome; never headers, bodies, query values or
//! user info.

use std::time::Instant;

use http::StatusCode;
use tracing::{Span, field};

use crate::Result;
use crate::request::Request;

/// One call, with all its attempts.
pub(crate) fn call_span(request: &Request) -> Span {
    tracing::debug_span!(
        "mstr_call",
        method = request.method.as_str(),
        route = request.route(),
        status = field::Empty,
        code = field::Empty,
        iserver_code = field::Empty,
        ticket = field::Empty,
        error = field::Empty,
        elapsed_ms = field::Empty,
    )
}

/// One sending of a call, with its redirects.
pub(crate) fn attempt_span(attempt: u32) -> Span {
    tracing::debug_span!("mstr_attempt", attempt)
}

pub(crate) fn record(span: &Span, start: Instant, outcome: &Result<StatusCode>) {
    if span.is_disabled() {
        return;
    }
    let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.record("elapsed_ms", elapsed);
    let error = match outcome {
        Ok(status) => {
            span.record("status", status.as_u16());
            return;
        }
        Err(error) => error,
    };
    span.record("error", field::debug(error.kind()));
    if let Some(status) = error.status() {
        span.record("status", status.as_u16());
    }
    if let Some(code) = error.code() {
        span.record("code", code);
    }
    if let Some(code) = error.iserver_code() {
        span.record("iserver_code", code);
    }
    if let Some(ticket) = error.ticket_id() {
        span.record("ticket", ticket);
    }
}
