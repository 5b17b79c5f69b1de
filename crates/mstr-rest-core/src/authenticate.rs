//! Authentication: the requests that log in and out.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mstr_credentials::SecretString;
use tokio::time::timeout;

use crate::auth::Resolved;
use crate::background::Pending;
use crate::client::Client;
use crate::cookies::Jar;
use crate::login::{Facts, Login, TOKEN, token_header};
use crate::login_machine::{Kind, Turn};
use crate::request::Request;
use crate::transition::ABANDONED_TIMEOUT;
use crate::{Auth, Body, Error, ErrorKind, Response, Result, nesting};

/// The number of `ERR003`: the server rejected the credentials.
const LOGIN_REJECTED: u32 = 3;

impl Client {
    /// Logs in. The session before it is logged out.
    pub(crate) async fn log_in(self: &Arc<Self>, turn: Turn, auth: &Auth) -> Result<Response> {
        let mut replaces = turn.base().id;
        let resolved = auth.resolve(&self.login_options).await?;
        self.defaults.forget();
        // the session to adopt may be of the same user: see `State::superseded`
        if !matches!(resolved, Resolved::AskToken { .. }) {
            replaces = self.end_before_login(replaces).await?;
        }
        let (login, response) = self.authenticate_or_refresh(resolved, auth).await?;
        let login = self.install(turn, replaces, login, auth).await?;
        self.save_login(&login).await;
        Ok(response)
    }

    /// Installs a login and frees the turn. If the login is not needed any more, it is logged out
    /// before the turn is free.
    pub(crate) async fn install(
        self: &Arc<Self>,
        turn: Turn,
        replaces: u64,
        login: Login,
        auth: &Auth,
    ) -> Result<Arc<Login>> {
        let login = match self.logins.install(&turn, replaces, login, auth) {
            Ok(login) => login,
            Err(superseded) => {
                let _pending = Pending::new();
                if superseded.needs_logout() {
                    let ending = timeout(ABANDONED_TIMEOUT, self.end_login(&superseded)).await;
                    if !matches!(ending, Ok(Ok(()))) {
                        tracing::warn!("a superseded login was not logged out");
                    }
                }
                turn.finish();
                return Err(superseded_error());
            }
        };
        self.idle_clock.touch();
        turn.finish();
        Ok(login)
    }

    /// Logs in. If the server rejects the credentials, they are invalidated and resolved once more, and
    /// the login is repeated once if something else would be sent: a cached password may be older than
    /// the one in the vault. The same password is never sent twice, because accounts get locked.
    pub(crate) async fn authenticate_or_refresh(
        self: &Arc<Self>,
        resolved: Resolved,
        auth: &Auth,
    ) -> Result<(Login, Response)> {
        let sent = resolved.body();
        let rejection = match self.authenticate(resolved, auth).await {
            Err(error) if error.number() == Some(LOGIN_REJECTED) => error,
            outcome => return outcome,
        };
        auth.invalidate();
        match auth.resolve(&self.login_options).await {
            Ok(refreshed) if refreshed.body() != sent && self.is_untried(&refreshed) => {
                tracing::info!("the login was rejected; logging in with refreshed credentials");
                self.authenticate(refreshed, auth).await
            }
            // if the source fails now, the rejection still says what went wrong
            _ => Err(rejection),
        }
    }

    /// Returns `true` if the server did not reject the same login before.
    fn is_untried(&self, login: &Resolved) -> bool {
        login.body().is_some_and(|body| self.logins.rejection(&body).is_none())
    }

    /// Sends the login request, and reads the token from the reply.
    pub(crate) async fn authenticate(
        self: &Arc<Self>,
        resolved: Resolved,
        auth: &Auth,
    ) -> Result<(Login, Response)> {
        let facts = Arc::new(Facts { created_at: Some(SystemTime::now()), ..resolved.facts() });
        // no token and no cookies of an earlier login: with them, the server makes no new session
        let mut fresh =
            Login { externally_owned: auth.is_externally_owned(), facts, ..Login::default() };
        let (token, response) = match resolved {
            Resolved::Post { path, body, secrets, .. } => {
                let mut request = Request::of_login(Method::POST, path, &Arc::new(fresh.clone()));
                request.body = Body::from(body.clone());
                let json = HeaderValue::from_static("application/json");
                request.headers.insert(http::header::CONTENT_TYPE, json);
                let reply = self.send_as(request, take_token).await.map_err(|error| {
                    let redact = |error: Error, secret: &SecretString| {
                        error.redacting(secret.expose_secret())
                    };
                    secrets.iter().fold(error, redact)
                });
                self.remember_rejection(body, reply.as_ref().err());
                reply?
            }
            Resolved::AskToken { cookies } => {
                self.adopt_cookies(&fresh.jar, &cookies)?;
                let login = Arc::new(fresh.clone());
                let request = Request::of_login(Method::GET, "auth/token", &login);
                self.send_as(request, take_token).await?
            }
            Resolved::Adopt { token, cookies } => {
                self.adopt_cookies(&fresh.jar, &cookies)?;
                let token = token_header(token.expose_secret().as_bytes())?;
                (token, Response::local(self.base.clone()))
            }
        };
        fresh.token = Some(token);
        Ok((fresh, response))
    }

    /// Adopts an externally owned session. It takes effect at once, without waiting for the turn.
    pub(crate) async fn adopt(self: &Arc<Self>, auth: &Auth) -> Result<Response> {
        let resolved = nesting::within(self.id, auth.resolve(&self.login_options)).await?;
        let (login, response) = self.authenticate(resolved, auth).await?;
        self.ensure_open()?;
        self.defaults.forget();
        self.logins.replace_current(login);
        self.idle_clock.touch();
        Ok(response)
    }

    fn adopt_cookies(&self, jar: &Jar, cookies: &[(String, SecretString)]) -> Result<()> {
        for (name, value) in cookies {
            if !jar.adopt(&self.base, name, value.expose_secret()) {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "a cookie to adopt has a character that is not allowed in cookies",
                ));
            }
        }
        Ok(())
    }

    /// Remembers a rejected login. A successful login clears the remembered ones. Any other error
    /// changes nothing, as it does not show whether the credentials are valid.
    fn remember_rejection(&self, body: Bytes, error: Option<&Error>) {
        match error {
            Some(error) if error.number() == Some(LOGIN_REJECTED) => {
                self.logins.reject(body, error.clone());
            }
            Some(_) => {}
            None => self.logins.forget_rejections(),
        }
    }

    /// Logs out the current login (if `always` is set or it is not externally owned) and the
    /// superseded ones. All are logged out concurrently: one that hangs must not delay the others.
    /// Returns the first error.
    pub(crate) async fn log_out(self: &Arc<Self>, turn: Turn, always: bool) -> Result<()> {
        let current = self.logins.current();
        let mut logins = self.logins.superseded();
        if always || current.needs_logout() {
            logins.insert(0, current);
        }
        let outcomes = join_all(logins.iter().map(|login| self.end_login(login))).await;
        turn.finish();
        outcomes.into_iter().collect()
    }

    /// Logs out the current and the superseded logins before a new login, if the current login
    /// still has `id`. Errors are logged; the next login, logout or close tries again. Returns the
    /// id of the current login after this.
    async fn end_before_login(self: &Arc<Self>, id: u64) -> Result<u64> {
        let cleared = self.logins.clear(id).ok_or_else(superseded_error)?;
        let superseded = self.logins.superseded();
        let ends = superseded.iter().map(async |login| {
            if let Err(error) = self.end_login(login).await {
                let kind = error.kind();
                tracing::debug!(?kind, "the session before this login was not logged out");
            }
        });
        join_all(ends).await;
        // the session may have been restored, adopted or forgotten meanwhile: do not log in then
        if self.logins.current().id == cleared { Ok(cleared) } else { Err(superseded_error()) }
    }

    /// Logs out one login and removes it from the login machine.
    async fn end_login(self: &Arc<Self>, login: &Arc<Login>) -> Result<()> {
        self.end_session(login).await?;
        self.logins.ended(login);
        Ok(())
    }

    /// `POST /auth/logout` with the token and cookies of that login.
    async fn end_session(self: &Arc<Self>, login: &Arc<Login>) -> Result<()> {
        let mut request = Request::of_login(Method::POST, "auth/logout", login);
        // a repeated logout is harmless: the server does not know the token any more
        request.idempotent = Some(true);
        match self.send_as(request, Ok).await {
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

/// A session was adopted, restored or forgotten while a login ran.
fn superseded_error() -> Error {
    Kind::Login.interrupted("the session was replaced meanwhile, so the login was logged out")
}

/// Reads the token from the reply to a login.
fn take_token(response: Response) -> Result<(HeaderValue, Response)> {
    match response.headers().get(&TOKEN) {
        Some(token) => Ok((token_header(token.as_bytes())?, response)),
        None => Err(no_token(response.status(), response.headers())),
    }
}

/// Makes the error for a login reply without a token.
fn no_token(status: StatusCode, headers: &HeaderMap) -> Error {
    let what = match crate::error::media_type(headers) {
        Some("text/html") => {
            "an HTML page, probably a sign-on page: a browser sign-on does not accept a password. \
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
