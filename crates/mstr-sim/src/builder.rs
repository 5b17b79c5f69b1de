//! How to configure a server before it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use crate::directory::{self, Directory};
use crate::instances::DataConfig;
use crate::sim::Responder;
use crate::{Error, Fault, LibraryServer, Project, RecordedRequest, Reply};

/// The user that a server knows for which no user was named.
pub const DEFAULT_USER: &str = "administrator";
/// The password of [`DEFAULT_USER`]. It opens nothing but a simulated server.
pub const DEFAULT_PASSWORD: &str = "mstr";

/// What a logout ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutScope {
    /// The session whose token the logout carries, and no other.
    #[default]
    Token,
    /// All sessions of the user (vendor documentation), with them those that delegation made
    /// from one of them.
    User,
}

/// The certificate of a server that speaks TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TlsMode {
    #[default]
    Off,
    #[cfg(feature = "tls")]
    On { client_certificate: bool },
}

#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Config {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) library_path: String,
    pub(crate) directory: Directory,
    pub(crate) projects: Vec<Project>,
    pub(crate) web_version: String,
    pub(crate) iserver_version: String,
    pub(crate) idle_timeout: Duration,
    pub(crate) real_time: bool,
    pub(crate) session_cap: Option<usize>,
    pub(crate) nodes: usize,
    pub(crate) sticky: bool,
    pub(crate) require_cookies: bool,
    pub(crate) lock_out_after: Option<usize>,
    pub(crate) tls: TlsMode,
    pub(crate) http2: bool,
    pub(crate) logout_scope: LogoutScope,
    pub(crate) latency: Duration,
    pub(crate) gzip: bool,
    pub(crate) control: bool,
    pub(crate) print_journal: bool,
    /// No page of a list has more items than these.
    pub(crate) list_limit: Option<usize>,
    pub(crate) data: DataConfig,
}

impl Config {
    pub(crate) fn is_tls(&self) -> bool {
        self.tls != TlsMode::Off
    }
}

struct Route {
    method: Method,
    path: String,
    needs_session: bool,
    responder: Arc<Responder>,
}

/// Configures a [`LibraryServer`]; made by [`LibraryServer::builder`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mstr_sim::Error> {
/// use std::time::Duration;
/// use mstr_sim::{LibraryServer, Project};
///
/// let server = LibraryServer::builder()
///     .user("dave", "secret")
///     .api_key("key-1", "dave")
///     .project("Sales")
///     .project(Project::new("Archive").loaded(false))
///     .idle_timeout(Duration::from_secs(600))
///     .start()
///     .await?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `start`"]
pub struct LibraryServerBuilder {
    pub(crate) config: Config,
    routes: Vec<Route>,
    faults: Vec<Fault>,
}

impl Default for LibraryServerBuilder {
    fn default() -> Self {
        Self {
            config: Config {
                host: "127.0.0.1".to_owned(),
                port: 0,
                library_path: "/MicroStrategyLibrary".to_owned(),
                directory: Directory::default(),
                projects: Vec::new(),
                web_version: "11.3.0000.14308J".to_owned(),
                iserver_version: "11.3.0000.15868".to_owned(),
                idle_timeout: Duration::from_secs(1800),
                real_time: false,
                session_cap: None,
                nodes: 1,
                sticky: false,
                require_cookies: false,
                lock_out_after: None,
                tls: TlsMode::Off,
                http2: true,
                logout_scope: LogoutScope::Token,
                latency: Duration::ZERO,
                gzip: true,
                control: false,
                print_journal: false,
                list_limit: None,
                data: DataConfig::default(),
            },
            routes: Vec::new(),
            faults: Vec::new(),
        }
    }
}

impl LibraryServerBuilder {
    /// Adds a user with a password for standard logins (`loginMode` 1).
    ///
    /// Without any user the server knows [`DEFAULT_USER`] with [`DEFAULT_PASSWORD`].
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.config.directory.user(name).standard = Some(password.to_owned());
        self
    }

    /// Adds a user with a password for LDAP logins (`loginMode` 16).
    pub fn ldap_user(mut self, name: &str, password: &str) -> Self {
        self.config.directory.user(name).ldap = Some(password.to_owned());
        self
    }

    /// Adds a user who is trusted by name alone (`loginMode` 4096).
    pub fn trusted_user(mut self, name: &str) -> Self {
        self.config.directory.user(name).trusted = true;
        self
    }

    /// Adds an API key that stands for a user (`loginMode` 4096 with the key as user name).
    pub fn api_key(mut self, key: &str, user: &str) -> Self {
        self.config.directory.user(user);
        self.config.directory.api_keys.insert(key.to_owned(), user.to_owned());
        self
    }

    /// Sets what `GET /sessions/userInfo` shows of a user: its id and its full name.
    pub fn user_profile(mut self, name: &str, id: &str, full_name: &str) -> Self {
        let user = self.config.directory.user(name);
        id.clone_into(&mut user.id);
        full_name.clone_into(&mut user.full_name);
        self
    }

    /// Whether anonymous logins (`loginMode` 8) are allowed. They are by default.
    pub fn anonymous(mut self, allowed: bool) -> Self {
        self.config.directory.no_guest = !allowed;
        self
    }

    /// Adds a project, by its name or as a [`Project`].
    ///
    /// Without any, the server has "MicroStrategy Tutorial" and "Platform Analytics".
    pub fn project(mut self, project: impl Into<Project>) -> Self {
        self.config.projects.push(project.into());
        self
    }

    /// The versions that `GET /status` shows. Default: the recorded ones of an 11.3 server.
    /// mstrio-py wants at least 11.1.0400.
    pub fn versions(mut self, web: &str, iserver: &str) -> Self {
        web.clone_into(&mut self.config.web_version);
        iserver.clone_into(&mut self.config.iserver_version);
        self
    }

    /// How long a session lives without a request. Default: 1800 s (observed). `GET /sessions`
    /// tells it to clients as `timeout`, in seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.config.idle_timeout = timeout;
        self
    }

    /// Whether real time passes for sessions. By default the server's clock stands still until
    /// [`LibraryServer::advance`], so that no test depends on how fast it runs.
    pub fn real_time(mut self, real: bool) -> Self {
        self.config.real_time = real;
        self
    }

    /// How many project sessions a user may have in one project. Above it, project-scoped calls
    /// (`X-MSTR-ProjectID`) answer 500 `ERR001` with I-Server code -2147072486, while logins and
    /// `GET /projects` go on to work (seen by others). No cap by default.
    pub fn session_cap(mut self, sessions: usize) -> Self {
        self.config.session_cap = Some(sessions);
        self
    }

    /// How many nodes the cluster has. Default: 1. A new session is opened on the node that
    /// gets its login; requests without a balancer's cookie go round.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.config.nodes = nodes.max(1);
        self
    }

    /// Puts a load balancer with sticky cookies in front: `AWSALB` and `AWSALBCORS`, with new
    /// values on every reply, the 401 too (recorded). With several [`nodes`](Self::nodes) a
    /// request that comes without the cookie of its session's node is a stranger there: 401
    /// `ERR009`.
    pub fn sticky(mut self, sticky: bool) -> Self {
        self.config.sticky = sticky;
        self
    }

    /// Whether a token counts only together with its `JSESSIONID` and `iSession` cookies. Off by
    /// default.
    pub fn require_cookies(mut self, require: bool) -> Self {
        self.config.require_cookies = require;
        self
    }

    /// Locks an account after so many failed logins in a row: from then on the right password
    /// gets `ERR003` too. Never by default; failures are counted in any case, see
    /// [`LibraryServer::failed_logins`].
    pub fn lock_out_after(mut self, failures: usize) -> Self {
        self.config.lock_out_after = Some(failures);
        self
    }

    /// What a logout ends. Default: only the session that it is sent with.
    pub fn logout_scope(mut self, scope: LogoutScope) -> Self {
        self.config.logout_scope = scope;
        self
    }

    /// Speaks HTTPS with a certificate of a CA made for this server
    /// ([`LibraryServer::ca_pem`]), HTTP/2 included.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self) -> Self {
        if self.config.tls == TlsMode::Off {
            self.config.tls = TlsMode::On { client_certificate: false };
        }
        self
    }

    /// Speaks HTTPS and wants a client certificate of the server's CA
    /// ([`LibraryServer::client_identity_pem`]).
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn require_client_certificate(mut self) -> Self {
        self.config.tls = TlsMode::On { client_certificate: true };
        self
    }

    /// Whether HTTP/2 is offered over TLS (ALPN). It is by default.
    pub fn http2(mut self, offered: bool) -> Self {
        self.config.http2 = offered;
        self
    }

    /// Whether replies are compressed for clients that accept gzip. They are by default, as
    /// recorded.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.config.gzip = gzip;
        self
    }

    /// Delays every request by so much (real time).
    pub fn latency(mut self, latency: Duration) -> Self {
        self.config.latency = latency;
        self
    }

    /// The address to listen on. Default: `127.0.0.1`.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.config.host);
        self
    }

    /// The port to listen on. Default: 0, a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// The path of the Library application. Default: `/MicroStrategyLibrary`.
    pub fn library_path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.config.library_path = if path.is_empty() { String::new() } else { format!("/{path}") };
        self
    }

    /// Injects a fault; see [`LibraryServer::inject`] for one that comes later or is counted.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Mounts a route; see [`LibraryServer::route`].
    pub fn route(
        self,
        method: Method,
        path: &str,
        responder: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.add_route(method, path, false, Arc::new(responder))
    }

    /// Mounts a route that needs a live session; see [`LibraryServer::session_route`].
    pub fn session_route(
        self,
        method: Method,
        path: &str,
        responder: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.add_route(method, path, true, Arc::new(responder))
    }

    fn add_route(
        mut self,
        method: Method,
        path: &str,
        needs_session: bool,
        responder: Arc<Responder>,
    ) -> Self {
        self.routes.push(Route { method, path: path.to_owned(), needs_session, responder });
        self
    }

    /// Offers control to clients in other languages, outside of the API and without any
    /// authentication: `POST /__sim__/expire[?user=NAME]`, `POST /__sim__/advance?seconds=N`,
    /// `POST /__sim__/revoke-identity-tokens`, `POST /__sim__/clear-journal`,
    /// `GET /__sim__/journal`, `GET /__sim__/sessions`, `POST /__sim__/expire-instances`,
    /// `GET /__sim__/table?id=ID[&offset=N&limit=N]`. Off by default.
    pub fn control(mut self, control: bool) -> Self {
        self.config.control = control;
        self
    }

    /// Prints a line per request to standard output, without any value that a client sent.
    pub fn print_journal(mut self, print: bool) -> Self {
        self.config.print_journal = print;
        self
    }

    /// Starts the server. It runs on threads of its own: neither a paused clock nor a blocked
    /// executor of the caller's runtime stops it.
    ///
    /// Fails if the address cannot be bound or the certificates cannot be made.
    pub async fn start(self) -> Result<LibraryServer, Error> {
        let (server, started) = self.launch()?;
        started.await.map_err(|_| Error::stopped())??;
        Ok(server)
    }

    /// Starts the server where there is no async runtime.
    pub fn start_blocking(self) -> Result<LibraryServer, Error> {
        let (server, started) = self.launch()?;
        started.blocking_recv().map_err(|_| Error::stopped())??;
        Ok(server)
    }

    fn launch(mut self) -> Result<(LibraryServer, crate::server::Started), Error> {
        if self.config.directory.users.is_empty() {
            self.config.directory.user(DEFAULT_USER).standard = Some(DEFAULT_PASSWORD.to_owned());
        }
        if self.config.projects.is_empty() {
            self.config.projects = directory::default_projects();
        }
        if self.config.data.sources.is_empty() {
            self = self.samples();
        }
        let server = LibraryServer::new(self.config)?;
        for route in self.routes {
            server.mount(route.method, &route.path, route.needs_session, route.responder);
        }
        for fault in self.faults {
            server.inject(fault);
        }
        let started = server.launch(None);
        Ok((server, started))
    }
}

impl fmt::Debug for LibraryServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibraryServerBuilder")
            .field("host", &self.config.host)
            .field("port", &self.config.port)
            .field("directory", &self.config.directory)
            .field("projects", &self.config.projects)
            .finish_non_exhaustive()
    }
}
