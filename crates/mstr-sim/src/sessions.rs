//! Live sessions: tokens, idle timeout, I-Server sessions, identity tokens, failed logins.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use crate::directory::DELEGATE;
use crate::journal::Caller;
use crate::random;

/// A session that is alive on the server: what a login opened and nothing ended yet.
#[derive(Clone)]
pub struct LiveSession {
    pub(crate) generation: u64,
    pub(crate) iserver: u64,
    pub(crate) token: String,
    pub(crate) jsessionid: String,
    pub(crate) user: String,
    pub(crate) login_mode: i64,
    pub(crate) node: usize,
    pub(crate) created: Duration,
    pub(crate) last_used: Duration,
    pub(crate) working_set: i64,
    pub(crate) max_search: i64,
    pub(crate) projects: BTreeSet<String>,
}

impl LiveSession {
    /// A number that counts logins: 1 for the first session of this server, never used twice.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The I-Server session behind it. Sessions made by delegation share their owner's.
    pub fn iserver_session(&self) -> u64 {
        self.iserver
    }

    /// The session token, as `X-MSTR-AuthToken` carries it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The login mode: 1 standard, 8 anonymous, 16 LDAP, 4096 API key or trusted user, -1
    /// delegated.
    pub fn login_mode(&self) -> i64 {
        self.login_mode
    }

    /// The cluster node that holds it, counted from 0.
    pub fn node(&self) -> usize {
        self.node
    }

    /// When it was opened, by the server's clock.
    pub fn created(&self) -> Duration {
        self.created
    }

    /// When it was used last, by the server's clock.
    pub fn last_used(&self) -> Duration {
        self.last_used
    }

    /// The ids of the projects in which it opened a project session.
    pub fn projects(&self) -> impl Iterator<Item = &str> {
        self.projects.iter().map(String::as_str)
    }
}

/// Shows neither the token nor cookies.
impl fmt::Debug for LiveSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSession")
            .field("generation", &self.generation)
            .field("user", &self.user)
            .field("login_mode", &self.login_mode)
            .field("node", &self.node)
            .field("created", &self.created)
            .field("last_used", &self.last_used)
            .finish_non_exhaustive()
    }
}

/// What a login asks for.
pub(crate) struct Opening {
    pub(crate) user: String,
    pub(crate) login_mode: i64,
    pub(crate) node: usize,
    pub(crate) working_set: i64,
    pub(crate) max_search: i64,
}

impl Opening {
    /// With the values of a login that asks for nothing special.
    pub(crate) fn new(user: String, login_mode: i64, node: usize) -> Self {
        Self { user, login_mode, node, working_set: 10, max_search: 3 }
    }
}

/// What an identity token stands for.
#[derive(Clone)]
struct Identity {
    user: String,
    iserver: u64,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    total: usize,
    in_a_row: usize,
}

/// All sessions, and what logins leave behind.
#[derive(Default)]
pub(crate) struct Sessions {
    live: BTreeMap<u64, LiveSession>,
    opened: u64,
    iserver_opened: u64,
    identities: HashMap<String, Identity>,
    failures: BTreeMap<String, Failures>,
}

impl Sessions {
    /// Ends all sessions, as a restart does. What was counted stays counted.
    pub(crate) fn end_all(&mut self) -> usize {
        let ended = self.live.len();
        self.live.clear();
        ended
    }

    /// Ends what was idle for too long.
    pub(crate) fn sweep(&mut self, now: Duration, idle_timeout: Duration) {
        self.live.retain(|_, session| now.saturating_sub(session.last_used) < idle_timeout);
    }

    pub(crate) fn open(&mut self, opening: Opening, now: Duration) -> LiveSession {
        self.iserver_opened += 1;
        self.insert(opening, self.iserver_opened, now)
    }

    fn insert(&mut self, opening: Opening, iserver: u64, now: Duration) -> LiveSession {
        self.opened += 1;
        let session = LiveSession {
            generation: self.opened,
            iserver,
            token: random::token(),
            jsessionid: random::upper_hex(),
            user: opening.user,
            login_mode: opening.login_mode,
            node: opening.node,
            created: now,
            last_used: now,
            working_set: opening.working_set,
            max_search: opening.max_search,
            projects: BTreeSet::new(),
        };
        self.live.insert(session.generation, session.clone());
        session
    }

    /// A session from an identity token. It shares the owner's I-Server session as long as that
    /// has any web session left.
    pub(crate) fn delegate(
        &mut self,
        identity_token: &str,
        opening: impl FnOnce(String) -> Opening,
        now: Duration,
    ) -> Option<LiveSession> {
        let identity = self.identities.get(identity_token)?.clone();
        let opening = Opening { login_mode: DELEGATE, ..opening(identity.user) };
        if self.live.values().any(|session| session.iserver == identity.iserver) {
            return Some(self.insert(opening, identity.iserver, now));
        }
        let session = self.open(opening, now);
        if let Some(identity) = self.identities.get_mut(identity_token) {
            identity.iserver = session.iserver;
        }
        Some(session)
    }

    pub(crate) fn create_identity(&mut self, generation: u64) -> Option<String> {
        let session = self.live.get(&generation)?;
        let token = random::token() + &random::token();
        let identity = Identity { user: session.user.clone(), iserver: session.iserver };
        self.identities.insert(token.clone(), identity);
        Some(token)
    }

    pub(crate) fn knows_identity(&self, identity_token: &str) -> bool {
        self.identities.contains_key(identity_token)
    }

    pub(crate) fn revoke_identities(&mut self) {
        self.identities.clear();
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&LiveSession> {
        self.live.values().find(|session| session.token == token)
    }

    pub(crate) fn by_cookies(
        &self,
        jsessionid: Option<&str>,
        isession: Option<&str>,
    ) -> Option<&LiveSession> {
        self.live.values().find(|session| {
            isession == Some(session.token.as_str())
                || jsessionid == Some(session.jsessionid.as_str())
        })
    }

    pub(crate) fn get(&self, generation: u64) -> Option<&LiveSession> {
        self.live.get(&generation)
    }

    /// Notes that the session was used, which restarts its idle time.
    pub(crate) fn touch(&mut self, generation: u64, now: Duration) {
        if let Some(session) = self.live.get_mut(&generation) {
            session.last_used = now;
        }
    }

    /// Ends this session only.
    pub(crate) fn end(&mut self, generation: u64) -> bool {
        self.live.remove(&generation).is_some()
    }

    /// Ends every session of the user. Those that delegation made from them are the user's, too.
    pub(crate) fn end_user(&mut self, user: &str) -> usize {
        let before = self.live.len();
        self.live.retain(|_, session| session.user != user);
        before - self.live.len()
    }

    /// Ends every session of a node.
    pub(crate) fn end_node(&mut self, node: usize) -> usize {
        let before = self.live.len();
        self.live.retain(|_, session| session.node != node);
        before - self.live.len()
    }

    /// Opens the project session that a project-scoped call needs, unless the user has as many
    /// in this project as the cap allows. Sessions that share an I-Server session share it.
    pub(crate) fn enter_project(
        &mut self,
        caller: &Caller,
        project: &str,
        cap: Option<usize>,
    ) -> bool {
        let Some(iserver) = self.live.get(&caller.generation).map(|session| session.iserver) else {
            return true;
        };
        let holders: BTreeSet<u64> = self
            .live
            .values()
            .filter(|session| session.user == caller.user && session.projects.contains(project))
            .map(|session| session.iserver)
            .collect();
        if !holders.contains(&iserver) && cap.is_some_and(|cap| holders.len() >= cap) {
            return false;
        }
        if let Some(session) = self.live.get_mut(&caller.generation) {
            session.projects.insert(project.to_owned());
        }
        true
    }

    pub(crate) fn all(&self) -> Vec<LiveSession> {
        self.live.values().cloned().collect()
    }

    pub(crate) fn login_failed(&mut self, username: &str) {
        let failures = self.failures.entry(username.to_owned()).or_default();
        failures.total += 1;
        failures.in_a_row += 1;
    }

    pub(crate) fn login_succeeded(&mut self, username: &str) {
        if let Some(failures) = self.failures.get_mut(username) {
            failures.in_a_row = 0;
        }
    }

    pub(crate) fn failed_logins(&self, username: &str) -> usize {
        self.failures.get(username).map_or(0, |failures| failures.total)
    }

    pub(crate) fn failed_in_a_row(&self, username: &str) -> usize {
        self.failures.get(username).map_or(0, |failures| failures.in_a_row)
    }
}
