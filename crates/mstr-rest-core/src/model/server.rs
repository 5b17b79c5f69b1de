//! The server in place of the network, and the credentials that logins ask.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, header};
use url::Url;

use super::adapter::{BodyEnd, Endpoint, RawBody, body, cannot_connect, connection_lost};
use super::config::{Rule, chance};
use super::exchange::{Exchange, Reply};
use super::plan::{Fate, Plan, Source};
use super::world::Shared;
use crate::transport::InProcess;
use crate::{CredentialError, ErrorKind, Result, SecretProvider, SecretString};

pub(super) struct Server(pub(super) Shared);

impl InProcess for Server {
    fn answer(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'static, Result<http::Response<RawBody>>> {
        Box::pin(answer(self.0.clone(), method, url, headers, body))
    }
}

async fn answer(
    world: Shared,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
) -> Result<http::Response<RawBody>> {
    let (exchange, plan) = {
        let mut now = world.get();
        let exchange = now.request(&method, &url, &headers, body);
        let credentials = matches!(exchange.endpoint, Endpoint::Login | Endpoint::Delegate);
        (exchange, now.plan(credentials))
    };
    let mut open = Open { world, exchange, acted: false, over: false };
    plan.before.wait().await;
    match plan.fate {
        Fate::CannotConnect => return Err(open.breaks("cannot connect", cannot_connect())),
        Fate::LostBefore => return Err(open.breaks("is lost on its way", connection_lost())),
        _ => {}
    }
    let reply = open.act(plan);
    plan.after.wait().await;
    match plan.fate {
        Fate::LostAfter => Err(open.breaks("the reply is lost", connection_lost())),
        Fate::Stall => std::future::pending().await,
        Fate::Answer(end) => Ok(open.reply(reply, plan, end)),
        _ => Ok(open.reply(reply, plan, BodyEnd::Complete)),
    }
}

/// A request on its way; dropped before its end, the client gave it up.
struct Open {
    world: Shared,
    exchange: Exchange,
    acted: bool,
    over: bool,
}

impl Open {
    fn act(&mut self, plan: Plan) -> Reply {
        self.acted = true;
        if plan.fate == Fate::Busy {
            return Reply::Busy;
        }
        let refuse = plan.fate == Fate::Refuse;
        self.world.get().act(&mut self.exchange, refuse, plan.expire)
    }

    fn breaks(&mut self, how: &str, error: crate::Error) -> crate::Error {
        self.over = true;
        self.world.get().broke(&self.exchange, how);
        error
    }

    fn reply(&mut self, reply: Reply, plan: Plan, end: BodyEnd) -> http::Response<RawBody> {
        self.over = true;
        let mut world = self.world.get();
        let mut response = http::Response::builder().status(reply.status());
        for (name, value) in world.session_headers(reply, plan.rotate) {
            response = response.header(name, value);
        }
        world.replied(&self.exchange, reply);
        let text = match reply {
            Reply::Refused => r#"{"code":"ERR003","message":"refused"}"#,
            Reply::Expired => r#"{"code":"ERR009","message":"expired"}"#,
            Reply::Busy => r#"{"code":"ERR001","message":"busy"}"#,
            Reply::LoggedOut => "",
            Reply::LoggedIn(_) | Reply::Token(_) | Reply::Fine(_) => "{}",
        };
        let whole = matches!(reply, Reply::Refused | Reply::Expired | Reply::LoggedOut);
        let end = if whole { BodyEnd::Complete } else { end };
        let response = response.header(header::CONTENT_TYPE, "application/json");
        response.body(body(Bytes::from_static(text.as_bytes()), end)).unwrap()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut world = self.world.get();
        // the server may have got the request all the same
        if !self.acted && chance(&mut world.rng, 50) {
            world.act(&mut self.exchange, false, false);
        }
        world.dropped(&self.exchange);
    }
}

/// The password of one login: slow, missing, failing or panicking as the seed says.
pub(super) struct Password {
    pub(super) world: Shared,
    pub(super) ask: usize,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    async fn call_back(&self) {
        let watch = self.world.get().watch.clone();
        let Some(session) = watch.and_then(|watch| watch.session()) else { return };
        let call = session.get("projects").send();
        let outcome = match tokio::time::timeout(Duration::from_secs(1), call).await {
            Ok(Ok(_)) => "succeeds".to_owned(),
            Ok(Err(error)) if error.kind() == ErrorKind::InvalidRequest => return,
            // the session was closed
            Ok(Err(error)) if error.kind() == ErrorKind::NoSession => return,
            Ok(Err(error)) => format!("fails: {:?}", error.kind()),
            Err(_) => "waits".to_owned(),
        };
        let what = format!("a call inside a login {outcome}");
        self.world.get().violate(Rule::CallInsideALoginFailsAtOnce, &what);
    }
}

impl SecretProvider for Password {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let (pause, source, value) = {
            let mut world = self.world.get();
            world.counts.resolutions += 1;
            world.count_event();
            let (pause, source) = world.source();
            let number = if world.config.rotating { world.counts.resolutions } else { 0 };
            let what = format!("the credentials of #{} are asked: {source:?}", self.ask);
            world.log(&what);
            (pause, source, format!("p{}.{number}", self.ask))
        };
        pause.wait().await;
        match source {
            Source::Value => Ok(value.into()),
            Source::CallsBack => {
                self.call_back().await;
                Ok(value.into())
            }
            Source::Missing => Err(CredentialError::missing("nothing here")),
            Source::Fails => Err(CredentialError::new("the source is down")),
            // no message on stderr, unlike panic!
            Source::Panics => std::panic::resume_unwind(Box::new("a credential panics")),
        }
    }
}

/// The value of a header that every request carries: slow, and never wrong.
pub(super) struct Gateway(pub(super) Shared);

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway")
    }
}

impl SecretProvider for Gateway {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let pause = self.0.get().pause();
        pause.wait().await;
        Ok("gateway".into())
    }
}
