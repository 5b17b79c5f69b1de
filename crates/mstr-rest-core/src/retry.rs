//! When a request is sent again, and after how long.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::Instant;
use url::Url;

use crate::request::Request;
use crate::time::Deadline;
use crate::{Error, ErrorKind};

/// When requests are sent again. Nothing is unless a session or a call is given a policy.
///
/// Sent again are: requests that could not connect, whatever their method, for nothing was sent
/// (not when the certificate is not trusted or a proxy refused the login: that stays so);
/// and idempotent ones (`GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE`, or what
/// [`Call::idempotent`](crate::Call::idempotent) says) when the exchange broke or took too long,
/// or the status was 429, 502, 503 or 504. A login is sent again when it could not connect or met
/// one of those statuses, never when it was refused; a logout as an idempotent request, for one
/// that comes twice does no harm. A request that met an expired session did nothing: when the
/// re-login breaks, it begins another one, whatever its method. A 500 is never hidden: the server
/// answers it for an object that does not exist. A streamed body that can be sent once is never
/// sent again, whatever happened.
///
/// Waits double from [`base_delay`](Self::base_delay) up to [`max_delay`](Self::max_delay), each
/// shortened by chance (full jitter) so that many clients do not come back at once. A `Retry-After`
/// of the server, seconds or a date, is never undercut: when it asks for more than `max_delay`,
/// there is no further try.
///
/// ```
/// use std::time::Duration;
/// use mstr_rest_core::{RetryPolicy, Session};
///
/// let builder = Session::builder("https://host/MicroStrategyLibrary/api/")
///     .retry(RetryPolicy::default().max_retries(5).base_delay(Duration::from_secs(1)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
    total_limit: Option<Duration>,
    jitter: bool,
}

impl Default for RetryPolicy {
    /// 3 retries, waits from 0.5 s to 60 s with jitter, 5 minutes in all.
    fn default() -> Self {
        Self {
            max_retries: 3,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            total_limit: Some(Duration::from_secs(300)),
            jitter: true,
        }
    }
}

impl RetryPolicy {
    /// No retries.
    pub fn none() -> Self {
        Self::default().max_retries(0)
    }

    /// How many times a request is sent again, after the first time.
    pub fn max_retries(mut self, number: u32) -> Self {
        self.max_retries = number;
        self
    }

    /// The longest first wait; each further one is twice as long.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest wait.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// No wait begins that would end later than this after the first try. `None` is no limit.
    pub fn total_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total_limit = limit.into();
        self
    }

    /// Whether waits are shortened by chance.
    pub fn jitter(mut self, yes: bool) -> Self {
        self.jitter = yes;
        self
    }

    /// The wait before retry number `retry`, counted from 1; `None` when the server asks for a
    /// longer one than is allowed.
    pub(crate) fn delay(&self, retry: u32, retry_after: Option<Duration>) -> Option<Duration> {
        let doublings = 1u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX);
        let backoff = self.base_delay.saturating_mul(doublings).min(self.max_delay);
        let backoff = if self.jitter { backoff.mul_f64(fastrand::f64()) } else { backoff };
        match retry_after {
            Some(asked) if asked > self.max_delay => None,
            Some(asked) => Some(backoff.max(asked)),
            None => Some(backoff),
        }
    }
}

/// `Retry-After`: seconds, fractions too, or an HTTP date.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// What may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeatable {
    /// Only if nothing was sent.
    Unsent,
    /// If nothing was sent, or the server says that it is busy.
    UnlessDone,
    /// Whenever it helps.
    Always,
    Never,
}

impl Repeatable {
    pub(crate) fn of(request: &Request) -> Self {
        if !request.body.is_repeatable() {
            return Self::Never;
        }
        // a login that was refused is not repeated, nor one that may have been done
        if request.forbids_redirects() && request.idempotent.is_none() {
            return Self::UnlessDone;
        }
        let by_method = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE]
            .contains(&request.method);
        if request.idempotent.unwrap_or(by_method) { Self::Always } else { Self::Unsent }
    }

    fn after_error(self, error: &Error) -> bool {
        match error.kind() {
            _ if error.is_final() => false,
            ErrorKind::Connect => self != Self::Never,
            ErrorKind::Timeout | ErrorKind::Transport => self == Self::Always,
            _ => self == Self::Always && error.is_cut_off(),
        }
    }

    fn after_status(self, status: StatusCode) -> bool {
        matches!(self, Self::Always | Self::UnlessDone)
            && matches!(status.as_u16(), 429 | 502 | 503 | 504)
    }
}

/// The tries of one request.
pub(crate) struct Tries {
    policy: RetryPolicy,
    repeatable: Repeatable,
    deadline: Option<Deadline>,
    start: Instant,
    retries: u32,
    /// How many times the request was sent, re-logins counted too.
    pub(crate) attempts: u32,
}

impl Tries {
    pub(crate) fn new(
        policy: RetryPolicy,
        repeatable: Repeatable,
        deadline: Option<Deadline>,
    ) -> Self {
        Self { policy, repeatable, deadline, start: Instant::now(), retries: 0, attempts: 0 }
    }

    /// The wait before the request is sent again because of its error.
    pub(crate) fn after_error(
        &mut self,
        request: &Request,
        base: &Url,
        error: &Error,
    ) -> Option<Duration> {
        if !self.repeatable.after_error(error) {
            return None;
        }
        let wait = self.wait(None)?;
        self.announce(request, base, &format!("failed ({:?})", error.kind()), wait);
        Some(wait)
    }

    /// The same because the re-login that it waited for broke. A request that met an expired
    /// session did nothing, so the method does not matter. Connect errors and statuses were the
    /// login's own to try again.
    pub(crate) fn after_renewal(
        &mut self,
        request: &Request,
        base: &Url,
        error: &Error,
    ) -> Option<Duration> {
        let broke = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport);
        if self.repeatable == Repeatable::Never || !broke {
            return None;
        }
        let wait = self.wait(None)?;
        self.announce(request, base, "met an expired session, and the re-login broke", wait);
        Some(wait)
    }

    /// The same because of the status of its reply.
    pub(crate) fn after_status(
        &mut self,
        request: &Request,
        base: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<Duration> {
        if !self.repeatable.after_status(status) {
            return None;
        }
        let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = self.wait(asked.and_then(|text| retry_after(text, SystemTime::now())))?;
        self.announce(request, base, &format!("returned {}", status.as_u16()), wait);
        Some(wait)
    }

    fn wait(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.retries >= self.policy.max_retries {
            return None;
        }
        let wait = self.policy.delay(self.retries + 1, retry_after)?;
        let in_all = self.start.elapsed().saturating_add(wait);
        let too_late = self.policy.total_limit.is_some_and(|limit| in_all > limit)
            || self.deadline.is_some_and(|deadline| deadline.is_over_after(wait));
        if too_late {
            return None;
        }
        self.retries += 1;
        Some(wait)
    }

    fn announce(&self, request: &Request, base: &Url, what: &str, wait: Duration) {
        let url = request.target(base).map(|target| crate::url::redact(&target.url));
        tracing::warn!(
            delay_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "{} {} {what}; retry {} of {} in {:.1}s",
            request.method,
            url.as_deref().unwrap_or_default(),
            self.retries,
            self.policy.max_retries,
            wait.as_secs_f64(),
        );
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// When the first try began.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Since the first try.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Writes into an error what it took to get it.
    pub(crate) fn mark(&self, error: Error) -> Error {
        error.with_tries(self.attempts, self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn policy(base: Duration) -> RetryPolicy {
        RetryPolicy::default().base_delay(base).jitter(false)
    }

    #[test]
    fn waits_double_and_are_capped() {
        let half = policy(S / 2);
        assert_eq!(half.delay(1, None), Some(S / 2));
        assert_eq!(half.delay(3, None), Some(S * 2));
        assert_eq!(policy(S).delay(20, None), Some(S * 60));
        assert_eq!(policy(S).delay(u32::MAX, None), Some(S * 60));
        assert_eq!(policy(Duration::ZERO).delay(1025, None), Some(Duration::ZERO));
    }

    #[test]
    fn the_server_is_never_undercut() {
        assert_eq!(policy(S / 2).delay(1, Some(S * 10)), Some(S * 10));
        assert_eq!(policy(S * 20).delay(1, Some(S * 10)), Some(S * 20));
        assert_eq!(policy(S).delay(1, Some(S * 60)), Some(S * 60));
        assert_eq!(policy(S).delay(1, Some(S * 600)), None, "that long is not waited");
        let jittered = policy(S).jitter(true);
        for _ in 0..100 {
            assert!(jittered.delay(4, None).unwrap() <= S * 8);
            assert!(jittered.delay(1, Some(S * 3)).unwrap() >= S * 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_goes_beyond_a_limit() {
        let tries = |policy, deadline| Tries::new(policy, Repeatable::Always, deadline);
        let every_second = policy(S).max_delay(S).max_retries(9);
        let mut three = tries(every_second.clone().total_limit(S * 3), None);
        for _ in 0..3 {
            assert_eq!(three.wait(None), Some(S));
            tokio::time::advance(S).await;
        }
        assert_eq!(three.wait(None), None);
        let mut unlimited = tries(every_second.clone().total_limit(None), None);
        tokio::time::advance(S * 1000).await;
        assert_eq!(unlimited.wait(None), Some(S));
        // a wait that ends with the call leaves no time for the call
        let mut bounded = tries(every_second.clone(), Deadline::after(S * 2));
        assert_eq!(bounded.wait(None), Some(S));
        tokio::time::advance(S).await;
        assert_eq!(bounded.wait(None), None);
        let mut counted = tries(every_second.max_retries(2), None);
        assert_eq!([(); 3].map(|()| counted.wait(None).is_some()), [true, true, false]);
        assert_eq!(counted.retries, 2);
    }

    #[test]
    fn what_is_repeated_after_what() {
        use Repeatable::{Always, Never, UnlessDone, Unsent};
        let all = [Always, UnlessDone, Unsent, Never];
        let after = |kind| all.map(|repeatable| repeatable.after_error(&Error::new(kind, "x")));
        assert_eq!(after(ErrorKind::Connect), [true, true, true, false]);
        for kind in [ErrorKind::Timeout, ErrorKind::Transport] {
            assert_eq!(after(kind), [true, false, false, false], "{kind:?}");
        }
        for kind in [ErrorKind::Http, ErrorKind::Redirect, ErrorKind::LoginFailure] {
            assert_eq!(after(kind), [false; 4], "{kind:?}");
        }
        for repeatable in all {
            let error = Error::new(ErrorKind::Connect, "x").into_final();
            assert!(!repeatable.after_error(&error) && !error.is_transient());
        }
        for status in [200, 400, 401, 404, 408, 429, 500, 501, 502, 503, 504, 505] {
            let busy = matches!(status, 429 | 502 | 503 | 504);
            let status = StatusCode::from_u16(status).unwrap();
            let after = all.map(|repeatable| repeatable.after_status(status));
            assert_eq!(after, [busy, busy, false, false], "{status}");
        }
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |text: &str| retry_after(text, now);
        assert_eq!(parse(" 3 "), Some(S * 3));
        assert_eq!(parse("0.5"), Some(S / 2));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:47 GMT"), Some(S * 10));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO), "it is past");
        for junk in ["", "soon", "nan", "-1", "inf", "1e400"] {
            assert_eq!(parse(junk), None, "{junk}");
        }
    }
}
