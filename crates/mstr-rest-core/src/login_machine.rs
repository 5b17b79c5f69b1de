//! `LoginMachine`: holds the current login, and controls which transition may change it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::{Instant, timeout};

use crate::login::Login;
use crate::signal::Signal;
use crate::{Auth, Error, ErrorKind, Result};

/// A transition without a heartbeat for this time loses its turn to a transition that waits.
const LEASE: Duration = Duration::from_secs(60);

/// The interval of the heartbeats of a transition.
pub(crate) const BEAT: Duration = Duration::from_secs(10);

/// A login that the server rejected. It is not sent again, because the server would lock the
/// account.
struct Rejected {
    body: Bytes,
    error: Error,
}

/// The number of rejected logins that are remembered.
const MAX_REJECTED: usize = 8;

/// Holds the current login, and the right to change it (the turn).
///
/// **States.** Either no transition runs, or one transition runs and `running` describes it. A
/// transition is a login, re-login, logout or close: a change of the login that sends requests.
///
/// **Who changes the login**
/// - A transition waits for the turn ([`begin`](Self::begin)), so one transition runs at a time.
///   Dropping the [`Turn`] frees it, whether the transition returned, panicked, was cancelled or
///   was dropped by a runtime that stops.
/// - Changes that send no request (restore, adopt, forget) do not wait for the turn. They take
///   effect at once, with a new login id.
/// - A transition that runs during such a change finds another login id when it wants to
///   [`install`](Self::install) its login. It then logs out its login instead of installing it.
///
/// **Lease.** The turn is a lease. A transition sends heartbeats while its runtime is driven. A
/// task that waits for a transition without heartbeats revokes its turn ([`Running::ended`]), so
/// that a current-thread runtime that is not driven does not block other runtimes.
///
/// **Guarantees for readers.** [`read`](Self::read) returns a consistent pair of login and running
/// transition. It waits for the lock only, and the lock is never held across an await.
#[derive(Clone, Default)]
pub(crate) struct LoginMachine(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    login: Arc<Login>,
    /// The id of the newest login, and of the newest turn.
    last_id: u64,
    last_turn: u64,
    running: Option<Running>,
    /// Logins of this session (not externally owned) that were replaced and are not logged out yet.
    /// They are not logged out at once, because the server may end all sessions of a user at a
    /// logout, including the one that replaced them. The next login, logout or close logs them out.
    superseded: Vec<Arc<Login>>,
    /// The credentials for a re-login: those of the last login, or those of the builder.
    auth: Option<Auth>,
    /// The newest logins that the server rejected since the last successful one.
    rejected: Vec<Rejected>,
}

/// The kind of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Login,
    /// Logs in again after the login of this id expired.
    Relogin(u64),
    Logout,
    Close,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Relogin(_) => "re-login",
            Self::Logout | Self::Close => "logout",
        }
    }

    /// Makes the error of a transition that was not completed.
    pub(crate) fn interrupted(self, why: &str) -> Error {
        Error::new(ErrorKind::Interrupted, format!("the {} was interrupted: {why}", self.name()))
    }
}

/// A handle to a running transition, to wait for its end.
#[derive(Clone)]
pub(crate) struct Running {
    turn: u64,
    kind: Kind,
    beats: Arc<AtomicU64>,
    ended: Arc<Signal>,
}

impl Running {
    /// Waits until the transition has ended. If its runtime is not driven, revokes its turn.
    pub(crate) async fn ended(self, machine: &LoginMachine) {
        loop {
            let beats = self.beats.load(Ordering::Relaxed);
            let start = Instant::now();
            match timeout(LEASE, self.ended.wait()).await {
                Ok(()) => return,
                // this task was not driven itself, so the missing heartbeats prove nothing
                Err(_) if start.elapsed() > LEASE * 2 => {}
                Err(_) if self.beats.load(Ordering::Relaxed) == beats => {
                    return machine.revoke(&self);
                }
                Err(_) => {}
            }
        }
    }
}

/// The right to change the login. The running transition holds it.
pub(crate) struct Turn {
    machine: LoginMachine,
    running: Running,
    /// The current login when the turn began. If the session was restored, adopted or forgotten
    /// since then, that change takes precedence.
    base: Arc<Login>,
    finished: bool,
}

impl Turn {
    /// Records a heartbeat: the runtime of the transition is driven.
    pub(crate) fn beat(beats: &AtomicU64) {
        beats.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn beats(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.running.beats)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.running.kind
    }

    pub(crate) fn base(&self) -> &Arc<Login> {
        &self.base
    }

    /// Frees the turn of a transition that was completed.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let failure = || self.running.kind.interrupted("its task panicked or was stopped");
        let failure = (!self.finished).then(failure);
        self.machine.end(&self.running, failure);
        self.running.ended.set();
    }
}

/// The outcome of [`LoginMachine::begin`].
pub(crate) enum Begin<T> {
    /// The transition is not needed.
    NotNeeded(T),
    /// Another transition runs.
    Wait(Running),
    /// The transition has the turn.
    Start(Turn),
}

impl LoginMachine {
    pub(crate) fn new(auth: Option<Auth>) -> Self {
        Self(Arc::new(RwLock::new(State { auth, ..State::default() })))
    }

    fn write_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn read_state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The current login.
    pub(crate) fn current(&self) -> Arc<Login> {
        self.read_state(|state| Arc::clone(&state.login))
    }

    /// The current login, and the running transition that may replace it.
    pub(crate) fn read(&self) -> (Arc<Login>, Option<Running>) {
        self.read_state(|state| (Arc::clone(&state.login), state.running.clone()))
    }

    /// Takes the turn, unless another transition has it. `unless` receives the current login; if it
    /// returns a value, the transition is not needed.
    pub(crate) fn begin<T>(
        &self,
        kind: Kind,
        unless: impl FnOnce(&Login) -> Option<T>,
    ) -> Begin<T> {
        self.write_state(|state| {
            if let Some(running) = &state.running {
                return Begin::Wait(running.clone());
            }
            if let Some(reason) = unless(&state.login) {
                return Begin::NotNeeded(reason);
            }
            state.last_turn += 1;
            let (beats, ended) = Default::default();
            let running = Running { turn: state.last_turn, kind, beats, ended };
            state.running = Some(running.clone());
            let (machine, base) = (self.clone(), Arc::clone(&state.login));
            Begin::Start(Turn { machine, running, base, finished: false })
        })
    }

    /// Frees the turn if that transition still has it. `failure`: the error of a transition that
    /// was not completed.
    fn end(&self, running: &Running, failure: Option<Error>) {
        self.write_state(|state| {
            if !state.has_turn(running) {
                return;
            }
            state.running = None;
            if let (Some(failure), Kind::Relogin(id)) = (failure, running.kind) {
                state.relogin_failed(id, failure);
            }
        });
    }

    /// Takes the turn away from a transition, if it still has it.
    pub(crate) fn revoke(&self, running: &Running) {
        let why = format!("it made no progress for {LEASE:?}");
        self.end(running, Some(running.kind.interrupted(&why)));
    }

    /// Makes `login` the current login, if the transition still has the turn and the current login
    /// still has the id `replaces`. Otherwise returns it as an error: the caller must log it out,
    /// unless it is externally owned. It is a superseded login until then.
    pub(crate) fn install(
        &self,
        turn: &Turn,
        replaces: u64,
        login: Login,
        auth: &Auth,
    ) -> Result<Arc<Login>, Arc<Login>> {
        self.write_state(|state| {
            if !state.has_turn(&turn.running) || state.login.id != replaces {
                let superseded = Arc::new(Login { id: state.new_id(), ..login });
                if superseded.needs_logout() {
                    state.superseded.push(Arc::clone(&superseded));
                }
                return Err(superseded);
            }
            if auth.can_renew() {
                state.auth = Some(auth.clone());
            }
            // a re-login replaces an expired login, which needs no logout; any other login does
            if turn.kind() == Kind::Login && state.login.needs_logout() {
                let previous = Arc::clone(&state.login);
                state.superseded.push(previous);
            }
            Ok(state.put(login))
        })
    }

    /// Makes a restored or adopted login the current login at once. The login that it replaces
    /// becomes superseded, unless it is externally owned.
    pub(crate) fn replace_current(&self, login: Login) {
        self.write_state(|state| {
            if state.login.needs_logout() {
                let previous = Arc::clone(&state.login);
                state.superseded.push(previous);
            }
            state.put(login);
        });
    }

    /// Removes a login that the server has ended from the current and the superseded logins. It may
    /// have been restored meanwhile with another id, so tokens are compared too.
    pub(crate) fn ended(&self, login: &Login) {
        self.write_state(|state| {
            let is_same = |other: &Login| {
                other.id == login.id || (login.token.is_some() && other.token == login.token)
            };
            state.superseded.retain(|other| !is_same(other));
            if is_same(&state.login) {
                state.put(Login::default());
            }
        });
    }

    /// Prepares for a new login, if the current login has `id`: the current login becomes
    /// superseded, unless it is externally owned, so that it is logged out. Returns the id of the
    /// current login after this.
    pub(crate) fn clear(&self, id: u64) -> Option<u64> {
        self.write_state(|state| {
            if state.login.id != id {
                return None;
            }
            if state.login.needs_logout() {
                let login = Arc::clone(&state.login);
                state.superseded.push(login);
                state.put(Login::default());
            }
            Some(state.login.id)
        })
    }

    /// Removes the current login, whatever its id. A running transition will not install its login.
    pub(crate) fn forget_current(&self) {
        self.write_state(|state| state.put(Login::default()));
    }

    /// Stores the token of a reply to a request that was sent with the login `sent`. A reply to an
    /// earlier login or an earlier token changes nothing.
    pub(crate) fn rotate(&self, sent: &Login, token: &HeaderValue) {
        // most replies do not rotate the token: return without the lock
        if token.is_empty() || sent.token.as_ref() == Some(token) {
            return;
        }
        self.write_state(|state| {
            if (state.login.id, state.login.revision) == (sent.id, sent.revision) {
                let mut token = token.clone();
                token.set_sensitive(true);
                let login = Arc::make_mut(&mut state.login);
                login.token = Some(token);
                login.revision += 1;
            }
        });
    }

    /// Stores the error of a failed re-login in the current login.
    pub(crate) fn relogin_failed(&self, turn: &Turn, error: Error) {
        self.write_state(|state| {
            if let (true, Kind::Relogin(id)) = (state.has_turn(&turn.running), turn.kind()) {
                state.relogin_failed(id, error);
            }
        });
    }

    /// The superseded logins, see [`State::superseded`].
    pub(crate) fn superseded(&self) -> Vec<Arc<Login>> {
        self.read_state(|state| state.superseded.clone())
    }

    /// The credentials for a re-login. `None` for an adopted session without any.
    pub(crate) fn auth(&self) -> Option<Auth> {
        self.read_state(|state| state.auth.clone())
    }

    /// The error with which the server rejected the same login before.
    pub(crate) fn rejection(&self, body: &Bytes) -> Option<Error> {
        let found = |rejected: &&Rejected| rejected.body == *body;
        self.read_state(|state| state.rejected.iter().find(found).map(|found| found.error.clone()))
    }

    /// Remembers a login that the server rejected.
    pub(crate) fn reject(&self, body: Bytes, error: Error) {
        self.write_state(|state| {
            state.rejected.retain(|rejected| rejected.body != body);
            if state.rejected.len() == MAX_REJECTED {
                state.rejected.remove(0);
            }
            state.rejected.push(Rejected { body, error });
        });
    }

    /// Forgets the rejected logins after a successful one: an administrator may have fixed the
    /// cause.
    pub(crate) fn forget_rejections(&self) {
        self.write_state(|state| state.rejected.clear());
    }
}

impl State {
    fn has_turn(&self, running: &Running) -> bool {
        self.running.as_ref().is_some_and(|now| now.turn == running.turn)
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn put(&mut self, login: Login) -> Arc<Login> {
        self.login = Arc::new(Login { id: self.new_id(), ..login });
        Arc::clone(&self.login)
    }

    fn relogin_failed(&mut self, id: u64, error: Error) {
        if self.login.id == id {
            let login = Arc::make_mut(&mut self.login);
            login.failed_relogins += 1;
            login.relogin_failure = Some(error);
        }
    }
}
