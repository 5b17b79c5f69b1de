//! Replies: `Response` with the body in memory, `StreamingResponse` with an unread body.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use url::Url;

use crate::error::from_reply;
use crate::retry::asked_delay;
use crate::timeouts::{Deadline, next_piece};
use crate::transport::{RawBody, exchange_error};
use crate::{Error, ErrorKind, Result};

/// A reply with its complete body in memory. It holds no connection.
///
/// ```no_run
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let reply = session.get("status").await?;
/// println!("{} {:?}", reply.status(), reply.headers().get("content-type"));
/// let status: serde_json::Value = reply.json()?;
/// # let _ = status;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Bytes,
}

impl Response {
    /// A reply without a request: adopting a session sends nothing.
    pub(crate) fn local(url: Url) -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), url, body: Bytes::new() }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers. Headers with secrets (`X-MSTR-AuthToken`, `Set-Cookie`) are marked sensitive:
    /// `Debug` does not print them.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The delay that the server asks for before the next request: `Retry-After`, seconds with
    /// fractions or a date, counted from now on. `None` without the header, and for what is neither.
    pub fn retry_after(&self) -> Option<Duration> {
        asked_delay(self.headers())
    }

    /// The error that this reply is, if its status is 400 or more: with the kind, code and ticket that
    /// a call fails with. For replies of [`raw`](crate::Call::raw) calls, which do not fail.
    ///
    /// ```no_run
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let reply = session.get("projects").raw().await?;
    /// if let Some(error) = reply.error() {
    ///     eprintln!("{error}: {}", reply.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn error(&self) -> Option<Error> {
        let is_error = self.status.as_u16() >= 400;
        is_error.then(|| from_reply(self.status, &self.headers, &self.body))
    }

    /// The URL of the request; after redirects, the URL of the last one.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text. Bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body decoded as JSON.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode), with the HTTP status and the name of the member that does not
    /// fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.decode_error(&error))
    }

    fn decode_error(&self, cause: &serde_json::Error) -> Error {
        // the text of a serde_json error may quote a value of the reply: use its position only
        let place = format!("line {} column {}", cause.line(), cause.column());
        let message = if self.body.is_empty() {
            format!("the reply (status {}) has no body", self.status)
        } else if !crate::error::is_json(&self.headers) {
            format!(
                "the reply (status {}) is not JSON but {}: it may come from a proxy or a sign-on \
                 page between client and server",
                self.status,
                crate::error::media_type(&self.headers).unwrap_or("of no content type"),
            )
        } else if cause.is_data() {
            let path = crate::decode::path(&self.body, cause);
            format!("the reply does not have the expected shape at `{path}` ({place})")
        } else {
            format!("the reply is not valid JSON ({place})")
        };
        Error::new(ErrorKind::Decode, message).with_status(self.status)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .field("url", &crate::url::redact(&self.url))
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A reply whose body is not read yet. [`Call::stream`](crate::Call::stream) returns it.
///
/// It holds the in-flight slot of the call, and the timeouts of the call apply, until the body has
/// ended or this value is dropped. Dropping it closes the exchange.
///
/// ```no_run
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// use futures_util::TryStreamExt;
///
/// let reply = session.get("v2/reports/EXAMPLE").stream().await?;
/// println!("{} {:?}", reply.status(), reply.headers().get("content-type"));
/// let mut body = std::pin::pin!(reply.bytes_stream());
/// while let Some(chunk) = body.try_next().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct StreamingResponse {
    /// Status, headers and URL; its body is empty.
    head: Response,
    body: RawBody,
    idle: Option<Duration>,
    deadline: Option<Deadline>,
    slot: Option<OwnedSemaphorePermit>,
    /// The number of attempts and the start of the first one, for errors of the body.
    sent: Option<(u32, Instant)>,
}

impl StreamingResponse {
    pub(crate) fn from_wire(
        reply: http::Response<RawBody>,
        url: Url,
        idle: Option<Duration>,
    ) -> Self {
        let (parts, body) = reply.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        Self {
            head: Response { status, headers, url, body: Bytes::new() },
            body,
            idle,
            deadline: None,
            slot: None,
            sent: None,
        }
    }

    /// Sets the deadline of the body, the in-flight slot to hold, and the attempts for errors.
    pub(crate) fn set_call(
        &mut self,
        deadline: Option<Deadline>,
        slot: Option<OwnedSemaphorePermit>,
        sent: (u32, Instant),
    ) {
        use http_body::Body;
        self.deadline = deadline;
        self.sent = Some(sent);
        // a reply without a body frees its slot at once
        self.slot = slot.filter(|_| !self.body.is_end_stream());
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The headers. Headers with secrets (`X-MSTR-AuthToken`, `Set-Cookie`) are marked sensitive:
    /// `Debug` does not print them.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The delay that the server asks for before the next request: `Retry-After`, seconds with
    /// fractions or a date, counted from now on. `None` without the header, and for what is neither.
    pub fn retry_after(&self) -> Option<Duration> {
        asked_delay(self.headers())
    }

    /// The URL of the request; after redirects, the URL of the last one.
    pub fn url(&self) -> &Url {
        &self.head.url
    }

    /// The body as a stream of chunks of any size. Chunks that were yielded are not kept in memory.
    ///
    /// # Errors
    /// An item is [`Timeout`](ErrorKind::Timeout) when a timeout of the call has passed, and
    /// [`Transport`](ErrorKind::Transport) when the body is truncated or cannot be decompressed.
    /// The stream ends after an error.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + Sync + 'static {
        stream::try_unfold(self, |mut reply| async move {
            Ok(reply.next().await?.map(|piece| (piece, reply)))
        })
    }

    /// Reads the rest of the body into memory.
    ///
    /// # Errors
    /// The errors of [`bytes_stream`](Self::bytes_stream).
    pub async fn read(mut self) -> Result<Response> {
        let body = self.read_up_to(usize::MAX).await?;
        Ok(self.with_body(body))
    }

    /// The reply with the given body.
    pub(crate) fn with_body(self, body: Bytes) -> Response {
        Response { body, ..self.head }
    }

    /// Classifies this error reply. Reads at most `limit` bytes of its body.
    pub(crate) async fn read_error(&mut self, limit: usize) -> Error {
        match self.read_up_to(limit).await {
            Ok(body) => crate::error::from_reply(self.head.status, &self.head.headers, &body),
            // the status of the reply is more useful than the broken body: that becomes the source
            Err(error) => {
                crate::error::from_reply(self.head.status, &self.head.headers, &[]).caused_by(error)
            }
        }
    }

    /// Reads the complete body. A body of more than `limit` bytes is an error.
    pub(crate) async fn read_within(&mut self, limit: Option<usize>) -> Result<Bytes> {
        let Some(limit) = limit else { return self.read_up_to(usize::MAX).await };
        let body = self.read_up_to(limit.saturating_add(1)).await?;
        if body.len() > limit {
            let message = format!(
                "the body of the reply is longer than the limit of {limit} bytes: raise the \
                 limit, or read the body with Call::stream"
            );
            return Err(Error::new(ErrorKind::Decode, message).with_status(self.head.status));
        }
        Ok(body)
    }

    /// Reads the complete body, or its first `limit` bytes.
    async fn read_up_to(&mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(mut piece) = self.next_below(first.len(), limit).await? else {
            // most replies are one piece: return it without a copy
            return Ok(first.slice(..first.len().min(limit)));
        };
        let mut all = BytesMut::with_capacity((first.len() + piece.len()).max(8 * 1024));
        all.extend_from_slice(&first);
        loop {
            let room = limit - all.len();
            all.extend_from_slice(&piece[..piece.len().min(room)]);
            match self.next_below(all.len(), limit).await? {
                Some(next) => piece = next,
                None => return Ok(all.freeze()),
            }
        }
    }

    async fn next_below(&mut self, read: usize, limit: usize) -> Result<Option<Bytes>> {
        if read >= limit { Ok(None) } else { self.next().await }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = self.next_data().await.map_err(|error| match self.sent {
            Some((attempts, start)) => error.with_attempts(attempts, start.elapsed()),
            None => error,
        })?;
        if piece.is_none() {
            self.slot = None;
        }
        Ok(piece)
    }

    async fn next_data(&mut self) -> Result<Option<Bytes>> {
        loop {
            match next_piece(self.idle, self.deadline, self.body.frame()).await? {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(exchange_error(error, Some(&self.head.url)));
                }
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data()
                        && !piece.is_empty()
                    {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for StreamingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingResponse")
            .field("status", &self.head.status.as_u16())
            .field("url", &crate::url::redact(&self.head.url))
            .finish_non_exhaustive()
    }
}
