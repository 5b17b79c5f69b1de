//! `Call`: a request as a value that is built, inspected, and sent.

mod body;
mod send;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::de::DeserializeOwned;
use url::Url;

use crate::call_future::Decode;
use crate::projects::ProjectRef;
use crate::request::{Reading, Request, UsedLogin};
use crate::{Error, ErrorKind, Response, Result, RetryPolicy, Session, StreamingResponse};

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
/// [`Config`](ErrorKind::Config) (not in a Tokio runtime), [`Interrupted`](ErrorKind::Interrupted)
/// (the re-login that it waited for panicked, or its runtime stopped), every kind that an error
/// reply maps to, and [`Decode`](ErrorKind::Decode) (not what a typed call expects, or longer than
/// [`max_response_bytes`](Self::max_response_bytes)).
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    session: Session,
    request: Box<Request>,
    /// `project` or `project_id` was called.
    has_own_project: bool,
    decode: Decode<T>,
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            request: self.request.clone(),
            has_own_project: self.has_own_project,
            decode: self.decode.clone(),
        }
    }
}

impl Call<Response> {
    pub(crate) fn new(
        session: &Session,
        method: Method,
        path: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut request = Box::new(Request::new(method, path.into()));
        request.project.clone_from(&session.project);
        request.untyped = true;
        let decode = Decode::Response(|response| response);
        Self { session: session.clone(), request, has_own_project: false, decode }
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

    /// The project of this call: a name, or an id (32 hexadecimal digits), which is sent as
    /// `X-MSTR-ProjectID`. A name is looked up when the call is sent, with `GET /projects` once for
    /// the whole session; one that is not known then is looked up anew.
    ///
    /// # Errors
    /// When sent: [`NoSession`](ErrorKind::NoSession),
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) for an unknown name,
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when several projects bear the name, or when
    /// both a name and an id were given.
    pub fn project(mut self, name_or_id: impl AsRef<str>) -> Self {
        self.choose(ProjectRef::parse(name_or_id.as_ref()));
        self
    }

    /// The project of this call, by id, whatever its form.
    pub fn project_id(mut self, id: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(id.as_ref()) {
            Ok(id) => self.choose(ProjectRef::Id(id)),
            Err(_) => self.fail("the project id cannot be a header value"),
        }
        self
    }

    /// No project for this call, whatever the session's default is.
    pub fn without_project(mut self) -> Self {
        self.request.project = None;
        self.has_own_project = false;
        self
    }

    fn choose(&mut self, project: ProjectRef) {
        let clash = matches!(
            (&self.request.project, &project),
            (Some(ProjectRef::Name(_)), ProjectRef::Id(_))
                | (Some(ProjectRef::Id(_)), ProjectRef::Name(_))
        );
        if self.has_own_project && clash {
            self.fail("give either project or project_id, not both");
        }
        self.request.project = Some(project);
        self.has_own_project = true;
    }

    /// Whether the session's token and cookies go along. Default: true. Without them nothing of the
    /// reply is kept either.
    pub fn include_auth(mut self, yes: bool) -> Self {
        self.request.login = if yes { UsedLogin::Session } else { UsedLogin::Without };
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
        self.request.may_relogin = yes;
        self
    }

    /// Appends a query parameter, percent-encoded. Several of one name are all sent.
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.request.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header, replacing an earlier one of that name. The session's token and a project
    /// that was given win over headers of their names. A `Cookie` header goes along with the
    /// cookies of the login, which win over cookies of their names, and to the base origin only.
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

    /// The timeout of the whole call: waiting for a login or an in-flight slot, all attempts and
    /// redirects, and the body of the reply, a streamed one too. Default: the session's
    /// ([`SessionBuilder::timeout`](crate::SessionBuilder::timeout)); `None`: no timeout.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.request.timeouts.total = Some(timeout.into().unwrap_or(Duration::MAX));
        self
    }

    /// Idle timeout: the longest time without a byte sent or received. Default: the session's
    /// ([`SessionBuilder::read_timeout`](crate::SessionBuilder::read_timeout)); `None`: no timeout.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.request.timeouts.idle = Some(timeout.into().unwrap_or(Duration::MAX));
        self
    }

    /// Whether redirects of this call are followed. Default: the session's
    /// ([`SessionBuilder::follow_redirects`](crate::SessionBuilder::follow_redirects)).
    #[doc(alias = "allow_redirects")]
    pub fn follow_redirects(mut self, yes: bool) -> Self {
        self.request.follow_redirects = Some(yes);
        self
    }

    /// The longest body of a reply that is read into memory, in bytes; a longer one is a
    /// [`Decode`](ErrorKind::Decode) error. Default: the session's
    /// ([`SessionBuilder::max_response_bytes`](crate::SessionBuilder::max_response_bytes)). It does
    /// not count for [`stream`](Self::stream).
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        if let Reading::Whole { limit } = &mut self.request.reading {
            *limit = Some(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
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

    /// Makes the call fail with this error when it is sent; nothing is sent then. For typed endpoints
    /// that are given invalid arguments. Of several errors the first is kept.
    ///
    /// ```
    /// use mstr_rest_core::{Call, Error, ErrorKind, Response, Session};
    ///
    /// fn page(session: &Session, limit: u32) -> Call<Response> {
    ///     let call = session.get("users").query("limit", limit);
    ///     if limit > 0 {
    ///         return call;
    ///     }
    ///     call.fail_with(Error::new(ErrorKind::InvalidRequest, "a page has at least one user"))
    /// }
    /// ```
    pub fn fail_with(mut self, error: Error) -> Self {
        self.request.fail(error);
        self
    }

    fn fail(&mut self, what: &str) {
        self.request.fail(Error::new(ErrorKind::InvalidRequest, what));
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
        self.with_decoder(Decode::Plain(Response::json))
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
    pub fn decode_with<U>(
        self,
        decode: impl Fn(&Response) -> Result<U> + Send + Sync + 'static,
    ) -> Call<U> {
        self.with_decoder(Decode::shared(decode))
    }

    fn with_decoder<U>(mut self, decode: Decode<U>) -> Call<U> {
        if self.request.reading == Reading::Stream {
            self.request.reading = Reading::Whole { limit: None };
        }
        self.request.untyped = false;
        self.becomes(decode)
    }

    fn becomes<U>(self, decode: Decode<U>) -> Call<U> {
        let Self { session, request, has_own_project, .. } = self;
        Call { session, request, has_own_project, decode }
    }

    /// Keeps the decoder and goes on from its value.
    pub fn map<U>(self, then: impl Fn(T) -> Result<U> + Send + Sync + 'static) -> Call<U>
    where
        T: 'static,
        U: 'static,
    {
        let decode = self.decode.clone().then(then);
        self.becomes(decode)
    }

    /// The reply as it is, whatever its status: error replies are not turned into errors, and an
    /// expired session is not renewed. For a streamed one call [`stream`](Self::stream) behind it.
    pub fn raw(mut self) -> Call<Response> {
        self.request.raw = true;
        let mut call = self.with_decoder(Decode::Response(|response| response));
        call.request.untyped = true;
        call
    }

    /// The reply with its body still to be read, for downloads that should not be held in memory.
    ///
    /// It keeps the in-flight slot and the timeouts of the call until its body has ended or it is
    /// dropped.
    ///
    /// ```no_run
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let reply = session.get("documents/EXAMPLE/pdf").stream().await?;
    /// let pieces = reply.bytes_stream();
    /// # let _ = pieces;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream(mut self) -> Call<StreamingResponse> {
        self.request.reading = Reading::Stream;
        self.request.untyped = true;
        self.becomes(Decode::stream(Ok))
    }
}

/// Inspection
impl<T> Call<T> {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// The URL that it will be sent to, with the query of this call (not the session's
    /// [`default_query`](crate::SessionBuilder::default_query)).
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) when the path does not join the base URL, and
    /// the error of building the call, if there was one.
    pub fn url(&self) -> Result<Url> {
        match &self.request.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.request.target(self.session.base_url())?.url),
        }
    }

    /// The headers that were set on this call. What the session adds (token, cookies, project) is
    /// not among them.
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The session that it will be sent with.
    pub fn session(&self) -> &Session {
        &self.session
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
        self.request.curl(self.session.base_url())
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

/// Making calls.
impl Session {
    /// A call with any method. The path is relative to the base URL, with or without a leading
    /// slash; it cannot leave the base. An absolute URL is taken as it is: token and cookies go
    /// along to the base origin only.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) for a path that does not join the
    /// base URL; and whatever [`Error`] says that a call can meet.
    pub fn call(&self, method: Method, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        Call::new(self, method, path)
    }

    /// The same with the name of the method, any letter case: `"GET"`.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) for a method that is not a token.
    pub fn request(&self, method: &str, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        match method.to_ascii_uppercase().parse() {
            Ok(method) => self.call(method, path),
            Err(_) => {
                let message = "the method is not a valid HTTP method name";
                self.call(Method::GET, path)
                    .fail_with(Error::new(ErrorKind::InvalidRequest, message))
            }
        }
    }

    /// A [`call`](Self::call) with the method `GET`.
    pub fn get(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::GET, path)
    }

    /// A [`call`](Self::call) with the method `OPTIONS`.
    pub fn options(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::OPTIONS, path)
    }

    /// A [`call`](Self::call) with the method `HEAD`.
    pub fn head(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::HEAD, path)
    }

    /// A [`call`](Self::call) with the method `POST`.
    pub fn post(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::POST, path)
    }

    /// A [`call`](Self::call) with the method `PUT`.
    pub fn put(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PUT, path)
    }

    /// A [`call`](Self::call) with the method `PATCH`.
    pub fn patch(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PATCH, path)
    }

    /// A [`call`](Self::call) with the method `DELETE`.
    pub fn delete(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::DELETE, path)
    }
}
