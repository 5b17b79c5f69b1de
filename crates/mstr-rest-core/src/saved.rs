//! A session as a value: to be kept, or handed to another process, and taken up again.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use cookie_store::{CookieExpiration, RawCookie};
use http::HeaderValue;
use mstr_credentials::SecretString;
use url::Url;

use crate::background::require_runtime;
use crate::client::Client;
use crate::cookies::{Jar, is_clean};
use crate::login::token_header;
use crate::login_machine::{Facts, Login};
use crate::request::ProjectRef;
use crate::url::{parse_base, same_origin};
use crate::{Error, ErrorKind, Result, Session, SessionBuilder};

/// The last second of the year 9999: HTTP dates end there.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// All that makes a session go on elsewhere: token and cookies, and what is known of the login. [`Session::save`] makes it, [`Session::restore`] takes it up.
///
/// It is as good as a password while the session lives. `Debug` shows names, no values; how it is
/// written down is up to the crate that does so (`mstr-rest-persist`).
#[derive(Clone)]
#[non_exhaustive]
pub struct SavedSession {
    base_url: Url,
    /// The session token; `None` for a session that is not logged in.
    pub token: Option<SecretString>,
    /// The cookies of the login.
    pub cookies: Vec<SavedCookie>,
    /// The project of calls that name none, name or id.
    pub project: Option<String>,
    /// Who logged in, where the login said a name.
    pub user: Option<String>,
    /// The server's number of the login mode: 1 standard, 8 anonymous, 16 LDAP, 4096 API key or
    /// trusted, -1 identity token.
    pub login_mode: Option<i64>,
    /// A salted hash of the user name or API key, to tell whether another login is of the same
    /// user. `None` for other login modes, and where nothing is known.
    pub principal: Option<String>,
    /// When it was logged in.
    pub created: Option<SystemTime>,
    /// When it was used last; not before `created`.
    pub last_used: Option<SystemTime>,
    /// How long the server lets it idle. Core does not ask for it.
    pub idle_limit: Option<Duration>,
}

impl SavedSession {
    /// An empty one for the server at `base_url`, to be filled.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) for a text that is no base URL, one with user info among
    /// them. The text is never repeated.
    pub fn new(base_url: &str) -> Result<Self> {
        let base_url = parse_base(base_url)
            .map_err(|error| Error::new(ErrorKind::Snapshot, error.message().to_owned()))?;
        Ok(Self::at(base_url))
    }

    fn at(base_url: Url) -> Self {
        Self {
            base_url,
            token: None,
            cookies: Vec::new(),
            project: None,
            user: None,
            login_mode: None,
            principal: None,
            created: None,
            last_used: None,
            idle_limit: None,
        }
    }

    /// The base URL of the server, with a trailing slash and without user info.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }
}

impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedSession")
            .field("base_url", &self.base_url.as_str())
            .field("logged_in", &self.token.is_some())
            .field("cookies", &self.cookies)
            .field("login_mode", &self.login_mode)
            .finish_non_exhaustive()
    }
}

/// A cookie of a [`SavedSession`], with all its attributes.
#[derive(Clone)]
#[non_exhaustive]
pub struct SavedCookie {
    /// Its name: `JSESSIONID`, `iSession`, `AWSALB`.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// The path below which it is sent.
    pub path: String,
    /// The domain that the server gave it. Kept for the record: a restored cookie goes to the host
    /// of the base URL alone.
    pub domain: Option<String>,
    /// Sent over TLS only. A restored cookie is, whenever the base URL is https.
    pub secure: bool,
    /// Hidden from scripts in a browser.
    pub http_only: bool,
    /// `Strict`, `Lax` or `None`, where the server said so.
    pub same_site: Option<String>,
    /// When it ends; `None` with the session.
    pub expires: Option<SystemTime>,
}

impl SavedCookie {
    /// A cookie of which only name and value are known: for the path `/`, until the session ends.
    pub fn new(name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".to_owned(),
            domain: None,
            secure: false,
            http_only: false,
            same_site: None,
            expires: None,
        }
    }
}

impl fmt::Debug for SavedCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// Keeping the session, and taking up one that was kept.
impl Session {
    /// The session as a value, for another process or for later.
    ///
    /// Whoever saves a session means it to be used elsewhere: from now on a guard leaves this login
    /// alone, as one that something else owns. [`logout`](Session::logout) ends it for all. A
    /// login that [`relogin`](SessionBuilder::relogin) makes afterwards is the guard's again.
    #[must_use = "the guard no longer logs the session out: somebody must"]
    pub fn save(&self) -> SavedSession {
        let login = self.client.logins.share();
        let mut saved = self.client.saved(&login);
        saved.project = self.project.as_ref().and_then(ProjectRef::text).map(str::to_owned);
        saved
    }

    /// Takes up a saved session in place of whatever login there is, at once: all of it or, after
    /// an error, nothing. Nothing is sent and no runtime is needed; the server may have forgotten the
    /// session. A login that runs meanwhile is logged out when it comes.
    ///
    /// It is taken for used elsewhere too: no guard logs it out, [`logout`](Session::logout) does.
    /// A login of ours that was held before is logged out by the guard when it is closed, or by
    /// the next login or logout. Cookies go to the host of the base URL alone, over TLS only if it
    /// is https. Default project and credentials stay those of this session.
    ///
    /// # Errors
    /// [`Snapshot`](ErrorKind::Snapshot) when it is of another origin, or holds a token or a cookie
    /// that cannot be sent; [`NoSession`](ErrorKind::NoSession) after a close.
    pub fn restore(&self, saved: &SavedSession) -> Result<()> {
        let client = &self.client;
        client.ensure_open()?;
        let login = client.login_of(saved)?;
        let has_token = login.token.is_some();
        client.logins.displace(login);
        if has_token {
            client.usage.set(saved.last_used.unwrap_or_else(SystemTime::now));
            client.start_keep_alive();
        }
        Ok(())
    }
}

impl Client {
    /// A login as a value.
    pub(crate) fn saved(&self, login: &Login) -> SavedSession {
        let secret = |value: &HeaderValue| Some(SecretString::from(value.to_str().ok()?));
        let mut saved = SavedSession::at(self.base.clone());
        saved.token = login.token.as_ref().and_then(secret);
        saved.cookies = login.jar.save();
        saved.user.clone_from(&login.facts.user);
        saved.login_mode = login.facts.login_mode;
        saved.principal.clone_from(&login.facts.principal);
        saved.created = login.facts.created;
        if login.token.is_some() {
            // its clock counts milliseconds: it could say that the login was after the last use
            saved.last_used = Some(self.usage.get()).max(saved.created);
        }
        saved.idle_limit = login.facts.idle_limit;
        saved
    }

    /// The login that a saved session holds, as one that something else may use too.
    pub(crate) fn login_of(&self, saved: &SavedSession) -> Result<Login> {
        if !same_origin(&self.base, &saved.base_url) {
            return Err(unusable("belongs to another server than this session (another origin)"));
        }
        let token = saved.token.as_ref();
        let token = token.map(|token| token_header(token.expose_secret().as_bytes()));
        let token = token.transpose().map_err(|_| unusable("holds an invalid token"))?;
        let facts = Facts {
            user: saved.user.clone(),
            login_mode: saved.login_mode,
            principal: saved.principal.clone(),
            created: saved.created,
            idle_limit: saved.idle_limit,
        };
        Ok(Login {
            token,
            jar: Arc::new(Jar::restored(&self.base, &saved.cookies)?),
            externally_owned: true,
            facts: Arc::new(facts),
            ..Login::default()
        })
    }
}

impl SessionBuilder {
    /// Makes the session from a saved one instead of logging in. Nothing is sent.
    ///
    /// The base URL is the builder's; it must be of the same origin. With
    /// [`auth`](Self::auth) and [`relogin`](Self::relogin) the session logs in again when the
    /// server has forgotten it. Login mode, and user name or API key, must then be the same where
    /// both say them. The project is the builder's, else the saved one.
    ///
    /// No guard comes with it: [`Session::restore`] says who ends it.
    ///
    /// # Errors
    /// As [`Session::restore`], and [`Snapshot`](ErrorKind::Snapshot) for another user;
    /// [`Config`](ErrorKind::Config) when a setting is not usable, and
    /// [`MissingCredential`](ErrorKind::MissingCredential) and
    /// [`Credential`](ErrorKind::Credential) when base URL, proxy or client identity cannot be had.
    pub async fn restore(self, saved: &SavedSession) -> Result<Session> {
        require_runtime()?;
        let auth = self.auth.clone();
        let mut session = self.resolve().await?;
        if let Some(auth) = auth {
            auth.ensure_same_principal(saved).await?;
        }
        session.restore(saved)?;
        if session.project.is_none() {
            session.project = saved.project.as_deref().map(ProjectRef::parse);
        }
        Ok(session)
    }
}

impl Jar {
    fn save(&self) -> Vec<SavedCookie> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = store
            .cookies
            .iter_unexpired()
            .map(|cookie| SavedCookie {
                path: cookie.path.to_string(),
                domain: cookie.domain().map(str::to_owned),
                secure: cookie.secure().unwrap_or(false),
                http_only: cookie.http_only().unwrap_or(false),
                same_site: cookie.same_site().map(|site| site.to_string()),
                expires: match &cookie.expires {
                    CookieExpiration::AtUtc(time) => Some((*time).into()),
                    CookieExpiration::SessionEnd => None,
                },
                ..SavedCookie::new(cookie.name(), cookie.value())
            })
            .collect();
        all.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
        all
    }

    /// A jar for the host of `base` alone.
    fn restored(base: &Url, cookies: &[SavedCookie]) -> Result<Self> {
        let jar = Self::default();
        let mut store = jar.store.lock().unwrap_or_else(PoisonError::into_inner);
        for saved in cookies {
            let Some(cookie) = raw_cookie(base, saved) else {
                return Err(unusable("holds a cookie that cannot be sent"));
            };
            // what has ended meanwhile is not taken, and need not be
            if store.cookies.insert_raw(&cookie, base).is_ok() {
                store.any = true;
            }
        }
        drop(store);
        Ok(jar)
    }
}

/// `None` for a cookie that would break out of its header.
fn raw_cookie(base: &Url, saved: &SavedCookie) -> Option<RawCookie<'static>> {
    let value = saved.value.expose_secret();
    let clean = [&saved.name, value, &saved.path].into_iter().all(is_clean);
    if !clean || saved.name.is_empty() || saved.name.contains('=') || !saved.path.starts_with('/') {
        return None;
    }
    // parsed: only so does the cookie library take a time without its own type
    let mut attributes = String::from("name=value");
    if let Some(expires) = saved.expires {
        let since = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since.min(LAST_DATE));
        attributes.push_str("; Expires=");
        attributes.push_str(&date);
    }
    if let Some(site) = saved.same_site.as_deref().filter(|site| is_clean(site)) {
        attributes.push_str("; SameSite=");
        attributes.push_str(site);
    }
    let mut cookie = RawCookie::parse(attributes).ok()?;
    cookie.set_name(saved.name.clone());
    cookie.set_value(value.to_owned());
    cookie.set_path(saved.path.clone());
    cookie.set_secure(saved.secure || base.scheme() == "https");
    cookie.set_http_only(saved.http_only);
    Some(cookie)
}

fn unusable(what: &str) -> Error {
    Error::new(ErrorKind::Snapshot, format!("the saved session {what}"))
}
