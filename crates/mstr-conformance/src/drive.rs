//! Runs the steps of one case and writes down what came of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mstr_rest_core::{
    Auth, AuthenticatedSession, Cookies, Error, ErrorKind, Session, try_with_session,
};
use mstr_rest_persist::SessionSnapshot;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::case::{Case, Kind, Source, Step};
use crate::client::{Calls, Client, auth_of, credential, duration};
use crate::clouds::{self, Clouds};
use crate::script::{PROBE, Recorded, Script};
use crate::server::Server;
use crate::{calls, environment, functions, log, snapshots};

/// What one step brought.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) error: Option<Error>,
    pub(crate) status: Option<u16>,
    pub(crate) value: Option<Value>,
    /// What was saved, in the form of the Python packages.
    pub(crate) snapshot: Option<Value>,
    /// Of several steps in one.
    pub(crate) list: Option<Vec<Self>>,
}

impl Outcome {
    pub(crate) fn value(value: impl Into<Value>) -> Self {
        Self { value: Some(value.into()), ..Self::default() }
    }

    pub(crate) fn status(status: http::StatusCode) -> Self {
        Self { status: Some(status.as_u16()), ..Self::default() }
    }

    /// Success without more to say, or the error.
    fn done<T>(result: Result<T, Error>) -> Self {
        Self { error: result.err(), ..Self::default() }
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

/// All that can be said about a case after it has run.
#[derive(Clone)]
pub(crate) struct Observation {
    pub(crate) results: Vec<Outcome>,
    pub(crate) requests: Vec<Recorded>,
    /// How often each request came: `PUT sessions`.
    pub(crate) counts: BTreeMap<String, usize>,
    pub(crate) log: log::Log,
    /// The token that is held after the last step.
    pub(crate) token: Option<String>,
    pub(crate) base_url: Option<String>,
    /// What the vaults were asked.
    pub(crate) backend_calls: Vec<Value>,
}

/// A block that was entered.
enum Entered {
    /// A guard: closing it tells how the logout went.
    Guard(AuthenticatedSession),
    /// A scope, whose body fails: it leaves when it is told the body's error.
    Scope { leave: oneshot::Sender<String>, ended: JoinHandle<Result<(), BodyError>> },
}

/// The error of a body that is not the client's.
enum BodyError {
    Client(Error),
    Body(String),
}

impl From<Error> for BodyError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

pub(crate) struct Driver<'a> {
    pub(crate) case: &'a Case,
    client: Client,
    clouds: Clouds,
    pub(crate) proxy: String,
    pub(crate) server: Rc<Server>,
    /// The session, or why there is none.
    pub(crate) session: RefCell<Result<Session, Error>>,
    pub(crate) saved: RefCell<Option<SessionSnapshot>>,
    entered: RefCell<Option<Entered>>,
    environment: RefCell<BTreeMap<String, Option<String>>>,
}

/// Runs a case. `Err` is what cannot be expressed, or went wrong in the runner itself.
pub(crate) async fn run(case: &Case) -> Result<Observation, String> {
    let (server, proxy) = Server::start(Script::new(&case.given)).await?;
    let clouds = Clouds::new(&case.given.backend);
    let client = Client::new(case, &proxy, &clouds)?;
    let driver = Driver {
        case,
        session: RefCell::new(match client.kind {
            Kind::Plain => client.session(),
            Kind::Authenticated => Err(no_session()),
        }),
        saved: RefCell::default(),
        client,
        clouds,
        proxy,
        server,
        entered: RefCell::default(),
        environment: RefCell::new(case.given.backend.env.clone()),
    };
    driver.preset().await?;
    let mut results = Vec::new();
    for step in &case.when {
        driver.server.script.borrow_mut().announced.clear();
        results.push(driver.step(step).await?);
    }
    let observation = driver.observe(results).await?;
    match driver.server.problems.borrow().first() {
        None => Ok(observation),
        Some(problem) => Err(problem.clone()),
    }
}

fn no_session() -> Error {
    Error::new(ErrorKind::NoSession, "the session of the case was not entered")
}

impl Driver<'_> {
    async fn preset(&self) -> Result<(), String> {
        if let Some(snapshot) = &self.case.given.preset.restore {
            let restored = snapshots::restore(self, &snapshot.to_string())?;
            return restored.error.map_or(Ok(()), |error| Err(format!("preset: {error}")));
        }
        let Some(token) = &self.case.given.preset.token else { return Ok(()) };
        let session = self.session().map_err(|error| format!("preset: {error}"))?;
        let adopted = session.login(Auth::existing(token, Cookies::default())).await;
        adopted.map(|_| ()).map_err(|error| format!("preset: {error}"))
    }

    pub(crate) fn session(&self) -> Result<Session, Error> {
        let session = self.session.borrow().clone();
        if let Ok(session) = &session {
            *self.server.session.borrow_mut() = Some(session.clone());
        }
        session
    }

    async fn observe(&self, results: Vec<Outcome>) -> Result<Observation, String> {
        let (requests, counts) = {
            let script = self.server.script.borrow();
            let mut counts = BTreeMap::new();
            for seen in &script.requests {
                let path = script.path(&seen.url);
                *counts.entry(format!("{} {path}", seen.method)).or_default() += 1;
            }
            (script.requests.clone(), counts)
        };
        let log = log::snapshot();
        self.server.script.borrow_mut().announced.clear();
        let session = self.session();
        let token = match &session {
            Err(_) => None,
            Ok(session) => match session.get(PROBE).await {
                Ok(_) => self.server.script.borrow().probed.clone(),
                // closed, it sends nothing: what it may hold still is what it was given last
                Err(error) if error.kind() == ErrorKind::NoSession => {
                    let given = self.server.script.borrow().given.clone();
                    given.filter(|_| session.has_session())
                }
                Err(error) => return Err(format!("the token cannot be looked at: {error}")),
            },
        };
        let base_url = session.ok().map(|session| session.base_url().to_string());
        let backend_calls = self.clouds.calls();
        Ok(Observation { results, requests, counts, log, token, base_url, backend_calls })
    }

    /// What the step is about to send.
    pub(crate) fn announce(&self, method: &str, url: &str) {
        let request = (method.to_owned(), url.to_owned());
        self.server.script.borrow_mut().announced.push(request);
    }

    fn announce_post(&self, path: &str) {
        let base = crate::script::base_url(&self.case.given);
        self.announce("POST", &format!("{base}{path}"));
    }

    async fn step(&self, step: &Step) -> Result<Outcome, String> {
        let nothing = || Ok(Outcome::default());
        match step {
            Step::Enter {} => Ok(self.enter().await),
            Step::Exit { body_error } => self.exit(body_error.clone()).await,
            Step::Login(login) => Ok(self.login(auth_of(login)).await),
            Step::Delegate { identity_token } => {
                let token = credential(identity_token, "identity_token", &mut Calls::new());
                Ok(self.login(Ok(Auth::identity_token(token))).await)
            }
            Step::Logout {} => {
                self.announce_post("auth/logout");
                Ok(match self.session() {
                    Ok(session) => Outcome::done(session.logout().await),
                    Err(error) => error.into(),
                })
            }
            Step::ExpireSessions {} => {
                self.server.script.borrow_mut().expire_sessions();
                nothing()
            }
            Step::ServerProjects { projects } => {
                self.server.script.borrow_mut().projects = projects.clone();
                nothing()
            }
            Step::ProviderCalls {} => {
                let asked = self.client.calls.iter();
                let counts: BTreeMap<_, _> =
                    asked.map(|(name, calls)| (*name, calls.load(Ordering::Relaxed))).collect();
                Ok(Outcome::value(json!(counts)))
            }
            Step::Sleep { seconds } => {
                tokio::time::sleep(duration(*seconds)?).await;
                nothing()
            }
            Step::WaitFor { count, timeout } => self.wait_for(count, duration(*timeout)?).await,
            Step::Parallel { count, step } => {
                let copies = (0..*count).map(|_| Box::pin(self.step(step)));
                Ok(all(futures_util::future::try_join_all(copies).await?))
            }
            Step::Staggered { gap, steps } => {
                let steps = steps.iter().enumerate().map(|(at, step)| async move {
                    let at = u32::try_from(at).map_err(|error| error.to_string())?;
                    tokio::time::sleep(duration(*gap)? * at).await;
                    Box::pin(self.step(step)).await
                });
                Ok(all(futures_util::future::try_join_all(steps).await?))
            }
            Step::Origin { url } => Ok(Outcome::value(functions::origin(url))),
            Step::IsAuthUrl { url } => Ok(Outcome::value(functions::is_auth_url(url))),
            Step::RedactUrl { url } => Ok(Outcome::value(functions::redact_url(url))),
            Step::RetryDelay { attempt, backoff_factor, retry_after } => {
                let delay =
                    functions::retry_delay(*attempt, *backoff_factor, retry_after.as_deref());
                delay.map(Outcome::value)
            }
            Step::CookieDomain { url } => snapshots::cookie_domain(self, url).await,
            Step::Restore { data: Some(data), text: None } => {
                snapshots::restore(self, &data.to_string())
            }
            Step::Restore { data: None, text: Some(text) } => snapshots::restore(self, text),
            Step::Restore { .. } => Err("a snapshot is either an object or a text".into()),
            Step::Save {} => snapshots::save(self),
            Step::NewFrom { data, options } => {
                snapshots::new_from(self, data.as_ref(), options.as_deref())
            }
            Step::SecondSessionSameClient { base_url } => {
                let other = Client::elsewhere(&self.case.given.session, &self.proxy, base_url)?;
                let adopted = match other.build() {
                    Ok(session) => {
                        session.login(Auth::existing("another", Cookies::default())).await
                    }
                    Err(error) => Err(error),
                };
                Ok(Outcome::done(adopted))
            }
            Step::Defaults {} => Err("the options of a session cannot be read back".into()),
            Step::SetBaseUrl { .. } => Err("the base URL of a session never changes".into()),
            _ => self.credential_step(step).await,
        }
    }

    /// Steps about providers of credentials; the rest are calls.
    async fn credential_step(&self, step: &Step) -> Result<Outcome, String> {
        let nothing = || Ok(Outcome::default());
        match step {
            Step::Resolve { provider: Source::Env(variable) } => {
                environment::resolve(variable, &self.environment.borrow())
            }
            Step::Resolve { provider: Source::Vault(provider) } => {
                let resolved = clouds::resolve(&[self.clouds.single(provider)]).await;
                Ok(resolved.map_or_else(|error| error, |mut one| Outcome::value(one.remove(0))))
            }
            Step::ResolveSame { provider, times } => {
                let same = vec![self.clouds.single(provider); *times];
                Ok(clouds::resolve(&same).await.map_or_else(|error| error, Outcome::value))
            }
            Step::ResolveFields { group, fields } => {
                let fields = self.clouds.fields(group, fields.iter());
                Ok(clouds::resolve(&fields).await.map_or_else(|error| error, Outcome::value))
            }
            Step::MakeField { group, field } => {
                self.clouds.fields(group, [field].into_iter());
                nothing()
            }
            Step::SetBackend { backend } => {
                self.environment.borrow_mut().clone_from(&backend.env);
                self.clouds.set(backend);
                nothing()
            }
            Step::SetEnv { name, value } => {
                self.environment.borrow_mut().insert(name.clone(), value.clone());
                nothing()
            }
            _ => calls::run(self, step).await,
        }
    }

    async fn login(&self, auth: Result<Auth, Error>) -> Outcome {
        self.announce_post("auth/login");
        self.announce_post("auth/delegate");
        let (session, auth) = match (self.session(), auth) {
            (Ok(session), Ok(auth)) => (session, auth),
            (Err(error), _) | (_, Err(error)) => return error.into(),
        };
        match session.login(auth).await {
            Ok(reply) => Outcome::status(reply.status()),
            Err(error) => error.into(),
        }
    }

    async fn enter(&self) -> Outcome {
        if self.client.kind == Kind::Plain {
            return Outcome::default();
        }
        self.announce_post("auth/login");
        self.announce_post("auth/delegate");
        let builder = match self.client.connecting() {
            Ok(builder) => builder,
            Err(error) => return error.into(),
        };
        let fails = |step: &Step| matches!(step, Step::Exit { body_error: Some(_) });
        if !self.case.when.iter().any(fails) {
            return match builder.connect().await {
                Ok(guard) => {
                    *self.session.borrow_mut() = Ok(Session::clone(&guard));
                    *self.entered.borrow_mut() = Some(Entered::Guard(guard));
                    self.session().map_or_else(Outcome::from, |_| Outcome::default())
                }
                Err(error) => error.into(),
            };
        }
        let (entered, mut inside) = oneshot::channel();
        let (leave, left) = oneshot::channel();
        let mut ended = tokio::task::spawn_local(try_with_session(builder, async |session| {
            // it is waited for
            let _ = entered.send(session);
            match left.await {
                Ok(error) => Err(BodyError::Body(error)),
                // the case ended without leaving
                Err(_) => Ok(()),
            }
        }));
        let refused = tokio::select! {
            biased;
            Ok(session) = &mut inside => {
                *self.session.borrow_mut() = Ok(session);
                *self.entered.borrow_mut() = Some(Entered::Scope { leave, ended });
                return self.session().map_or_else(Outcome::from, |_| Outcome::default());
            }
            refused = &mut ended => refused,
        };
        match refused {
            Ok(Err(BodyError::Client(error))) => error.into(),
            _ => Error::new(ErrorKind::Config, "the scope ended before it began").into(),
        }
    }

    async fn exit(&self, body_error: Option<String>) -> Result<Outcome, String> {
        if self.client.kind == Kind::Plain {
            return match body_error {
                None => Ok(Outcome::default()),
                Some(_) => Err("a plain session has no body that could fail".into()),
            };
        }
        self.announce_post("auth/logout");
        let entered = self.entered.take();
        let (leave, ended, text) = match (entered, &body_error) {
            (None, _) => return Err("exit without enter".into()),
            (Some(Entered::Guard(guard)), None) => {
                return Ok(guard.close().await.map_or_else(Outcome::from, |()| Outcome::default()));
            }
            (Some(Entered::Scope { leave, ended }), Some(text)) => (leave, ended, text),
            (Some(_), _) => return Err("a case leaves all its blocks in one way".into()),
        };
        // it is waited for
        let _ = leave.send(text.clone());
        match ended.await {
            Ok(Ok(())) => Ok(Outcome::default()),
            Ok(Err(BodyError::Client(error))) => Ok(error.into()),
            Ok(Err(BodyError::Body(text))) if Some(&text) == body_error.as_ref() => {
                Ok(Outcome::value("body error propagates"))
            }
            Ok(Err(BodyError::Body(text))) => Err(format!("another body error: {text}")),
            Err(error) => Err(format!("the scope panicked: {error}")),
        }
    }

    async fn wait_for(
        &self,
        count: &BTreeMap<String, usize>,
        limit: Duration,
    ) -> Result<Outcome, String> {
        let reached = || {
            let script = self.server.script.borrow();
            count.iter().all(|(request, times)| script.count(request) >= *times)
        };
        let wait = async {
            while !reached() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        Ok(Outcome::value(tokio::time::timeout(limit, wait).await.is_ok()))
    }
}

fn all(list: Vec<Outcome>) -> Outcome {
    Outcome { list: Some(list), ..Outcome::default() }
}
