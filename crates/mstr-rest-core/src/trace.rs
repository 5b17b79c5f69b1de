//! Spans with the names of OpenTelemetry's HTTP conventions.
//!
//! Each call has one internal span, which contains one client span for each attempt. Spans never
//! contain headers, bodies, query values or user info.

use http::{Method, StatusCode};
use tracing::{Span, field};
use url::Url;

use crate::request::Request;
use crate::url::redact;
use crate::{Error, Result};

/// Makes the span of a call. It covers all attempts, the delays between them, re-login and
/// decoding.
pub(crate) fn call_span(request: &Request) -> Span {
    tracing::debug_span!(
        "mstr_call",
        otel.name = format!("{} {}", method(&request.method), request.template()),
        otel.status_code = field::Empty,
        http.request.method = method(&request.method),
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        mstr.code = field::Empty,
        mstr.iserver_code = field::Empty,
        mstr.ticket = field::Empty,
    )
}

/// Makes the span of one attempt. It covers one request with its redirects, until its body is read.
/// `attempt` counts from 1. The first attempt has no `http.request.resend_count`.
pub(crate) fn attempt_span(request: &Request, url: &Url, attempt: u32) -> Span {
    tracing::debug_span!(
        "mstr_attempt",
        otel.kind = "client",
        otel.name = method(&request.method),
        otel.status_code = field::Empty,
        http.request.method = method(&request.method),
        http.request.resend_count = Some(attempt.saturating_sub(1)).filter(|count| *count > 0),
        server.address = url.host_str(),
        server.port = url.port_or_known_default(),
        url.full = redact(url),
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        mstr.code = field::Empty,
        mstr.iserver_code = field::Empty,
        mstr.ticket = field::Empty,
    )
}

/// The method in the conventions' form: methods that they do not list are `_OTHER`.
fn method(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    if known.contains(method) { method.as_str() } else { "_OTHER" }
}

/// Writes the outcome of a call into its span.
pub(crate) fn record_call(span: &Span, outcome: &Result<StatusCode>) {
    if span.is_disabled() {
        return;
    }
    match outcome {
        Ok(status) => {
            span.record("http.response.status_code", status.as_u16());
        }
        Err(error) => {
            if let Some(status) = error.status() {
                span.record("http.response.status_code", status.as_u16());
            }
            record_error(span, error);
            span.record("error.type", field::debug(error.kind()));
        }
    }
}

/// Writes the head of a reply into the span of its attempt.
pub(crate) fn record_status(span: &Span, status: StatusCode) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status.as_u16());
    if status.is_client_error() || status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
}

/// Writes the error of an attempt into its span. By the conventions, `error.type` is the status of
/// an error reply, or the kind of the error if there was no error reply.
pub(crate) fn record_attempt_error(span: &Span, error: &Error) {
    if span.is_disabled() {
        return;
    }
    record_error(span, error);
    if error.status().is_none_or(|status| status.as_u16() < 400) {
        span.record("error.type", field::debug(error.kind()));
    }
}

fn record_error(span: &Span, error: &Error) {
    span.record("otel.status_code", "ERROR");
    if let Some(code) = error.code() {
        span.record("mstr.code", code);
    }
    if let Some(code) = error.iserver_code() {
        span.record("mstr.iserver_code", code);
    }
    if let Some(ticket) = error.ticket_id() {
        span.record("mstr.ticket", ticket);
    }
}
