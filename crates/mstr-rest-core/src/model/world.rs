//! The state of a run: the sessions that the server issued, the actions on the client, and the
//! first broken rule.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use tokio::time::Instant;

use super::adapter::Watch;
use super::config::{Config, Rule};
use super::counts::Counts;

#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) rule: Rule,
    pub(super) what: String,
}

/// The largest number of exchanges and credential resolutions of one run, without keep-alive. Most
/// runs have fewer than 200.
const MOST_EVENTS: usize = 1000;

/// A session on the server.
#[derive(Debug, Default)]
pub(super) struct Issued {
    /// A login of the client has made it, so the client must log it out.
    pub(super) ours: bool,
    pub(super) alive: bool,
    /// The number of rotations of its token. The server accepts every revision.
    pub(super) revision: u32,
    /// The reply with the token reached the client.
    pub(super) delivered: bool,
    /// The reason why the client need not log it out.
    pub(super) given_up: Option<&'static str>,
    /// The event at which its login was sent.
    pub(super) sent_at: u64,
    /// The client held its token before.
    pub(super) was_held: bool,
    /// It was restored or adopted, so the client may hold it again.
    pub(super) restored: bool,
    /// The client knows that it has ended: its logout was acknowledged.
    pub(super) known_ended: bool,
    /// Exempt from the rule about ended logins: it was restored although the client held it before.
    pub(super) shared: bool,
    /// The client received a 401 for it.
    pub(super) rejected: bool,
    /// A re-login has renewed it.
    pub(super) renewed: bool,
    /// The event at which its last re-login failed.
    pub(super) failed_at: Option<u64>,
    /// A request that began after `failed_at` has received a 401.
    pub(super) rejected_since: bool,
    /// The number of logouts that failed or whose reply was lost.
    pub(super) failed_logouts: u32,
    /// The kind of login that replaced it, for messages.
    pub(super) replaced_by: Option<&'static str>,
    pub(super) by_relogin: bool,
}

/// An action on the client that may log in.
#[derive(Debug)]
pub(super) struct LoginAction {
    pub(super) returned: bool,
    pub(super) cancelled: bool,
    /// Its login was successful: another login with its credentials is a re-login.
    pub(super) used: bool,
}

/// A call of `logout()`.
#[derive(Debug)]
struct Logout {
    over: bool,
    /// A login action ran at the same time, so the session may be logged in after the logout.
    disturbed: bool,
}

pub(super) struct World {
    pub(super) config: Config,
    /// Chooses the behavior of the server and the credentials.
    pub(super) rng: Rng,
    pub(super) sessions: Vec<Issued>,
    pub(super) login_actions: Vec<LoginAction>,
    logouts: Vec<Logout>,
    /// A logout returned `Ok`, and no login action started since.
    pub(super) logged_out: bool,
    /// Bodies of logins that the server rejected.
    pub(super) rejected_bodies: HashSet<Bytes>,
    pub(super) watch: Option<Watch>,
    /// The event of the close.
    pub(super) closed: Option<u64>,
    /// The time at which the end of the session began: by a close, or because its handle ended.
    pub(super) ends: Option<Duration>,
    /// The event of the last restore or destruction of the token.
    pub(super) local_change: u64,
    /// The number of logins that a re-login may still send after a local change: one with the same
    /// credentials, and one with other credentials if those are rejected.
    pub(super) grace: u32,
    /// The body of the last login that `grace` allowed.
    pub(super) grace_body: Option<Bytes>,
    held: Option<(usize, u32)>,
    /// The server rejects all logins.
    pub(super) rejecting: bool,
    /// The credentials panic.
    pub(super) panicking: bool,
    /// The server and the credentials have stopped failing.
    pub(super) healthy: bool,
    /// The run is over: exchanges that are dropped now break no rule.
    pub(super) over: bool,
    /// A logical clock.
    event: u64,
    /// Exchanges and credential resolutions.
    events: usize,
    start: Instant,
    pub(super) counts: Counts,
    pub(super) trace: Vec<String>,
    pub(super) violation: Option<Violation>,
}

#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            config,
            rng: Rng::with_seed(seed ^ 0x5eed_0000_0000),
            sessions: Vec::new(),
            login_actions: Vec::new(),
            logouts: Vec::new(),
            logged_out: false,
            rejected_bodies: HashSet::new(),
            watch: None,
            closed: None,
            ends: None,
            local_change: 0,
            grace: 0,
            grace_body: None,
            held: None,
            rejecting: false,
            panicking: false,
            healthy: false,
            over: false,
            event: 0,
            events: 0,
            start: Instant::now(),
            counts: Counts::default(),
            trace: Vec::new(),
            violation: None,
        })))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// `S3.1` is revision 1 of the token of session 3.
pub(super) fn parse_token(token: &str) -> Option<(usize, u32)> {
    let (session, revision) = token.strip_prefix('S')?.split_once('.')?;
    Some((session.parse().ok()?, revision.parse().ok()?))
}

impl World {
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn next_event(&mut self) -> u64 {
        self.event += 1;
        self.event
    }

    pub(super) fn log(&mut self, what: &str) {
        let line = format!("{:>8} ms  {what}", self.now().as_millis());
        self.trace.push(line);
    }

    pub(super) fn violate(&mut self, rule: Rule, what: &str) {
        if self.over {
            return;
        }
        self.log(&format!("!! {rule}: {what}"));
        if self.config.only.is_some_and(|only| only != rule) {
            return;
        }
        if self.violation.is_none() {
            self.violation = Some(Violation { rule, what: what.to_owned() });
        }
    }

    pub(super) fn count_event(&mut self) {
        self.events += 1;
        if self.events > MOST_EVENTS {
            let resolutions = self.counts.resolutions;
            let what =
                format!("{MOST_EVENTS} exchanges and resolutions ({resolutions}) in one run");
            self.violate(Rule::NoLivelock, &what);
        }
    }

    /// The session whose token the client holds.
    pub(super) fn current(&self) -> Option<usize> {
        let token = self.watch.as_ref()?.token()?;
        Some(parse_token(&token)?.0)
    }

    pub(super) fn issue(&mut self, issued: Issued) -> usize {
        self.sessions.push(issued);
        self.sessions.len() - 1
    }

    /// Issues a session to another program.
    pub(super) fn issue_elsewhere(&mut self) -> usize {
        let id = self.issue(Issued { alive: true, delivered: true, ..Issued::default() });
        self.log(&format!("another program logs in: S{id}"));
        id
    }

    pub(super) fn expire(&mut self, id: usize) {
        if self.sessions[id].alive {
            self.sessions[id].alive = false;
            self.counts.expiries += 1;
            self.log(&format!("server: S{id} expires"));
        }
    }
}

/// Actions on the client
impl World {
    pub(super) fn new_login_action(&mut self) -> usize {
        self.may_log_in();
        self.rejected_bodies.clear();
        self.login_actions.push(LoginAction { returned: false, cancelled: false, used: false });
        self.login_actions.len() - 1
    }

    /// Adds the credentials of the builder of a session that is not connected: only re-logins use
    /// them.
    pub(super) fn add_relogin_action(&mut self) {
        self.login_actions.push(LoginAction { returned: true, cancelled: false, used: true });
    }

    fn may_log_in(&mut self) {
        self.logged_out = false;
        for logout in &mut self.logouts {
            logout.disturbed = true;
        }
    }

    pub(super) fn logout_starts(&mut self) -> usize {
        let disturbed = self
            .login_actions
            .iter()
            .any(|login_action| !login_action.returned && !login_action.cancelled);
        self.logouts.push(Logout { over: false, disturbed });
        self.logouts.len() - 1
    }

    pub(super) fn logout_returns(&mut self, logout: usize, ok: bool) {
        self.logouts[logout].over = true;
        if ok && !self.logouts[logout].disturbed {
            self.logged_out = true;
            self.counts.quiet_windows += 1;
            self.check_held_token();
        }
    }

    /// Records that the session was restored, or its token destroyed.
    pub(super) fn local_change(&mut self) {
        self.counts.local_changes += 1;
        self.local_change = self.next_event();
        self.grace = 2;
        self.grace_body = None;
    }

    pub(super) fn destroyed(&mut self, held: Option<usize>) {
        if let Some(id) = held {
            self.sessions[id].given_up = Some("destroyed");
        }
        self.local_change();
    }

    /// Records that a session is about to be restored or adopted.
    pub(super) fn mark_restored(&mut self, id: usize) {
        self.may_log_in();
        let session = &mut self.sessions[id];
        // an older snapshot has another token: the client cannot know that the session is the same
        session.shared |= session.ours || (session.was_held && session.revision > 0);
        session.restored = true;
        session.known_ended = false;
        session.forget_relogin();
    }

    /// Records that the guard was detached.
    pub(super) fn detached(&mut self) {
        if let Some(id) = self.current() {
            self.sessions[id].forget_relogin();
        }
        self.grace = 2;
        self.grace_body = None;
    }

    pub(super) fn ends(&mut self) {
        self.ends = self.ends.or(Some(self.now()));
    }

    pub(super) fn closes(&mut self) {
        self.ends();
        if self.closed.is_none() {
            self.closed = Some(self.next_event());
        }
    }
}

impl Issued {
    /// Resets the state of re-logins, as the session belongs to another login from now on.
    fn forget_relogin(&mut self) {
        self.renewed = false;
        self.failed_at = None;
        self.rejected_since = false;
    }
}

/// Checks of the client
impl World {
    /// Checks the token that the client holds now against the one that it held before.
    pub(super) fn check_held_token(&mut self) {
        let Some(watch) = &self.watch else { return };
        let token = watch.token();
        let held = token.as_deref().and_then(parse_token);
        if let Some((id, _)) = held.filter(|_| self.logged_out) {
            let which = if self.sessions[id].known_ended { "the same" } else { "a new" };
            let what = format!("logout() returned Ok, and the client holds {which} login (S{id})");
            self.violate(Rule::NoLoginAfterLogout, &what);
        }
        let before = std::mem::replace(&mut self.held, held);
        let Some((id, revision)) = held.filter(|_| before != held) else { return };
        self.log(&format!("client holds S{id}.{revision}"));
        let session = &mut self.sessions[id];
        let (was_held, restored, sent_at) =
            (session.was_held, std::mem::take(&mut session.restored), session.sent_at);
        session.was_held = true;
        let by = match (restored, session.by_relogin) {
            (true, _) => "a restored or adopted one",
            (_, true) => "a re-login",
            _ => "a login",
        };
        if let Some((older, _)) = before.filter(|(older, _)| *older != id) {
            self.sessions[older].replaced_by = Some(by);
        }
        if restored {
            return;
        }
        match before {
            Some((same, older)) if same == id && older <= revision => {}
            Some((same, older)) if same == id => {
                let what = format!("the token of S{id} went back from {older} to {revision}");
                self.violate(Rule::LateReplyChangesNothing, &what);
            }
            _ if was_held => {
                let what = format!("S{id} is held again without a restore; before: {before:?}");
                self.violate(Rule::LateReplyChangesNothing, &what);
            }
            _ if sent_at < self.local_change => {
                let what = format!("S{id} was requested before the session was changed locally");
                self.violate(Rule::LocalChangeWins, &what);
            }
            _ => {}
        }
    }

    /// Checks that no session of the client is left on the server.
    pub(super) fn check_nothing_is_left(&mut self, held: Option<usize>, end: &str) {
        for id in 0..self.sessions.len() {
            let session = &self.sessions[id];
            let left = session.ours
                && session.alive
                && session.delivered
                && session.given_up.is_none()
                // a failed logout is allowed, except for the held login: that must be tried again
                && (session.failed_logouts == 0 || held == Some(id));
            if left {
                let state = match (session.replaced_by, session.was_held) {
                    _ if held == Some(id) => "held to the end".to_owned(),
                    (Some(by), _) => format!("replaced by {by}"),
                    (None, true) => "held once".to_owned(),
                    (None, false) => "never held".to_owned(),
                };
                let what = format!(
                    "S{id}, {state}, is alive on the server after the {end}; its logout {}",
                    if session.failed_logouts == 0 { "was never sent" } else { "failed" }
                );
                self.violate(Rule::NoSessionIsLeft, &what);
            }
        }
    }
}
