//! `Call`: a request as a value, to build, inspect and send.

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

/// A request that is not sent yet, with the decoder of its reply.
///
/// A call owns all its data and needs no runtime. It can be cloned, stored, inspected
/// ([`method`](Self::method), [`url`](Self::url), [`curl`](Self::curl)) and tested without a
/// server. Await it to send it, or call [`send`](Self::send) if you need a named future (spawn,
/// join). If an argument is invalid, for example a header name with a space, sending fails with
/// [`InvalidRequest`](ErrorKind::InvalidRequest), and nothing is sent.
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
/// Sending any call can fail with:
/// - [`InvalidRequest`](ErrorKind::InvalidRequest): an argument of the call is invalid;
/// - [`NoSession`](ErrorKind::NoSession): the session was closed, or has no token and the call
///   needs one;
/// - [`Connect`](ErrorKind::Connect), [`Timeout`](ErrorKind::Timeout),
///   [`Transport`](ErrorKind::Transport), [`Redirect`](ErrorKind::Redirect);
/// - [`Config`](ErrorKind::Config): not inside a Tokio runtime;
/// - [`Interrupted`](ErrorKind::Interrupted): the re-login that the call waited for panicked, or
///   its runtime stopped;
/// - each kind of an error reply of the server;
/// - [`Decode`](ErrorKind::Decode): the reply is not what a typed call expects, or is longer than
///   [`max_response_bytes`](Self::max_response_bytes).
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

/// Building the request
impl<T> Call<T> {
    /// Appends one path segment, percent-encoded: an id, or a name with any characters.
    pub fn segment(mut self, segment: impl AsRef<str>) -> Self {
        match crate::url::segment(segment.as_ref()) {
            Some(segment) => self.request.push_segment(&segment),
            None => self.fail("a path segment is empty, `.` or `..`"),
        }
        self
    }

    /// Sets the project of this call: a name, or an id (32 hexadecimal digits). It is sent as
    /// `X-MSTR-ProjectID`. Default: the project of the session.
    ///
    /// A name is resolved when the call is sent: `GET /projects`, once for each session, and again
    /// for a name that is not in the loaded index.
    ///
    /// # Errors
    /// When sent: [`NoSession`](ErrorKind::NoSession);
    /// [`ResourceNotFound`](ErrorKind::ResourceNotFound) for an unknown name;
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if several projects have the name, or if both
    /// a name and an id were set.
    pub fn project(mut self, name_or_id: impl AsRef<str>) -> Self {
        self.set_project(ProjectRef::parse(name_or_id.as_ref()));
        self
    }

    /// Sets the project of this call by id. An id of any form is accepted.
    pub fn project_id(mut self, id: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(id.as_ref()) {
            Ok(id) => self.set_project(ProjectRef::Id(id)),
            Err(_) => self.fail("the project id cannot be a header value"),
        }
        self
    }

    /// Sends this call without a project, also if the session has a default project.
    pub fn without_project(mut self) -> Self {
        self.request.project = None;
        self.has_own_project = false;
        self
    }

    fn set_project(&mut self, project: ProjectRef) {
        let clash = matches!(
            (&self.request.project, &project),
            (Some(ProjectRef::Name(_)), ProjectRef::Id(_))
                | (Some(ProjectRef::Id(_)), ProjectRef::Name(_))
        );
        if self.has_own_project && clash {
            self.fail("both project and project_id are set: use only one of them");
        }
        self.request.project = Some(project);
        self.has_own_project = true;
    }

    /// Sends the token and cookies of the session. Default: true. If false, the session does not
    /// keep the token and cookies of the reply either.
    pub fn include_auth(mut self, yes: bool) -> Self {
        self.request.login = if yes { UsedLogin::Session } else { UsedLogin::Without };
        self
    }

    /// Requires a token: without one, the call fails with [`NoSession`](ErrorKind::NoSession)
    /// before anything is sent. Default: typed endpoints require a token, untyped calls do not.
    pub fn require_session(mut self) -> Self {
        self.request.needs_session = true;
        self
    }

    /// Logs in again for this call if the session has expired. Default: true. It has an effect only
    /// if [`SessionBuilder::relogin`](crate::SessionBuilder::relogin) is on. If false, `ERR009` is
    /// returned: use this to check whether the server still knows the session.
    pub fn relogin(mut self, yes: bool) -> Self {
        self.request.may_relogin = yes;
        self
    }

    /// Appends a query parameter, percent-encoded. Parameters with the same name are all sent.
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.request.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header and replaces an earlier one with the same name. The token of the session and
    /// the project take precedence over headers with their names. A `Cookie` header is sent to the
    /// base origin only and is merged with the cookies of the login, which take precedence.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match (HeaderName::try_from(name.as_ref()), HeaderValue::from_str(value.as_ref())) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(!crate::request::is_public(&name));
                self.request.headers.insert(name, value);
            }
            (Err(_), _) => self.fail("a header name is not valid"),
            (_, Err(_)) => {
                self.fail("a header value has a character that is not allowed in headers");
            }
        }
        self
    }

    /// Runs this call and other calls with the same name one at a time in this session and its
    /// clones, for work that the server does not do twice at once. The waiting counts for the
    /// [`timeout`](Self::timeout). Default: calls run side by side.
    ///
    /// ```no_run
    /// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
    /// let search = || session.get("searches/results").query("name", "sales").one_at_a_time("search");
    /// let (first, second) = tokio::join!(search().send(), search().send());
    /// # let _ = (first?, second?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn one_at_a_time(mut self, name: &'static str) -> Self {
        self.request.turn = Some(name);
        self
    }

    /// Sets the timeout of the whole call. It includes waiting for a login or an in-flight slot,
    /// all attempts and redirects, and the body of the reply, also of a streamed one. Default: that
    /// of the session ([`SessionBuilder::timeout`](crate::SessionBuilder::timeout)); `None`: no
    /// timeout.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.request.timeouts.total = Some(timeout.into().unwrap_or(Duration::MAX));
        self
    }

    /// Sets the idle timeout: the longest time without a byte sent or received. Default: that of
    /// the session ([`SessionBuilder::read_timeout`](crate::SessionBuilder::read_timeout)); `None`:
    /// no timeout.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.request.timeouts.idle = Some(timeout.into().unwrap_or(Duration::MAX));
        self
    }

    /// Follows redirects of this call. Default: the setting of the session
    /// ([`SessionBuilder::follow_redirects`](crate::SessionBuilder::follow_redirects)).
    #[doc(alias = "allow_redirects")]
    pub fn follow_redirects(mut self, yes: bool) -> Self {
        self.request.follow_redirects = Some(yes);
        self
    }

    /// Sets the longest body of a reply that is read into memory, in bytes. A longer body is a
    /// [`Decode`](ErrorKind::Decode) error. Default: that of the session
    /// ([`SessionBuilder::max_response_bytes`](crate::SessionBuilder::max_response_bytes)). It does
    /// not apply to [`stream`](Self::stream).
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        if let Reading::Whole { limit } = &mut self.request.reading {
            *limit = Some(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        self
    }

    /// Sets the retry policy of this call. Default: that of the session.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.request.retry = Some(policy);
        self
    }

    /// Marks the call as idempotent: it may be repeated after it was sent, for example a `POST`
    /// that changes nothing. Default: by the method, see [`RetryPolicy`].
    pub fn idempotent(mut self, yes: bool) -> Self {
        self.request.idempotent = Some(yes);
        self
    }

    /// Makes the call fail with this error when it is sent; nothing is sent then. Typed endpoints
    /// use it for invalid arguments. If it is called several times, the first error is kept.
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

/// Decoding the reply
impl<T> Call<T> {
    /// Decodes the reply as JSON into another type. `serde_json::Value` keeps everything that the
    /// server sent.
    ///
    /// # Errors
    /// When sent: [`Decode`](ErrorKind::Decode) if the reply does not fit the type; the error names
    /// the member.
    pub fn decode<U: DeserializeOwned>(self) -> Call<U> {
        self.with_decoder(Decode::Plain(Response::json))
    }

    /// Decodes the reply with a function of status, headers and body.
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

    /// Converts the decoded value with a function.
    pub fn map<U>(self, then: impl Fn(T) -> Result<U> + Send + Sync + 'static) -> Call<U>
    where
        T: 'static,
        U: 'static,
    {
        let decode = self.decode.clone().then(then);
        self.becomes(decode)
    }

    /// Returns the reply with any status: error replies do not become errors, and an expired
    /// session is not renewed. Call [`stream`](Self::stream) after it for a streamed reply.
    pub fn raw(mut self) -> Call<Response> {
        self.request.raw = true;
        let mut call = self.with_decoder(Decode::Response(|response| response));
        call.request.untyped = true;
        call
    }

    /// Returns the reply with an unread body, for downloads that do not fit into memory.
    ///
    /// The reply holds the in-flight slot of the call, and the timeouts of the call apply, until
    /// its body has ended or it is dropped.
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

    /// The URL of the request with the query of this call, without the
    /// [`default_query`](crate::SessionBuilder::default_query) of the session.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the path cannot be joined to the base URL,
    /// or the error that sending this call would return because of an invalid argument.
    pub fn url(&self) -> Result<Url> {
        match &self.request.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.request.target(self.session.base_url())?.url),
        }
    }

    /// The headers that were set on this call. Headers that the session adds (token, cookies,
    /// project) are not included.
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The session of the call.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The call as a curl command line, quoted for a POSIX shell, to try it by hand. Each value
    /// that may be a secret is replaced by `***`, and the body by a file name.
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

/// Making calls
impl Session {
    /// Makes a call with any method. The path is relative to the base URL, with or without a
    /// leading slash. It cannot leave the base URL. An absolute URL is used unchanged; token and
    /// cookies are sent only if it has the base origin.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) if the path cannot be joined to the
    /// base URL; and the [errors common to all calls](Call#errors).
    pub fn call(&self, method: Method, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        Call::new(self, method, path)
    }

    /// Makes a call with the name of a method in upper or lower case, for example `"GET"`.
    ///
    /// # Errors
    /// When sent: [`InvalidRequest`](ErrorKind::InvalidRequest) for a text that is not a valid
    /// method name.
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

    /// Makes a [`call`](Self::call) with the method `GET`.
    pub fn get(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::GET, path)
    }

    /// Makes a [`call`](Self::call) with the method `OPTIONS`.
    pub fn options(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::OPTIONS, path)
    }

    /// Makes a [`call`](Self::call) with the method `HEAD`.
    pub fn head(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::HEAD, path)
    }

    /// Makes a [`call`](Self::call) with the method `POST`.
    pub fn post(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::POST, path)
    }

    /// Makes a [`call`](Self::call) with the method `PUT`.
    pub fn put(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PUT, path)
    }

    /// Makes a [`call`](Self::call) with the method `PATCH`.
    pub fn patch(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::PATCH, path)
    }

    /// Makes a [`call`](Self::call) with the method `DELETE`.
    pub fn delete(&self, path: impl Into<Cow<'static, str>>) -> Call<Response> {
        self.call(Method::DELETE, path)
    }
}
