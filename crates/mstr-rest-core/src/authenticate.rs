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
use crate::transition::ABANDONED;
use crate::{Auth, Body, Error, ErrorKind, Response, Result, nesting};

/// `ERR003`: the server refuses the credentials.
const REFUSED: u32 = 3;

impl Client {
    /// Logs in anew. The session that was there before is logged out.
    pub(crate) async fn log_in(self: &Arc<Self>, turn: Turn, auth: &Auth) -> Result<Response> {
        let mut replaces = turn.base().id;
        let resolved = auth.resolve(&self.login_options).await?;
        self.defaults.forget();
        // a session to adopt may be the same user's: see `LoginMachine`
        if !matches!(resolved, Resolved::AskToken { .. }) {
            replaces = self.end_before_login(replaces).await?;
        }
        let (login, response) = self.authenticate_or_refresh(resolved, auth).await?;
        let login = self.install(turn, replaces, login, auth).await?;
        self.save_login(&login).await;
        Ok(response)
    }

    /// Puts a login in place, frees the turn, and does what follows from a new login. One that is no
    /// longer wanted is logged out before the turn is free.
    pub(crate) async fn install(
        self: &Arc<Self>,
        turn: Turn,
        replaces: u64,
        login: Login,
        auth: &Auth,
    ) -> Result<Arc<Login>> {
        let login = match self.logins.install(&turn, replaces, login, auth) {
            Ok(login) => login,
            Err(unwanted) => {
                let _pending = Pending::new();
                if unwanted.is_ours() {
                    let ending = timeout(ABANDONED, self.end_login(&unwanted)).await;
                    if !matches!(ending, Ok(Ok(()))) {
                        tracing::warn!("a login that came too late was not logged out");
                    }
                }
                turn.finish();
                return Err(displaced());
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
            Err(error) if error.number() == Some(REFUSED) => error,
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

    /// Whether the server did not reject the same login before.
    fn is_untried(&self, login: &Resolved) -> bool {
        login.body().is_some_and(|body| self.logins.rejection(&body).is_none())
    }

    /// Sends what logs in, and takes the token from the reply.
    pub(crate) async fn authenticate(
        self: &Arc<Self>,
        resolved: Resolved,
        auth: &Auth,
    ) -> Result<(Login, Response)> {
        let facts = Arc::new(Facts { created_at: Some(SystemTime::now()), ..resolved.facts() });
        // with a token or cookies of an earlier login the server would not make a new session
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

    /// Adopts a session that something else owns: at once, without queueing.
    pub(crate) async fn adopt(self: &Arc<Self>, auth: &Auth) -> Result<Response> {
        let resolved = nesting::within(self.id, auth.resolve(&self.login_options)).await?;
        let (login, response) = self.authenticate(resolved, auth).await?;
        self.ensure_open()?;
        self.defaults.forget();
        self.logins.displace(login);
        self.idle_clock.touch();
        Ok(response)
    }

    fn adopt_cookies(&self, jar: &Jar, cookies: &[(String, SecretString)]) -> Result<()> {
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

    /// Remembers a login that was refused; one that was not makes earlier ones forgotten. What
    /// failed for another reason says nothing of the credentials.
    fn remember_rejection(&self, body: Bytes, error: Option<&Error>) {
        match error {
            Some(error) if error.number() == Some(REFUSED) => {
                self.logins.reject(body, error.clone());
            }
            Some(_) => {}
            None => self.logins.forget_rejections(),
        }
    }

    /// Logs out the present login (`always`, or if it is ours) and those that it superseded, all at
    /// once: one that hangs must not keep the others. Gives the first failure.
    pub(crate) async fn log_out(self: &Arc<Self>, turn: Turn, always: bool) -> Result<()> {
        let current = self.logins.current();
        let mut logins = self.logins.superseded();
        if always || current.is_ours() {
            logins.insert(0, current);
        }
        let outcomes = join_all(logins.iter().map(|login| self.end_login(login))).await;
        turn.finish();
        outcomes.into_iter().collect()
    }

    /// The same before a new login, if the login of `id` is still the present one. What fails is
    /// traced, and tried again by the next login, logout or close. Gives the id of the login that is
    /// there then.
    async fn end_before_login(self: &Arc<Self>, id: u64) -> Result<u64> {
        let cleared = self.logins.clear(id).ok_or_else(displaced)?;
        let superseded = self.logins.superseded();
        let ends = superseded.iter().map(async |login| {
            if let Err(error) = self.end_login(login).await {
                let kind = error.kind();
                tracing::debug!(?kind, "the session before this login was not logged out");
            }
        });
        join_all(ends).await;
        // a local change may have come meanwhile: then nothing logs in over it
        if self.logins.current().id == cleared { Ok(cleared) } else { Err(displaced()) }
    }

    /// Logs out one login, and forgets it wherever it is held.
    async fn end_login(self: &Arc<Self>, login: &Arc<Login>) -> Result<()> {
        self.end_session(login).await?;
        self.logins.ended(login);
        Ok(())
    }

    /// `POST /auth/logout` with the token and cookies of that login.
    async fn end_session(self: &Arc<Self>, login: &Arc<Login>) -> Result<()> {
        let mut request = Request::of_login(Method::POST, "auth/logout", login);
        // twice does no harm: the server no longer knows the token then, which is what was wanted
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
fn displaced() -> Error {
    Kind::Login.interrupted("the session was replaced meanwhile, so the login was logged out")
}

/// The token of a reply to a login.
fn take_token(response: Response) -> Result<(HeaderValue, Response)> {
    match response.headers().get(&TOKEN) {
        Some(token) => Ok((token_header(token.as_bytes())?, response)),
        None => Err(no_token(response.status(), response.headers())),
    }
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
