//! The running server, as a test holds it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use http::Method;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::builder::Config;
use crate::listen::{self, Tls};
use crate::pattern::Pattern;
use crate::sim::{Responder, Sim};
use crate::{
    Error, Fault, FaultHandle, LibraryServerBuilder, LiveSession, RecordedRequest, Reply, Table,
    UploadedTable, lock, routes,
};

/// How long anything here waits for something that always comes.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) type Started = oneshot::Receiver<Result<(), Error>>;

/// A simulated Library server. It stops when it is dropped.
pub struct LibraryServer {
    sim: Arc<Sim>,
    router: Router,
    runtime: Option<Runtime>,
    state: Arc<Mutex<State>>,
    counter: listen::Counter,
    #[cfg(feature = "tls")]
    certificates: Option<crate::tls::Certificates>,
}

#[derive(Default)]
struct State {
    address: Option<SocketAddr>,
    running: Option<Running>,
}

struct Running {
    abort: AbortHandle,
    /// Hangs up when all connections are closed.
    closed: mpsc::Receiver<()>,
    /// Kept by a restart, so that nothing else can take the port.
    listener: Arc<TcpListener>,
}

/// A new listener. One that was stopped wants its port back: the system may have lent it to a
/// connection of another process in the meantime.
async fn bind(config: &Config, known: Option<SocketAddr>) -> io::Result<TcpListener> {
    let Some(known) = known else {
        return TcpListener::bind((config.host.as_str(), config.port)).await;
    };
    for _ in 0..100 {
        match TcpListener::bind(known).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(PATIENCE / 100).await;
            }
            result => return result,
        }
    }
    TcpListener::bind(known).await
}

impl LibraryServer {
    /// Starts a server with the default user, the default projects and no surprises.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Configures a server.
    pub fn builder() -> LibraryServerBuilder {
        LibraryServerBuilder::default()
    }

    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("mstr-sim")
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start the server's threads", error))?;
        #[cfg(feature = "tls")]
        let certificates = crate::tls::Certificates::for_mode(&config)?;
        let sim = Arc::new(Sim::new(config));
        Ok(Self {
            router: routes::router(&sim),
            sim,
            runtime: Some(runtime),
            state: Arc::default(),
            counter: listen::Counter::default(),
            #[cfg(feature = "tls")]
            certificates,
        })
    }

    /// Listens, on a listener that is left from before or on a new one; says when it does, or why
    /// not.
    pub(crate) fn launch(&self, listener: Option<Arc<TcpListener>>) -> Started {
        let (report, started) = oneshot::channel();
        let Some(runtime) = &self.runtime else { return started };
        let (sim, router) = (Arc::clone(&self.sim), self.router.clone());
        let (state, counter, tls) = (Arc::clone(&self.state), self.counter.clone(), self.tls());
        let known = lock(&self.state).address;
        runtime.spawn(async move {
            let bound = match listener {
                Some(listener) => Ok(listener),
                None => bind(&sim.config, known).await.map(Arc::new),
            };
            let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (address, listener) = match bound {
                Ok(bound) => bound,
                Err(error) => {
                    let _ = report.send(Err(Error::io("cannot listen", error)));
                    return;
                }
            };
            let (open, closed) = mpsc::channel::<()>();
            let accepting = Arc::clone(&listener);
            let task = tokio::spawn(async move {
                // Dropped with this task, after its connections: whoever waits for `closed` knows.
                let _open = open;
                listen::accept(accepting, tls, sim, router, counter).await;
            });
            let running = Running { abort: task.abort_handle(), closed, listener };
            *lock(&state) = State { address: Some(address), running: Some(running) };
            let _ = report.send(Ok(()));
        });
        started
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Option<Tls> {
        self.certificates.as_ref().map(crate::tls::Certificates::acceptor)
    }

    #[cfg(not(feature = "tls"))]
    #[allow(clippy::unused_self, reason = "has its sibling's signature")]
    fn tls(&self) -> Option<Tls> {
        None
    }

    /// Where it listens. The address stays the same over [`stop`](Self::stop) and
    /// [`restart`](Self::restart).
    pub fn address(&self) -> SocketAddr {
        lock(&self.state).address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Scheme, host and port: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        let scheme = if self.sim.config.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// The base URL for clients: `http://127.0.0.1:PORT/MicroStrategyLibrary/api/`.
    pub fn base_url(&self) -> String {
        format!("{}{}/", self.origin(), self.sim.api_path())
    }

    /// The certificate of the server's CA, for a client's trust store; `None` without TLS.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn ca_pem(&self) -> Option<&str> {
        self.certificates.as_ref().map(|certificates| certificates.ca_pem.as_str())
    }

    /// A client certificate of the server's CA and its private key, as PEM; `None` without TLS.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn client_identity_pem(&self) -> Option<(&str, &str)> {
        let certificates = self.certificates.as_ref()?;
        Some((&certificates.client_pem, &certificates.client_key_pem))
    }

    /// Moves the server's clock: sessions that were idle for longer than the timeout end.
    pub fn advance(&self, by: Duration) {
        self.sim.clock.advance(by);
    }

    /// Ends all sessions, as an I-Server restart does, and says how many there were.
    pub fn expire_all(&self) -> usize {
        self.sim.sessions(|sessions, _| sessions.end_all())
    }

    /// Ends the session with this token; says whether there was one.
    pub fn expire(&self, token: &str) -> bool {
        self.sim.sessions(|sessions, _| {
            let generation = sessions.by_token(token).map(LiveSession::generation);
            generation.is_some_and(|generation| sessions.end(generation))
        })
    }

    /// Ends all sessions of a user and says how many there were.
    pub fn expire_user(&self, user: &str) -> usize {
        self.sim.sessions(|sessions, _| sessions.end_user(user))
    }

    /// Loses a node of the cluster, counted from 0: its sessions end, and the load balancer sends
    /// its clients to the next node, where their next request is a stranger's (401 `ERR009`). Says
    /// how many sessions there were. A cluster that lost all its nodes answers nevertheless.
    pub fn lose_node(&self, node: usize) -> usize {
        self.sim.lose_node(node)
    }

    /// Brings a lost node back, without the sessions that it had.
    pub fn restore_node(&self, node: usize) {
        self.sim.restore_node(node);
    }

    /// Makes all identity tokens invalid.
    pub fn revoke_identity_tokens(&self) {
        self.sim.sessions(|sessions, _| sessions.revoke_identities());
    }

    /// The sessions that are alive, in the order in which they were opened.
    pub fn sessions(&self) -> Vec<LiveSession> {
        self.sim.sessions(|sessions, _| sessions.all())
    }

    /// How many logins failed for this user name since the server started. For an API key the
    /// name is the key.
    pub fn failed_logins(&self, username: &str) -> usize {
        self.sim.sessions(|sessions, _| sessions.failed_logins(username))
    }

    /// Changes a user's password for standard logins, as a rotation does. Sessions live on.
    pub fn set_password(&self, user: &str, password: &str) {
        lock(&self.sim.directory).user(user).standard = Some(password.to_owned());
    }

    /// Adds an API key for a user.
    pub fn add_api_key(&self, key: &str, user: &str) {
        let mut directory = lock(&self.sim.directory);
        directory.user(user);
        directory.api_keys.insert(key.to_owned(), user.to_owned());
    }

    /// Takes an API key back; says whether there was one.
    pub fn revoke_api_key(&self, key: &str) -> bool {
        lock(&self.sim.directory).api_keys.remove(key).is_some()
    }

    /// What a report or a cube holds, by its id: also what was uploaded.
    pub fn table(&self, id: &str) -> Option<Table> {
        lock(&self.sim.data).source(id).map(|source| Table::new(source.data.clone()))
    }

    /// The tables of an uploaded dataset, by its id, as they were published last.
    pub fn uploaded(&self, id: &str) -> Option<Vec<UploadedTable>> {
        lock(&self.sim.data).uploads.tables(id)
    }

    /// How many upload sessions are open: nobody deleted them.
    pub fn open_uploads(&self) -> usize {
        lock(&self.sim.data).uploads.open_sessions()
    }

    /// How many executed reports and cubes a session holds, by its
    /// [generation](LiveSession::generation).
    pub fn instances(&self, session: u64) -> usize {
        lock(&self.sim.data).count(session)
    }

    /// Forgets all executed reports and cubes and says how many there were: their next request
    /// gets 404 `ERR004` with I-Server code -2147468986. Sessions live on.
    pub fn expire_instances(&self) -> usize {
        lock(&self.sim.data).expire()
    }

    /// Delays every request from now on by so much (real time).
    pub fn set_latency(&self, latency: Duration) {
        *lock(&self.sim.latency) = latency;
    }

    /// Injects a fault. It applies to requests that come from now on.
    pub fn inject(&self, fault: Fault) -> FaultHandle {
        self.sim.faults.add(&self.sim.api_path(), fault)
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.sim.faults.clear();
    }

    /// Mounts a route that anyone may call: a closure answers. The path is a pattern relative to
    /// the API, as in [`Fault::on`]. It goes before the server's own routes, and the one that was
    /// mounted last goes first. The closure should not block for long: replies can be
    /// [delayed](Reply::delayed).
    pub fn route(
        &self,
        method: Method,
        path: &str,
        responder: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) {
        self.mount(method, path, false, Arc::new(responder));
    }

    /// Mounts a route that needs a live session (else 401 `ERR009`) and keeps it alive. With
    /// `X-MSTR-ProjectID` it opens a project session, which counts against the
    /// [cap](LibraryServerBuilder::session_cap).
    pub fn session_route(
        &self,
        method: Method,
        path: &str,
        responder: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
    ) {
        self.mount(method, path, true, Arc::new(responder));
    }

    pub(crate) fn mount(
        &self,
        method: Method,
        path: &str,
        needs_session: bool,
        responder: Arc<Responder>,
    ) {
        self.sim.mount(method, path, needs_session, responder);
    }

    /// All requests since the start or since [`clear_journal`](Self::clear_journal), in the order
    /// of their arrival. A request is noted once its body is there, before it is answered.
    pub fn journal(&self) -> Vec<RecordedRequest> {
        self.sim.journal.all()
    }

    /// The requests of this method to this path, a pattern as in [`Fault::on`].
    #[allow(clippy::needless_pass_by_value, reason = "reads better at the caller's")]
    pub fn requests(&self, method: Method, path: &str) -> Vec<RecordedRequest> {
        let pattern = Pattern::new(&self.sim.api_path(), path);
        let mut requests = self.journal();
        requests.retain(|request| *request.method() == method && pattern.matches(request.path()));
        requests
    }

    /// How many requests of this method there were to this path.
    pub fn count(&self, method: Method, path: &str) -> usize {
        self.requests(method, path).len()
    }

    /// Forgets the requests so far.
    pub fn clear_journal(&self) {
        self.sim.journal.clear();
    }

    /// Waits until a predicate on the journal holds, ten seconds (real time) at most; says
    /// whether it does.
    pub async fn wait_for(&self, mut holds: impl FnMut(&[RecordedRequest]) -> bool) -> bool {
        let mut changes = self.sim.journal.watch();
        // The limit runs on the server's runtime: the caller's clock may be paused.
        let Some(runtime) = &self.runtime else { return false };
        let mut limit = runtime.spawn(tokio::time::sleep(PATIENCE));
        loop {
            if holds(&self.sim.journal.all()) {
                limit.abort();
                return true;
            }
            tokio::select! {
                Ok(()) = changes.changed() => {}
                _ = &mut limit => return holds(&self.sim.journal.all()),
            }
        }
    }

    /// Stops: closes the listener and all connections. Sessions, journal and faults stay.
    /// Stopping twice is fine.
    #[allow(clippy::unused_async, reason = "room for a stop that has something to wait for")]
    pub async fn stop(&self) {
        self.halt();
    }

    /// Ends all connections and sessions and serves again on the same port. A server that was
    /// [stopped](Self::stop) listens again.
    ///
    /// Fails if something else took the port of a stopped server in the meantime.
    pub async fn restart(&self) -> Result<(), Error> {
        let listener = self.halt();
        self.expire_all();
        self.launch(listener).await.map_err(|_| Error::stopped())?
    }

    /// The tasks end on the server's own threads, so that waiting for them here is short and
    /// cannot deadlock. The listener lives on in the result.
    fn halt(&self) -> Option<Arc<TcpListener>> {
        let running = lock(&self.state).running.take()?;
        running.abort.abort();
        let _ = running.closed.recv_timeout(PATIENCE);
        Some(running.listener)
    }
}

impl Drop for LibraryServer {
    fn drop(&mut self) {
        self.halt();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for LibraryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LibraryServer").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}
