//! Tokens that stand for a session or a user: identity tokens and API tokens.

use http::HeaderValue;
use mstr_rest_core::{Call, Error, ErrorKind, Response, Result, SecretString, Session};
use serde::Deserialize;
use serde_json::json;

use crate::sealed;

/// Identity tokens: a session that another program can share.
pub trait IdentityTokensExt: sealed::Sealed {
    /// The handler of identity tokens.
    fn identity_tokens(&self) -> IdentityTokens;
}

impl IdentityTokensExt for Session {
    fn identity_tokens(&self) -> IdentityTokens {
        IdentityTokens::new(self)
    }
}

/// Identity tokens. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::IdentityTokensExt;
/// use mstr_rest_core::{Auth, Session};
///
/// # async fn example(session: Session) -> mstr_rest_core::Result<()> {
/// let token = session.identity_tokens().create().await?;
/// let other = Session::builder(session.base_url().as_str())
///     .auth(Auth::identity_token(token))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct IdentityTokens {
    session: Session,
}

impl IdentityTokens {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// Makes a token for [`Auth::identity_token`](mstr_rest_core::Auth::identity_token):
    /// `POST /auth/identityToken`. It is short-lived, and a secret.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a session token, [`Api`](ErrorKind::Api) when
    /// the reply holds no identity token.
    pub fn create(&self) -> Call<SecretString> {
        self.session.post("auth/identityToken").require_session().decode_with(from_header)
    }

    /// Asks whether a token is valid: `GET /auth/identityToken`.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors); an error of the server when it is
    /// not.
    pub fn validate(&self, token: &SecretString) -> Call<()> {
        self.session
            .get("auth/identityToken")
            .header("X-MSTR-IdentityToken", token.expose_secret())
            .decode_with(|_| Ok(()))
    }
}

fn from_header(reply: &Response) -> Result<SecretString> {
    let token = reply.headers().get("x-mstr-identitytoken").map(HeaderValue::to_str);
    match token {
        Some(Ok(token)) if !token.is_empty() => Ok(token.into()),
        _ => Err(missing("identity", reply)),
    }
}

fn missing(what: &str, reply: &Response) -> Error {
    let message = format!("the server did not return an {what} token");
    Error::new(ErrorKind::Api, message).with_status(reply.status())
}

/// API tokens: what a program logs in with in a user's place.
pub trait ApiTokensExt: sealed::Sealed {
    /// The handler of API tokens.
    fn api_tokens(&self) -> ApiTokens;
}

impl ApiTokensExt for Session {
    fn api_tokens(&self) -> ApiTokens {
        ApiTokens::new(self)
    }
}

/// API tokens. Owned and cheap to clone.
///
/// ```no_run
/// use mstr_rest_api::ApiTokensExt;
/// use mstr_rest_core::Auth;
///
/// # async fn example(session: mstr_rest_core::Session) -> mstr_rest_core::Result<()> {
/// let token = session.api_tokens().create().await?;
/// let auth = Auth::api_key(token);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ApiTokens {
    session: Session,
}

impl ApiTokens {
    pub(crate) fn new(session: &Session) -> Self {
        Self { session: session.clone() }
    }

    /// Makes an API token for the user who is logged in: `POST /auth/apiTokens`. It is for
    /// [`Auth::api_key`](mstr_rest_core::Auth::api_key), and a secret.
    ///
    /// # Errors
    /// Those [common to all calls](mstr_rest_core::Call#errors);
    /// [`NoSession`](ErrorKind::NoSession) without a session token, [`Api`](ErrorKind::Api) when
    /// the reply holds no API token.
    pub fn create(&self) -> Call<SecretString> {
        self.call().decode_with(from_body)
    }

    /// The same for another user, by id, which takes the privilege to do so.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_for(&self, user_id: &str) -> Call<SecretString> {
        self.call().json(&json!({ "userId": user_id })).decode_with(from_body)
    }

    fn call(&self) -> Call<mstr_rest_core::Response> {
        self.session.post("auth/apiTokens").require_session()
    }
}

fn from_body(reply: &Response) -> Result<SecretString> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(rename = "apiToken")]
        token: Option<String>,
    }
    match reply.json::<Made>()?.token {
        Some(token) if !token.is_empty() => Ok(token.into()),
        _ => Err(missing("API", reply)),
    }
}
