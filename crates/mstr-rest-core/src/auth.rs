//! `Auth`: the login mode with its credentials, and the login request made from it.

mod login_body;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use mstr_credentials::{Credential, SecretString};

use self::login_body::LoginBody;
use crate::login::Facts;
use crate::login_options::LoginOptions;
use crate::{Cookies, Error, ErrorKind, Result, SessionSnapshot, principal};

/// The server's numbers of the login modes (`POST /auth/login`).
mod mode {
    pub(super) const STANDARD: i64 = 1;
    pub(super) const ANONYMOUS: i64 = 8;
    pub(super) const LDAP: i64 = 16;
    pub(super) const TRUSTED: i64 = 4096;
    pub(super) const DELEGATE: i64 = -1;
}

/// The member of the login body with the user name or the API key.
const USERNAME: &str = "username";

/// The login mode of a session, with its credentials. The mode is always explicit, never guessed.
///
/// A credential is any type that converts into a [`Credential`]: a text, or a secret provider that
/// is called at each login. Only the credentials of the mode are resolved. An empty text is sent
/// unchanged. A provider without a value is an error:
/// [`MissingCredential`](crate::ErrorKind::MissingCredential).
///
/// ```
/// use mstr_rest_core::{Auth, Credential};
///
/// let by_password = Auth::standard("dave", Credential::env("MSTR_PASSWORD"));
/// let by_api_key = Auth::api_key(Credential::env("MSTR_API_KEY"));
/// assert!(!format!("{:?}", Auth::standard("dave", "secret")).contains("secret"));
/// ```
#[derive(Clone)]
pub struct Auth {
    mode: Mode,
    /// Replaces the application type of the builder.
    application_type: Option<i64>,
}

#[derive(Clone)]
enum Mode {
    Login { mode: i64, members: Vec<Member> },
    Delegate(Member),
    Existing { token: Member, cookies: Cookies },
    BrowserCookies(Cookies),
}

/// One secret member of the login body.
#[derive(Clone)]
struct Member {
    /// The name in the body.
    name: Cow<'static, str>,
    /// The name in errors.
    label: Cow<'static, str>,
    value: Credential,
}

impl Member {
    fn new(name: &'static str, label: &'static str, value: impl Into<Credential>) -> Self {
        Self { name: name.into(), label: label.into(), value: value.into() }
    }

    async fn resolve(&self) -> Result<SecretString> {
        crate::secrets::resolve(&self.value, &self.label).await
    }
}

/// Resolves all credentials. The error names every credential that yields nothing, not only the
/// first one.
async fn resolve_all(members: &[Member]) -> Result<Vec<(Cow<'static, str>, SecretString)>> {
    let mut values = Vec::with_capacity(members.len());
    let mut missing: Vec<(&Member, Error)> = Vec::new();
    for member in members {
        match member.resolve().await {
            Ok(value) => values.push((member.name.clone(), value)),
            Err(error) if error.kind() == ErrorKind::MissingCredential => {
                missing.push((member, error));
            }
            Err(error) => return Err(error),
        }
    }
    let names: Vec<_> = missing.iter().map(|(member, _)| format!("`{}`", member.label)).collect();
    match (missing.pop(), names.len()) {
        (None, _) => Ok(values),
        (Some((_, error)), 1) => Err(error),
        (Some((_, error)), _) => Err(Error::with_source(
            ErrorKind::MissingCredential,
            format!("the credentials {} yield nothing", names.join(", ")),
            error,
        )),
    }
}

impl Auth {
    fn of(mode: Mode) -> Self {
        Self { mode, application_type: None }
    }

    /// Logs in with user name and password (login mode 1).
    pub fn standard(username: impl Into<Credential>, password: impl Into<Credential>) -> Self {
        Self::with_password(mode::STANDARD, username.into(), password.into())
    }

    /// Logs in with user name and password of an LDAP directory (login mode 16).
    pub fn ldap(username: impl Into<Credential>, password: impl Into<Credential>) -> Self {
        Self::with_password(mode::LDAP, username.into(), password.into())
    }

    fn with_password(mode: i64, username: Credential, password: Credential) -> Self {
        let members = vec![
            Member::new("username", "username", username),
            Member::new("password", "password", password),
        ];
        Self::of(Mode::Login { mode, members })
    }

    /// Logs in with an API token of a user (login mode 4096). It is sent as the user name.
    pub fn api_key(key: impl Into<Credential>) -> Self {
        Self::trusted_member(Member::new("username", "api_key", key))
    }

    /// Logs in with a user name alone (login mode 4096), for a server that trusts this client.
    pub fn trusted(username: impl Into<Credential>) -> Self {
        Self::trusted_member(Member::new("username", "username", username))
    }

    fn trusted_member(member: Member) -> Self {
        Self::of(Mode::Login { mode: mode::TRUSTED, members: vec![member] })
    }

    /// Logs in with an identity token of another session: `POST /auth/delegate`. The new session
    /// shares the I-Server session of the other one, so only [`logout`](crate::Session::logout)
    /// logs it out; a guard does not.
    pub fn identity_token(token: impl Into<Credential>) -> Self {
        Self::of(Mode::Delegate(Member::new("identityToken", "identity_token", token)))
    }

    /// Logs in as the guest user, without credentials (login mode 8).
    pub fn anonymous() -> Self {
        Self::of(Mode::Login { mode: mode::ANONYMOUS, members: Vec::new() })
    }

    /// Logs in with another login mode of the server. `members` are the text members that the mode
    /// needs in the body.
    ///
    /// ```
    /// use mstr_rest_core::Auth;
    ///
    /// let integrated = Auth::custom(64, [("username", "dave")]);
    /// ```
    pub fn custom<N, C>(login_mode: i64, members: impl IntoIterator<Item = (N, C)>) -> Self
    where
        N: Into<Cow<'static, str>>,
        C: Into<Credential>,
    {
        let members = members
            .into_iter()
            .map(|(name, value)| {
                let name = name.into();
                Member { label: name.clone(), name, value: value.into() }
            })
            .collect();
        Self::of(Mode::Login { mode: login_mode, members })
    }

    /// Adopts an existing, externally owned session. Nothing is sent. Only
    /// [`logout`](crate::Session::logout) logs it out; a guard does not. A server behind a load
    /// balancer needs the cookies too.
    pub fn existing(token: impl Into<Credential>, cookies: impl Into<Cookies>) -> Self {
        let token = Member::new("token", "token", token);
        Self::of(Mode::Existing { token, cookies: cookies.into() })
    }

    /// Gets the token of a session that a browser signed on to (SAML, OIDC) with the cookies of the
    /// browser: `GET /auth/token`. The browser owns the session, so only
    /// [`logout`](crate::Session::logout) logs it out; a guard does not.
    pub fn browser_cookies(cookies: impl Into<Cookies>) -> Self {
        Self::of(Mode::BrowserCookies(cookies.into()))
    }

    /// Chooses the mode by the given credentials. The first of these is used: identity token, API
    /// key, user name and password, user name alone (trusted), none (anonymous). This is for
    /// configuration files and the environment; in code, choose the mode explicitly.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a password without a user name: it would
    /// silently become an anonymous login.
    pub fn from_parts(
        username: Option<Credential>,
        password: Option<Credential>,
        api_key: Option<Credential>,
        identity_token: Option<Credential>,
    ) -> Result<Self> {
        match (identity_token, api_key, username, password) {
            (Some(token), ..) => Ok(Self::identity_token(token)),
            (None, Some(key), ..) => Ok(Self::api_key(key)),
            (None, None, Some(username), Some(password)) => Ok(Self::standard(username, password)),
            (None, None, Some(username), None) => Ok(Self::trusted(username)),
            (None, None, None, None) => Ok(Self::anonymous()),
            (None, None, None, Some(_)) => Err(Error::new(
                ErrorKind::InvalidRequest,
                "a password needs a username: without one it would be an anonymous login",
            )),
        }
    }

    /// Sets `applicationType` for this login and its re-logins. Default: the application type of
    /// the session ([`SessionBuilder::application_type`](crate::SessionBuilder::application_type)).
    /// It has no effect on an identity token and on existing sessions: the server accepts none
    /// there.
    ///
    /// ```
    /// use mstr_rest_core::{Auth, Credential};
    ///
    /// let web = Auth::api_key(Credential::env("MSTR_API_KEY")).application_type(35);
    /// ```
    #[must_use]
    pub fn application_type(mut self, number: i64) -> Self {
        self.application_type = Some(number);
        self
    }

    /// Returns `true` if the session will be externally owned.
    pub(crate) fn is_externally_owned(&self) -> bool {
        !matches!(self.mode, Mode::Login { .. })
    }

    /// Returns `true` if it adopts a session without a request.
    pub(crate) fn sends_nothing(&self) -> bool {
        matches!(self.mode, Mode::Existing { .. })
    }

    /// Returns `true` if it can log in again. An adopted session has no credentials for that.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.mode, Mode::Login { .. } | Mode::Delegate(_))
    }

    /// Fails for a snapshot of another user, API key or login mode. Members that the snapshot does
    /// not have (an older snapshot, or one of the Python client) are not compared.
    pub(crate) async fn ensure_same_principal(&self, snapshot: &SessionSnapshot) -> Result<()> {
        let (mode, name) = match &self.mode {
            Mode::Login { mode, members } => {
                (*mode, members.iter().find(|member| member.name == USERNAME))
            }
            Mode::Delegate(_) => (mode::DELEGATE, None),
            Mode::Existing { .. } | Mode::BrowserCookies(_) => return Ok(()),
        };
        let another = |what| {
            Err(Error::new(
                ErrorKind::Snapshot,
                format!("the snapshot is of another {what} than the session builder"),
            ))
        };
        if snapshot.login_mode.is_some_and(|other| other != mode) {
            return another("login mode");
        }
        let Some(name) = name else { return Ok(()) };
        if snapshot.principal.is_none() && snapshot.user.is_none() {
            return Ok(());
        }
        let name = name.resolve().await?;
        let same = match (&snapshot.principal, &snapshot.user) {
            (Some(hash), _) => principal::matches(hash, mode, name.expose_secret()),
            (None, Some(user)) => {
                mode == mode::TRUSTED || user.eq_ignore_ascii_case(name.expose_secret())
            }
            (None, None) => true,
        };
        if same { Ok(()) } else { another("user") }
    }

    /// Clears the caches of all secret providers. This must happen before the first one is called,
    /// so that user name and password of one secret come from the same fetch.
    pub(crate) fn invalidate(&self) {
        match &self.mode {
            Mode::Login { members, .. } => members.iter().for_each(|m| m.value.invalidate()),
            Mode::Delegate(member) => member.value.invalidate(),
            Mode::Existing { .. } | Mode::BrowserCookies(_) => {}
        }
    }

    /// Resolves the credentials of the mode and makes the login request.
    pub(crate) async fn resolve(&self, options: &LoginOptions) -> Result<Resolved> {
        match &self.mode {
            Mode::Login { mode, members } => {
                let values = resolve_all(members).await?;
                let number = self.application_type.unwrap_or(options.application_type);
                let options = Some((number, options));
                let body = LoginBody { members: &values, mode: *mode, options }.to_bytes()?;
                let name = values.iter().find(|(name, _)| name == USERNAME);
                let principal = name.map(|(_, name)| principal::hash(*mode, name.expose_secret()));
                // the user name of a trusted login may be an API key: treat it as a secret
                let user = name
                    .filter(|_| *mode != mode::TRUSTED)
                    .map(|(_, name)| name.expose_secret().to_owned());
                // a user name may appear in an error message, unless it is a secret
                let secrets = values
                    .into_iter()
                    .filter(|(name, _)| name != USERNAME || *mode == mode::TRUSTED)
                    .map(|(_, value)| value)
                    .collect();
                let facts = Facts { user, login_mode: Some(*mode), principal, ..Facts::default() };
                Ok(Resolved::Post { path: "auth/login", body, secrets, facts })
            }
            Mode::Delegate(member) => {
                let values = [(member.name.clone(), member.resolve().await?)];
                let body = LoginBody { members: &values, mode: mode::DELEGATE, options: None };
                let body = body.to_bytes()?;
                let secrets = values.into_iter().map(|(_, value)| value).collect();
                let facts = Facts { login_mode: Some(mode::DELEGATE), ..Facts::default() };
                Ok(Resolved::Post { path: "auth/delegate", body, secrets, facts })
            }
            Mode::Existing { token, cookies } => Ok(Resolved::Adopt {
                token: token.resolve().await?,
                cookies: cookies.resolve().await?,
            }),
            Mode::BrowserCookies(cookies) => {
                Ok(Resolved::AskToken { cookies: cookies.resolve().await? })
            }
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mode {
            Mode::Login { mode, members } => {
                let mut out = f.debug_struct("Auth");
                out.field("login_mode", mode);
                if let Some(number) = &self.application_type {
                    out.field("application_type", number);
                }
                for member in members {
                    out.field(&member.label, &member.value);
                }
                out.finish()
            }
            Mode::Delegate(_) => f.write_str("Auth(identity token)"),
            Mode::Existing { .. } => f.write_str("Auth(existing session)"),
            Mode::BrowserCookies(_) => f.write_str("Auth(browser cookies)"),
        }
    }
}

/// The request of a login, with its secrets resolved.
pub(crate) enum Resolved {
    Post { path: &'static str, body: Bytes, secrets: Vec<SecretString>, facts: Facts },
    Adopt { token: SecretString, cookies: Vec<(String, SecretString)> },
    AskToken { cookies: Vec<(String, SecretString)> },
}

impl Resolved {
    /// The known facts of the login that are not secret.
    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::Post { facts, .. } => facts.clone(),
            Self::Adopt { .. } | Self::AskToken { .. } => Facts::default(),
        }
    }

    /// The body of the login request, if credentials are sent.
    pub(crate) fn body(&self) -> Option<Bytes> {
        match self {
            Self::Post { body, .. } => Some(body.clone()),
            Self::Adopt { .. } | Self::AskToken { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Locale;

    async fn sent(auth: Auth, options: &LoginOptions) -> (&'static str, String) {
        match auth.resolve(options).await.unwrap() {
            Resolved::Post { path, body, .. } => (path, String::from_utf8(body.to_vec()).unwrap()),
            _ => panic!("nothing is posted"),
        }
    }

    #[tokio::test]
    async fn each_mode_sends_its_login_body() {
        let options = LoginOptions::default();
        for (auth, body) in [
            (
                Auth::standard("dave", "hello\"dave"),
                r#"{"username":"dave","password":"hello\"dave","loginMode":1,"applicationType":8}"#,
            ),
            (
                Auth::ldap("dave", ""),
                r#"{"username":"dave","password":"","loginMode":16,"applicationType":8}"#,
            ),
            (Auth::api_key("k"), r#"{"username":"k","loginMode":4096,"applicationType":8}"#),
            (Auth::trusted("u"), r#"{"username":"u","loginMode":4096,"applicationType":8}"#),
            (Auth::anonymous(), r#"{"loginMode":8,"applicationType":8}"#),
            (
                Auth::custom(64, [("username", "u"), ("realm", "r")]),
                r#"{"username":"u","realm":"r","loginMode":64,"applicationType":8}"#,
            ),
        ] {
            assert_eq!(sent(auth, &options).await, ("auth/login", body.to_owned()));
        }
        let own = sent(Auth::anonymous().application_type(35), &options).await;
        assert_eq!(own.1, r#"{"loginMode":8,"applicationType":35}"#);
        // the server accepts no application type here
        let delegate = sent(Auth::identity_token("id").application_type(35), &options).await;
        let body = r#"{"loginMode":-1,"identityToken":"id"}"#;
        assert_eq!(delegate, ("auth/delegate", body.to_owned()));
    }

    #[tokio::test]
    async fn login_options_are_members_of_the_login_body() {
        let options = LoginOptions {
            application_type: 35,
            application_id: Some("APP".to_owned()),
            working_set: Some(10),
            max_search: Some(3),
            locale: Locale::all("en_us").time_zone("UTC"),
        };
        let (_, body) = sent(Auth::anonymous(), &options).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "loginMode": 8, "applicationType": 35, "applicationId": "APP", "workingSet": 10,
                "maxSearch": 3, "metadataLocale": "en_us", "warehouseDataLocale": "en_us",
                "displayLocale": "en_us", "messagesLocale": "en_us", "numberLocale": "en_us",
                "timeZone": "UTC",
            })
        );
    }

    #[tokio::test]
    async fn the_given_credentials_choose_the_mode() {
        let some = |text: &str| Some(Credential::from(text));
        let options = LoginOptions::default();
        for (auth, mode) in [
            (Auth::from_parts(some("u"), some("p"), some("k"), some("i")), -1),
            (Auth::from_parts(some("u"), some("p"), some("k"), None), 4096),
            (Auth::from_parts(some("u"), some("p"), None, None), 1),
            (Auth::from_parts(some("u"), None, None, None), 4096),
            (Auth::from_parts(None, some("p"), some("k"), None), 4096),
            (Auth::from_parts(None, None, None, None), 8),
        ] {
            let (_, body) = sent(auth.unwrap(), &options).await;
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["loginMode"], mode);
        }
        let error = Auth::from_parts(None, some("p"), None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }

    #[tokio::test]
    async fn only_credentials_of_the_mode_are_resolved_and_errors_name_them() {
        let never = Credential::from_fn(|| -> Result<String, _> {
            Err(mstr_credentials::CredentialError::missing("nothing here"))
        });
        let options = LoginOptions::default();
        let auth = Auth::from_parts(None, Some(never.clone()), None, Some("id".into())).unwrap();
        assert!(auth.resolve(&options).await.is_ok());
        for (auth, name) in [
            (Auth::standard(never.clone(), "p"), "`username`"),
            (Auth::standard("u", never.clone()), "`password`"),
            (Auth::standard(never.clone(), never.clone()), "`username`, `password`"),
            (Auth::api_key(never.clone()), "`api_key`"),
            (Auth::identity_token(never.clone()), "`identity_token`"),
            (Auth::existing(never.clone(), Cookies::default()), "`token`"),
            (Auth::browser_cookies([("iSession", never)]), "`cookie iSession`"),
        ] {
            let Err(error) = auth.resolve(&options).await else { panic!("resolved") };
            assert_eq!(error.kind(), ErrorKind::MissingCredential);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_provider_that_hangs_times_out() {
        let hangs = Credential::from_async_fn(
            std::future::pending::<Result<String, mstr_credentials::CredentialError>>,
        );
        let resolved = Auth::api_key(hangs).resolve(&LoginOptions::default()).await;
        assert_eq!(resolved.err().map(|error| error.kind()), Some(ErrorKind::Credential));
    }
}
