//! Replies: with a body still to be read, or read completely.

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

use crate::time::{Deadline, next_piece};
use crate::transport::{RawBody, exchange_error};
use crate::{Error, ErrorKind, Result};

/// A reply whose body is still to be read: what calls without a type give.
///
/// The time limits of the call go on while the body is read. Dropping it ends the exchange.
///
/// ```no_run
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// use futures_util::TryStreamExt;
///
/// let reply = session.get("v2/reports/EXAMPLE").await?;
/// println!("{} {:?}", reply.status(), reply.headers().get("content-type"));
/// let mut body = std::pin::pin!(reply.bytes_stream());
/// while let Some(chunk) = body.try_next().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Source,
    idle: Option<Duration>,
    deadline: Option<Deadline>,
    /// Its place among the requests in flight.
    permit: Option<OwnedSemaphorePermit>,
    /// How many times its request was sent, and since when: for the errors of its body.
    sent: Option<(u32, Instant)>,
}

enum Source {
    Wire(RawBody),
    Memory(Bytes),
}

impl Response {
    pub(crate) fn from_wire(
        reply: http::Response<RawBody>,
        url: Url,
        idle: Option<Duration>,
    ) -> Self {
        let (head, body) = reply.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            url,
            body: Source::Wire(body),
            idle,
            deadline: None,
            permit: None,
            sent: None,
        }
    }

    /// A reply that nothing sent: an adopted session has none.
    pub(crate) fn local(url: Url) -> Self {
        let reply = Reply {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            url,
            body: Bytes::new(),
        };
        reply.into()
    }

    pub(crate) fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }

    pub(crate) fn set_tries(&mut self, attempts: u32, start: Instant) {
        self.sent = Some((attempts, start));
    }

    /// Writes into an error of the body, or about the reply, what it took to get it.
    pub(crate) fn mark(&self, error: Error) -> Error {
        match self.sent {
            Some((attempts, start)) => error.with_tries(attempts, start.elapsed()),
            None => error,
        }
    }

    /// Keeps its place among the requests in flight until the body was read. Without a body there
    /// is nothing to wait for.
    pub(crate) fn set_permit(&mut self, permit: Option<OwnedSemaphorePermit>) {
        use http_body::Body;
        let is_over = match &self.body {
            Source::Wire(body) => body.is_end_stream(),
            Source::Memory(_) => true,
        };
        self.permit = permit.filter(|_| !is_over);
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers. Those that hold secrets (`X-MSTR-AuthToken`, `Set-Cookie`) are marked
    /// sensitive: `Debug` does not print them.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The URL that answered: behind redirects, the last.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The whole body.
    ///
    /// # Errors
    /// [`Timeout`](ErrorKind::Timeout) when a time limit is over,
    /// [`Transport`](ErrorKind::Transport) when the body breaks off or cannot be decompressed.
    pub async fn bytes(mut self) -> Result<Bytes> {
        self.read(usize::MAX).await
    }

    /// The whole body as text. What is not UTF-8 becomes replacement characters.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.bytes().await?).into_owned())
    }

    /// The whole body, decoded as JSON. Its content type is not looked at.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes); [`Decode`](ErrorKind::Decode), naming the member, when it is not
    /// JSON of that shape.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.reply().await?.json()
    }

    /// The body as it comes, in pieces of whatever size. Nothing is kept in memory.
    ///
    /// # Errors
    /// Its items fail as [`bytes`](Self::bytes) does; the stream ends after an error.
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes>> + Send + Sync + 'static {
        stream::try_unfold(self, |mut reply| async move {
            Ok(reply.next().await?.map(|piece| (piece, reply)))
        })
    }

    /// The reply without its body.
    pub(crate) fn head(&self) -> Reply {
        let (headers, url) = (self.headers.clone(), self.url.clone());
        Reply { status: self.status, headers, url, body: Bytes::new() }
    }

    /// Reads the whole body.
    pub(crate) async fn reply(mut self) -> Result<Reply> {
        let body = self.read(usize::MAX).await?;
        Ok(self.into_reply(body))
    }

    /// The same once its body was read.
    pub(crate) fn into_reply(self, body: Bytes) -> Reply {
        Reply { status: self.status, headers: self.headers, url: self.url, body }
    }

    /// The error that this reply stands for. Its body is read up to `limit` bytes.
    pub(crate) async fn read_error(&mut self, limit: usize) -> Error {
        match self.read(limit).await {
            Ok(body) => crate::error::from_reply(self.status, &self.headers, &body),
            // what broke is less than what the server says with the status
            Err(error) => {
                crate::error::from_reply(self.status, &self.headers, &[]).caused_by(error)
            }
        }
    }

    /// The whole body, or its first `limit` bytes.
    pub(crate) async fn read(&mut self, limit: usize) -> Result<Bytes> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(mut piece) = self.next_below(first.len(), limit).await? else {
            // the usual small reply: no copy
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
        match self.next_unmarked().await {
            Ok(piece) => Ok(piece),
            Err(error) => Err(self.mark(error)),
        }
    }

    async fn next_unmarked(&mut self) -> Result<Option<Bytes>> {
        let body = match &mut self.body {
            Source::Memory(bytes) if bytes.is_empty() => return Ok(None),
            Source::Memory(bytes) => return Ok(Some(std::mem::take(bytes))),
            Source::Wire(body) => body,
        };
        loop {
            match next_piece(self.idle, self.deadline, body.frame()).await? {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(exchange_error(error, Some(&self.url)));
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

impl From<Reply> for Response {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status,
            headers: reply.headers,
            url: reply.url,
            body: Source::Memory(reply.body),
            idle: None,
            deadline: None,
            permit: None,
            sent: None,
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status.as_u16())
            .field("url", &crate::url::redact(&self.url))
            .finish_non_exhaustive()
    }
}

/// A reply with its whole body in memory: what decoders of typed calls see.
///
/// ```
/// use mstr_rest_core::{Call, Session};
///
/// fn size_of_projects(session: &Session) -> Call<usize> {
///     session.get("projects").decode_with(|reply| Ok(reply.body().len()))
/// }
/// ```
#[derive(Clone)]
pub struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    url: Url,
    body: Bytes,
}

impl Reply {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers, those that hold secrets marked sensitive.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The URL that answered.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body decoded as JSON.
    ///
    /// # Errors
    /// [`Decode`](ErrorKind::Decode) with the status, naming the member that does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.decode_error(&error))
    }

    fn decode_error(&self, cause: &serde_json::Error) -> Error {
        // serde_json's own text may quote a value of the reply
        let place = format!("line {} column {}", cause.line(), cause.column());
        let message = if self.body.is_empty() {
            format!("the reply (status {}) has no body", self.status)
        } else if !crate::error::is_json(&self.headers) {
            format!(
                "the reply (status {}) is not JSON but {}: it may come from a proxy or a sign-on \
                 page in between",
                self.status,
                crate::error::media_type(&self.headers).unwrap_or("of no content type"),
            )
        } else if cause.is_data() {
            let path = crate::decode::path(&self.body, cause);
            format!("the reply has another shape than expected at `{path}` ({place})")
        } else {
            format!("the reply is not valid JSON ({place})")
        };
        Error::new(ErrorKind::Decode, message).with_status(self.status)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status.as_u16())
            .field("url", &crate::url::redact(&self.url))
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
