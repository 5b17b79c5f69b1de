//! One exchange as the server sees it, and the checks of rules with it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::adapter::{Endpoint, token_and_cookie};
use super::config::Rule;
use super::world::{Issued, World, parse_token};

/// The client must not drop the exchange of a login earlier than this; all timeouts are longer.
const MIN_LOGIN_TIME: Duration = Duration::from_secs(5);

/// The time that a running login has after the session was closed, less `MIN_LOGIN_TIME`.
const CLOSED_LOGIN_TIME: Duration = Duration::from_secs(25);

/// A request without a reply yet.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    number: usize,
    pub(super) endpoint: Endpoint,
    /// The session whose token is sent with it.
    session: Option<usize>,
    /// The session whose cookie is sent with it.
    cookie: Option<usize>,
    /// It must be sent without token and cookies.
    open: bool,
    body: Bytes,
    /// The login action with the credentials of a login.
    login_action: Option<usize>,
    relogin: bool,
    /// The session that a re-login renews.
    expired: Option<usize>,
    began: u64,
    began_at: Duration,
    /// The session that the server issued for it.
    issued: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    LoggedIn(usize),
    Rejected,
    LoggedOut,
    /// `ERR009`.
    Expired,
    Busy,
    Token(usize),
    Fine(Option<usize>),
}

impl Reply {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::LoggedIn(_) | Self::LoggedOut => StatusCode::NO_CONTENT,
            Self::Rejected | Self::Expired => StatusCode::UNAUTHORIZED,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Token(_) | Self::Fine(_) => StatusCode::OK,
        }
    }
}

/// The number in a secret: 7 for `p7.2`.
fn login_action_of(body: &[u8]) -> Option<usize> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = body.get("password").or_else(|| body.get("identityToken"))?.as_str()?;
    text.strip_prefix('p')?.split('.').next()?.parse().ok()
}

impl World {
    pub(super) fn request(
        &mut self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Exchange {
        self.counts.exchanges += 1;
        if !url.path().ends_with("/sessions") {
            self.count_event();
        }
        let (token, cookie) = token_and_cookie(headers);
        let mut exchange = Exchange {
            number: self.counts.exchanges,
            endpoint: Endpoint::of(method, url),
            session: token.as_deref().and_then(parse_token).map(|(session, _)| session),
            cookie: cookie.as_deref().and_then(|text| text.strip_prefix('S')?.parse().ok()),
            open: url.path().ends_with("/status"),
            login_action: login_action_of(&body),
            body,
            relogin: false,
            expired: None,
            began: self.next_event(),
            began_at: self.now(),
            issued: None,
        };
        let sends_credentials = matches!(exchange.endpoint, Endpoint::Login | Endpoint::Delegate);
        let free = exchange
            .login_action
            .is_some_and(|n| !self.login_actions[n].returned && !self.login_actions[n].used);
        exchange.relogin = sends_credentials && !free;
        let what = format!(
            "-> {} {method} {}{}{}",
            exchange.number,
            url.path(),
            token.map(|token| format!(" {token}")).unwrap_or_default(),
            match exchange.login_action {
                Some(n) if exchange.relogin => format!(" again with the credentials of #{n}"),
                Some(n) => format!(" of login #{n}"),
                None => String::new(),
            }
        );
        self.log(&what);
        self.check_request(&exchange);
        if exchange.relogin {
            exchange.expired = self.check_relogin(&exchange);
        }
        exchange
    }

    fn check_request(&mut self, exchange: &Exchange) {
        let number = exchange.number;
        if let Some(id) = exchange.session {
            if self.sessions[id].known_ended && !self.sessions[id].shared {
                let what = format!(
                    "request {number} ({:?}) has the token of S{id}, whose logout was acknowledged",
                    exchange.endpoint
                );
                self.violate(Rule::NothingIsSentWithAnEndedLogin, &what);
            }
            if exchange.cookie.is_some_and(|cookie| cookie != id) {
                let what = format!("request {number}: token S{id}, cookie {:?}", exchange.cookie);
                self.violate(Rule::TokenAndCookiesBelongTogether, &what);
            }
        }
        match exchange.endpoint {
            Endpoint::Login | Endpoint::Delegate
                if exchange.session.is_some() || exchange.cookie.is_some() =>
            {
                let what = format!("login {number} has a token or a cookie");
                self.violate(Rule::TokenAndCookiesBelongTogether, &what);
            }
            Endpoint::Other => {
                if exchange.open && (exchange.session.is_some() || exchange.cookie.is_some()) {
                    let what = format!("request {number} must be sent without auth");
                    self.violate(Rule::TokenAndCookiesBelongTogether, &what);
                }
                if self.closed.is_some_and(|closed| exchange.began > closed + 1) {
                    let what = format!("request {number} is sent after close()");
                    self.violate(Rule::NothingIsSentAfterClose, &what);
                }
            }
            _ => {}
        }
    }

    /// Checks that there is a reason for a re-login. Returns the session that it renews.
    fn check_relogin(&mut self, exchange: &Exchange) -> Option<usize> {
        let number = exchange.number;
        if self.logged_out {
            let what = format!("login {number} is sent; logout() returned Ok before");
            self.violate(Rule::NoLoginAfterLogout, &what);
        }
        if self.rejected_bodies.contains(&exchange.body) {
            let what = format!("login {number} was rejected before, and is sent again");
            self.violate(Rule::RejectedLoginIsNotRepeated, &what);
        }
        self.watch.as_ref()?;
        let current = self.current();
        let retry = self.config.retry;
        let reason = match current {
            None => Err((Rule::NoLoginAfterLogout, "the session has no token".to_owned())),
            Some(id) => {
                let session = &self.sessions[id];
                if session.alive {
                    Err((Rule::OneLoginPerExpiry, format!("S{id} is alive")))
                } else if !session.rejected {
                    Err((Rule::OneLoginPerExpiry, format!("no reply showed that S{id} expired")))
                } else if session.renewed {
                    Err((Rule::OneLoginPerExpiry, format!("S{id} was renewed already")))
                } else if session.failed_at.is_some() && !session.rejected_since && !retry {
                    let what = format!("no later request needed a re-login of S{id}");
                    Err((Rule::FailedReloginIsShared, what))
                } else {
                    Ok(id)
                }
            }
        };
        match reason {
            Ok(id) => return Some(id),
            Err((rule, what)) => {
                let same = self.grace_body.as_ref().is_some_and(|body| *body == exchange.body);
                if self.grace > 0 || same {
                    self.grace -= u32::from(!same);
                    self.grace_body = Some(exchange.body.clone());
                } else {
                    self.violate(rule, &format!("login {number}, but {what}"));
                }
            }
        }
        None
    }

    /// Processes the request on the server.
    pub(super) fn act(&mut self, exchange: &mut Exchange, reject: bool, expire: bool) -> Reply {
        let known = exchange.session.filter(|id| self.sessions[*id].alive);
        match exchange.endpoint {
            Endpoint::Login | Endpoint::Delegate => {
                if reject || self.rejecting && !self.healthy {
                    return Reply::Rejected;
                }
                let ours = exchange.endpoint == Endpoint::Login;
                let sent_at = exchange.began;
                let by_relogin = exchange.relogin;
                let alive = true;
                let issued = Issued { ours, alive, sent_at, by_relogin, ..Issued::default() };
                let id = self.issue(issued);
                self.log(&format!("server: {} issues S{id}", exchange.number));
                self.counts.logins += 1;
                exchange.issued = Some(id);
                match exchange.login_action {
                    Some(n) if !exchange.relogin => self.login_actions[n].used = true,
                    _ => self.counts.relogins += 1,
                }
                Reply::LoggedIn(id)
            }
            Endpoint::BrowserToken => match exchange.cookie {
                Some(id) if self.sessions[id].alive => Reply::Token(id),
                _ => Reply::Expired,
            },
            Endpoint::Logout => match known {
                Some(id) => {
                    self.sessions[id].alive = false;
                    self.counts.logouts += 1;
                    self.log(&format!("server: S{id} is logged out"));
                    Reply::LoggedOut
                }
                None => Reply::Expired,
            },
            Endpoint::Other if exchange.open => Reply::Fine(None),
            Endpoint::Other => {
                if let Some(id) = known.filter(|_| expire) {
                    self.expire(id);
                }
                match known.filter(|id| self.sessions[*id].alive) {
                    Some(id) => Reply::Fine(Some(id)),
                    None => Reply::Expired,
                }
            }
        }
    }

    /// Records that the head of the reply reached the client.
    pub(super) fn replied(&mut self, exchange: &Exchange, reply: Reply) {
        self.log(&format!("<- {} {reply:?}", exchange.number));
        let event = self.next_event();
        match reply {
            Reply::LoggedIn(id) => {
                self.sessions[id].delivered = true;
                self.rejected_bodies.clear();
                if let Some(expired) = exchange.expired {
                    self.sessions[expired].renewed = true;
                }
            }
            Reply::Rejected => {
                self.counts.rejections += 1;
                self.rejected_bodies.insert(exchange.body.clone());
                // other credentials may be sent at once
                self.relogin_failed(exchange, event, self.config.rotating);
            }
            Reply::LoggedOut => {
                if let Some(id) = exchange.session {
                    self.sessions[id].known_ended = true;
                }
            }
            Reply::Expired => {
                if let Some(id) = exchange.session {
                    let session = &mut self.sessions[id];
                    if exchange.endpoint == Endpoint::Logout {
                        session.known_ended = true;
                    } else {
                        session.rejected = true;
                        session.rejected_since |=
                            session.failed_at.is_some_and(|failed| exchange.began > failed);
                    }
                }
            }
            Reply::Busy => self.failed_at(exchange, event),
            Reply::Token(_) | Reply::Fine(_) => {}
        }
    }

    /// Records that the exchange failed.
    pub(super) fn broke(&mut self, exchange: &Exchange, how: &str) {
        self.log(&format!("<- {} {how}", exchange.number));
        let event = self.next_event();
        if let Some(id) = exchange.issued {
            self.sessions[id].given_up = Some("its reply was lost");
            self.counts.lost_logins += 1;
        }
        self.failed_at(exchange, event);
    }

    /// Records that the client dropped the exchange before the reply.
    pub(super) fn dropped(&mut self, exchange: &Exchange) {
        if self.over {
            return;
        }
        let age = self.now().saturating_sub(exchange.began_at);
        self.log(&format!("<- {} is dropped by the client", exchange.number));
        let event = self.next_event();
        if let Some(id) = exchange.issued {
            let closed =
                self.ends.is_some_and(|at| self.now().saturating_sub(at) >= CLOSED_LOGIN_TIME);
            if age < MIN_LOGIN_TIME && !closed {
                let what =
                    format!("the login {} that issued S{id}, after {age:?}", exchange.number);
                self.violate(Rule::LoginIsNotDropped, &what);
            }
            self.sessions[id].given_up = Some("its reply was lost");
            self.counts.lost_logins += 1;
        }
        self.failed_at(exchange, event);
    }

    fn failed_at(&mut self, exchange: &Exchange, event: u64) {
        match (exchange.endpoint, exchange.session) {
            (Endpoint::Logout, Some(id)) => self.sessions[id].failed_logouts += 1,
            _ => self.relogin_failed(exchange, event, false),
        }
    }

    fn relogin_failed(&mut self, exchange: &Exchange, event: u64, may_retry: bool) {
        if let Some(id) = exchange.expired {
            let session = &mut self.sessions[id];
            session.failed_at = Some(event);
            session.rejected_since = may_retry;
        }
    }

    /// The headers of a reply with token and cookie. `rotate`: with a new revision of the token.
    pub(super) fn session_headers(&mut self, reply: Reply, rotate: bool) -> Vec<(&str, String)> {
        match reply {
            Reply::LoggedIn(id) | Reply::Token(id) => {
                let revision = self.sessions[id].revision;
                vec![
                    ("x-mstr-authtoken", format!("S{id}.{revision}")),
                    ("set-cookie", format!("iSession=S{id}; Path=/")),
                ]
            }
            Reply::Fine(Some(id)) => {
                let mut headers = vec![("set-cookie", format!("iSession=S{id}; Path=/"))];
                if rotate {
                    self.counts.rotations += 1;
                    self.sessions[id].revision += 1;
                    let revision = self.sessions[id].revision;
                    headers.push(("x-mstr-authtoken", format!("S{id}.{revision}")));
                }
                headers
            }
            // a real server deletes the cookie with the session
            Reply::Expired => vec![("set-cookie", "iSession=; Path=/; Max-Age=0".to_owned())],
            _ => Vec::new(),
        }
    }
}
