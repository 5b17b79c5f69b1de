//! The future of a call, and the decoder of its reply.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::client::Client;
use crate::execute::execute;
use crate::keep_alive;
use crate::request::Request;
use crate::send::{Received, unread};
use crate::{Response, Result, StreamingResponse};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// The decoder of a call: makes its value from the reply.
pub(crate) enum Decode<T> {
    /// The reply is the value.
    Response(fn(Response) -> T),
    Plain(fn(&Response) -> Result<T>),
    Shared(Arc<dyn Fn(Response) -> Result<T> + Send + Sync>),
    Stream(Arc<dyn Fn(StreamingResponse) -> Result<T> + Send + Sync>),
}

impl<T> Decode<T> {
    pub(crate) fn shared(decode: impl Fn(&Response) -> Result<T> + Send + Sync + 'static) -> Self {
        Self::Shared(Arc::new(move |response| decode(&response)))
    }

    pub(crate) fn stream(
        decode: impl Fn(StreamingResponse) -> Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self::Stream(Arc::new(decode))
    }

    /// A decoder that applies this one, then `then`.
    pub(crate) fn then<U>(self, then: impl Fn(T) -> Result<U> + Send + Sync + 'static) -> Decode<U>
    where
        T: 'static,
        U: 'static,
    {
        match self {
            Self::Response(wrap) => Decode::Shared(Arc::new(move |reply| then(wrap(reply)))),
            Self::Plain(decode) => Decode::Shared(Arc::new(move |reply| then(decode(&reply)?))),
            Self::Shared(decode) => Decode::Shared(Arc::new(move |reply| then(decode(reply)?))),
            Self::Stream(decode) => Decode::Stream(Arc::new(move |reply| then(decode(reply)?))),
        }
    }

    fn decode(&self, received: Received) -> Result<T> {
        match (self, received) {
            (Self::Response(wrap), Received::Whole(response)) => Ok(wrap(response)),
            (Self::Plain(decode), Received::Whole(response)) => decode(&response),
            (Self::Shared(decode), Received::Whole(response)) => decode(response),
            (Self::Stream(decode), Received::Stream(response)) => decode(response),
            // `Request::reading` selects the variant of `Received`; `Call` always sets both
            // together
            _ => Err(unread()),
        }
    }
}

impl<T> Clone for Decode<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Response(wrap) => Self::Response(*wrap),
            Self::Plain(decode) => Self::Plain(*decode),
            Self::Shared(decode) => Self::Shared(Arc::clone(decode)),
            Self::Stream(decode) => Self::Stream(Arc::clone(decode)),
        }
    }
}

/// The future of a call, made by [`Call::send`](crate::Call::send). Dropping it cancels the call.
/// The server may still process a request that it has received.
///
/// ```no_run
/// use mstr_rest_core::Session;
///
/// # async fn example(session: Session) -> Result<(), Box<dyn std::error::Error>> {
/// let projects = tokio::spawn(session.get("projects").decode::<serde_json::Value>().send());
/// let status = session.get("status").await?;
/// println!("{} {}", status.status(), projects.await??);
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing until they are awaited"]
pub struct CallFuture<T>(BoxFuture<Result<T>>);

impl<T: Send + 'static> CallFuture<T> {
    pub(crate) fn new(client: Arc<Client>, request: Box<Request>, decode: Decode<T>) -> Self {
        Self(Box::pin(async move {
            let mut value = None;
            let mut sink = |received| {
                value = Some(decode.decode(received)?);
                Ok(())
            };
            keep_alive::start(&client);
            execute(client, request, &mut sink).await?;
            value.ok_or_else(unread)
        }))
    }
}

impl<T> Future for CallFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.0.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for CallFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}
