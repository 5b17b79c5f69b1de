//! gzip, and bodies that end, stop or break where they were told to.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http_body::Frame;
use tokio::time::{Sleep, sleep};

/// The body as gzip. Writing to memory cannot fail; should it, the body stays as it is.
pub(crate) fn gzip(body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into())
}

/// So many spaces, compressed.
pub(crate) fn bomb(bytes: usize) -> Bytes {
    let block = [b' '; 8 * 1024];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut left = bytes;
    while left > 0 {
        let part = left.min(block.len());
        if encoder.write_all(block.get(..part).unwrap_or(&block)).is_err() {
            break;
        }
        left -= part;
    }
    encoder.finish().unwrap_or_default().into()
}

/// Whether the client said that it takes gzip (and did not weigh it with nought).
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(http::header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
        })
}

/// What follows the first bytes of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    End,
    Close,
    Stall,
}

/// How long the bytes before a cut have to reach the wire. HTTP/2 throws away what it has not
/// sent when a stream breaks, and its connection works in a task of its own.
const FLUSH: Duration = Duration::from_millis(50);

/// A body that sends some bytes and then does what it was told to.
#[derive(Debug)]
pub(crate) struct Scripted {
    first: Option<Bytes>,
    then: Then,
    flushed: Option<Pin<Box<Sleep>>>,
}

impl Scripted {
    pub(crate) fn new(first: Bytes, then: Then) -> Self {
        let first = (!first.is_empty()).then_some(first);
        Self { first, then, flushed: None }
    }
}

impl http_body::Body for Scripted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Stall => Poll::Pending,
            Then::Close => {
                let flushed = self.flushed.get_or_insert_with(|| Box::pin(sleep(FLUSH)));
                ready!(flushed.as_mut().poll(context));
                Poll::Ready(Some(Err(io::Error::other("the reply was to be cut here"))))
            }
        }
    }
}

/// The service never fails: what goes wrong is part of the act.
pub(crate) type Never = Infallible;

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT_ENCODING, value.parse().unwrap());
        accepts_gzip(&headers)
    }

    #[test]
    fn gzip_only_for_those_who_take_it() {
        assert!(accepts("gzip, deflate"));
        assert!(accepts("br;q=1.0, gzip;q=0.8"));
        assert!(!accepts("identity"));
        assert!(!accepts("gzip;q=0"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
