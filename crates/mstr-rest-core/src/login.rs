//! Logging in and out: one login at a time, in a task of its own, so that who asked for it may go
//! away without losing a session at the server.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mstr_credentials::{Credential, ExposeSecret, SecretString};
use tokio::sync::watch;
use tracing::Instrument;

use crate::auth::Resolved;
use crate::cookies::Jar;
use crate::execute::require_runtime;
use crate::request::Request;
use crate::retry::{Repeatable, Tries};
use crate::session::Inner;
use crate::state::{Facts, Flight, State, TOKEN};
use crate::time::Deadline;
use crate::{Auth, Body, Error, ErrorKind, Reply, Response, Result, Session};

/// A login whose guard is gone gets this long to bring the token that can then be logged out.
const ABANDONED: Duration = Duration::from_secs(30);

impl Session {
    /// Logs in, `POST /auth/login` (or what else the [`Auth`] says), and gives the server's reply.
    /// A token that is held already is logged out first, unless something else owns it; should
    /// that fail, the login goes on. Cancelling the future does not stop a login on its way. The
    /// token is in the head of the reply: a body that breaks off does not fail the login.
    ///
    /// For [`Auth::existing`] nothing is sent, and the reply is an empty 204 made here. Adopting a
    /// session ([`Auth::existing`], [`Auth::browser_cookies`]) leaves one of ours that was held
    /// before alone for now, for the server may end all sessions of a user at once: the guard logs
    /// it out when it is closed, or the next login does.
    ///
    /// # Errors
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) before anything is sent;
    /// [`LoginFailure`](ErrorKind::LoginFailure) when the server refuses (`ERR003`) or its reply
    /// holds no token; [`Redirect`](ErrorKind::Redirect) when it redirects; and as any call.
    pub fn login(&self, auth: Auth) -> impl Future<Output = Result<Response>> + Send + use<> {
        let session = self.clone();
        async move {
            require_runtime()?;
            let (ended, flight) = Flight::new();
            session.inner.take_off(&flight).await?;
            let landing = Landing::new(Arc::clone(&session.inner), ended);
            // closed meanwhile: whoever closed it did not see this login and would not end it
            session.inner.ensure_open()?;
            let task = tokio::spawn(async move {
                let _landing = landing;
                session.inner.login_or_give_up(&session, &auth, false).await
            });
            task.await.unwrap_or_else(|error| {
                Err(Error::with_source(ErrorKind::Config, "the login was stopped", error))
            })
        }
    }

    /// Makes a session that shares the one behind an identity token: `POST /auth/delegate`. Short
    /// for [`login`](Self::login) with [`Auth::identity_token`].
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub fn delegate(
        &self,
        identity_token: impl Into<Credential>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
        // boxed: `impl Future` would borrow what the token was made from
        Box::pin(self.login(Auth::identity_token(identity_token)))
    }

    /// Logs out: `POST /auth/logout`, also without a token. The token is forgotten when the
    /// server agrees, or no longer knows it (`ERR009`). As a login, it is never redirected.
    ///
    /// The vendor documents that this ends all sessions of the user, not this one alone.
    ///
    /// # Errors
    /// As any call; the token is kept then.
    pub fn logout(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let session = self.clone();
        async move {
            require_runtime()?;
            session.inner.ensure_open()?;
            session.inner.logout(&session).await
        }
    }
}

/// Clears the way when a login has ended, in whatever way: returned, panicked, or its runtime
/// stopped.
pub(crate) struct Landing {
    inner: Arc<Inner>,
    _ended: watch::Sender<()>,
}

impl Landing {
    pub(crate) fn new(inner: Arc<Inner>, ended: watch::Sender<()>) -> Self {
        Self { inner, _ended: ended }
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.inner.state.update(|state| state.flight = None);
    }
}

impl Inner {
    /// Waits until no other login runs, and announces this one.
    async fn take_off(&self, flight: &Flight) -> Result<()> {
        loop {
            self.ensure_open()?;
            let other = self.state.update(|state| match &state.flight {
                Some(other) => Some(other.clone()),
                None => {
                    state.flight = Some(flight.clone());
                    None
                }
            });
            match other {
                Some(other) => other.wait().await,
                None => return Ok(()),
            }
        }
    }

    /// Logs in, or, once the session is closed, tries no longer than it is worth.
    pub(crate) async fn login_or_give_up(
        &self,
        session: &Session,
        auth: &Auth,
        renewal: bool,
    ) -> Result<Response> {
        let login = self.log_in(session, auth, renewal);
        let mut login = std::pin::pin!(login);
        tokio::select! {
            outcome = &mut login => outcome,
            () = self.until_closed() => {
                tokio::time::timeout(ABANDONED, login).await.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Timeout, "the login was given up"))
                })
            }
        }
    }

    async fn log_in(&self, session: &Session, auth: &Auth, renewal: bool) -> Result<Response> {
        if auth.can_renew() {
            let auth = Some(auth.clone());
            *self.renewal.lock().unwrap_or_else(PoisonError::into_inner) = auth;
        }
        let resolved = auth.resolve(&self.login).await?;
        let (user, login_mode) = resolved.facts();
        if renewal {
            self.ensure_not_rejected(&resolved)?;
        }
        self.defaults.forget();
        let old = self.state.get();
        // The session that is renewed is gone; its token stays until the new one is there. A session
        // to adopt may be the same user's, and the server may end all of a user's sessions at once:
        // ours is ended when the guard is closed, or by the next login.
        let adopts = matches!(resolved, Resolved::Adopt { .. } | Resolved::AskToken { .. });
        if !renewal
            && !adopts
            && let Some(ours) = old.to_end()
        {
            if let Err(error) = self.end_session(session, &ours).await {
                tracing::debug!(kind = ?error.kind(), "the session before this login was not logged out");
            }
            self.forget_login(old.generation);
            self.state.update(|state| state.owed = None);
        }
        // with a token or cookies of an earlier login the server would not make a new session
        let fresh = State::default();
        let (token, reply) = match resolved {
            Resolved::Post { path, body, secrets, .. } => {
                let mut request = plain(session, Method::POST, path);
                request.body = Body::from(body.clone());
                let json = HeaderValue::from_static("application/json");
                request.headers.insert(http::header::CONTENT_TYPE, json);
                let asked = self.ask_for_token(request, &fresh).await.map_err(|error| {
                    secrets
                        .iter()
                        .fold(error, |error, secret| error.without_secret(secret.expose_secret()))
                });
                self.remember_rejection(body, asked.as_ref().err());
                asked?
            }
            Resolved::AskToken { cookies } => {
                self.adopt(&fresh.jar, &cookies)?;
                self.ask_for_token(plain(session, Method::GET, "auth/token"), &fresh).await?
            }
            Resolved::Adopt { token, cookies } => {
                self.adopt(&fresh.jar, &cookies)?;
                let local = Response::local(self.base.clone()).reply().await?;
                (token_header(token.expose_secret().as_bytes())?, local)
            }
        };
        let captured = State::captured_from(reply.headers());
        self.state.update(|state| {
            state.generation += 1;
            state.token = Some(token);
            state.jar = fresh.jar;
            state.captured = Arc::new(captured);
            state.foreign = auth.is_foreign();
            state.facts = Arc::new(Facts {
                user,
                login_mode,
                created: Some(SystemTime::now()),
                idle_limit: None,
            });
            if adopts {
                state.owed = old.to_end();
            }
            state.failed_renewal = None;
        });
        self.usage.touch();
        session.inner.keep_alive();
        Ok(reply.into())
    }

    /// Sends a login and takes the token from its reply.
    async fn ask_for_token(&self, request: Request, fresh: &State) -> Result<(HeaderValue, Reply)> {
        let response = self.send_plain(&request, Repeatable::UnlessDone, fresh).await?;
        let token = match response.headers().get(&TOKEN) {
            Some(token) => token_header(token.as_bytes()),
            None => Err(no_token(response.status(), response.headers())),
        };
        let token = token.map_err(|error| response.mark(error))?;
        // the session is there: a body that breaks off must not leave it to nobody
        let head = response.head();
        Ok((token, response.reply().await.unwrap_or(head)))
    }

    /// Sends a request of the login itself: no waiting for a login, no place among those in
    /// flight, no redirects, and every error status is an error.
    async fn send_plain(
        &self,
        request: &Request,
        repeatable: Repeatable,
        state: &State,
    ) -> Result<Response> {
        let span = crate::trace::call_span(request);
        let start = std::time::Instant::now();
        let deadline = self.limits.total.and_then(Deadline::after);
        let mut tries = Tries::new(self.retry.clone(), repeatable, deadline);
        let sending = pin!(self.try_plain(request, state, &mut tries).instrument(span.clone()));
        let outcome = match deadline {
            Some(end) => end.bound(sending).await,
            None => sending.await,
        };
        crate::trace::record_plain(&span, start, &outcome);
        outcome
    }

    async fn try_plain(
        &self,
        request: &Request,
        state: &State,
        tries: &mut Tries,
    ) -> Result<Response> {
        let target = request.target()?;
        loop {
            tries.attempts += 1;
            let sent = self.exchange(request, &target.url, state).await;
            let wait = match &sent {
                Ok(reply) => tries.after_status(request, reply.status(), reply.headers()),
                Err(error) => tries.after_error(request, error),
            };
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
                continue;
            }
            let mut response = sent.map_err(|error| tries.mark(error))?;
            response.set_tries(tries.attempts, tries.start());
            response.set_deadline(tries.deadline());
            if response.status().as_u16() >= 400 {
                return Err(tries.mark(response.read_error(self.error_limit).await));
            }
            return Ok(response);
        }
    }

    fn adopt(&self, jar: &Jar, cookies: &[(String, SecretString)]) -> Result<()> {
        for (name, value) in cookies {
            if !jar.adopt(&self.base, name, value.expose_secret()) {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "a cookie to adopt has a name or value that cookies cannot have",
                ));
            }
        }
        Ok(())
    }

    /// Logs out whatever login there is once none is running, and forgets it.
    async fn logout(&self, session: &Session) -> Result<()> {
        let state = loop {
            let state = self.state.get();
            match &state.flight {
                Some(flight) => flight.clone().wait().await,
                None => break state,
            }
        };
        self.end_session(session, &state).await?;
        self.forget_login(state.generation);
        Ok(())
    }

    /// `POST /auth/logout` with the token and cookies of that state.
    pub(crate) async fn end_session(&self, session: &Session, state: &State) -> Result<()> {
        let request = plain(session, Method::POST, "auth/logout");
        // twice does no harm: the server no longer knows the token then, which is what was wanted
        match self.send_plain(&request, Repeatable::Always, state).await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(Error::new(
                ErrorKind::Http,
                format!("the logout was answered with status {}", response.status()),
            )
            .with_status(response.status())),
            Err(error) if error.is_session_expired() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn plain(session: &Session, method: Method, path: &'static str) -> Request {
    let mut request = Request::new(session, method, path.into());
    request.stay = true;
    request
}

pub(crate) fn token_header(token: &[u8]) -> Result<HeaderValue> {
    let value = HeaderValue::from_bytes(token).ok().filter(|value| !value.is_empty());
    let mut value = value.ok_or_else(|| {
        Error::new(ErrorKind::LoginFailure, "the session token is empty or not a header value")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// What came instead of a token.
fn no_token(status: StatusCode, headers: &HeaderMap) -> Error {
    let what = match crate::error::media_type(headers) {
        Some("text/html") => {
            "an HTML page, likely a sign-on page: browser sign-on cannot be done with a password. \
             Use Auth::browser_cookies or Auth::api_key, and check that the base URL looks like \
             https://host/MicroStrategyLibrary/api/"
        }
        _ => {
            "no session token: is this a Library server? The base URL should look like \
             https://host/MicroStrategyLibrary/api/"
        }
    };
    let message = format!("the login was answered with status {status} and {what}");
    Error::new(ErrorKind::LoginFailure, message).with_status(status)
}

impl State {
    fn captured_from(headers: &HeaderMap) -> HeaderMap {
        let cell = crate::state::StateCell::default();
        cell.capture(&cell.get(), headers);
        HeaderMap::clone(&cell.get().captured)
    }
}
