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

/// Configures a [`Session`]. [`Session::builder`] makes one.
///
/// The builder resolves no credential and sends nothing; [`connect`](Self::connect) and
/// [`with_session`](crate::with_session) do. They report invalid settings, and so does
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
    /// Makes a builder for a session with the server at `base_url`, which ends with `/api`. The URL
    /// may come from a secret provider; [`connect`](SessionBuilder::connect) resolves it then.
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
    /// Sets the login mode and its credentials. It is required for [`connect`](Self::connect).
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sets `applicationType` of the login. Default: 8, which mstr-rest-requests sends too. 35 is
    /// "Web"; the vendor's Python client sends 76.
    pub fn application_type(mut self, number: i64) -> Self {
        self.login.application_type = number;
        self
    }

    /// Sets `applicationId` of the login: a custom application of the Library server. Default:
    /// none.
    pub fn application_id(mut self, id: impl Into<String>) -> Self {
        self.login.application_id = Some(id.into());
        self
    }

    /// Sets `workingSet` of the login: the number of messages (open reports) that the session may
    /// hold. Default: the server's.
    pub fn working_set(mut self, messages: u32) -> Self {
        self.login.working_set = Some(messages);
        self
    }

    /// Sets `maxSearch` of the login: the number of searches that the session may hold. Default:
    /// the server's.
    pub fn max_search(mut self, searches: u32) -> Self {
        self.login.max_search = Some(searches);
        self
    }

    /// Sets languages and formats of the session. Default: the server's.
    pub fn locale(mut self, locale: Locale) -> Self {
        self.login.locale = locale;
        self
    }

    /// Sets the default project of calls: an id (32 hexadecimal digits) or a name. Default: none.
    pub fn project(mut self, name_or_id: impl AsRef<str>) -> Self {
        self.project = Some(ProjectRef::parse(name_or_id.as_ref()));
        self
    }
}

/// Default headers, cookies and query parameters of requests to the base origin
impl SessionBuilder {
    /// Adds a header to every request to the base origin, for a gateway. Its value is resolved at
    /// the first request, and again at each login. A `Cookie` header is merged with the cookies of
    /// the login.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl Into<Credential>) -> Self {
        match HeaderName::try_from(name.as_ref()) {
            Ok(name) => self.defaults.push(DefaultItem::Header(name, value.into())),
            Err(_) => self.fail("the name of a default header is not valid"),
        }
        self
    }

    /// Adds a cookie to every request to the base origin, for a gateway (for example
    /// `CF_Authorization`). Its value is resolved like that of a
    /// [`default_header`](Self::default_header). A cookie of the login with the same name takes
    /// precedence.
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

    /// Adds `Authorization: Basic` to every request to the base origin, for a gateway in front of
    /// the server. It does not log the session in.
    pub fn basic_auth(
        mut self,
        username: impl Into<Credential>,
        password: impl Into<Credential>,
    ) -> Self {
        self.defaults
            .push(DefaultItem::Basic { username: username.into(), password: password.into() });
        self
    }

    /// Adds a query parameter to every request to the base origin. Its value is never logged.
    pub fn default_query(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.defaults.push(DefaultItem::Query(name.into(), value.into()));
        self
    }

    /// Sets the `User-Agent` header. Default: `mstr-rest/VERSION`.
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.transport.user_agent = value.into();
        self
    }
}

/// Timeouts and limits
impl SessionBuilder {
    /// Sets the connect timeout: the longest time to open a connection, including TLS. Default: 10
    /// s; `None`: no timeout.
    pub fn connect_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.transport.connect_timeout = timeout.into();
        self
    }

    /// Sets the idle timeout: the longest time without a byte sent or received during a request.
    /// Default: 300 s; `None`: no timeout.
    pub fn read_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.idle = timeout.into();
        self
    }

    /// Sets the timeout of a whole call, from its start to the last byte of its reply. Default:
    /// `None`, no timeout.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeouts.total = timeout.into();
        self
    }

    /// Sets the largest number of requests in flight. Default: no limit.
    ///
    /// Further requests wait for an in-flight slot until the timeout of their call, or for 300 s if
    /// it has none. A streamed reply holds its slot until it is read or dropped. Logins, logouts
    /// and keep-alive need no slot. Servers limit sessions and jobs too.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        if requests == 0 {
            self.fail("max_in_flight must be at least 1");
        }
        self.max_in_flight = Some(requests.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// Sets the longest body of a reply that is read into memory, in bytes. A longer body is a
    /// [`Decode`](ErrorKind::Decode) error. Default: no limit. Bodies of error replies are always
    /// read up to 1 MiB.
    pub fn max_response_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.body_limit = bytes.into().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        self
    }

    /// Follows redirects, at most [`max_redirects`](Self::max_redirects). Default: true. If false,
    /// a redirect is returned as a reply. A redirected login always fails.
    pub fn follow_redirects(mut self, yes: bool) -> Self {
        self.follow_redirects = yes;
        self
    }

    /// Sets the largest number of redirects of a request. Default: 20.
    pub fn max_redirects(mut self, number: usize) -> Self {
        self.max_redirects = number;
        self
    }

    /// Returns an error status without JSON (for example the page of a proxy) as a reply, as the
    /// Python package does. Default: false. It applies to untyped calls, buffered or streamed. For
    /// typed calls such a reply is always an [`Http`](ErrorKind::Http) error.
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
    /// One new login serves all requests that receive the error, and requests that start during the
    /// login wait for it. Credentials are resolved again, so that a rotated password is used. A
    /// login that the server rejected is not sent again with the same credentials: later requests
    /// fail with its error until a credential changes or [`Session::login`] is called. A request
    /// with a streamed body that can be sent only once is not repeated: it fails with its own
    /// `ERR009`.
    pub fn relogin(mut self, yes: bool) -> Self {
        self.relogin = yes;
        self
    }

    /// Extends the session (`PUT /sessions`) when it was not used for `interval`. Default: no
    /// keep-alive. The interval must be shorter than the idle timeout of the server.
    ///
    /// Keep-alive starts with a login. It ends when the last handle of the session is dropped, at a
    /// logout, or when the session has expired and is not renewed. A failure is logged as a warning
    /// and retried after 5 s, or a quarter of the interval if that is shorter. The delays of
    /// further retries double up to the interval.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        if interval.is_zero() {
            self.fail("the keep-alive interval must not be zero");
        }
        self.keep_alive = Some(interval);
        self
    }

    /// Sets the store that shares the login of the session with other processes; see
    /// [`LoginStore`]. Default: none.
    pub fn login_store(mut self, store: impl LoginStore) -> Self {
        self.login_store = Some(Arc::new(store));
        self
    }

    /// Sets the retry policy. Default: no retries.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }
}

/// The network
impl SessionBuilder {
    /// Sets a proxy for all requests, for example `http://proxy.example:3128`. User info is
    /// allowed. It replaces the proxies of the environment.
    ///
    /// Errors name the proxy, without user info, if it has failed. A login that the proxy rejected
    /// (407) is not retried.
    pub fn proxy(mut self, url: impl Into<Credential>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets the hosts that [`proxy`](Self::proxy) is not used for, in the form of the variable
    /// `NO_PROXY`: `localhost,.corp.example,10.0.0.0/8`.
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

    /// Adds root certificates in PEM, one or more: a private CA, or the self-signed certificate of
    /// the server itself. They are trusted in addition to the roots of the platform.
    ///
    /// The roots of the platform are read once for each process, by the first https request;
    /// [`build`](Self::build) does not read them. If the platform has none (for example in a
    /// container without the package `ca-certificates`) and no roots are added here, an https
    /// request fails with [`Config`](ErrorKind::Config).
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.transport.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Trusts only the roots of [`root_certificates_pem`](Self::root_certificates_pem), not those
    /// of the platform. Default: false.
    pub fn only_these_roots(mut self, yes: bool) -> Self {
        self.transport.only_these_roots = yes;
        self
    }

    /// Sets the client certificate for mutual TLS: PEM with certificate and private key. Default:
    /// none.
    pub fn client_identity_pem(mut self, pem: impl Into<Credential>) -> Self {
        self.identity = Some(pem.into());
        self
    }

    /// Accepts any certificate of the server. Default: false. **Any host between client and server
    /// can then read the password.** Use it for tests only; add a private CA with
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

    /// Uses HTTP/1.1 even if the server offers HTTP/2 over TLS. Default: false.
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

/// The hook for settings that the builder does not have
#[cfg(feature = "reqwest-hook")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest-hook")))]
impl SessionBuilder {
    /// Changes the HTTP client before the settings of the session are applied. Settings that this
    /// builder has (redirects, cookies, timeouts and others) replace those of the hook. TLS
    /// settings have no effect: the session has its own TLS configuration.
    ///
    /// **Outside semver**: the signature contains a type of reqwest, in the version that this crate
    /// uses.
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
