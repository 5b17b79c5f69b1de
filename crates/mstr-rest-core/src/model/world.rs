//! What the model knows of a run: the sessions that its server issued, what was asked of the
//! client, and the first rule that was broken.

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

/// Exchanges and credential resolutions of one run, keep-alive aside. A usual run has fewer than
/// 200.
const MOST_EVENTS: usize = 1000;

/// A session at the server.
#[derive(Debug, Default)]
pub(super) struct Issued {
    /// Made by a login of the client, which must end it.
    pub(super) ours: bool,
    pub(super) alive: bool,
    /// Rotations of its token. The server accepts every revision.
    pub(super) revision: u32,
    /// The reply with the token reached the client.
    pub(super) delivered: bool,
    /// Why the client need not end it.
    pub(super) given_up: Option<&'static str>,
    /// The event at which its login was sent.
    pub(super) asked_at: u64,
    /// The client held its token once.
    pub(super) was_held: bool,
    /// It was restored or adopted: the next time that it is held is no surprise.
    pub(super) taken_up: bool,
    /// The client knows that it ended: its logout was acknowledged.
    pub(super) known_ended: bool,
    /// Exempt from the rule about ended logins: restored although the client held it before.
    pub(super) shared: bool,
    /// The client got a 401 for it.
    pub(super) refused: bool,
    /// A re-login took its place.
    pub(super) renewed: bool,
    /// When its last re-login failed, and whether a request that began later met the expiry.
    pub(super) failed_at: Option<u64>,
    pub(super) refused_since: bool,
    /// Logouts that failed or whose reply was lost.
    pub(super) failed_logouts: u32,
    /// What took its place, for messages.
    pub(super) replaced_by: Option<&'static str>,
    pub(super) by_relogin: bool,
}

/// Something that was asked of the client and may log in.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) returned: bool,
    pub(super) cancelled: bool,
    /// Its login was issued: another one with its credentials is a re-login.
    pub(super) used: bool,
}

/// A logout on its way.
#[derive(Debug)]
struct Logout {
    over: bool,
    /// Something that may log in ran at the same time: nothing can be said about the time after.
    disturbed: bool,
}

pub(super) struct World {
    pub(super) config: Config,
    /// Decides what the server and the credentials do.
    pub(super) rng: Rng,
    pub(super) sessions: Vec<Issued>,
    pub(super) asks: Vec<Ask>,
    logouts: Vec<Logout>,
    /// A logout returned Ok and nothing that may log in was asked for since.
    pub(super) logged_out: bool,
    /// Bodies of logins that the server refused.
    pub(super) refused_bodies: HashSet<Bytes>,
    pub(super) watch: Option<Watch>,
    /// The event of the close.
    pub(super) closed: Option<u64>,
    /// When the end of the session was asked for: by a close, or by the end of what holds it.
    pub(super) ends: Option<Duration>,
    /// The last restore or destruction.
    pub(super) local_change: u64,
    /// Logins of a re-login that ran during a local change may still be sent: with the credentials
    /// as they were, and with others should those be refused.
    pub(super) grace: u32,
    pub(super) graced: Option<Bytes>,
    held: Option<(usize, u32)>,
    /// The server refuses all logins.
    pub(super) refusing: bool,
    /// The credentials panic.
    pub(super) panicking: bool,
    /// The server and the credentials have stopped failing.
    pub(super) healthy: bool,
    /// The run is over: what is dropped now says nothing.
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
            asks: Vec::new(),
            logouts: Vec::new(),
            logged_out: false,
            refused_bodies: HashSet::new(),
            watch: None,
            closed: None,
            ends: None,
            local_change: 0,
            grace: 0,
            graced: None,
            held: None,
            refusing: false,
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

    /// A session that another program made.
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

/// What is asked of the client.
impl World {
    pub(super) fn ask(&mut self) -> usize {
        self.may_log_in();
        self.refused_bodies.clear();
        self.asks.push(Ask { returned: false, cancelled: false, used: false });
        self.asks.len() - 1
    }

    /// What was said to the builder of a session that is not connected: only re-logins use it.
    pub(super) fn ask_for_relogins_only(&mut self) {
        self.asks.push(Ask { returned: true, cancelled: false, used: true });
    }

    fn may_log_in(&mut self) {
        self.logged_out = false;
        for logout in &mut self.logouts {
            logout.disturbed = true;
        }
    }

    pub(super) fn logout_starts(&mut self) -> usize {
        let disturbed = self.asks.iter().any(|ask| !ask.returned && !ask.cancelled);
        self.logouts.push(Logout { over: false, disturbed });
        self.logouts.len() - 1
    }

    pub(super) fn logout_returns(&mut self, logout: usize, ok: bool) {
        self.logouts[logout].over = true;
        if ok && !self.logouts[logout].disturbed {
            self.logged_out = true;
            self.counts.quiet_windows += 1;
            self.look();
        }
    }

    /// The session was restored, or its token destroyed.
    pub(super) fn local_change(&mut self) {
        self.counts.local_changes += 1;
        self.local_change = self.next_event();
        self.grace = 2;
        self.graced = None;
    }

    pub(super) fn destroyed(&mut self, held: Option<usize>) {
        if let Some(id) = held {
            self.sessions[id].given_up = Some("destroyed");
        }
        self.local_change();
    }

    /// A session is about to be restored or adopted.
    pub(super) fn takes_up(&mut self, id: usize) {
        self.may_log_in();
        let session = &mut self.sessions[id];
        // an older snapshot of it holds another token: the client cannot know that it is the same
        session.shared |= session.ours || (session.was_held && session.revision > 0);
        session.taken_up = true;
        session.known_ended = false;
        session.forget_relogin();
    }

    /// The duty to log out is given up for good, whatever the session holds.
    pub(super) fn detached(&mut self) {
        if let Some(id) = self.current() {
            self.sessions[id].forget_relogin();
        }
        self.grace = 2;
        self.graced = None;
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
    /// It belongs to another login from now on.
    fn forget_relogin(&mut self) {
        self.renewed = false;
        self.failed_at = None;
        self.refused_since = false;
    }
}

/// Looking at the client.
impl World {
    /// Checks the token that the client holds now against the one that it held before.
    pub(super) fn look(&mut self) {
        let Some(watch) = &self.watch else { return };
        let token = watch.token();
        let held = token.as_deref().and_then(parse_token);
        if let Some((id, _)) = held.filter(|_| self.logged_out) {
            let which = if self.sessions[id].known_ended { "the same login" } else { "a new one" };
            let what = format!("logout() returned Ok, and {which} (S{id}) is held");
            self.violate(Rule::NoLoginAfterLogout, &what);
        }
        let before = std::mem::replace(&mut self.held, held);
        let Some((id, revision)) = held.filter(|_| before != held) else { return };
        self.log(&format!("client holds S{id}.{revision}"));
        let session = &mut self.sessions[id];
        let (was_held, taken_up, asked_at) =
            (session.was_held, std::mem::take(&mut session.taken_up), session.asked_at);
        session.was_held = true;
        let by = match (taken_up, session.by_relogin) {
            (true, _) => "a restored or adopted one",
            (_, true) => "a re-login",
            _ => "a login",
        };
        if let Some((older, _)) = before.filter(|(older, _)| *older != id) {
            self.sessions[older].replaced_by = Some(by);
        }
        if taken_up {
            return;
        }
        match before {
            Some((same, older)) if same == id && older <= revision => {}
            Some((same, older)) if same == id => {
                let what = format!("the token of S{id} went back from {older} to {revision}");
                self.violate(Rule::LateReplyChangesNothing, &what);
            }
            _ if was_held => {
                let what = format!("S{id} is back, which was not restored; before: {before:?}");
                self.violate(Rule::LateReplyChangesNothing, &what);
            }
            _ if asked_at < self.local_change => {
                let what = format!("S{id} was asked for before the session was changed locally");
                self.violate(Rule::LocalChangeWins, &what);
            }
            _ => {}
        }
    }

    /// The sessions of ours that live at the server and that nobody will end.
    pub(super) fn check_nothing_is_left(&mut self, held: Option<usize>, end: &str) {
        for id in 0..self.sessions.len() {
            let session = &self.sessions[id];
            let left = session.ours
                && session.alive
                && session.delivered
                && session.given_up.is_none()
                // its logout was tried; what is held must be logged out by another try
                && (session.failed_logouts == 0 || held == Some(id));
            if left {
                let state = match (session.replaced_by, session.was_held) {
                    _ if held == Some(id) => "held to the end".to_owned(),
                    (Some(by), _) => format!("replaced by {by}"),
                    (None, true) => "held once".to_owned(),
                    (None, false) => "never held".to_owned(),
                };
                let what = format!(
                    "S{id}, {state}, lives at the server after the {end}; its logout {}",
                    if session.failed_logouts == 0 { "was never sent" } else { "failed" }
                );
                self.violate(Rule::NoSessionIsLeft, &what);
            }
        }
    }
}
