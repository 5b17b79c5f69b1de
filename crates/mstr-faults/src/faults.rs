//! The rows: what goes wrong.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mstr_sim::{Fault as Act, Reply};

use crate::bench::Bench;

/// How long the body of an error must not be read to its end.
pub(crate) const HUGE: usize = 100 << 20;

/// What a body should have been.
const JSON: &str = r#"{"rows":[1,2,3]}"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Refused,
    Dns,
    Tls,
    Reset,
    ResetOnceAfterWork,
    ResetInHead,
    StallHead,
    StallBody,
    CutBody,
    LengthShort,
    LengthGarbage,
    Html502,
    RetryAfterSeconds,
    RetryAfterDate,
    RetryAfterTooLong,
    Status429,
    Error500,
    ExpiredOnce,
    ExpiredAlways,
    Err003,
    ReloginRefused,
    RedirectLoop,
    RedirectElsewhere,
    ContentType,
    InvalidJson,
    InvalidUtf8,
    HugeError,
    GzipBomb,
    NodeLost,
    ClockJump,
}

impl Fault {
    pub(crate) const ALL: [(Self, &'static str); 30] = [
        (Self::Refused, "connection-refused"),
        (Self::Dns, "dns-failure"),
        (Self::Tls, "tls-failure"),
        (Self::Reset, "reset"),
        (Self::ResetOnceAfterWork, "reset-once-after-work"),
        (Self::ResetInHead, "reset-inside-reply"),
        (Self::StallHead, "stall-before-head"),
        (Self::StallBody, "stall-inside-body"),
        (Self::CutBody, "truncated-body"),
        (Self::LengthShort, "length-too-short"),
        (Self::LengthGarbage, "length-not-a-number"),
        (Self::Html502, "html-502"),
        (Self::RetryAfterSeconds, "503-once-seconds"),
        (Self::RetryAfterDate, "503-once-date"),
        (Self::RetryAfterTooLong, "503-asks-too-long"),
        (Self::Status429, "429"),
        (Self::Error500, "500-err001"),
        (Self::ExpiredOnce, "err009-once"),
        (Self::ExpiredAlways, "err009-always"),
        (Self::Err003, "401-err003"),
        (Self::ReloginRefused, "relogin-refused"),
        (Self::RedirectLoop, "redirect-loop"),
        (Self::RedirectElsewhere, "redirect-elsewhere"),
        (Self::ContentType, "wrong-content-type"),
        (Self::InvalidJson, "invalid-json"),
        (Self::InvalidUtf8, "invalid-utf8"),
        (Self::HugeError, "100-mb-error-body"),
        (Self::GzipBomb, "gzip-bomb-error"),
        (Self::NodeLost, "node-lost"),
        (Self::ClockJump, "clock-jump"),
    ];

    /// No server is ever reached, not even by a login.
    pub(crate) fn is_unreachable(self) -> bool {
        matches!(self, Self::Refused | Self::Dns | Self::Tls)
    }

    pub(crate) fn refuses_relogin(self) -> bool {
        self == Self::ReloginRefused
    }

    /// What goes over the wire where no HTTP server would say it, and whether a reset follows.
    pub(crate) fn raw(self) -> Option<(&'static [u8], bool)> {
        match self {
            Self::ResetInHead => Some((b"HTTP/1.1 200 OK\r\nContent-Le", true)),
            Self::LengthShort => Some((
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n\
                  {\"rows\":[1,2,3]}",
                false,
            )),
            Self::LengthGarbage => {
                Some((b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n{\"rows\":[1,2,3]}", false))
            }
            _ => None,
        }
    }

    /// How long a call that is sent again must have waited: a `Retry-After` is never undercut.
    pub(crate) fn least_wait(self) -> Duration {
        match self {
            // dates have no fractions: 2 s ahead is more than 1 s
            Self::RetryAfterSeconds | Self::RetryAfterDate => Duration::from_secs(1),
            _ => Duration::ZERO,
        }
    }

    /// How long nothing may move.
    pub(crate) fn read_timeout(self) -> Duration {
        match self {
            // a busy machine is no stall: not much shorter
            Self::StallHead | Self::StallBody => Duration::from_secs(1),
            _ => Duration::from_secs(5),
        }
    }

    /// What the server does from now on.
    pub(crate) async fn act(self, bench: &Bench) {
        let server = &bench.server;
        match self {
            Self::Refused => {
                server.stop().await;
                connections_end().await;
            }
            // where the session is sent to says it all, or the relay in between
            Self::Dns | Self::Tls | Self::ResetInHead | Self::LengthShort | Self::LengthGarbage => {
            }
            Self::Reset => bench.strike(Act::reset),
            Self::ResetOnceAfterWork => bench.strike(|| Act::reset_after_work().times(1)),
            Self::StallHead => bench.strike(Act::stall),
            Self::StallBody => bench.strike(|| body(JSON).and(|reply| reply.stall_at(3))),
            Self::CutBody => bench.strike(|| body(JSON).and(|reply| reply.cut_at(3))),
            Self::Html502 => bench.strike(|| Act::html(502)),
            Self::RetryAfterSeconds => bench.strike(|| Act::retry_after(503, "1").times(1)),
            Self::RetryAfterDate => bench.strike(|| {
                let date = SystemTime::now() + Duration::from_secs(2);
                Act::retry_after(503, &httpdate::fmt_http_date(date)).times(1)
            }),
            Self::RetryAfterTooLong => bench.strike(|| Act::retry_after(503, "3600")),
            Self::Status429 => bench.strike(|| Act::status(429)),
            Self::Error500 => {
                bench.strike(|| Act::reply(Reply::error(500, "ERR001", "no such object")));
            }
            Self::ExpiredOnce if bench.operation.is_login() => {
                bench.strike(|| Act::reply(Reply::session_expired()).times(1));
            }
            Self::ExpiredOnce => drop(server.expire_all()),
            Self::ExpiredAlways => bench.strike(|| Act::reply(Reply::session_expired())),
            Self::Err003 => bench.strike(|| Act::reply(Reply::login_failed())),
            Self::ReloginRefused => {
                server.expire_all();
                server.inject(Act::reply(Reply::login_failed()).on_path("/auth/login"));
            }
            Self::RedirectLoop => {
                for (_, path) in bench.operation.targets() {
                    let again = format!("{}{}", server.base_url(), path.trim_start_matches('/'));
                    server.inject(Act::redirect(302, &again).on_path(path));
                }
            }
            Self::RedirectElsewhere => {
                let url = format!("{}landed", bench.elsewhere.base_url());
                bench.strike(|| Act::redirect(307, &url));
            }
            Self::ContentType => bench.strike(|| Act::content_type("text/html")),
            Self::InvalidJson => bench.strike(|| body(r#"{"rows":"#).into()),
            Self::InvalidUtf8 => bench.strike(|| body(b"{\"rows\":\"\xff\xfe\"}").into()),
            Self::HugeError => bench.strike(|| Act::reply(huge_error())),
            Self::GzipBomb => bench.strike(|| Act::reply(gzip_bomb().with_status(500))),
            Self::NodeLost => {
                if let Err(error) = server.restart().await {
                    bench.complain(format!("the server did not start again: {error}"));
                }
                connections_end().await;
            }
            Self::ClockJump => server.advance(Duration::from_secs(3 * 3600)),
        }
    }
}

/// Waits until the client has seen that its idle connections are gone: a request on one that is
/// just ending may have been read.
async fn connections_end() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// The server does its work and keeps its headers; the body of its reply is another one.
struct OtherBody(Bytes);

fn body(bytes: impl AsRef<[u8]>) -> OtherBody {
    OtherBody(Bytes::copy_from_slice(bytes.as_ref()))
}

impl OtherBody {
    fn and(self, then: impl Fn(Reply) -> Reply + Send + Sync + 'static) -> Act {
        Act::alter(move |_, reply| {
            then(reply.with_status(200).with_body("application/json", self.0.clone()))
        })
    }
}

impl From<OtherBody> for Act {
    fn from(body: OtherBody) -> Self {
        body.and(|reply| reply)
    }
}

/// One for all: the cells share the memory.
pub(crate) fn huge_error() -> Reply {
    static BODY: OnceLock<Bytes> = OnceLock::new();
    let body = BODY.get_or_init(|| vec![b' '; HUGE].into());
    Reply::new(500).with_body("application/json", body.clone())
}

/// A 200 of a hundred kilobytes that unpacks to [`HUGE`].
pub(crate) fn gzip_bomb() -> Reply {
    static BOMB: OnceLock<Reply> = OnceLock::new();
    BOMB.get_or_init(|| Reply::gzip_bomb(HUGE)).clone()
}
