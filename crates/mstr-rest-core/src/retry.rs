//! `RetryPolicy`: the number of retries, and the delays before them.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

/// The number of retries and the delays before them. By default, a session does not retry: pass a
/// policy to [`SessionBuilder::retry`](crate::SessionBuilder::retry) or
/// [`Call::retry`](crate::Call::retry).
///
/// The policy retries these requests:
///
/// | request | could not connect | connection broke, timeout | 429, 502, 503, 504 | other errors |
/// | --- | --- | --- | --- | --- |
/// | `GET`, `HEAD`, `OPTIONS`, `PUT`, `DELETE` | yes | yes | yes | no |
/// | other methods | yes | no | no | no |
/// | login | yes | no | yes | no |
/// | logout | yes | yes | yes | no |
/// | a body that can be sent once | no | no | no | no |
///
/// [`Call::idempotent`](crate::Call::idempotent) moves a call between the first two rows. A
/// certificate that is not trusted and a proxy that rejected the login are not retried. A status of
/// 500 is not retried: the server sends it for an object that does not exist. A request that
/// receives an expired session had no effect. If its re-login fails with a transient error, the
/// request starts another one, whatever its method.
///
/// Delays double from [`base_delay`](Self::base_delay) up to [`max_delay`](Self::max_delay). Each
/// is multiplied by a random number between 0 and 1 (full jitter), so that many clients do not
/// retry at the same time. The delay is never shorter than the `Retry-After` of the reply (seconds
/// or a date). If `Retry-After` is longer than `max_delay`, the request is not retried.
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
    pub(crate) max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
    pub(crate) total_timeout: Option<Duration>,
    jitter: bool,
}

impl Default for RetryPolicy {
    /// 3 retries, delays from 0.5 s to 60 s with jitter, total timeout 5 minutes.
    fn default() -> Self {
        Self {
            max_retries: 3,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            total_timeout: Some(Duration::from_secs(300)),
            jitter: true,
        }
    }
}

impl RetryPolicy {
    /// Makes a policy without retries.
    pub fn none() -> Self {
        Self::default().max_retries(0)
    }

    /// Sets the number of retries after the first attempt. Default: 3.
    pub fn max_retries(mut self, number: u32) -> Self {
        self.max_retries = number;
        self
    }

    /// Sets the first delay, before jitter. Each further delay is twice as long. Default: 0.5 s.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the longest delay. Default: 60 s.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the longest time from the start of the first attempt to the start of the last one. A
    /// delay that would end later is not started. Default: 5 minutes; `None`: no timeout.
    pub fn total_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.total_timeout = timeout.into();
        self
    }

    /// Multiplies each delay by a random number between 0 and 1. Default: true.
    pub fn jitter(mut self, yes: bool) -> Self {
        self.jitter = yes;
        self
    }

    /// The delay before retry number `retry`, counted from 1. `None` if the server asks for a delay
    /// that is longer than `max_delay`.
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

/// The delay that the headers of a reply ask for, from now on.
pub(crate) fn asked_delay(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after(text, SystemTime::now())
}

/// Parses `Retry-After`: seconds (with fractions) or an HTTP date.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn policy(base: Duration) -> RetryPolicy {
        RetryPolicy::default().base_delay(base).jitter(false)
    }

    #[test]
    fn delays_double_up_to_the_longest_delay() {
        let half = policy(S / 2);
        assert_eq!(half.delay(1, None), Some(S / 2));
        assert_eq!(half.delay(3, None), Some(S * 2));
        assert_eq!(policy(S).delay(20, None), Some(S * 60));
        assert_eq!(policy(S).delay(u32::MAX, None), Some(S * 60));
        assert_eq!(policy(Duration::ZERO).delay(1025, None), Some(Duration::ZERO));
    }

    #[test]
    fn a_delay_is_never_shorter_than_retry_after() {
        assert_eq!(policy(S / 2).delay(1, Some(S * 10)), Some(S * 10));
        assert_eq!(policy(S * 20).delay(1, Some(S * 10)), Some(S * 20));
        assert_eq!(policy(S).delay(1, Some(S * 60)), Some(S * 60));
        assert_eq!(policy(S).delay(1, Some(S * 600)), None, "longer than the longest delay");
        let jittered = policy(S).jitter(true);
        for _ in 0..100 {
            assert!(jittered.delay(4, None).unwrap() <= S * 8);
            assert!(jittered.delay(1, Some(S * 3)).unwrap() >= S * 3);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |text: &str| retry_after(text, now);
        assert_eq!(parse(" 3 "), Some(S * 3));
        assert_eq!(parse("0.5"), Some(S / 2));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:47 GMT"), Some(S * 10));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:00 GMT"), Some(Duration::ZERO), "in the past");
        for junk in ["", "soon", "nan", "-1", "inf", "1e300", "1e400"] {
            assert_eq!(parse(junk), None, "{junk}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(asked_delay(&headers), None);
        headers.insert(header::RETRY_AFTER, " 2 ".parse().unwrap());
        assert_eq!(asked_delay(&headers), Some(S * 2));
    }
}
