//! Request bodies: in memory, streamed once, or streamed repeatably.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{Error, ErrorKind, Result};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// The size of the pieces that a body in memory is sent in, so that a slow upload shows progress.
pub(crate) const PIECE: usize = 64 * 1024;

/// The body of a request.
///
/// Make it from bytes or text with `into()`, or from a stream with [`stream`](Self::stream) or
/// [`stream_fn`](Self::stream_fn). Clones of a one-shot stream share it: it can be sent once.
/// Sending it again fails with [`InvalidRequest`](ErrorKind::InvalidRequest). Redirects, retries
/// and re-logins never repeat a request with such a body.
///
/// ```
/// use mstr_rest_core::Body;
///
/// assert!(Body::from("text").is_repeatable());
/// let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("a".into())]);
/// assert!(!Body::stream(chunks).is_repeatable());
/// ```
#[derive(Clone, Default)]
pub struct Body(Repr);

#[derive(Clone, Default)]
enum Repr {
    #[default]
    Empty,
    Bytes(Bytes),
    Once(Arc<Mutex<Option<ByteStream>>>),
    Make(Arc<dyn Fn() -> ByteStream + Send + Sync>),
    /// One of the other variants with its length in bytes.
    Sized(Arc<Self>, u64),
    /// Several bodies, concatenated.
    Chain(Arc<[Body]>),
}

/// The content of a body for one attempt.
pub(crate) enum Sending {
    Empty,
    Bytes(Bytes),
    /// The length, if known, and the stream. A stream with a length yields exactly as many bytes,
    /// or fails.
    Stream(Option<u64>, ByteStream),
}

impl Body {
    /// Makes a body of a stream that can be sent once. An error of the stream makes the request
    /// fail with [`Transport`](ErrorKind::Transport).
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self(Repr::Once(Arc::new(Mutex::new(Some(Box::pin(stream.map_err(Into::into)))))))
    }

    /// Makes a body of a function that returns a new stream for each attempt. Redirects and retries
    /// can repeat it.
    pub fn stream_fn<F, S, E>(make: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self(Repr::Make(Arc::new(move || Box::pin(make().map_err(Into::into)))))
    }

    /// Sets the length of a stream in bytes, which is sent as `Content-Length`. If the stream
    /// yields more or fewer bytes, the request fails with [`Transport`](ErrorKind::Transport). It
    /// has no effect on a body in memory.
    ///
    /// ```
    /// use mstr_rest_core::Body;
    ///
    /// let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("four".into())]);
    /// let body = Body::stream(chunks).with_length(4);
    /// # let _ = body;
    /// ```
    #[must_use]
    pub fn with_length(self, bytes: u64) -> Self {
        match self.0 {
            Repr::Empty | Repr::Bytes(_) => self,
            stream => Self(Repr::Sized(Arc::new(stream), bytes)),
        }
    }

    /// Concatenates several bodies.
    pub(crate) fn chain(bodies: Vec<Self>) -> Self {
        Self(Repr::Chain(bodies.into()))
    }

    /// Returns `true` if it can be sent more than once.
    pub fn is_repeatable(&self) -> bool {
        self.0.is_repeatable()
    }

    /// Returns `true` if there is no body. A stream is never empty in this sense.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Empty => true,
            Repr::Bytes(bytes) => bytes.is_empty(),
            Repr::Once(_) | Repr::Make(_) | Repr::Sized(..) | Repr::Chain(_) => false,
        }
    }

    /// The content for one attempt. Takes a one-shot stream out of the body.
    pub(crate) fn take(&self) -> Result<Sending> {
        self.0.take()
    }
}

impl Repr {
    fn is_repeatable(&self) -> bool {
        match self {
            Self::Empty | Self::Bytes(_) | Self::Make(_) => true,
            Self::Once(_) => false,
            Self::Sized(body, _) => body.is_repeatable(),
            Self::Chain(bodies) => bodies.iter().all(Body::is_repeatable),
        }
    }

    fn take(&self) -> Result<Sending> {
        Ok(match self {
            Self::Empty => Sending::Empty,
            Self::Bytes(bytes) if bytes.is_empty() => Sending::Empty,
            Self::Bytes(bytes) => Sending::Bytes(bytes.clone()),
            Self::Make(make) => Sending::Stream(None, make()),
            Self::Once(stream) => {
                let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                let stream = stream.ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidRequest,
                        "the streamed body was sent before: use Body::stream_fn to make it \
                         repeatable",
                    )
                })?;
                Sending::Stream(None, stream)
            }
            Self::Sized(body, length) => {
                let (_, stream) = body.take()?.into_stream();
                Sending::Stream(Some(*length), exactly(*length, stream))
            }
            Self::Chain(bodies) => {
                let (mut length, mut streams) = (Some(0_u64), Vec::with_capacity(bodies.len()));
                for body in bodies.iter() {
                    let (more, stream) = body.take()?.into_stream();
                    length = length.zip(more).and_then(|(sum, more)| sum.checked_add(more));
                    streams.push(stream);
                }
                Sending::Stream(length, Box::pin(stream::iter(streams).flatten()))
            }
        })
    }
}

impl Sending {
    /// Converts it into a stream and its length.
    fn into_stream(self) -> (Option<u64>, ByteStream) {
        let mut bytes = match self {
            Self::Empty => Bytes::new(),
            Self::Bytes(bytes) => bytes,
            Self::Stream(length, stream) => return (length, stream),
        };
        let length = bytes.len() as u64;
        let pieces = std::iter::from_fn(move || {
            (!bytes.is_empty()).then(|| Ok(bytes.split_to(bytes.len().min(PIECE))))
        });
        (Some(length), Box::pin(stream::iter(pieces)))
    }
}

/// Fails when the stream is longer or shorter than `length`. The server would read the next bytes
/// on the connection as the rest of the body, or wait for more.
fn exactly(length: u64, stream: ByteStream) -> ByteStream {
    let next = |(mut stream, left): (ByteStream, u64)| async move {
        match stream.try_next().await? {
            None if left == 0 => Ok(None),
            Some(piece) if piece.len() as u64 <= left => {
                let left = left - piece.len() as u64;
                Ok(Some((piece, (stream, left))))
            }
            _ => Err("the length of the streamed body differs from Body::with_length".into()),
        }
    };
    Box::pin(stream::try_unfold((stream, length), next))
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Empty => f.write_str("Body(empty)"),
            Repr::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            _ if self.is_repeatable() => f.write_str("Body(stream, repeatable)"),
            _ => f.write_str("Body(stream, once)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}
