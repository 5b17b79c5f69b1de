//! What all requests share: configuration, sessions, faults, journal.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};

use crate::builder::{Config, LogoutScope};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::fault::FaultPlan;
use crate::instances::Store;
use crate::journal::{Caller, Journal, cookie};
use crate::kept::Kept;
use crate::metadata::{Loading, Metadata, OWNER_ID};
use crate::pattern::Pattern;
use crate::sessions::{LiveSession, Sessions};
use crate::{Project, RecordedRequest, Reply, lock, random, searching};

/// Seven days, as recorded.
const BALANCER_COOKIE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(crate) type Responder = dyn Fn(&RecordedRequest) -> Reply + Send + Sync;

/// A route that a test mounted.
#[derive(Clone)]
pub(crate) struct Mounted {
    pub(crate) method: Method,
    pub(crate) pattern: Pattern,
    pub(crate) needs_session: bool,
    pub(crate) responder: Arc<Responder>,
}

pub(crate) struct Sim {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) faults: FaultPlan,
    pub(crate) directory: Mutex<Directory>,
    pub(crate) latency: Mutex<Duration>,
    /// Reports, cubes, what was executed and what was uploaded.
    pub(crate) data: Mutex<Store>,
    /// All else that the server knows. Locked after `data`, where both are.
    pub(crate) metadata: Mutex<Metadata>,
    /// On which nodes which projects are loaded. Locked by itself.
    pub(crate) loading: Mutex<Loading>,
    pub(crate) kept: Kept,
    pub(crate) searching: searching::Sessions,
    sessions: Mutex<Sessions>,
    mounted: Mutex<VecDeque<Mounted>>,
    round_robin: AtomicUsize,
    /// Nodes that the load balancer leaves out.
    lost: Mutex<BTreeSet<usize>>,
}

impl Sim {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            clock: Clock::new(config.real_time),
            journal: Journal::new(config.print_journal),
            faults: FaultPlan::default(),
            directory: Mutex::new(config.directory.clone()),
            latency: Mutex::new(config.latency),
            data: Mutex::new(Store::new(&config.data)),
            metadata: Mutex::new(Metadata::new()),
            loading: Mutex::new(Loading::new(&config.projects, config.nodes)),
            kept: Kept::default(),
            searching: searching::Sessions::default(),
            sessions: Mutex::default(),
            mounted: Mutex::default(),
            round_robin: AtomicUsize::new(0),
            lost: Mutex::default(),
            config,
        }
    }

    /// The sessions as of now: what was idle for too long is gone.
    pub(crate) fn sessions<T>(&self, act: impl FnOnce(&mut Sessions, Duration) -> T) -> T {
        let now = self.clock.now();
        let mut sessions = lock(&self.sessions);
        sessions.sweep(now, self.config.idle_timeout);
        act(&mut sessions, now)
    }

    pub(crate) fn session_of(&self, request: &RecordedRequest) -> Option<LiveSession> {
        let generation = request.session()?;
        self.sessions(|sessions, _| sessions.get(generation).cloned())
    }

    pub(crate) fn end_session(&self, session: &LiveSession) {
        self.sessions(|sessions, _| match self.config.logout_scope {
            LogoutScope::Token => {
                sessions.end(session.generation);
            }
            LogoutScope::User => {
                sessions.end_user(&session.user);
            }
        });
    }

    /// The live session whose token the request carries, provided that the request came to the
    /// node that holds it and has the cookies it must have.
    pub(crate) fn caller(&self, headers: &HeaderMap, node: usize) -> Option<Caller> {
        let token = headers.get("x-mstr-authtoken")?.to_str().ok()?;
        self.sessions(|sessions, _| {
            let session = sessions.by_token(token)?;
            let at_home = !self.config.sticky || session.node == node;
            let has_cookies = !self.config.require_cookies
                || (cookie(headers, "JSESSIONID") == Some(session.jsessionid.as_str())
                    && cookie(headers, "iSession") == Some(token));
            (at_home && has_cookies)
                .then(|| Caller { generation: session.generation, user: session.user.clone() })
        })
    }

    /// The cluster node that gets a request.
    ///
    /// With sticky cookies it is the one that the cookie names. Without a cookie it is the next
    /// one in turn, but never the one that holds the session: whether a client that lost its
    /// cookies works must not depend on luck. In place of a node that is lost comes the next one
    /// that is not.
    pub(crate) fn node(&self, headers: &HeaderMap) -> usize {
        let chosen = self.chosen_node(headers);
        let nodes = self.config.nodes;
        let lost = lock(&self.lost);
        (0..nodes).map(|step| (chosen + step) % nodes).find(|n| !lost.contains(n)).unwrap_or(chosen)
    }

    pub(crate) fn lose_node(&self, node: usize) -> usize {
        lock(&self.lost).insert(node);
        self.sessions(|sessions, _| sessions.end_node(node))
    }

    pub(crate) fn restore_node(&self, node: usize) {
        lock(&self.lost).remove(&node);
    }

    fn chosen_node(&self, headers: &HeaderMap) -> usize {
        let nodes = self.config.nodes;
        if nodes < 2 {
            return 0;
        }
        let balancer = ["AWSALB", "AWSALBCORS"].iter().find_map(|name| cookie(headers, name));
        if let (true, Some(value)) = (self.config.sticky, balancer) {
            return node_named_by(value, nodes);
        }
        let next = self.round_robin.fetch_add(1, Ordering::Relaxed) % nodes;
        let home = headers.get("x-mstr-authtoken").and_then(|token| token.to_str().ok()).and_then(
            |token| self.sessions(|sessions, _| sessions.by_token(token).map(|found| found.node)),
        );
        if self.config.sticky && home == Some(next) { (next + 1) % nodes } else { next }
    }

    /// The load balancer's two cookies, with a new value on every reply (recorded).
    pub(crate) fn with_balancer_cookies(&self, reply: Reply, node: usize) -> Reply {
        if !self.config.sticky {
            return reply;
        }
        let value = loop {
            let value = random::balancer_value();
            if node_named_by(&value, self.config.nodes) == node {
                break value;
            }
        };
        let expires = httpdate::fmt_http_date(SystemTime::now() + BALANCER_COOKIE_LIFE);
        let (plain, cors) = (
            format!("AWSALB={value}; Expires={expires}; Path=/"),
            format!("AWSALBCORS={value}; Expires={expires}; Path=/; SameSite=None; Secure"),
        );
        reply.add_header("set-cookie", &plain).add_header("set-cookie", &cors)
    }

    /// The path of the session cookies: the Library application's.
    pub(crate) fn cookie_path(&self) -> &str {
        if self.config.library_path.is_empty() { "/" } else { &self.config.library_path }
    }

    pub(crate) fn api_path(&self) -> String {
        format!("{}/api", self.config.library_path)
    }

    /// A loaded project, by id or by name.
    pub(crate) fn project(&self, id_or_name: &str) -> Option<Project> {
        let mut projects = self.config.projects.iter();
        projects
            .find(|one| (one.id == id_or_name || one.name == id_or_name) && self.is_loaded(&one.id))
            .cloned()
    }

    pub(crate) fn is_loaded(&self, project: &str) -> bool {
        lock(&self.loading).anywhere(project)
    }

    /// The id of a user, by the name that it logs in with.
    pub(crate) fn user_id(&self, name: &str) -> String {
        lock(&self.directory).profile(name).id
    }

    /// The name and the subtype of a user or a group.
    pub(crate) fn trustee(&self, id: &str) -> (String, u32) {
        let known = lock(&self.directory).trustee(id);
        let nobody = if id == OWNER_ID { "Administrator" } else { "" };
        known.unwrap_or_else(|| (nobody.to_owned(), 8704))
    }

    /// Mounts a route before all others.
    pub(crate) fn mount(
        &self,
        method: Method,
        path: &str,
        needs_session: bool,
        responder: Arc<Responder>,
    ) {
        let pattern = Pattern::new(&self.api_path(), path);
        let mounted = Mounted { method, pattern, needs_session, responder };
        lock(&self.mounted).push_front(mounted);
    }

    /// The route that a test mounted for this request.
    pub(crate) fn mounted(&self, method: &Method, path: &str) -> Option<Mounted> {
        lock(&self.mounted)
            .iter()
            .find(|route| route.method == *method && route.pattern.matches(path))
            .cloned()
    }
}

/// Every value names a node: real ones are opaque, and so are these.
fn node_named_by(value: &str, nodes: usize) -> usize {
    let nodes = u64::try_from(nodes).unwrap_or(1).max(1);
    usize::try_from(random::fnv(value.as_bytes(), 7) % nodes).unwrap_or_default()
}
