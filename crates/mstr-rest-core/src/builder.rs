//! How a session is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use mstr_credentials::{Credential, SecretString};
use tokio::sync::Semaphore;

use crate::background::require_runtime;
use crate::client::{Client, InFlight};
use crate::defaults::{DefaultsSource, Given};
use crate::guard::Closing;
use crate::keep_alive::Usage;
use crate::login_machine::LoginMachine;
use crate::login_options::LoginOptions;
use crate::projects::ProjectCache;
use crate::request::ProjectRef;
use crate::time::Limits;
use crate::transport::{Transport, TransportOptions, TransportSecrets};
use crate::{
    Auth, AuthenticatedSession, Error, ErrorKind, Locale, LoginStore, Result, RetryPolicy, Session,
};

/// Sets up a [`Session`]. Get one with [`Session::builder`].
///
/// Nothing is resolved or sent before [`connect`](Self::connect) (or
/// [`with_session`](crate::with_session)). Mistakes surface there, or in [`build`](Self::build).
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
    pub(crate) auth: Option<Auth>,
    project: Option<ProjectRef>,
    login: LoginOptions,
    login_store: Option<Arc<dyn LoginStore>>,
    limits: Limits,
    defaults: Vec<Given>,
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
    mistake: Option<Error>,
}

impl SessionBuilder {
    pub(crate) fn new(base_url: Credential) -> Self {
        Self {
            base_url,
            auth: None,
            project: None,
            login: LoginOptions::default(),
            login_store: None,
            limits: Limits { idle: Some(Duration::from_secs(300)), total: None },
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
            mistake: None,
        }
    }

    #[cfg(any(test, feature = "reqwest-hook"))]
    pub(crate) fn transport_mut(&mut self) -> &mut TransportOptions {
        &mut self.transport
    }

    fn fail(&mut self, what: &str) {
        self.mistake.get_or_insert_with(|| Error::new(ErrorKind::Config, what));
    }
}

/// The login.
impl SessionBuilder {
    /// How to log in.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// `applicationType` of the login: 8 unless set here, as mstr-rest-requests sends it; 35 is
    /// "Web", 76 is what the vendor's Python client sends.
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

/// What every request to the base origin carries; it never goes anywhere else.
impl SessionBuilder {
    /// A header of every request to the base origin, for a gateway. Resolved at the first request,
    /// and again at each login. A `Cookie` header goes along with the cookies of the login.
    pub fn default_header(mut self, name: impl AsRef<str>, value: impl Into<Credential>) -> Self {
        match HeaderName::try_from(name.as_ref()) {
            Ok(name) => self.defaults.push(Given::Header(name, value.into())),
            Err(_) => self.fail("the name of a default header is not valid"),
        }
        self
    }

    /// A cookie of every request to the base origin, for a gateway: `CF_Authorization`, for example.
    /// Resolved as a [`default_header`](Self::default_header) is. It goes along with the cookies of
    /// the login, which win over one of the same name.
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
            self.defaults.push(Given::Cookie(name, value.into()));
        } else {
            self.fail("the name of a cookie is not valid");
        }
        self
    }

    /// `Authorization: Basic` with every request, for a gateway in front of the server. It has
    /// nothing to do with the login.
    pub fn basic_auth(
        mut self,
        username: impl Into<Credential>,
        password: impl Into<Credential>,
    ) -> Self {
        self.defaults.push(Given::Basic { username: username.into(), password: password.into() });
        self
    }

    /// A query parameter of every request. Its value is never logged.
    pub fn default_query(mut self, name: impl Into<String>, value: impl Into<Credential>) -> Self {
        self.defaults.push(Given::Query(name.into(), value.into()));
        self
    }

    /// The `User-Agent`: `mstr-rest/VERSION` unless set here.
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.transport.user_agent = value.into();
        self
    }
}

/// Limits.
impl SessionBuilder {
    /// For making a connection, TLS included: 10 s unless set here. `None` is no limit.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.transport.connect_timeout = limit.into();
        self
    }

    /// How long nothing may move, in either direction, while a request is on its way: 300 s unless
    /// set here. `None` is no limit.
    pub fn read_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.idle = limit.into();
        self
    }

    /// For a whole call, from its start to the last byte of its reply: no limit unless set here.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.limits.total = limit.into();
        self
    }

    /// At most this many requests in flight; others wait for a slot, for as long as the timeout of
    /// their call, else for 300 s. Servers cap sessions and jobs. A streamed reply keeps its slot
    /// until it was read or dropped. Logins, logouts and keep-alive need none.
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
    pub fn max_response_bytes(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.body_limit = bytes.into();
        self
    }

    /// Whether redirects are followed (they are, at most 20, unless this says no). Without, a
    /// redirect is a reply like any other. A redirected login fails either way.
    pub fn follow_redirects(mut self, yes: bool) -> Self {
        self.follow_redirects = yes;
        self
    }

    /// How many redirects a request may take: 20 unless set here.
    pub fn max_redirects(mut self, number: usize) -> Self {
        self.max_redirects = number;
        self
    }

    /// Whether an error status without JSON (a proxy's page) is handed back as a reply by calls
    /// that are not typed, buffered and streamed, as the Python peer does. Otherwise, and for typed calls always, it is
    /// an [`Http`](ErrorKind::Http) error.
    pub fn return_http_errors(mut self, yes: bool) -> Self {
        self.return_http_errors = yes;
        self
    }
}

/// Long-running sessions
impl SessionBuilder {
    /// Whether an expired session (`ERR009`) is logged in again, and the request sent once more.
    ///
    /// However many requests meet the expiry, there is one login; requests that start while it
    /// runs wait for it. Credentials are resolved afresh, so that a rotated password counts. A
    /// login that the server refused is not sent again with the same credentials: later requests
    /// fail with its error until a credential changes or [`Session::login`] is called. A streamed
    /// body that can be sent once is not repeated: its request fails with its own `ERR009`.
    pub fn relogin(mut self, yes: bool) -> Self {
        self.relogin = yes;
        self
    }

    /// Extends the session (`PUT /sessions`) whenever it was not used for so long; choose less
    /// than its idle limit. It begins with a login and ends with the session, with a logout, or when
    /// the session expired and nothing can renew it. A failure is traced, and tried again after 5 s
    /// (a quarter of the interval, if that is less), then after twice that, up to the interval.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        if interval.is_zero() {
            self.fail("the keep-alive interval must not be zero");
        }
        self.keep_alive = Some(interval);
        self
    }

    /// Where the session keeps its login, to share it with other processes: [`LoginStore`] says what
    /// is done with it.
    pub fn login_store(mut self, store: impl LoginStore) -> Self {
        self.login_store = Some(Arc::new(store));
        self
    }

    /// When requests are sent again: never unless set here.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }
}

/// The network.
impl SessionBuilder {
    /// A proxy for all requests: `http://proxy.example:3128`, user info allowed. Proxies of the
    /// environment do not count then.
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

    /// Whether the proxies of the environment count (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    /// `NO_PROXY`; they do unless this says no).
    pub fn environment_proxies(mut self, yes: bool) -> Self {
        self.transport.environment_proxies = yes;
        self
    }

    /// Adds root certificates, PEM with one or more of them: a private CA, or the self-signed
    /// certificate of the server itself. The platform's own count too.
    ///
    /// The platform's are read once per process, by the first https request.
    /// [`build`](Self::build) reads none. Where there are none (in a container without the package
    /// `ca-certificates`) an https request without roots given here fails
    /// ([`Config`](ErrorKind::Config)).
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.transport.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Whether only the roots given here count, not the platform's.
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

    /// Whether replies may be compressed with gzip (they may unless this says no).
    pub fn gzip(mut self, yes: bool) -> Self {
        self.transport.gzip = yes;
        self
    }

    /// HTTP/1.1 only, also where the server offers HTTP/2 (over TLS it is agreed on otherwise).
    pub fn http1_only(mut self, yes: bool) -> Self {
        self.transport.http1_only = yes;
        self
    }

    /// HTTP/2 without asking, also over plain TCP.
    pub fn http2_prior_knowledge(mut self, yes: bool) -> Self {
        self.transport.http2_prior_knowledge = yes;
        self
    }
}

/// Building
impl SessionBuilder {
    /// Makes the session without logging in. Needs no runtime, resolves nothing: base URL, proxy
    /// and client identity must be literal here.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) when a setting is not usable; a base URL is never repeated in
    /// it.
    pub fn build(self) -> Result<Session> {
        let literal = |credential: &Credential, what: &str| {
            credential.literal().cloned().ok_or_else(|| {
                Error::new(
                    ErrorKind::Config,
                    format!("the {what} comes from a secret provider: use connect()"),
                )
            })
        };
        let base = literal(&self.base_url, "base URL")?;
        let secrets = TransportSecrets {
            proxy: self.proxy.as_ref().map(|c| literal(c, "proxy")).transpose()?,
            identity: self.identity.as_ref().map(|c| literal(c, "client identity")).transpose()?,
        };
        self.finish(&base, &secrets)
    }

    /// Makes the session and logs in. The guard that it gives logs out when it is closed or
    /// dropped. If this future is cancelled, a login that was on its way is logged out too.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) when a setting is not usable or [`auth`](Self::auth) is
    /// missing; [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) when a secret cannot be had;
    /// [`LoginFailure`](ErrorKind::LoginFailure) when the server refuses, or answers without a
    /// token; and as any call.
    pub async fn connect(self) -> Result<AuthenticatedSession> {
        require_runtime()?;
        let Some(auth) = self.auth.clone() else {
            return Err(Error::new(
                ErrorKind::Config,
                "no authentication configured: call SessionBuilder::auth(Auth::...)",
            ));
        };
        // before the login: if this is cancelled from here on, the guard cleans up
        let guard = AuthenticatedSession::guard(self.resolve().await?);
        guard.login(auth).await?;
        Ok(guard)
    }

    /// Resolves what comes from credentials, and makes the session; nothing is sent.
    pub(crate) async fn resolve(self) -> Result<Session> {
        let base = crate::secrets::resolve(&self.base_url, "base URL").await?;
        let mut secrets = TransportSecrets::default();
        if let Some(proxy) = &self.proxy {
            secrets.proxy = Some(crate::secrets::resolve(proxy, "proxy").await?);
        }
        if let Some(identity) = &self.identity {
            secrets.identity = Some(crate::secrets::resolve(identity, "client identity").await?);
        }
        self.finish(&base, &secrets)
    }

    fn finish(self, base: &SecretString, secrets: &TransportSecrets) -> Result<Session> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let base = crate::url::parse_base(base.expose_secret())?;
        crate::url::warn_plain_http(&base);
        let transport = Transport::new(&base, &self.transport, secrets)?;
        let client = Client {
            base,
            transport,
            // a session that is restored or adopted can log in again with what is said here
            logins: LoginMachine::new(self.auth.filter(Auth::can_renew)),
            login_options: self.login,
            login_store: self.login_store,
            limits: self.limits,
            defaults: DefaultsSource::new(self.defaults),
            follow_redirects: self.follow_redirects,
            max_redirects: self.max_redirects,
            return_http_errors: self.return_http_errors,
            body_limit: self.body_limit,
            relogin: self.relogin,
            retry: self.retry,
            keep_alive: self.keep_alive,
            usage: Usage::new(),
            in_flight: self.max_in_flight.map(InFlight::new),
            projects: ProjectCache::default(),
            closed: Arc::default(),
            closing: Closing::default(),
        };
        Ok(Session { client: Arc::new(client), project: self.project })
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
