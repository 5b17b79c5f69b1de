//! The columns: what a user of the client does.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{TryStreamExt, future::join_all, stream};
use mstr_rest_api::{ProjectsExt, SessionsExt};
use mstr_rest_core::{Auth, ErrorKind, Result, Session, with_session};
use mstr_sim::Method;
use serde_json::{Value, json};

use crate::bench::{API_KEY, BODY, Bench, PASSWORD, USER};

/// How many calls the mix makes at once.
const MIX: usize = 16;

/// How it ended: one result, of the mix one for each call; and what was wrong beyond that.
pub(crate) struct Outcome {
    pub(crate) results: Vec<Result<()>>,
    pub(crate) wrong: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    LoginStandard,
    LoginApiKey,
    LoginIdentity,
    Logout,
    Extend,
    Projects,
    Get,
    Post,
    Put,
    Upload,
    Download,
    WithSession,
    Mix,
}

impl Operation {
    pub(crate) const ALL: [(Self, &'static str); 13] = [
        (Self::LoginStandard, "login-standard"),
        (Self::LoginApiKey, "login-api-key"),
        (Self::LoginIdentity, "login-identity"),
        (Self::Logout, "logout"),
        (Self::Extend, "extend"),
        (Self::Projects, "projects"),
        (Self::Get, "get"),
        (Self::Post, "post"),
        (Self::Put, "put"),
        (Self::Upload, "upload"),
        (Self::Download, "download"),
        (Self::WithSession, "with-session"),
        (Self::Mix, "mix"),
    ];

    pub(crate) fn is_login(self) -> bool {
        matches!(self, Self::LoginStandard | Self::LoginApiKey | Self::LoginIdentity)
    }

    /// The requests that the fault strikes, and that are counted.
    pub(crate) fn targets(self) -> Vec<(Method, &'static str)> {
        match self {
            Self::LoginStandard | Self::LoginApiKey => vec![(Method::POST, "/auth/login")],
            Self::LoginIdentity => vec![(Method::POST, "/auth/delegate")],
            Self::Logout => vec![(Method::POST, "/auth/logout")],
            Self::Extend => vec![(Method::PUT, "/sessions")],
            Self::Projects => vec![(Method::GET, "/projects")],
            Self::Get | Self::WithSession => vec![(Method::GET, "/rows")],
            Self::Post => vec![(Method::POST, "/rows")],
            Self::Put => vec![(Method::PUT, "/rows")],
            Self::Upload => vec![(Method::PUT, "/upload")],
            Self::Download => vec![(Method::GET, "/big")],
            Self::Mix => vec![
                (Method::GET, "/rows"),
                (Method::GET, "/projects"),
                (Method::PUT, "/rows"),
                (Method::POST, "/rows"),
            ],
        }
    }

    /// Prepares, lets the fault act, and does it. An error of its own is one of the preparation.
    pub(crate) async fn run(self, bench: &Bench) -> Result<Outcome> {
        let auth = match self {
            Self::LoginStandard => Some(Auth::standard(USER, PASSWORD)),
            Self::LoginApiKey => Some(Auth::api_key(API_KEY)),
            Self::LoginIdentity => Some(Auth::identity_token(bench.identity_token().await?)),
            _ => None,
        };
        if let Some(auth) = auth {
            bench.arm().await;
            let result = bench.builder().auth(auth).connect().await;
            return Ok(one(result.map(|guard| drop(guard.detach()))));
        }
        if self == Self::WithSession {
            return Ok(one(scope(bench).await));
        }
        let session = bench.session().await?;
        bench.arm().await;
        let results = match self {
            Self::Mix => join_all((0..MIX).map(|number| mixed(&session, number))).await,
            _ => vec![self.call(&session).await],
        };
        let mut wrong = Vec::new();
        if bench.fault.refuses_relogin() && self != Self::Logout {
            wrong.extend(still_refused(&session).await);
        }
        Ok(Outcome { results, wrong })
    }

    async fn call(self, session: &Session) -> Result<()> {
        match self {
            Self::Logout => session.logout().await,
            Self::Extend => session.extend_session().await,
            Self::Upload => {
                let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from(BODY)); 1]);
                session.put("upload").stream_body(chunks).await.map(drop)
            }
            Self::Download => {
                let body = session.get("big").stream().await?.bytes_stream();
                body.try_for_each(|_| std::future::ready(Ok(()))).await
            }
            Self::Projects => mixed(session, 1).await,
            Self::Put => mixed(session, 2).await,
            Self::Post => mixed(session, 3).await,
            _ => mixed(session, 0).await,
        }
    }
}

fn one(result: Result<()>) -> Outcome {
    Outcome { results: vec![result], wrong: Vec::new() }
}

/// GET, list of projects, PUT and POST in turn.
fn mixed(session: &Session, number: usize) -> Pin<Box<dyn Future<Output = Result<()>> + Send>> {
    let body = json!({ "text": BODY, "number": number });
    let call = match number % 4 {
        0 => session.get("rows"),
        1 => {
            let list = session.projects().list();
            return Box::pin(async { list.await.map(drop) });
        }
        2 => session.put("rows").json(&body),
        _ => session.post("rows").json(&body),
    };
    Box::pin(async { call.decode::<Value>().await.map(drop) })
}

async fn scope(bench: &Bench) -> Result<()> {
    let builder = bench.builder().auth(Auth::standard(USER, PASSWORD));
    let early = bench.fault.is_unreachable();
    if early {
        bench.arm().await;
    }
    with_session(builder, async |session| {
        if !early {
            bench.arm().await;
        }
        session.get("rows").decode::<Value>().await.map(drop)
    })
    .await
}

/// After a refused re-login later requests fail with its error. That no login is sent for them, the
/// number of logins tells.
async fn still_refused(session: &Session) -> Option<String> {
    for _ in 0..3 {
        match session.get("sessions/userInfo").await {
            Err(error) if error.kind() == ErrorKind::LoginFailure => {}
            other => return Some(format!("a request after the refused re-login: {other:?}")),
        }
    }
    None
}
