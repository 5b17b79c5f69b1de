//! What a cell works with: its own server, the session under test, and what both leave behind.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mstr_rest_core::{Auth, Cookies, Result, RetryPolicy, Session, SessionBuilder};
use mstr_sim::{Fault as Act, LibraryServer, Method, Reply};
use serde_json::json;

use crate::faults::Fault;
use crate::operations::Operation;
use crate::relay::Relay;

pub(crate) const USER: &str = "dave";
// What must not come out; tokens and cookies are added to them.
pub(crate) const PASSWORD: &str = "c4n4rypassword";
pub(crate) const API_KEY: &str = "c4n4ryapikey";
pub(crate) const BODY: &str = "c4n4rybody";
/// The token of a session that no server knows.
const TOKEN: &str = "c4n4rytoken";

pub(crate) struct Bench {
    pub(crate) fault: Fault,
    pub(crate) operation: Operation,
    pub(crate) server: LibraryServer,
    /// Another origin.
    pub(crate) elsewhere: LibraryServer,
    relay: Option<Relay>,
    secrets: Mutex<Vec<String>>,
    complaints: Mutex<Vec<String>>,
    armed: Mutex<Option<Instant>>,
}

impl Bench {
    pub(crate) async fn new(
        fault: Fault,
        operation: Operation,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut server = LibraryServer::builder()
            .user(USER, PASSWORD)
            .api_key(API_KEY, USER)
            .gzip(fault != Fault::HugeError)
            .session_route(Method::PUT, "/upload", |_| Reply::new(204))
            .session_route(Method::GET, "/big", |_| {
                Reply::new(200).with_body("application/octet-stream", vec![7; 300_000])
            });
        for method in [Method::GET, Method::PUT, Method::POST] {
            let rows = |_: &_| Reply::json(200, &json!({ "rows": [1, 2, 3] }));
            server = server.session_route(method, "/rows", rows);
        }
        if fault == Fault::NodeLost {
            server = server.nodes(2).sticky(true);
        }
        if fault == Fault::Tls {
            server = server.tls();
        }
        let server = server.start().await?;
        let mut elsewhere = LibraryServer::builder();
        for method in [Method::GET, Method::PUT, Method::POST] {
            elsewhere = elsewhere.route(method, "/landed", |_| Reply::json(200, &json!([])));
        }
        let relay = match fault.raw() {
            Some(reply) => {
                let targets = operation.targets().into_iter();
                let targets = targets
                    .map(|(method, path)| format!("{method} /MicroStrategyLibrary/api{path} "));
                Some(Relay::start(server.address(), targets.collect(), reply).await?)
            }
            None => None,
        };
        Ok(Self {
            fault,
            operation,
            server,
            elsewhere: elsewhere.start().await?,
            relay,
            secrets: Mutex::new([PASSWORD, API_KEY, BODY, TOKEN].map(str::to_owned).to_vec()),
            complaints: Mutex::default(),
            armed: Mutex::default(),
        })
    }

    /// The session under test.
    pub(crate) fn builder(&self) -> SessionBuilder {
        let base_url = match (&self.relay, self.fault) {
            (Some(relay), _) => format!("http://{}/MicroStrategyLibrary/api/", relay.address),
            (None, Fault::Dns) => "http://no-such-host.invalid/MicroStrategyLibrary/api/".into(),
            (None, _) => self.server.base_url(),
        };
        Session::builder(base_url)
            .environment_proxies(false)
            .relogin(true)
            .retry(RetryPolicy::default().max_retries(2).base_delay(Duration::from_millis(1)))
            .read_timeout(self.fault.read_timeout())
            .connect_timeout(Duration::from_secs(2))
    }

    /// A session that is logged in; one that only says so where no login gets through.
    pub(crate) async fn session(&self) -> Result<Session> {
        let auth = match self.fault {
            Fault::Dns | Fault::Tls => Auth::existing(TOKEN, Cookies::default()),
            _ => Auth::standard(USER, PASSWORD),
        };
        Ok(self.builder().auth(auth).connect().await?.detach())
    }

    /// Of a session that something else owns.
    pub(crate) async fn identity_token(&self) -> Result<String> {
        if matches!(self.fault, Fault::Dns | Fault::Tls) {
            return Ok(TOKEN.into());
        }
        let owner = self.session().await?;
        let reply = owner.post("auth/identityToken").await?;
        let token = reply.headers().get("x-mstr-identitytoken");
        let token = token.and_then(|token| token.to_str().ok()).unwrap_or_default();
        lock(&self.secrets).push(token.to_owned());
        Ok(token.to_owned())
    }

    /// From now on the fault acts, and requests count.
    pub(crate) async fn arm(&self) {
        self.note_secrets();
        self.server.clear_journal();
        *lock(&self.armed) = Some(Instant::now());
        if let Some(relay) = &self.relay {
            relay.arm();
        }
        self.fault.act(self).await;
    }

    /// Injects a fault for every target of the operation.
    pub(crate) fn strike(&self, make: impl Fn() -> Act) {
        for (method, path) in self.operation.targets() {
            self.server.inject(make().on(method, path));
        }
    }

    pub(crate) fn complain(&self, what: String) {
        lock(&self.complaints).push(what);
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// How long ago the fault began to act.
    pub(crate) fn elapsed(&self) -> Duration {
        lock(&self.armed).map(|armed| armed.elapsed()).unwrap_or_default()
    }

    /// How many requests to the operation's targets the server saw.
    pub(crate) fn requests(&self) -> usize {
        let targets = self.operation.targets();
        let journal = self.server.journal();
        let of_ours = |endpoint: &str| targets.iter().any(|(_, path)| *path == endpoint);
        journal.iter().filter(|request| of_ours(request.endpoint())).count() + self.hits()
    }

    /// How many logins the server saw.
    pub(crate) fn logins(&self) -> usize {
        let logins = self.server.count(Method::POST, "/auth/login")
            + self.server.count(Method::POST, "/auth/delegate");
        logins + if self.operation.is_login() { self.hits() } else { 0 }
    }

    fn hits(&self) -> usize {
        self.relay.as_ref().map_or(0, Relay::hits)
    }

    /// What was sent twice and must not be, and what went to a stranger: by the journals, whatever
    /// the table says.
    pub(crate) fn misdeeds(&self) -> Vec<String> {
        let journal = self.server.journal();
        let mut found = Vec::new();
        // a request that was answered 401 did nothing; any other may have
        let mut done: Vec<_> = journal
            .iter()
            .filter(|request| match request.endpoint() {
                "/rows" => request.method() == Method::POST,
                endpoint => endpoint == "/upload",
            })
            .filter(|request| request.status().is_none_or(|status| status != 401))
            .map(|request| (request.method().clone(), request.body().clone()))
            .collect();
        let all = done.len();
        done.sort_by(|a, b| a.1.cmp(&b.1));
        done.dedup();
        if done.len() < all {
            found.push(format!("{} bodies were sent twice", all - done.len()));
        }
        let uploads = journal.iter().filter(|request| request.endpoint() == "/upload").count();
        if uploads > 1 {
            found.push(format!("a body that can be sent once was sent {uploads} times"));
        }
        let refused = journal
            .iter()
            .filter(|request| ["/auth/login", "/auth/delegate"].contains(&request.endpoint()))
            .filter(|request| request.status().is_some_and(|status| status == 401))
            .count();
        if refused > 1 {
            found.push(format!("{refused} logins after one was refused"));
        }
        for request in self.elsewhere.journal() {
            let secret = ["x-mstr-authtoken", "cookie", "authorization"];
            if secret.iter().any(|name| request.header(name).is_some())
                || !request.body().is_empty()
            {
                found.push(format!("another origin got token, cookies or a body: {request}"));
            }
        }
        found
    }

    /// All secrets of the cell: what was given, and what the server made.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.note_secrets();
        let mut secrets = lock(&self.secrets).clone();
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort();
        secrets.dedup();
        secrets
    }

    fn note_secrets(&self) {
        let mut secrets = lock(&self.secrets);
        secrets.extend(self.server.sessions().iter().map(|live| live.token().to_owned()));
        for request in self.server.journal() {
            secrets.extend(request.token().map(str::to_owned));
            for name in ["JSESSIONID", "iSession", "AWSALB"] {
                secrets.extend(request.cookie(name).map(str::to_owned));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
