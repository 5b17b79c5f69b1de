//! `SessionBuilder`: the settings of a session.

mod connect;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use mstr_credentials::Credential;
use tokio::sync::Semaphore;

use crate::defaults::DefaultItem;
use crate::login_options::LoginOptions;
use crate::projects::ProjectRef;
use crate::timeouts::Timeouts;
#[cfg(feature = "reqwest-hook")]
use crate::transport::HttpClientBuilder;
use crate::transport::{Hooks, TransportOptions};
use crate::{Auth, Error, ErrorKind, Locale, LoginStore, RetryPolicy, Session};

/// Sets up a [`Session`]. Get one with [`Session::builder`].
///
/// Nothing is resolved or sent before [`connect`](Self::connect) (or
/// [`with_session`](crate::with_session)). Invalid settings are reported there, or by
/// [`build`](Self::build).
///
/// ```
/// use std::time::Duration;
/// use mstr_rest_core::{Auth, Credential, Session};
///
/// let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
///     .auth(Auth::standard("dave", Credential::env("MSTR_PASSWORD")))
///     .project("MicroStrategy Tutorial")
///     .timeout(Duration::from_secs(600))
///     .max_in_flight(8);
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is connected or built"]
pub struct SessionBuilder {
    base_url: Credential,
    auth: Option<Auth>,
    project: Option<ProjectRef>,
    login: LoginOptions,
    login_store: Option<Arc<dyn LoginStore>>,
    timeouts: Timeouts,
    defaults: Vec<DefaultItem>,
    follow_redirects: bool,
    max_redirects: usize,
    return_http_errors: bool,
    max_in_flight: Option<usize>,
    body_limit: Option<usize>,
    relogin: bool,
    retry: RetryPolicy,
    keep_alive: Option<Duration>,
    proxy: Option<Credential>,
    identity: Option<Credential>,
    transport: TransportOptions,
    hooks: Hooks,
    error: Option<Error>,
}

impl Session {
    /// Starts a session for the server at `base_url`, which ends with `/api`. It may come from a
    /// secret; then [`connect`](SessionBuilder::connect) resolves it.
    pub fn builder(base_url: impl Into<Credential>) -> SessionBuilder {
        SessionBuilder::new(base_url.into())
    }
}

impl SessionBuilder {
    fn new(base_url: Credential) -> Self {
        Self {
            base_url,
            auth: None,
            project: None,
            login: LoginOptions::default(),
            login_store: None,
            timeouts: Timeouts { idle: Some(Duration::from_secs(300)), total: None },
            defaults: Vec::new(),
            follow_redirects: true,
            max_redirects: 20,
            return_http_errors: false,
            max_in_flight: None,
            body_limit: None,
            relogin: false,
            retry: RetryPolicy::none(),
            keep_alive: None,
            proxy: None,
            identity: None,
            transport: TransportOptions::default(),
            hooks: Hooks::default(),
            error: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn hooks_mut(&mut self) -> &mut Hooks {
        &mut self.hooks
    }

    fn fail(&mut self, what: &str) {
        self.error.get_or_insert_with(|| Error::new(ErrorKind::Config, what));
    }
}

/// The login
impl SessionBuilder {
    /// How to log in.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// `applicationType` of the login. Default: 8, as mstr-rest-requests sends it; 35 is "Web", 76 is
    /// what the vendor's Python client sends.
    pub fn application_type(mut self, number: i64) -> Self {
        self.login.application_type = number;
        self
    }

    /// `applicationId` of the login: a custom application of the Library server.
    pub fn application_id(mut self, id: impl Into<String>) -> Self {
        self.login.application_id = Some(id.into());
        self
    }

    /// `workingSet` of the login: how many messages (open reports) the session may hold.
    pub fn working_set(mut self, messages: u32) -> Self {
        self.login.working_set = Some(messages);
        self
    }

    /// `maxSearch` of the login: how many searches the session may hold.
    pub fn max_search(mut self, searches: u32) -> Self {
        self.login.max_search = Some(searches);
        self
    }

    /// Languages and formats of the session.
    pub fn locale(mut self, locale: Locale) -> Self {
        self.login.locale = locale;
        self
    }

    /// The project of calls that name none: an id (32 hexadecimal digits) or a name.
    pub fn project(mut self, name_or_id: impl AsRef<str>) -> Self {
        self.project = Some(ProjectRef::parse(name_or_id.as_ref()));
        self
    }
}

/// Sent with every request to the base origin, and nowhere else
impl SessionBuilder {
    /// A header of every request to the base origin, for a gateway. Resolved at the first request,
    /// and again at each login. A `Cookie` header goes along with the cookies of the login.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl Into<Credential>) -> Self {
        match HeaderName::try_from(name.as_ref()) {
            Ok(name) => self.defaults.push(DefaultItem::Header(name, value.into())),
            Err(_) => self.fail("the name of a default header is not valid"),
        }
        self
    }

    /// A cookie of every request to the base origin, for a gateway: `CF_Authorization`, for example.
    /// Resolved as a [`default_header`](Self::default_header) is. It is sent beside the cookies of
    /// the login, which take precedence over one of the same name.
    ///
    /// ```
    /// use mstr_rest_core::{Credential, Session};
    ///
    /// let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
    ///     .cookie("CF_Authorization", Credential::env("CF_TOKEN"));
    /// ```
    pub fn cookie(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        let name = name.into();
        if crate::cookies::is_name(&name) {
            self.defaults.push(DefaultItem::Cookie(name, value.into()));
        } else {
            self.fail("the name of a cookie is not valid");
        }
        self
    }

    /// `Authorization: Basic` with every request, for a gateway in front of the server. It is not the
    /// login of the session.
    pub fn basic_auth(
        mut self,
        username: impl Into<Credential>,
        password: impl Into<Credential>,
    ) -> Self {
        self.defaults.push(DefaultItem::Basic { username: username.into(), password: password.into() });
        self
    }

    /// A query parameter of every request. Its value is never logged.
    pub fn default_query(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.defaults.push(DefaultItem::Query(name.into(), value.into()));
        self
    }

    /// The `User-Agent` header. Default: `mstr-rest/VERSION`.
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.transport.user_agent = value.into();
        self
    }
}

/// Timeouts.
impl SessionBuilder {
    /// Connect timeout: for making a connection, TLS included. Default: 10 s; `None`: no timeout.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.transport.connect_timeout = timeout.into();
        self
    }

    /// Idle timeout: the longest time without a byte sent or received during a request. Default:
    /// 300 s; `None`: no timeout.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.idle = timeout.into();
        self
    }

    /// Timeout of a whole call, from its start to the last byte of its reply. Default: `None`, no
    /// timeout.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.total = timeout.into();
        self
    }

    /// The largest number of requests in flight. Further requests wait for a slot, for as long as the
    /// timeout of their call, or for 300 s if it has none. A streamed reply keeps its slot until it is
    /// read or dropped. Logins, logouts and keep-alive take none. Default: no limit; servers cap
    /// sessions and jobs.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        if requests == 0 {
            self.fail("max_in_flight must be at least 1");
        }
        self.max_in_flight = Some(requests.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// The longest body of a reply that is read into memory, in bytes; a longer one is a
    /// [`Decode`](ErrorKind::Decode) error. Default: no limit. Bodies of error replies are read up
    /// to 1 MiB in any case.
    pub fn max_response_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.body_limit = bytes.into().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        self
    }

    /// Follows redirects, at most [`max_redirects`](Self::max_redirects). If false, a redirect is a
    /// reply like any other. A redirected login fails in either case. Default: true.
    pub fn follow_redirects(mut self, yes: bool) -> Self {
        self.follow_redirects = yes;
        self
    }

    /// How many redirects a request may take. Default: 20.
    pub fn max_redirects(mut self, number: usize) -> Self {
        self.max_redirects = number;
        self
    }

    /// Gives an error status without JSON (a proxy's page) back as a reply, as the Python package
    /// does. It applies to calls that are not typed, buffered and streamed; for typed calls such a
    /// reply is always an [`Http`](ErrorKind::Http) error. Default: false.
    pub fn return_http_errors(mut self, yes: bool) -> Self {
        self.return_http_errors = yes;
        self
    }
}

/// Long-running sessions
impl SessionBuilder {
    /// Logs in again when the session has expired (`ERR009`), and sends the request once more.
    /// Default: false.
    ///
    /// One new login serves all requests that receive the expiry, and requests that start while it
    /// runs wait for it. Credentials are resolved afresh, so that a rotated password is used. A login
    /// that the server refused is not sent again with the same credentials: later requests fail with
    /// its error until a credential changes or [`Session::login`] is called. A streamed body that can
    /// be sent once is not repeated: its request fails with its own `ERR009`.
    pub fn relogin(mut self, yes: bool) -> Self {
        self.relogin = yes;
        self
    }

    /// Extends the session (`PUT /sessions`) when it was not used for `interval`. Choose less than the
    /// idle timeout of the server. Keep-alive begins with a login. It ends with the last handle of the
    /// session, with a logout, or when the session has expired and nothing can renew it. A failure is
    /// traced, and retried after 5 s (a quarter of the interval, if that is less), then after twice
    /// that, up to the interval. Default: no keep-alive.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        if interval.is_zero() {
            self.fail("the keep-alive interval must not be zero");
        }
        self.keep_alive = Some(interval);
        self
    }

    /// A store through which the session shares its login with other processes; see [`LoginStore`].
    /// Default: none.
    pub fn login_store(mut self, store: impl LoginStore) -> Self {
        self.login_store = Some(Arc::new(store));
        self
    }

    /// When requests are retried. Default: never.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }
}

/// The network
impl SessionBuilder {
    /// A proxy for all requests: `http://proxy.example:3128`, user info allowed. It replaces the
    /// proxies of the environment.
    ///
    /// Errors name the proxy, without user info, when it is at fault. A refused login (407) is
    /// final: no retry policy repeats the request.
    pub fn proxy(mut self, url: impl Into<Credential>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Hosts that [`proxy`](Self::proxy) is not used for, in the form of the variable `NO_PROXY`:
    /// `localhost,.corp.example,10.0.0.0/8`.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.transport.no_proxy = Some(hosts.into());
        self
    }

    /// Uses the proxy variables of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    /// `NO_PROXY`. Default: true.
    pub fn environment_proxies(mut self, yes: bool) -> Self {
        self.transport.environment_proxies = yes;
        self
    }

    /// Adds root certificates, PEM with one or more of them: a private CA, or the self-signed
    /// certificate of the server itself. They are trusted beside the platform's own.
    ///
    /// The platform's are read once per process, by the first https request.
    /// [`build`](Self::build) reads none. Where there are none (in a container without the package
    /// `ca-certificates`) an https request without roots given here fails
    /// ([`Config`](ErrorKind::Config)).
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.transport.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Trusts only the roots given to [`root_certificates_pem`](Self::root_certificates_pem), not the
    /// platform's. Default: false.
    pub fn only_these_roots(mut self, yes: bool) -> Self {
        self.transport.only_these_roots = yes;
        self
    }

    /// The certificate that the client shows (mutual TLS): PEM with certificate and private key.
    pub fn client_identity_pem(mut self, pem: impl Into<Credential>) -> Self {
        self.identity = Some(pem.into());
        self
    }

    /// Accepts any certificate of the server. **Anyone on the way can then read the password.**
    /// For a test only; a private CA is added with
    /// [`root_certificates_pem`](Self::root_certificates_pem).
    pub fn danger_accept_invalid_certs(mut self, yes: bool) -> Self {
        self.transport.accept_invalid_certs = yes;
        self
    }

    /// Accepts replies that are compressed with gzip. Default: true.
    pub fn gzip(mut self, yes: bool) -> Self {
        self.transport.gzip = yes;
        self
    }

    /// Uses HTTP/1.1 even where the server offers HTTP/2 over TLS. Default: false.
    pub fn http1_only(mut self, yes: bool) -> Self {
        self.transport.http1_only = yes;
        self
    }

    /// Uses HTTP/2 without negotiation, also over plain TCP. Default: false.
    pub fn http2_prior_knowledge(mut self, yes: bool) -> Self {
        self.transport.http2_prior_knowledge = yes;
        self
    }
}

/// The hook for what the builder does not offer.
#[cfg(feature = "reqwest-hook")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-hook")))]
impl SessionBuilder {
    /// Changes the HTTP client before the session's own settings are applied: redirects,
    /// cookies, timeouts and whatever else is set on this builder stay as they are here. TLS
    /// settings have no effect: the session brings a TLS configuration of its own.
    ///
    /// **Outside semver**: the type in its signature is reqwest's, of whatever version this crate
    /// uses at the time.
    ///
    /// ```
    /// # use mstr_rest_core::Session;
    /// let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
    ///     .configure_http(|http| http.tcp_nodelay(false));
    /// # let _ = builder;
    /// ```
    pub fn configure_http(
        mut self,
        configure: impl Fn(HttpClientBuilder) -> HttpClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.hooks.configure = Some(Arc::new(configure));
        self
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("base_url", &self.base_url)
            .field("auth", &self.auth)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}
