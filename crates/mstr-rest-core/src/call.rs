//! One request as a value: built, inspected, cloned, and sent when it is awaited.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::execute::{Outcome, execute};
use crate::request::{ProjectChoice, Request};
use crate::{Body, Error, ErrorKind, Reply, Response, Result, RetryPolicy, Session};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A request that is not sent yet, and how to decode its reply.
///
/// A call is inert: it owns everything, needs no runtime, and can be cloned, kept, inspected
/// ([`method`](Self::method), [`url`](Self::url), [`curl`](Self::curl)) and tested without a
/// server. It is sent by awaiting it, or by [`send`](Self::send) where a named future is wanted
/// (spawn, join). Mistakes in building it, a header name with a space say, surface as
/// [`InvalidRequest`](ErrorKind::InvalidRequest) when it is sent, and nothing goes out then.
///
/// ```
/// use mstr_rest_core::{Response, Session};
///
/// # fn main() -> mstr_rest_core::Result<()> {
/// let session = Session::builder("https://host/MicroStrategyLibrary/api").build()?;
/// let call = session.get("v2/reports").segment("8D67 35").query("limit", 10).project_id("B7CA");
/// assert_eq!(call.method(), "GET");
/// assert_eq!(
///     call.url()?.as_str(),
///     "https://host/MicroStrategyLibrary/api/v2/reports/8D67%2035?limit=10"
/// );
/// # async fn send(call: mstr_rest_core::Call<Response>) -> mstr_rest_core::Result<()> {
/// let reply = call.await?;
/// # Ok(())
/// # }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Sending any call can fail with: [`InvalidRequest`](ErrorKind::InvalidRequest) (a mistake in
/// building it), [`NoSession`](ErrorKind::NoSession) (the session was closed, or holds no token
/// and the call needs one), [`Connect`](ErrorKind::Connect), [`Timeout`](ErrorKind::Timeout),
/// [`Transport`](ErrorKind::Transport), [`Redirect`](ErrorKind::Redirect),
/// [`Config`](ErrorKind::Config) (not in a Tokio runtime), every kind that an error reply maps to,
/// and, for typed calls, [`Decode`](ErrorKind::Decode).
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    request: Box<Request>,
    decode: Decode<T>,
}

type Decoder<T> = dyn Fn(&Reply) -> Result<T> + Send + Sync;

enum Decode<T> {
    /// The body is left to the caller.
    Stream(fn(Response) -> T),
    Plain(fn(&Reply) -> Result<T>),
    Shared(Arc<Decoder<T>>),
}

impl<T> Decode<T> {
    fn reply(&self, reply: &Reply) -> Result<T> {
        match self {
            // only a call whose body is streamed has it, and then there is no such reply
            Self::Stream(give) => Ok(give(reply.clone().into())),
            Self::Plain(decode) => decode(reply),
            Self::Shared(decode) => decode(reply),
        }
    }
}

impl<T> Clone for Decode<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Stream(give) => Self::Stream(*give),
            Self::Plain(decode) => Self::Plain(*decode),
            Self::Shared(decode) => Self::Shared(Arc::clone(decode)),
        }
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), decode: self.decode.clone() }
    }
}

impl Call<Response> {
    pub(crate) fn new(
        session: &Session,
        method: Method,
        path: impl Into<Cow<'static, str>>,
    ) -> Self {
        let request = Box::new(Request::new(session, method, path.into()));
        Self { request, decode: Decode::Stream(|response| response) }
    }

    /// A call that fails when it is sent.
    pub(crate) fn with_mistake(mut self, what: &str) -> Self {
        self.fail(what);
        self
    }
}

/// Building the request.
impl<T> Call<T> {
    /// Appends one path segment, percent-encoded: an id, or a name with whatever in it.
    pub fn segment(mut self, segment: impl AsRef<str>) -> Self {
        match crate::url::segment(segment.as_ref()) {
            Some(segment) => self.request.push_segment(&segment),
            None => self.fail("a path segment is empty, `.` or `..`"),
        }
        self
    }

    /// The project of this call, by name. The name is looked up when the call is sent, with
    /// `GET /projects` once for the whole session; a name that is not known then is looked up
    /// anew.
    ///
    /// # Errors
    /// When sent: [`NoSession`](ErrorKind::NoSession),
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) for an unknown name,
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when several projects bear the name, or when
    /// [`project_id`](Self::project_id) was given too.
    pub fn project(mut self, name: impl Into<String>) -> Self {
        self.choose(ProjectChoice::Name(name.into().into()));
        self
    }

    /// The project of this call, by id (32 hexadecimal digits): sent as `X-MSTR-ProjectID`.
    pub fn project_id(mut self, id: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(id.as_ref()) {
            Ok(id) => self.choose(ProjectChoice::Id(id)),
            Err(_) => self.fail("the project id cannot be a header value"),
        }
        self
    }

    /// No project for this call, whatever the session's default is.
    pub fn without_project(mut self) -> Self {
        self.request.project = ProjectChoice::None;
        self
    }

    fn choose(&mut self, choice: ProjectChoice) {
        let clash = matches!(
            (&self.request.project, &choice),
            (ProjectChoice::Name(_), ProjectChoice::Id(_))
                | (ProjectChoice::Id(_), ProjectChoice::Name(_))
        );
        if clash {
            self.fail("give either project or project_id, not both");
        }
        self.request.project = choice;
    }

    /// Whether the session's token and cookies go along (they do unless this says no). Without,
    /// nothing of the reply is kept either.
    pub fn include_auth(mut self, yes: bool) -> Self {
        self.request.include_auth = yes;
        self
    }

    /// Fails with [`NoSession`](ErrorKind::NoSession) before anything is sent when the session
    /// holds no token. The typed endpoints do this; raw calls go out without a token.
    pub fn require_session(mut self) -> Self {
        self.request.needs_session = true;
        self
    }

    /// Whether an expired session is logged in again for this call, where the session does so at
    /// all ([`relogin`](crate::SessionBuilder::relogin)). `false` lets `ERR009` through: the way to
    /// ask whether the server still knows the session.
    pub fn relogin(mut self, yes: bool) -> Self {
        self.request.may_renew = yes;
        self
    }

    /// Appends a query parameter, percent-encoded. Several of one name are all sent.
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.request.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header, replacing an earlier one of that name. The session's token and a project
    /// that was given win over headers of their names.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match (HeaderName::try_from(name.as_ref()), HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(!crate::request::is_public(&name));
                self.request.headers.insert(name, value);
            }
            (Err(_), _) => self.fail("a header name is not valid"),
            (_, Err(_)) => self.fail("a header value holds a character that headers cannot hold"),
        }
        self
    }

    /// The body, as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => {
                self.request.body = json.into();
                let json = HeaderValue::from_static("application/json");
                self.request.headers.insert(header::CONTENT_TYPE, json);
            }
            Err(error) => self.fail_with("the body cannot be written as JSON", error),
        }
        self
    }

    /// The body as it is. Set its content type with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.request.body = body.into();
        self
    }

    /// The body as a stream, sent once: short for [`Body::stream`].
    pub fn stream_body<S, E>(self, stream: S) -> Self
    where
        S: futures_util::Stream<Item = Result<bytes::Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        self.body(Body::stream(stream))
    }

    /// A limit for the whole call: waiting for a login or a place among the requests in flight,
    /// redirects, and the body of the reply, a streamed one too.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.request.limits.total = Some(limit);
        self
    }

    /// How long nothing may move, in either direction (the session's limit otherwise).
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.request.limits.idle = Some(limit);
        self
    }

    /// When this call is sent again (the session's policy otherwise).
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.request.retry = Some(policy);
        self
    }

    /// Whether the call may be repeated after it was sent, for a `POST` that changes nothing say.
    /// The method decides otherwise.
    pub fn idempotent(mut self, yes: bool) -> Self {
        self.request.idempotent = Some(yes);
        self
    }

    /// Makes the call fail with this error when it is sent; nothing goes out then. For typed
    /// endpoints that find a mistake in what they were given. Of several mistakes the first counts.
    ///
    /// ```
    /// use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
    ///
    /// fn page(session: &Session, limit: u32) -> Call<Response> {
    ///     let call = session.get("users").query("limit", limit);
    ///     if limit > 0 {
    ///         return call;
    ///     }
    ///     call.refuse(Error::new(ErrorKind::InvalidRequest, "a page has at least one user"))
    /// }
    /// ```
    pub fn refuse(mut self, error: Error) -> Self {
        self.request.fail(error);
        self
    }

    fn fail(&mut self, what: &str) {
        self.request.fail(Error::new(ErrorKind::InvalidRequest, what));
    }

    fn fail_with(&mut self, what: &str, error: serde_json::Error) {
        self.request.fail(Error::with_source(ErrorKind::InvalidRequest, what, error));
    }
}

/// The shape of the answer.
impl<T> Call<T> {
    /// Decodes the reply as JSON into another type; `serde_json::Value` for all that the server
    /// sent.
    ///
    /// # Errors
    /// When sent: [`Decode`](ErrorKind::Decode) for a reply that is no such value; it names the
    /// member.
    pub fn decode<U: DeserializeOwned>(self) -> Call<U> {
        self.decode_with(Reply::json)
    }

    /// Decodes the reply with a function that looks at status, headers and body.
    ///
    /// ```
    /// use mstr_rest_core::{Call, Session};
    ///
    /// fn total(session: &Session) -> Call<Option<u64>> {
    ///     session.get("users").query("limit", 1).decode_with(|reply| {
    ///         let total = reply.headers().get("x-mstr-total-count");
    ///         Ok(total.and_then(|total| total.to_str().ok()?.parse().ok()))
    ///     })
    /// }
    /// ```
    pub fn decode_with<U>(self, decode: fn(&Reply) -> Result<U>) -> Call<U> {
        Call { request: self.request, decode: Decode::Plain(decode) }
    }

    /// Keeps the decoder and goes on from its value.
    pub fn map<U>(self, then: impl Fn(T) -> Result<U> + Send + Sync + 'static) -> Call<U>
    where
        T: 'static,
    {
        let first = self.decode;
        let decode = move |reply: &Reply| then(first.reply(reply)?);
        Call { request: self.request, decode: Decode::Shared(Arc::new(decode)) }
    }

    /// The reply as it is, whatever its status: error replies are not turned into errors, and an
    /// expired session is not renewed.
    pub fn raw(mut self) -> Call<Response> {
        self.request.raw = true;
        Call { request: self.request, decode: Decode::Stream(|response| response) }
    }
}

/// Looking at it.
impl<T> Call<T> {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// The URL that it will be sent to, with the query of this call (not the session's
    /// [`default_query`](crate::SessionBuilder::default_query)).
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when the path does not join the base URL.
    pub fn url(&self) -> Result<Url> {
        Ok(self.request.target()?.url)
    }

    /// The headers that were set on this call. What the session adds (token, cookies, project) is
    /// not among them.
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The session that it will be sent with.
    pub fn session(&self) -> &Session {
        &self.request.session
    }

    /// The call as a command line of curl, to try it by hand: quoted for a POSIX shell, every
    /// value that may be a secret replaced by `***`, the body by a file name.
    ///
    /// ```
    /// # use mstr_rest_core::Session;
    /// # fn main() -> mstr_rest_core::Result<()> {
    /// let session = Session::builder("https://host/api").build()?;
    /// assert_eq!(
    ///     session.get("users").query("limit", 5).query("nameBegins", "Smith").curl(),
    ///     "curl -X GET 'https://host/api/users?limit=5&nameBegins=***' \
    ///      -H 'X-MSTR-AuthToken: ***' -b '***'"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    pub fn curl(&self) -> String {
        self.request.curl()
    }
}

/// Sending it.
impl<T> Call<T> {
    /// Sends the call. The future is named, boxed and `'static`; nothing happens until it is
    /// polled, inside a Tokio runtime.
    pub fn send(self) -> CallFuture<T> {
        let stream = matches!(self.decode, Decode::Stream(_));
        CallFuture { inner: Box::pin(execute(self.request, stream)), decode: self.decode }
    }
}

impl<T> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = CallFuture<T>;

    fn into_future(self) -> CallFuture<T> {
        self.send()
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.request.method)
            .field("route", &self.request.route())
            .field("body", &self.request.body)
            .finish_non_exhaustive()
    }
}

/// A call on its way, from [`Call::send`]. Dropping it cancels the call; what the server does with
/// a request that is already there is the server's.
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
pub struct CallFuture<T> {
    inner: BoxFuture<Result<Outcome>>,
    decode: Decode<T>,
}

impl<T> Future for CallFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        let Poll::Ready(outcome) = this.inner.as_mut().poll(cx) else { return Poll::Pending };
        Poll::Ready(match (&this.decode, outcome) {
            (_, Err(error)) => Err(error),
            (Decode::Stream(give), Ok(Outcome::Stream(response))) => Ok(give(response)),
            (decode, Ok(Outcome::Whole(reply, attempts, elapsed))) => {
                decode.reply(&reply).map_err(|error| error.with_tries(attempts, elapsed))
            }
            // `execute` was told which of the two
            (_, Ok(Outcome::Stream(_))) => {
                Err(Error::new(ErrorKind::Decode, "the reply was not read"))
            }
        })
    }
}

impl<T> fmt::Debug for CallFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}
