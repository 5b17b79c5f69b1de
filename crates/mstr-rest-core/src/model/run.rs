//! One run: random actions, an orderly end, and the check that no session is left.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::oneshot;

use super::actions::{Actions, SCOPE};
use super::adapter::Watch;
use super::config::{Config, Holder, Rule, chance};
use super::counts::Counts;
use super::world::{Shared, Violation};
use crate::{AuthenticatedSession, Error, ErrorKind, Session, settle, with_session};

/// All actions must end within this time after the faults have stopped.
const MAX_WAIT: Duration = Duration::from_secs(20 * 60);

/// The largest number of steps of the root future in one run. Most runs need fewer than 2000.
const MOST_STEPS: usize = 20_000;

pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) config: Config,
    pub(super) counts: Counts,
    pub(super) trace: Vec<String>,
    pub(super) violation: Option<Violation>,
}

/// A rule is broken, and the run ends.
struct Broken;

/// Allows one run at a time: `settle()` waits for all work in the background of the process.
static RUN_LOCK: Mutex<()> = Mutex::new(());

pub(super) fn run(seed: u64, only: Option<Rule>) -> Outcome {
    let _one = RUN_LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut rng = Rng::with_seed(seed);
    let config = Config::new(&mut rng, only);
    let world = runtime.block_on(async { Shared::new(config, seed) });
    let mut root = Root { actions: Actions::new(world.clone(), rng), steps: 0 };
    // `World::violation` holds the broken rule
    let _ = runtime.block_on(root.run(config));
    world.get().over = true;
    drop(root);
    drop(runtime);
    let mut world = world.get();
    Outcome {
        seed,
        config,
        counts: world.counts,
        trace: std::mem::take(&mut world.trace),
        violation: world.violation.take(),
    }
}

/// The handle that ends the session.
enum End {
    Session(Session),
    Guard(Session, Arc<AuthenticatedSession>),
    /// The guard was dropped.
    Dropped(Session),
    /// The work of `with_session`. It ends when it receives a number.
    Scope(Session, Option<oneshot::Sender<u32>>),
    /// There is no session: `connect` failed or was cancelled.
    Nothing,
}

impl End {
    fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session)
            | Self::Guard(session, _)
            | Self::Dropped(session)
            | Self::Scope(session, _) => Some(session),
            Self::Nothing => None,
        }
    }
}

struct Root {
    actions: Actions,
    steps: usize,
}

impl Root {
    async fn run(&mut self, config: Config) -> Result<(), Broken> {
        let mut end = self.begin(config).await?;
        for _ in 0..config.actions {
            let Some(session) = end.session().cloned() else { break };
            let rare = chance(&mut self.actions.rng, 4);
            end = if rare { self.rare_action(end) } else { end };
            self.actions.act(&session);
            drop(session);
            self.run_tasks().await?;
        }
        self.finish(end).await
    }

    /// Lets the tasks run for a random time.
    async fn run_tasks(&mut self) -> Result<(), Broken> {
        let rng = &mut self.actions.rng;
        let yields = rng.u32(..4);
        let delay = self.actions.world.get().config.delay;
        let time = match rng.u32(..100) {
            0..40 => 0,
            40..90 => rng.u64(..=delay),
            90..97 => rng.u64(..=delay * 20),
            _ => rng.u64(..=12_000),
        };
        for _ in 0..yields {
            self.step(Duration::ZERO).await?;
        }
        self.advance(Duration::from_millis(time)).await
    }

    /// Advances the clock in steps that are short enough for replies to arrive one by one.
    async fn advance(&mut self, mut time: Duration) -> Result<(), Broken> {
        let mut step = Duration::from_millis(1);
        while !time.is_zero() {
            let now = step.min(time);
            self.step(now).await?;
            time -= now;
            step += step / 4;
        }
        Ok(())
    }

    /// Runs the tasks, then advances the clock. It never sleeps: paused time does not move while a
    /// task spins, and this would hide a livelock.
    async fn step(&mut self, time: Duration) -> Result<(), Broken> {
        self.steps += 1;
        let all = self.actions.world.get().healthy;
        self.actions.gate.open(&mut self.actions.rng, all);
        if time.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::advance(time).await;
        }
        let mut world = self.actions.world.get();
        world.check_held_token();
        if self.steps > MOST_STEPS {
            world.violate(Rule::NoLivelock, "the root future was polled too often");
        }
        if world.violation.is_some() { Err(Broken) } else { Ok(()) }
    }

    /// Waits until `done`, for at most `MAX_WAIT` of paused time. After that, something waits for
    /// ever.
    async fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Actions) -> bool,
    ) -> Result<(), Broken> {
        let mut waited = Duration::ZERO;
        let mut step = Duration::from_millis(1);
        loop {
            for _ in 0..3 {
                self.step(Duration::ZERO).await?;
            }
            if done(&mut self.actions) {
                return Ok(());
            }
            if waited > MAX_WAIT {
                self.actions.log(&format!("waited {waited:?} for this"));
                self.actions.running();
                let names: Vec<_> = self.actions.tasks.iter().map(|task| &*task.name).collect();
                let what = format!("{what} for ever: {names:?}");
                self.actions.world.get().violate(Rule::NothingWaitsForEver, &what);
                return Err(Broken);
            }
            self.step(step).await?;
            waited += step;
            step = (step + step / 16 + Duration::from_millis(1)).min(Duration::from_secs(2));
        }
    }

    async fn begin(&mut self, config: Config) -> Result<End, Broken> {
        let world = self.actions.world.clone();
        if config.holder == Holder::Manual {
            world.get().add_relogin_action();
            let session = self.actions.builder(0).build().unwrap();
            world.get().watch = Some(Watch::new(&session));
            if chance(&mut self.actions.rng, 90) {
                self.actions.login(&session);
            }
            return Ok(End::Session(session));
        }
        let login_action = world.get().new_login_action();
        let builder = self.actions.builder(login_action);
        if config.holder == Holder::Guard {
            let (give, mut guard) = oneshot::channel();
            self.actions.spawn("connect", Some(login_action), async move {
                // if the run was cancelled meanwhile, this drops the guard
                let _ = give.send(builder.connect().await?);
                Ok(())
            });
            let made = |guard: AuthenticatedSession| End::Guard(guard.clone(), Arc::new(guard));
            return self.connected(&mut guard, made).await;
        }
        let (give, mut session) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let asked = world.clone();
        self.actions.spawn(SCOPE, Some(login_action), async move {
            with_session(builder, async move |session: Session| {
                asked.get().login_actions[login_action].returned = true;
                let _ = give.send((session, Some(stop)));
                match stopped.await {
                    Ok(0) => std::panic::resume_unwind(Box::new("the work panics")),
                    Ok(1) => Err(Error::new(ErrorKind::Unknown, "the work fails")),
                    _ => Ok(()),
                }
            })
            .await
        });
        self.connected(&mut session, |(session, stop)| End::Scope(session, stop)).await
    }

    /// Waits for the session, or cancels the task that makes it.
    async fn connected<T>(
        &mut self,
        session: &mut oneshot::Receiver<T>,
        made: impl FnOnce(T) -> End,
    ) -> Result<End, Broken> {
        let cancel_after = if chance(&mut self.actions.rng, 15) {
            self.actions.rng.usize(..20)
        } else {
            usize::MAX
        };
        let mut end = None;
        let mut steps = 0;
        let mut made = Some(made);
        self.until("connect", |actions| {
            if let Ok(session) = session.try_recv() {
                let made = made.take().unwrap()(session);
                actions.world.get().watch = made.session().map(Watch::new);
                end = Some(made);
                return true;
            }
            steps += 1;
            if steps > cancel_after
                && let Some(task) = actions.tasks.pop()
            {
                actions.cancel(&task);
                actions.world.get().ends();
                actions.tasks.push(task);
                return true;
            }
            actions.running() == 0
        })
        .await?;
        Ok(end.unwrap_or(End::Nothing))
    }

    /// Closes, drops or detaches a guard; ends or cancels a scope.
    fn rare_action(&mut self, end: End) -> End {
        match end {
            End::Guard(session, guard) => match self.actions.rng.u32(..6) {
                0..3 => {
                    self.actions.close(&guard);
                    End::Guard(session, guard)
                }
                3 | 4 => self.drop_guard(session, guard),
                _ => match Arc::try_unwrap(guard) {
                    Ok(guard) => {
                        self.actions.log("the guard is detached");
                        self.actions.world.get().detached();
                        End::Session(guard.detach())
                    }
                    Err(guard) => End::Guard(session, guard),
                },
            },
            End::Scope(session, Some(stop)) => {
                self.end_scope(stop);
                End::Scope(session, None)
            }
            other => other,
        }
    }

    fn drop_guard(&mut self, session: Session, guard: Arc<AuthenticatedSession>) -> End {
        self.actions.log("the guard is dropped");
        drop(guard);
        self.actions.world.get().closes();
        End::Dropped(session)
    }

    fn end_scope(&mut self, stop: oneshot::Sender<u32>) {
        let how = self.actions.rng.u32(..4);
        self.actions.log(&format!("the work of the scope ends: {how}"));
        self.actions.world.get().ends();
        if how == 3 {
            let scope = self.actions.tasks.iter().position(|task| task.name.contains(SCOPE));
            if let Some(scope) = scope {
                let scope = self.actions.tasks.remove(scope);
                self.actions.cancel(&scope);
            }
        }
        let _ = stop.send(how);
    }

    /// Stops the faults, ends everything, and checks that no session is left on the server.
    async fn finish(&mut self, end: End) -> Result<(), Broken> {
        self.actions.log("== the faults stop");
        self.actions.world.get().healthy = true;
        let scope = matches!(end, End::Scope(_, Some(_)));
        self.until("an action runs", |actions| actions.running() <= usize::from(scope)).await?;
        let held = self.actions.world.get().current();
        let (held, how) = match end {
            End::Session(session) => {
                self.log_out(&session).await?;
                (held, "logout")
            }
            End::Guard(session, guard) if chance(&mut self.actions.rng, 75) => {
                self.close(&guard).await?;
                drop(session);
                (held, "close")
            }
            End::Guard(session, guard) => {
                drop(self.drop_guard(session, guard));
                (held, "drop of the guard")
            }
            End::Scope(_session, Some(stop)) => {
                self.end_scope(stop);
                self.until("the scope runs", |actions| actions.running() == 0).await?;
                (held, "end of the scope")
            }
            End::Scope(_, None) => (None, "early end of the scope"),
            End::Dropped(_) => (None, "early drop of the guard"),
            End::Nothing => (None, "failed connect"),
        };
        self.wait_for("settle", async {
            settle().await;
            Ok(())
        })
        .await?;
        self.actions.world.get().check_nothing_is_left(held, how);
        let tasks = tokio::runtime::Handle::current().metrics();
        self.until("a task of the session runs", |_| tasks.num_alive_tasks() == 0).await
    }

    async fn log_out(&mut self, session: &Session) -> Result<(), Broken> {
        self.actions.logout(session);
        self.until("the last logout runs", |actions| actions.running() == 0).await
    }

    /// Closes the guard, and tries again after a failed close.
    async fn close(&mut self, guard: &Arc<AuthenticatedSession>) -> Result<(), Broken> {
        for _ in 0..3 {
            let (tell, mut told) = oneshot::channel();
            let close = guard.close();
            self.wait_for("close", async move {
                let outcome = close.await;
                let _ = tell.send(outcome.is_ok());
                outcome
            })
            .await?;
            self.actions.world.get().closes();
            if told.try_recv() == Ok(true) {
                break;
            }
        }
        Ok(())
    }

    async fn wait_for(
        &mut self,
        name: &str,
        work: impl Future<Output = crate::Result<()>> + Send + 'static,
    ) -> Result<(), Broken> {
        self.actions.spawn(name, None, work);
        self.until(name, |actions| actions.running() == 0).await
    }
}
