//! Replies: what a route or a fault answers, and how it goes over the wire.

use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::random;

/// An answer of the server, complete with the way in which it is delivered.
///
/// ```
/// use mstr_sim::Reply;
///
/// let page = Reply::json(200, &[1, 2, 3]).header("x-mstr-total-count", "3");
/// let cut = page.clone().cut_at(4); // announces 7 bytes, sends 4, closes the connection
/// # assert_eq!(page.body(), cut.body());
/// ```
#[derive(Clone)]
pub struct Reply(Box<Parts>);

/// Boxed: handlers return replies as errors, too.
#[derive(Clone)]
struct Parts {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    delay: Duration,
    delivery: Delivery,
}

/// What happens to the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// All of it, without a `Content-Length`.
    Chunked,
    /// So many bytes of the body, then the connection closes.
    Cut(usize),
    /// So many bytes of the body, then nothing more, for ever.
    StallBody(usize),
    /// Not even a status line, for ever.
    StallHead,
    /// The connection is reset (TCP RST) before any byte.
    Reset,
}

impl Reply {
    /// A reply with this status and an empty body. What is no HTTP status becomes a 500.
    pub fn new(status: u16) -> Self {
        Self(Box::new(Parts {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            delivery: Delivery::Whole,
        }))
    }

    /// A reply with a JSON body. A value that JSON cannot express becomes a 500 that says why.
    pub fn json(status: u16, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(status).with_body("application/json", body),
            Err(error) => Self::new(500).with_body("text/plain", error.to_string()),
        }
    }

    /// A reply with an HTML body, as proxies and sign-on pages send it.
    pub fn html(status: u16, page: impl Into<String>) -> Self {
        Self::new(status).with_body("text/html;charset=UTF-8", page.into())
    }

    /// A MicroStrategy error body: `{"code":..,"message":..,"ticketId":..}` (recorded form).
    ///
    /// ```
    /// let reply = mstr_sim::Reply::error(404, "ERR004", "HTTP 404 Not Found");
    /// # assert!(reply.body().starts_with(br#"{"code":"ERR004","message":"HTTP 404 Not Found","ticketId":""#));
    /// ```
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = ErrorBody { code, iserver_code: None, message, ticket_id: random::ticket() };
        Self::json(status, &body)
    }

    /// A MicroStrategy error body that also carries an I-Server code (recorded form).
    pub fn iserver_error(status: u16, code: &str, iserver_code: i64, message: &str) -> Self {
        let iserver_code = Some(iserver_code);
        let body = ErrorBody { code, iserver_code, message, ticket_id: random::ticket() };
        Self::json(status, &body)
    }

    /// What the server says to a missing, unknown or expired token: 401 `ERR009`, chunked, with
    /// content type `application/json;charset=UTF-8` (recorded).
    pub fn session_expired() -> Self {
        let message = "The user's session has expired, please reauthenticate";
        Self::error(401, "ERR009", message)
            .header("content-type", "application/json;charset=UTF-8")
            .header("cache-control", "no-cache, no-store, max-age=0, must-revalidate")
            .chunked()
    }

    /// What the server says to wrong credentials: 401 `ERR003` (vendor documentation).
    pub fn login_failed() -> Self {
        Self::error(401, "ERR003", "Login failed")
    }

    /// No reply at all: the connection is reset before any byte of it. Over HTTP/2 this ends the
    /// connection with all its streams.
    pub fn reset() -> Self {
        Self::new(500).delivered(Delivery::Reset)
    }

    /// No reply at all: the connection stays open and silent until the client gives up.
    pub fn stall() -> Self {
        Self::new(500).delivered(Delivery::StallHead)
    }

    /// `bytes` bytes of JSON white space that travel as a gzip body a thousandth of that size.
    /// It is sent whether or not the client said that it accepts gzip.
    pub fn gzip_bomb(bytes: usize) -> Self {
        Self::new(200)
            .with_body("application/json", crate::encode::bomb(bytes))
            .header("content-encoding", "gzip")
    }

    /// Sets a header and replaces an earlier one of that name. What is no valid header is left
    /// out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some((name, value)) = header_line(name, value) {
            self.0.headers.insert(name, value);
        }
        self
    }

    /// Adds a header beside earlier ones of that name, such as a second `Set-Cookie`.
    #[must_use]
    pub fn add_header(mut self, name: &str, value: &str) -> Self {
        if let Some((name, value)) = header_line(name, value) {
            self.0.headers.append(name, value);
        }
        self
    }

    /// Takes away every header of that name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.0.headers.remove(name);
        self
    }

    /// Replaces the body and its content type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.0.body = body.into();
        self.header("content-type", content_type)
    }

    /// Replaces the status. What is no HTTP status becomes a 500.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self
    }

    /// Waits so long (real time) before the first byte is sent.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.0.delay = delay;
        self
    }

    /// Announces the whole body, sends its first `bytes` bytes, then closes the connection.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Self {
        self.delivered(Delivery::Cut(bytes))
    }

    /// Announces the whole body, sends its first `bytes` bytes, then stays silent.
    #[must_use]
    pub fn stall_at(self, bytes: usize) -> Self {
        self.delivered(Delivery::StallBody(bytes))
    }

    /// Sends the body without a `Content-Length`.
    #[must_use]
    pub fn chunked(self) -> Self {
        self.delivered(Delivery::Chunked)
    }

    fn delivered(mut self, delivery: Delivery) -> Self {
        self.0.delivery = delivery;
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The headers, without those that every reply gets when it is sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body before compression.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    pub(crate) fn delay(&self) -> Duration {
        self.0.delay
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Gives the reply a header unless it has one of that name.
    pub(crate) fn default_header(mut self, name: &str, value: &str) -> Self {
        if !self.0.headers.contains_key(name) {
            self = self.header(name, value);
        }
        self
    }

    pub(crate) fn set_body(&mut self, body: Bytes) {
        self.0.body = body;
    }

    /// Takes over headers that the router added, such as `Allow`.
    pub(crate) fn add_missing(&mut self, others: &HeaderMap) {
        for (name, value) in others {
            if !self.0.headers.contains_key(name) && name != header::CONTENT_LENGTH {
                self.0.headers.append(name.clone(), value.clone());
            }
        }
    }
}

fn header_line(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
}

/// Members in the recorded order.
#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    #[serde(rename = "iServerCode", skip_serializing_if = "Option::is_none")]
    iserver_code: Option<i64>,
    message: &'a str,
    #[serde(rename = "ticketId")]
    ticket_id: String,
}

/// Lets a handler return a reply: it travels through the router as an extension.
impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.0.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// Names the headers only: values can be tokens and cookies.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.0.status)
            .field("headers", &self.0.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.0.body.len())
            .field("delay", &self.0.delay)
            .field("delivery", &self.0.delivery)
            .finish()
    }
}
