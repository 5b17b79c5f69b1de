//! The in-process server, and the credentials of the logins.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, header};
use url::Url;

use super::adapter::{BodyEnd, Endpoint, RawBody, body, cannot_connect, connection_lost};
use super::config::{Rule, chance};
use super::exchange::{Exchange, Reply};
use super::plan::{Behavior, Plan, Source};
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
    let mut open = OpenExchange { world, exchange, acted: false, over: false };
    plan.before.wait().await;
    match plan.behavior {
        Behavior::CannotConnect => return Err(open.fail("cannot connect", cannot_connect())),
        Behavior::LostBefore => return Err(open.fail("is lost", connection_lost())),
        _ => {}
    }
    let reply = open.act(plan);
    plan.after.wait().await;
    match plan.behavior {
        Behavior::LostAfter => Err(open.fail("the reply is lost", connection_lost())),
        Behavior::Stall => std::future::pending().await,
        Behavior::Answer(end) => Ok(open.reply(reply, plan, end)),
        _ => Ok(open.reply(reply, plan, BodyEnd::Complete)),
    }
}

/// A request without a reply yet. If it is dropped before its end, the client has dropped the
/// exchange.
struct OpenExchange {
    world: Shared,
    exchange: Exchange,
    acted: bool,
    over: bool,
}

impl OpenExchange {
    fn act(&mut self, plan: Plan) -> Reply {
        self.acted = true;
        if plan.behavior == Behavior::Busy {
            return Reply::Busy;
        }
        let reject = plan.behavior == Behavior::Reject;
        self.world.get().act(&mut self.exchange, reject, plan.expire)
    }

    fn fail(&mut self, how: &str, error: crate::Error) -> crate::Error {
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
            Reply::Rejected => r#"{"code":"ERR003","message":"rejected"}"#,
            Reply::Expired => r#"{"code":"ERR009","message":"expired"}"#,
            Reply::Busy => r#"{"code":"ERR001","message":"busy"}"#,
            Reply::LoggedOut => "",
            Reply::LoggedIn(_) | Reply::Token(_) | Reply::Fine(_) => "{}",
        };
        let whole = matches!(reply, Reply::Rejected | Reply::Expired | Reply::LoggedOut);
        let end = if whole { BodyEnd::Complete } else { end };
        let response = response.header(header::CONTENT_TYPE, "application/json");
        response.body(body(Bytes::from_static(text.as_bytes()), end)).unwrap()
    }
}

impl Drop for OpenExchange {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut world = self.world.get();
        // the server may have received the request nevertheless
        if !self.acted && chance(&mut world.rng, 50) {
            world.act(&mut self.exchange, false, false);
        }
        world.dropped(&self.exchange);
    }
}

/// The password of one login. The seed decides whether it is slow, missing, fails or panics.
pub(super) struct Password {
    pub(super) world: Shared,
    pub(super) login_action: usize,
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
            let what = format!("credentials of #{} are resolved: {source:?}", self.login_action);
            world.log(&what);
            (pause, source, format!("p{}.{number}", self.login_action))
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
            // unlike `panic!`, this prints no message on stderr
            Source::Panics => std::panic::resume_unwind(Box::new("a credential panics")),
        }
    }
}

/// The value of the default header: slow, but it never fails.
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
