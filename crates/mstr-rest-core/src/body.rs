//! Bodies of requests: in memory, or streamed once or repeatably.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use crate::{Error, ErrorKind, Result};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

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
}

/// What one sending of a body takes.
pub(crate) enum Sending {
    Empty,
    Bytes(Bytes),
    Stream(ByteStream),
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

    /// Whether it can be sent more than once.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self.0, Repr::Once(_))
    }

    /// Whether there is no body at all. A stream counts as one.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Repr::Empty => true,
            Repr::Bytes(bytes) => bytes.is_empty(),
            Repr::Once(_) | Repr::Make(_) => false,
        }
    }

    /// Takes the body for one sending.
    pub(crate) fn take(&self) -> Result<Sending> {
        Ok(match &self.0 {
            Repr::Empty => Sending::Empty,
            Repr::Bytes(bytes) if bytes.is_empty() => Sending::Empty,
            Repr::Bytes(bytes) => Sending::Bytes(bytes.clone()),
            Repr::Make(make) => Sending::Stream(make()),
            Repr::Once(stream) => {
                let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
                Sending::Stream(stream.ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidRequest,
                        "this streamed body was sent already: use Body::stream_fn for one that \
                         can be repeated",
                    )
                })?)
            }
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Empty => f.write_str("Body(empty)"),
            Repr::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Repr::Once(_) => f.write_str("Body(stream, once)"),
            Repr::Make(_) => f.write_str("Body(stream, repeatable)"),
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
