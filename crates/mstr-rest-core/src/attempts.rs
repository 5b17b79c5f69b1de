//! `Attempts`: which failures of a request are retried, and after which delay.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::request::Request;
use crate::retry::asked_delay;
use crate::timeouts::Deadline;
use crate::{Error, ErrorKind, RetryPolicy};

/// The failures after which a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeatable {
    /// Only if nothing was sent.
    Unsent,
    /// If nothing was sent, or the status means that the server did not process the request.
    UnlessDone,
    /// After every transient failure.
    Always,
    /// Never: its body can be sent only once.
    Never,
}

impl Repeatable {
    pub(crate) fn of(request: &Request) -> Self {
        if !request.body.is_repeatable() {
            return Self::Never;
        }
        // a login is not repeated if it was rejected or may have succeeded
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

/// Counts the attempts of one request, and returns the delay before the next one.
pub(crate) struct Attempts {
    policy: RetryPolicy,
    repeatable: Repeatable,
    deadline: Option<Deadline>,
    start: Instant,
    retries: u32,
    /// The number of attempts, including those after re-logins.
    pub(crate) count: u32,
}

impl Attempts {
    pub(crate) fn new(
        policy: RetryPolicy,
        repeatable: Repeatable,
        deadline: Option<Deadline>,
    ) -> Self {
        Self { policy, repeatable, deadline, start: Instant::now(), retries: 0, count: 0 }
    }

    /// The delay before a retry after an error. `None` for no retry.
    pub(crate) fn after_error(
        &mut self,
        request: &Request,
        base: &Url,
        error: &Error,
    ) -> Option<Duration> {
        if !self.repeatable.after_error(error) {
            return None;
        }
        let wait = self.next_delay(None)?;
        self.log_retry(request, base, &format!("failed ({:?})", error.kind()), wait);
        Some(wait)
    }

    /// The delay before a retry after the re-login of the request failed with a transient error.
    /// `None` for no retry. A request that receives an expired session had no effect, so its method
    /// does not matter. The login itself has retried connect errors and statuses.
    pub(crate) fn after_relogin(
        &mut self,
        request: &Request,
        base: &Url,
        error: &Error,
    ) -> Option<Duration> {
        let is_transient = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Transport);
        if self.repeatable == Repeatable::Never || !is_transient {
            return None;
        }
        let wait = self.next_delay(None)?;
        self.log_retry(request, base, "received an expired session, and the re-login failed", wait);
        Some(wait)
    }

    /// The delay before a retry after the status of a reply. `None` for no retry.
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
        let wait = self.next_delay(asked_delay(headers))?;
        self.log_retry(request, base, &format!("returned {}", status.as_u16()), wait);
        Some(wait)
    }

    /// Counts a retry and returns its delay. `None` if the policy or the deadline allows no more.
    fn next_delay(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.retries >= self.policy.max_retries {
            return None;
        }
        let wait = self.policy.delay(self.retries + 1, retry_after)?;
        let next_start = self.start.elapsed().saturating_add(wait);
        let too_late = self.policy.total_timeout.is_some_and(|timeout| next_start > timeout)
            || self.deadline.is_some_and(|deadline| deadline.is_over_after(wait));
        if too_late {
            return None;
        }
        self.retries += 1;
        Some(wait)
    }

    fn log_retry(&self, request: &Request, base: &Url, what: &str, wait: Duration) {
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

    /// The start of the first attempt.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// The time since the start of the first attempt.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds the number of attempts and the elapsed time to an error.
    pub(crate) fn mark(&self, error: Error) -> Error {
        error.with_attempts(self.count, self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn no_delay_ends_after_a_timeout() {
        let attempts =
            |policy: RetryPolicy, deadline| Attempts::new(policy, Repeatable::Always, deadline);
        let policy = RetryPolicy::default().base_delay(S).jitter(false);
        let every_second = policy.max_delay(S).max_retries(9);
        let mut three = attempts(every_second.clone().total_timeout(S * 3), None);
        for _ in 0..3 {
            assert_eq!(three.next_delay(None), Some(S));
            tokio::time::advance(S).await;
        }
        assert_eq!(three.next_delay(None), None);
        let mut unlimited = attempts(every_second.clone().total_timeout(None), None);
        tokio::time::advance(S * 1000).await;
        assert_eq!(unlimited.next_delay(None), Some(S));
        // a delay that ends with the call leaves no time for the attempt
        let mut bounded = attempts(every_second.clone(), Deadline::after(S * 2));
        assert_eq!(bounded.next_delay(None), Some(S));
        tokio::time::advance(S).await;
        assert_eq!(bounded.next_delay(None), None);
        let mut counted = attempts(every_second.max_retries(2), None);
        assert_eq!([(); 3].map(|()| counted.next_delay(None).is_some()), [true, true, false]);
        assert_eq!(counted.retries, 2);
    }

    #[test]
    fn each_failure_is_retried_for_the_right_requests() {
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
}
