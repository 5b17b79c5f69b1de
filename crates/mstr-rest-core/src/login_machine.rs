//! The login machine: holds the current login, and decides who may change it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::{Instant, timeout};

use crate::login::Login;
use crate::signal::Signal;
use crate::{Auth, Error, ErrorKind, Result};

/// A transition whose runtime shows no sign of life for this long loses its turn to one that waits.
const LEASE: Duration = Duration::from_secs(60);

/// How often a transition shows that its runtime is alive.
pub(crate) const BEAT: Duration = Duration::from_secs(10);

/// A login that the server refused: the same one is not sent again, or the account is locked.
struct Rejected {
    body: Bytes,
    error: Error,
}

/// How many refused logins are remembered.
const REJECTED: usize = 8;

/// Holds the login, and the right to change it.
///
/// **States.** Either no transition runs, or one does and `running` describes it. A transition is a
/// login, a re-login, a logout or a close: what talks to the server about the login.
///
/// **Who changes what.** Transitions run one at a time: each waits for the turn
/// ([`begin`](Self::begin)), and the [`Turn`] gives it back when it is dropped, however the
/// transition ended: returned, panicked, cancelled, or taken along by a runtime that stops. Changes
/// that send nothing (restore, adopt, forget) do not queue. They take effect at once under a new
/// login id; a transition that runs meanwhile finds its own id gone when it wants to
/// [`install`](Self::install) a login, and logs that login out instead.
///
/// **The turn is a lease.** A transition beats while its runtime is driven. A task that waits for one
/// that has stopped beating takes the turn away ([`Running::ended`]): a current-thread runtime that is
/// not driven must not block the others.
///
/// **What a reader may rely on.** [`read`](Self::read) gives the login and the running transition
/// as they were at one instant, without waiting for anything but the lock, which is never held
/// across an await.
#[derive(Clone, Default)]
pub(crate) struct LoginMachine(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    login: Arc<Login>,
    /// The id of the newest login, and of the newest turn.
    last_id: u64,
    last_turn: u64,
    running: Option<Running>,
    /// Logins of ours that were displaced without being logged out: the server may end all sessions
    /// of a user at once, so it is not asked to while the one that displaced them is in use. The
    /// next login, logout or close ends them.
    superseded: Vec<Arc<Login>>,
    /// How to log in again: what logged in last, else what the builder was given.
    auth: Option<Auth>,
    /// Logins that the server refused since the last one that it did not: the newest few.
    rejected: Vec<Rejected>,
}

/// What a transition does.
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

    /// The error of a transition that did not come to an end.
    pub(crate) fn interrupted(self, why: &str) -> Error {
        Error::new(ErrorKind::Interrupted, format!("the {} was interrupted: {why}", self.name()))
    }
}

/// A transition that runs, to wait for.
#[derive(Clone)]
pub(crate) struct Running {
    turn: u64,
    kind: Kind,
    beats: Arc<AtomicU64>,
    ended: Arc<Signal>,
}

impl Running {
    /// Waits until the transition has ended or, when its runtime is not driven, has lost its turn.
    pub(crate) async fn ended(self, machine: &LoginMachine) {
        loop {
            let beats = self.beats.load(Ordering::Relaxed);
            let start = Instant::now();
            match timeout(LEASE, self.ended.wait()).await {
                Ok(()) => return,
                // a task that was not driven itself cannot judge
                Err(_) if start.elapsed() > LEASE * 2 => {}
                Err(_) if self.beats.load(Ordering::Relaxed) == beats => {
                    return machine.revoke(&self);
                }
                Err(_) => {}
            }
        }
    }
}

/// The right to change the login, held by the one transition that runs.
pub(crate) struct Turn {
    machine: LoginMachine,
    running: Running,
    /// The login of the moment in which the turn was taken: a local change since then wins.
    base: Arc<Login>,
    finished: bool,
}

impl Turn {
    /// Shows that the runtime of the transition is driven.
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

    /// Gives the turn back after a transition that came to an end of its own.
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

/// What becomes of the wish to make a transition.
pub(crate) enum Begin<T> {
    /// It is not needed.
    Not(T),
    /// Another one runs.
    Wait(Running),
    Start(Turn),
}

impl LoginMachine {
    pub(crate) fn new(auth: Option<Auth>) -> Self {
        Self(Arc::new(RwLock::new(State { auth, ..State::default() })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn peek<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The present login.
    pub(crate) fn current(&self) -> Arc<Login> {
        self.peek(|state| Arc::clone(&state.login))
    }

    /// The present login, and the transition that may soon replace it.
    pub(crate) fn read(&self) -> (Arc<Login>, Option<Running>) {
        self.peek(|state| (Arc::clone(&state.login), state.running.clone()))
    }

    /// Takes the turn, unless another transition has it or `unless` says, looking at the present
    /// login, that there is nothing to do.
    pub(crate) fn begin<T>(
        &self,
        kind: Kind,
        unless: impl FnOnce(&Login) -> Option<T>,
    ) -> Begin<T> {
        self.with(|state| {
            if let Some(running) = &state.running {
                return Begin::Wait(running.clone());
            }
            if let Some(reason) = unless(&state.login) {
                return Begin::Not(reason);
            }
            state.last_turn += 1;
            let (beats, ended) = Default::default();
            let running = Running { turn: state.last_turn, kind, beats, ended };
            state.running = Some(running.clone());
            let (machine, base) = (self.clone(), Arc::clone(&state.login));
            Begin::Start(Turn { machine, running, base, finished: false })
        })
    }

    /// Frees the turn if that transition still has it. `failure`: it did not come to an end.
    fn end(&self, running: &Running, failure: Option<Error>) {
        self.with(|state| {
            if !state.has_turn(running) {
                return;
            }
            state.running = None;
            if let (Some(failure), Kind::Relogin(id)) = (failure, running.kind) {
                state.relogin_failed(id, failure);
            }
        });
    }

    pub(crate) fn revoke(&self, running: &Running) {
        let why = format!("it made no progress for {LEASE:?}");
        self.end(running, Some(running.kind.interrupted(&why)));
    }

    /// Puts a login in place, if the turn is still held and the login of `replaces` is still the
    /// present one. Otherwise gives the login back: it must be logged out, and one of ours is
    /// remembered until it is.
    pub(crate) fn install(
        &self,
        turn: &Turn,
        replaces: u64,
        login: Login,
        auth: &Auth,
    ) -> Result<Arc<Login>, Arc<Login>> {
        self.with(|state| {
            if !state.has_turn(&turn.running) || state.login.id != replaces {
                let unwanted = Arc::new(Login { id: state.new_id(), ..login });
                if unwanted.is_ours() {
                    state.superseded.push(Arc::clone(&unwanted));
                }
                return Err(unwanted);
            }
            if auth.can_renew() {
                state.auth = Some(auth.clone());
            }
            // an expired login that was renewed is gone; any other is still there
            if turn.kind() == Kind::Login && state.login.is_ours() {
                let displaced = Arc::clone(&state.login);
                state.superseded.push(displaced);
            }
            Ok(state.put(login))
        })
    }

    /// Puts a login in place at once: a restored or adopted one. One of ours that it displaces is
    /// remembered.
    pub(crate) fn displace(&self, login: Login) {
        self.with(|state| {
            if state.login.is_ours() {
                let displaced = Arc::clone(&state.login);
                state.superseded.push(displaced);
            }
            state.put(login);
        });
    }

    /// Forgets a login that the server has ended, wherever it is held: under its own id, or restored
    /// meanwhile under another.
    pub(crate) fn ended(&self, login: &Login) {
        self.with(|state| {
            let is_it = |other: &Login| {
                other.id == login.id || (login.token.is_some() && other.token == login.token)
            };
            state.superseded.retain(|other| !is_it(other));
            if is_it(&state.login) {
                state.put(Login::default());
            }
        });
    }

    /// Makes room for a new login, if the present one is that of `id`: one of ours is put aside, to
    /// be logged out. Gives the id of what is there now.
    pub(crate) fn clear(&self, id: u64) -> Option<u64> {
        self.with(|state| {
            if state.login.id != id {
                return None;
            }
            if state.login.is_ours() {
                let login = Arc::clone(&state.login);
                state.superseded.push(login);
                state.put(Login::default());
            }
            Some(state.login.id)
        })
    }

    /// Drops the present login, whichever it is. A transition that runs finds its login gone.
    pub(crate) fn forget_current(&self) {
        self.with(|state| state.put(Login::default()));
    }

    /// Takes over the token of a reply to a request that was sent with `sent`. A reply to an earlier
    /// login, or to an earlier token, changes nothing.
    pub(crate) fn rotate(&self, sent: &Login, token: &HeaderValue) {
        // the usual reply brings nothing new: no lock then
        if token.is_empty() || sent.token.as_ref() == Some(token) {
            return;
        }
        self.with(|state| {
            if (state.login.id, state.login.revision) == (sent.id, sent.revision) {
                let mut token = token.clone();
                token.set_sensitive(true);
                let login = Arc::make_mut(&mut state.login);
                login.token = Some(token);
                login.revision += 1;
            }
        });
    }

    /// Writes down how a re-login of that login failed.
    pub(crate) fn relogin_failed(&self, turn: &Turn, error: Error) {
        self.with(|state| {
            if let (true, Kind::Relogin(id)) = (state.has_turn(&turn.running), turn.kind()) {
                state.relogin_failed(id, error);
            }
        });
    }

    /// Logins of ours that were displaced and are still to be logged out.
    pub(crate) fn superseded(&self) -> Vec<Arc<Login>> {
        self.peek(|state| state.superseded.clone())
    }

    /// How to log in again; `None` for a session that was adopted and has nothing to do so with.
    pub(crate) fn auth(&self) -> Option<Auth> {
        self.peek(|state| state.auth.clone())
    }

    /// How the server refused the same login before.
    pub(crate) fn rejection(&self, body: &Bytes) -> Option<Error> {
        let found = |rejected: &&Rejected| rejected.body == *body;
        self.peek(|state| state.rejected.iter().find(found).map(|found| found.error.clone()))
    }

    pub(crate) fn reject(&self, body: Bytes, error: Error) {
        self.with(|state| {
            state.rejected.retain(|rejected| rejected.body != body);
            if state.rejected.len() == REJECTED {
                state.rejected.remove(0);
            }
            state.rejected.push(Rejected { body, error });
        });
    }

    /// A login succeeded: what was refused before may have been put right.
    pub(crate) fn forget_rejections(&self) {
        self.with(|state| state.rejected.clear());
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
