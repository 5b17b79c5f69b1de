//! The actions on the session. Each runs in a task of its own that may be cancelled.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinHandle;

use super::adapter::{self, Snapshot, Watch};
use super::config::chance;
use super::gate::Gate;
use super::server::{Gateway, Password, Server};
use super::world::{Shared, parse_token};
use crate::{Auth, AuthenticatedSession, Body, Credential, Result, RetryPolicy, Session};

/// The name of the task that runs `with_session`. It is the first task.
pub(super) const SCOPE: &str = "with_session";

/// A running action.
pub(super) struct Task {
    pub(super) name: String,
    pub(super) handle: JoinHandle<()>,
    /// Its number in `World::login_actions`, if it may log in.
    login_action: Option<usize>,
}

pub(super) struct Actions {
    pub(super) world: Shared,
    /// Chooses the actions.
    pub(super) rng: Rng,
    pub(super) tasks: Vec<Task>,
    pub(super) gate: Gate,
    snapshots: Vec<Snapshot>,
    count: usize,
}

impl Actions {
    pub(super) fn new(world: Shared, rng: Rng) -> Self {
        Self {
            world,
            rng,
            tasks: Vec::new(),
            gate: Gate::default(),
            snapshots: Vec::new(),
            count: 0,
        }
    }

    /// A builder for the in-process server with the configuration of the seed.
    pub(super) fn builder(&mut self, login_action: usize) -> crate::SessionBuilder {
        let config = self.world.get().config;
        let server = Arc::new(Server(self.world.clone()));
        let mut builder = adapter::in_process(Session::builder(adapter::BASE), server)
            .auth(self.standard(login_action))
            .read_timeout(Duration::from_secs(20))
            .relogin(config.relogin);
        if config.retry {
            let policy = RetryPolicy::default().max_retries(2).jitter(false);
            builder = builder.retry(policy.base_delay(Duration::from_millis(40)));
        }
        if config.default_header {
            builder = builder.default_header("x-gateway", Gateway(self.world.clone()));
        }
        if let Some(interval) = config.keep_alive {
            builder = builder.keep_alive(interval);
        }
        if let Some(requests) = config.max_in_flight {
            builder = builder.max_in_flight(requests);
        }
        builder
    }

    fn password(&self, login_action: usize) -> Credential {
        Credential::from(Password { world: self.world.clone(), login_action })
    }

    fn standard(&self, login_action: usize) -> Auth {
        Auth::standard(format!("u{login_action}"), self.password(login_action))
    }

    pub(super) fn log(&self, what: &str) {
        self.world.get().log(what);
    }

    pub(super) fn spawn(
        &mut self,
        name: &str,
        login_action: Option<usize>,
        work: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        self.count += 1;
        let name = format!("{}. {name}", self.count);
        self.log(&format!("{name} starts"));
        let (world, task_name) = (self.world.clone(), name.clone());
        let work = async move {
            let outcome = work.await.map_err(|error| error.kind());
            let mut world = world.get();
            if let Some(login_action) = login_action {
                world.login_actions[login_action].returned = true;
            }
            world.log(&format!("{task_name}: {outcome:?}"));
        };
        let handle = tokio::spawn(self.gate.wrap(self.count, work));
        self.tasks.push(Task { name, handle, login_action });
    }

    pub(super) fn cancel(&mut self, task: &Task) {
        self.log(&format!("{} is cancelled", task.name));
        task.handle.abort();
        if let Some(login_action) = task.login_action {
            self.world.get().login_actions[login_action].cancelled = true;
        }
    }

    pub(super) fn running(&mut self) -> usize {
        self.tasks.retain(|task| !task.handle.is_finished());
        self.tasks.len()
    }

    /// One random action on the session.
    pub(super) fn act(&mut self, session: &Session) {
        match self.rng.u32(..100) {
            0..38 => self.call(session),
            38..44 => (0..self.rng.usize(2..9)).for_each(|_| self.call(session)),
            44..53 => self.login(session),
            53..62 => self.logout(session),
            62..74 => self.expire(session),
            74..78 => self.snapshot(session),
            78..84 => self.restore(session),
            84..88 => self.adopt(session),
            88..90 => self.delegate(session),
            90..92 => self.destroy(session),
            92..94 => {
                let mut world = self.world.get();
                world.rejecting = !world.rejecting;
                let rejecting = world.rejecting;
                world.log(&format!("server: rejects logins: {rejecting}"));
            }
            _ => {
                self.running();
                // scopes are cancelled in `end_scope` only
                let scopes = self.tasks.iter().filter(|task| task.name.contains(SCOPE)).count();
                if self.tasks.len() > scopes {
                    let task = self.tasks.remove(self.rng.usize(scopes..self.tasks.len()));
                    self.cancel(&task);
                }
            }
        }
    }

    fn call(&mut self, session: &Session) {
        let call = match self.rng.u32(..10) {
            0..5 => session.get("projects"),
            5 | 6 => session.post("objects").body("x").idempotent(self.rng.bool()),
            7 => session.put("objects").require_session(),
            8 => session.get("status").include_auth(false),
            _ => {
                let one = futures_util::stream::iter([Ok::<_, std::io::Error>("x".into())]);
                session.post("objects").body(Body::stream(one))
            }
        };
        let call = if chance(&mut self.rng, 10) {
            call.timeout(Duration::from_millis(self.rng.u64(1..2000)))
        } else {
            call
        };
        let name = format!("call {} {}", call.method(), call.url().unwrap().path());
        self.spawn(&name, None, async move { call.decode_with(|_| Ok(())).await });
    }

    fn log_in(&mut self, session: &Session, name: &str, login_action: usize, auth: Auth) {
        let login = session.login(auth);
        self.spawn(&format!("{name} #{login_action}"), Some(login_action), async move {
            login.await.map(drop)
        });
    }

    pub(super) fn login(&mut self, session: &Session) {
        let login_action = self.world.get().new_login_action();
        self.log_in(session, "login", login_action, self.standard(login_action));
    }

    fn delegate(&mut self, session: &Session) {
        let login_action = self.world.get().new_login_action();
        let login = session.delegate(self.password(login_action));
        self.spawn(&format!("delegate #{login_action}"), Some(login_action), async move {
            login.await.map(drop)
        });
    }

    fn adopt(&mut self, session: &Session) {
        let (id, login_action) = {
            let mut world = self.world.get();
            let id = world.issue_elsewhere();
            world.mark_restored(id);
            world.grace = 2;
            (id, world.new_login_action())
        };
        let cookies = [("iSession", format!("S{id}"))];
        if self.rng.bool() {
            let auth = Auth::existing(format!("S{id}.0"), cookies);
            self.log_in(session, &format!("adopt S{id}"), login_action, auth);
        } else {
            let auth = Auth::browser_cookies(cookies);
            self.log_in(session, &format!("adopt the browser's S{id}"), login_action, auth);
        }
    }

    pub(super) fn logout(&mut self, session: &Session) {
        let number = self.world.get().logout_starts();
        let (world, logout) = (self.world.clone(), session.logout());
        self.spawn("logout", None, async move {
            let outcome = logout.await;
            world.get().logout_returns(number, outcome.is_ok());
            outcome
        });
    }

    fn expire(&mut self, session: &Session) {
        let mut world = self.world.get();
        let held = Watch::new(session).token().as_deref().and_then(parse_token);
        let id = match held {
            Some((id, _)) => id,
            None if world.sessions.is_empty() => return,
            None => self.rng.usize(..world.sessions.len()),
        };
        world.expire(id);
    }

    fn snapshot(&mut self, session: &Session) {
        self.world.get().check_held_token();
        let snapshot = adapter::snapshot(session);
        let held = adapter::token_of(&snapshot).as_deref().and_then(parse_token);
        let mut world = self.world.get();
        world.log(&format!("a snapshot of {held:?} is taken"));
        if held.is_some() {
            self.snapshots.push(snapshot);
        }
    }

    fn restore(&mut self, session: &Session) {
        let snapshot = if self.snapshots.is_empty() || chance(&mut self.rng, 40) {
            let id = self.world.get().issue_elsewhere();
            adapter::made_elsewhere(&format!("S{id}.0"), ("iSession", &format!("S{id}"))).unwrap()
        } else {
            self.snapshots[self.rng.usize(..self.snapshots.len())].clone()
        };
        let token = adapter::token_of(&snapshot);
        let (id, _) = token.as_deref().and_then(parse_token).unwrap();
        self.world.get().check_held_token();
        let outcome = adapter::restore(session, &snapshot).map_err(|error| error.kind());
        let mut world = self.world.get();
        world.log(&format!("restore of S{id}: {outcome:?}"));
        if outcome.is_ok() {
            world.mark_restored(id);
            world.local_change();
        }
        world.check_held_token();
    }

    fn destroy(&mut self, session: &Session) {
        let mut world = self.world.get();
        world.check_held_token();
        let held = world.current();
        drop(world);
        session.destroy_auth_token();
        let mut world = self.world.get();
        world.log("the token is destroyed");
        world.destroyed(held);
        world.check_held_token();
    }

    pub(super) fn close(&mut self, guard: &Arc<AuthenticatedSession>) {
        let (world, close) = (self.world.clone(), guard.close());
        self.spawn("close", None, async move {
            let mut close = pin!(close);
            let first = poll_fn(|cx| Poll::Ready(close.as_mut().poll(cx))).await;
            world.get().closes();
            match first {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => close.await,
            }
        });
    }
}
