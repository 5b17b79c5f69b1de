//! `Auth`: how to log in, and what is sent for it.

mod login_body;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use mstr_credentials::{Credential, SecretString};

use self::login_body::LoginBody;
use crate::login::Facts;
use crate::login_options::LoginOptions;
use crate::{Cookies, Error, ErrorKind, Result, SessionSnapshot, principal};

/// Login modes of `POST /auth/login`, as the server numbers them.
mod mode {
    pub(super) const STANDARD: i64 = 1;
    pub(super) const ANONYMOUS: i64 = 8;
    pub(super) const LDAP: i64 = 16;
    pub(super) const TRUSTED: i64 = 4096;
    pub(super) const DELEGATE: i64 = -1;
}

/// The member of the login body that names the user, or holds an API key.
const USERNAME: &str = "username";

/// How a session is authenticated. The mode is always said, never guessed.
///
/// Credentials are anything that turns into a [`Credential`]: text, or a source that is asked when
/// the login happens. Only those that the mode needs are resolved. An empty text is sent as it is;
/// a source that yields nothing is a
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
    /// Of this login; the builder's counts where this is `None`.
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
    /// Its name in the body.
    name: Cow<'static, str>,
    /// What errors call it.
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

/// Asks all sources, so that the error names all that yield nothing, not the first alone.
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

    /// User name and password (login mode 1).
    pub fn standard(username: impl Into<Credential>, password: impl Into<Credential>) -> Self {
        Self::with_password(mode::STANDARD, username.into(), password.into())
    }

    /// User name and password of a directory (LDAP, login mode 16).
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

    /// An API token of a user (login mode 4096; it travels in the place of the user name).
    pub fn api_key(key: impl Into<Credential>) -> Self {
        Self::trusted_member(Member::new("username", "api_key", key))
    }

    /// A user name alone (login mode 4096): for a server that trusts its caller.
    pub fn trusted(username: impl Into<Credential>) -> Self {
        Self::trusted_member(Member::new("username", "username", username))
    }

    fn trusted_member(member: Member) -> Self {
        Self::of(Mode::Login { mode: mode::TRUSTED, members: vec![member] })
    }

    /// An identity token of another session: `POST /auth/delegate`. The new session shares the
    /// I-Server session of the other, so it is never logged out unless
    /// [`logout`](crate::Session::logout) is called.
    pub fn identity_token(token: impl Into<Credential>) -> Self {
        Self::of(Mode::Delegate(Member::new("identityToken", "identity_token", token)))
    }

    /// No credentials: the guest user (login mode 8).
    pub fn anonymous() -> Self {
        Self::of(Mode::Login { mode: mode::ANONYMOUS, members: Vec::new() })
    }

    /// Another login mode of the server, with the text members that it wants in the body.
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

    /// Adopts a session that something else owns: nothing is sent, and it is never logged out
    /// unless [`logout`](crate::Session::logout) is called. Behind a load balancer the cookies
    /// belong to it.
    pub fn existing(token: impl Into<Credential>, cookies: impl Into<Cookies>) -> Self {
        let token = Member::new("token", "token", token);
        Self::of(Mode::Existing { token, cookies: cookies.into() })
    }

    /// Asks for the token of a session that a browser signed on to (SAML, OIDC), by its cookies:
    /// `GET /auth/token`. The session is the browser's: it is never logged out unless
    /// [`logout`](crate::Session::logout) is called.
    pub fn browser_cookies(cookies: impl Into<Cookies>) -> Self {
        Self::of(Mode::BrowserCookies(cookies.into()))
    }

    /// The mode that follows from what is there: identity token, else API key, else user name and
    /// password, else user name alone (trusted), else anonymous. For configuration files and the
    /// environment; in code, say the mode.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for a password without a user name: it would silently become
    /// an anonymous login.
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

    /// Sets `applicationType` of this login, and of re-logins with it. Default: the session's
    /// ([`SessionBuilder::application_type`](crate::SessionBuilder::application_type)). Without
    /// effect where the server takes none: an identity token, and sessions that exist already.
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

    /// Whether the session that it gives belongs to something else.
    pub(crate) fn is_externally_owned(&self) -> bool {
        !matches!(self.mode, Mode::Login { .. })
    }

    /// Whether it adopts a session without asking the server anything.
    pub(crate) fn sends_nothing(&self) -> bool {
        matches!(self.mode, Mode::Existing { .. })
    }

    /// Whether it can log in again: an adopted session has nothing to do so with.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self.mode, Mode::Login { .. } | Mode::Delegate(_))
    }

    /// Fails for a snapshot of another user, API key or login mode. What the snapshot does not say (an
    /// older one, one from Python) is not compared.
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
                format!("the snapshot belongs to another {what} than the builder's"),
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

    /// Has the sources forget what they cached: all, before the first is asked, so that user name
    /// and password of one secret come from one fetch.
    pub(crate) fn invalidate(&self) {
        match &self.mode {
            Mode::Login { members, .. } => members.iter().for_each(|m| m.value.invalidate()),
            Mode::Delegate(member) => member.value.invalidate(),
            Mode::Existing { .. } | Mode::BrowserCookies(_) => {}
        }
    }

    /// Resolves what the mode needs, and nothing else.
    pub(crate) async fn resolve(&self, options: &LoginOptions) -> Result<Resolved> {
        match &self.mode {
            Mode::Login { mode, members } => {
                let values = resolve_all(members).await?;
                let number = self.application_type.unwrap_or(options.application_type);
                let options = Some((number, options));
                let body = LoginBody { members: &values, mode: *mode, options }.to_bytes()?;
                let name = values.iter().find(|(name, _)| name == USERNAME);
                let principal = name.map(|(_, name)| principal::hash(*mode, name.expose_secret()));
                // the user name of a trusted login may be an API key that was taken for one
                let user = name
                    .filter(|_| *mode != mode::TRUSTED)
                    .map(|(_, name)| name.expose_secret().to_owned());
                // a user name may stand in an error message
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

/// What a login is to do, its secrets at hand.
pub(crate) enum Resolved {
    Post { path: &'static str, body: Bytes, secrets: Vec<SecretString>, facts: Facts },
    Adopt { token: SecretString, cookies: Vec<(String, SecretString)> },
    AskToken { cookies: Vec<(String, SecretString)> },
}

impl Resolved {
    /// Who logs in and how, as far as it is known and no secret.
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
    async fn bodies_of_the_modes() {
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
        // the server takes none here
        let delegate = sent(Auth::identity_token("id").application_type(35), &options).await;
        let body = r#"{"loginMode":-1,"identityToken":"id"}"#;
        assert_eq!(delegate, ("auth/delegate", body.to_owned()));
    }

    #[tokio::test]
    async fn options_of_the_login() {
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
    async fn what_is_there_decides_the_mode() {
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
    async fn only_what_the_mode_needs_is_resolved_and_errors_name_it() {
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
    async fn a_source_that_hangs_is_bounded() {
        let hangs = Credential::from_async_fn(
            std::future::pending::<Result<String, mstr_credentials::CredentialError>>,
        );
        let resolved = Auth::api_key(hangs).resolve(&LoginOptions::default()).await;
        assert_eq!(resolved.err().map(|error| error.kind()), Some(ErrorKind::Credential));
    }
}
