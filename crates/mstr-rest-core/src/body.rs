//! Request bodies: in memory, streamed once, or streamed repeatably.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{Error, ErrorKind, Result};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// A body in memory is handed over in pieces of this size, so that a slow upload shows progress.
pub(crate) const PIECE: usize = 64 * 1024;

/// The body of a request.
///
/// Made from bytes or text with `into()`; from a stream with [`stream`](Self::stream) or
/// [`stream_fn`](Self::stream_fn). Always `Clone`: a one-shot stream is shared by its clones and
/// can be sent once; sending it again is an [`InvalidRequest`](ErrorKind::InvalidRequest). A body
/// that cannot be repeated is never repeated, neither by a redirect nor by any retry.
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
    /// One of the others, which is so many bytes long.
    Sized(Arc<Self>, u64),
    /// One behind the other.
    Chain(Arc<[Body]>),
}

/// What one sending of a body takes.
pub(crate) enum Sending {
    Empty,
    Bytes(Bytes),
    /// Its length, if that is known, and what yields exactly so many bytes or fails.
    Stream(Option<u64>, ByteStream),
}

impl Body {
    /// A stream that can be sent once. An error of the stream ends the request with
    /// [`Transport`](ErrorKind::Transport).
    pub fn stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self(Repr::Once(Arc::new(Mutex::new(Some(Box::pin(stream.map_err(Into::into)))))))
    }

    /// A stream that is made anew for each sending, so that redirects and retries may repeat it.
    pub fn stream_fn<F, S, E>(make: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self(Repr::Make(Arc::new(move || Box::pin(make().map_err(Into::into)))))
    }

    /// Says how long a stream is, in bytes, so that `Content-Length` is sent with it. A stream that
    /// yields more or less ends the request with [`Transport`](ErrorKind::Transport). Without
    /// effect on a body in memory.
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

    /// Several bodies as one.
    pub(crate) fn chain(bodies: Vec<Self>) -> Self {
        Self(Repr::Chain(bodies.into()))
    }

    /// Whether it can be sent more than once.
    pub fn is_repeatable(&self) -> bool {
        self.0.is_repeatable()
    }

    /// Whether there is no body at all. A stream counts as one.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Empty => true,
            Repr::Bytes(bytes) => bytes.is_empty(),
            Repr::Once(_) | Repr::Make(_) | Repr::Sized(..) | Repr::Chain(_) => false,
        }
    }

    /// Takes the body for one sending.
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
                        "this streamed body was sent already: use Body::stream_fn for one that \
                         can be repeated",
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
    /// The same as a stream, with its length.
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

/// Ends with an error where a stream is longer or shorter than `length`: the server would take what
/// comes behind it for its rest, or wait for more.
fn exactly(length: u64, stream: ByteStream) -> ByteStream {
    let next = |(mut stream, left): (ByteStream, u64)| async move {
        match stream.try_next().await? {
            None if left == 0 => Ok(None),
            Some(piece) if piece.len() as u64 <= left => {
                let left = left - piece.len() as u64;
                Ok(Some((piece, (stream, left))))
            }
            _ => Err("a streamed body has another length than Body::with_length says".into()),
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
