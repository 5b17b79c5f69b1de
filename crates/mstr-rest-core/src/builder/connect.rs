//! Makes a session from a builder: build, connect, restore.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mstr_credentials::{Credential, SecretString};

use super::SessionBuilder;
use crate::background::require_runtime;
use crate::client::{Client, Closing, InFlight, Turns};
use crate::defaults::DefaultsSource;
use crate::idle_clock::IdleClock;
use crate::login_machine::LoginMachine;
use crate::nesting::SessionId;
use crate::projects::{ProjectCache, ProjectRef};
use crate::secrets::resolve;
use crate::transport::{Transport, TransportSecrets};
use crate::url::{parse_base, warn_plain_http};
use crate::{Auth, AuthenticatedSession, Error, ErrorKind, Result, Session, SessionSnapshot};

impl Session {
    /// Makes a session from a snapshot, with the default settings and the project of the snapshot.
    /// Nothing is sent. [`SessionBuilder::restore`] does the same with settings of your own,
    /// [`Session::restore`] with an existing session.
    ///
    /// # Errors
    /// The errors of [`Session::restore`], and [`Config`](ErrorKind::Config) if no session can be
    /// made for the base URL of the snapshot.
    #[doc(alias = "from_dict")]
    pub fn from_snapshot(snapshot: &SessionSnapshot) -> Result<Self> {
        let mut session = Self::builder(snapshot.base_url().as_str()).build()?;
        session.restore(snapshot)?;
        session.project = snapshot.project.as_deref().map(ProjectRef::parse);
        Ok(session)
    }
}

/// Building
impl SessionBuilder {
    /// Makes the session without logging in. It needs no runtime and calls no secret provider, so
    /// base URL, proxy and client identity must be texts.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if a setting is not valid. The error does not repeat the base
    /// URL.
    pub fn build(self) -> Result<Session> {
        let literal = |credential: &Credential, what: &str| {
            credential.literal().cloned().ok_or_else(|| {
                Error::new(
                    ErrorKind::Config,
                    format!("the {what} comes from a secret provider: use connect()"),
                )
            })
        };
        let base = literal(&self.base_url, "base URL")?;
        let secrets = TransportSecrets {
            proxy: self.proxy.as_ref().map(|c| literal(c, "proxy")).transpose()?,
            identity: self.identity.as_ref().map(|c| literal(c, "client identity")).transpose()?,
        };
        self.finish(&base, &secrets)
    }

    /// Makes the session and logs in. The returned guard logs out when it is closed or dropped. If
    /// this future is cancelled during the login, the login is logged out in the background.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if a setting is not valid or [`auth`](Self::auth) is missing;
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) if a credential cannot be resolved;
    /// [`LoginFailure`](ErrorKind::LoginFailure) if the server rejects the login or its reply has
    /// no token; and the [errors common to all calls](crate::Call#errors).
    pub async fn connect(self) -> Result<AuthenticatedSession> {
        require_runtime()?;
        let Some(auth) = self.auth.clone() else {
            return Err(Error::new(
                ErrorKind::Config,
                "no authentication configured: call SessionBuilder::auth(Auth::...)",
            ));
        };
        // make the guard before the login: it logs out if this future is cancelled
        let guard = AuthenticatedSession::guard(self.resolve().await?);
        guard.login(auth).await?;
        Ok(guard)
    }

    /// Resolves base URL, proxy and client identity, and makes the session. Nothing is sent.
    pub(crate) async fn resolve(self) -> Result<Session> {
        let base = resolve(&self.base_url, "base URL").await?;
        let mut secrets = TransportSecrets::default();
        if let Some(proxy) = &self.proxy {
            secrets.proxy = Some(resolve(proxy, "proxy").await?);
        }
        if let Some(identity) = &self.identity {
            secrets.identity = Some(resolve(identity, "client identity").await?);
        }
        self.finish(&base, &secrets)
    }

    fn finish(self, base: &SecretString, secrets: &TransportSecrets) -> Result<Session> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let base = parse_base(base.expose_secret())?;
        warn_plain_http(&base);
        let transport = Transport::new(&base, &self.transport, secrets, &self.hooks)?;
        let client = Client {
            id: SessionId::new(),
            base,
            transport,
            // a restored or adopted session logs in again with these credentials
            logins: LoginMachine::new(self.auth.filter(Auth::can_renew)),
            login_options: self.login,
            login_store: self.login_store,
            timeouts: self.timeouts,
            defaults: DefaultsSource::new(self.defaults),
            follow_redirects: self.follow_redirects,
            max_redirects: self.max_redirects,
            return_http_errors: self.return_http_errors,
            body_limit: self.body_limit,
            relogin: self.relogin,
            retry: self.retry,
            keep_alive: self.keep_alive,
            keep_alive_runs: AtomicBool::new(false),
            idle_clock: IdleClock::new(),
            in_flight: self.max_in_flight.map(InFlight::new),
            turns: Turns::default(),
            projects: ProjectCache::default(),
            closed: Arc::default(),
            closing: Closing::default(),
        };
        Ok(Session { client: Arc::new(client), project: self.project })
    }

    /// Makes the session from a snapshot instead of logging in. Nothing is sent; call
    /// [`Session::is_alive`] to check whether the server still knows the session.
    ///
    /// The base URL is that of the builder. The snapshot must be of the same origin. The project is
    /// that of the builder or, if it has none, of the snapshot. With [`auth`](Self::auth) and
    /// [`relogin`](Self::relogin) the session logs in again after the server has ended it. Login
    /// mode, and user name or API key, must then be those of the snapshot. A snapshot that does not
    /// contain them is not checked.
    ///
    /// The session has no guard, because other processes may use it. [`Session::logout`] logs it
    /// out.
    ///
    /// # Errors
    /// The errors of [`Session::restore`]; [`Snapshot`](ErrorKind::Snapshot) for another user;
    /// [`Config`](ErrorKind::Config) if a setting is not valid;
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) if base URL, proxy or client identity cannot be
    /// resolved.
    pub async fn restore(self, snapshot: &SessionSnapshot) -> Result<Session> {
        require_runtime()?;
        let auth = self.auth.clone();
        let mut session = self.resolve().await?;
        if let Some(auth) = auth {
            auth.ensure_same_principal(snapshot).await?;
        }
        session.restore(snapshot)?;
        if session.project.is_none() {
            session.project = snapshot.project.as_deref().map(ProjectRef::parse);
        }
        Ok(session)
    }
}
