//! The polling loop: asks the server how far something is until it is done.
//!
//! Everything that continues on the server is waited for by [`Polling::until_done`]: executions,
//! exports, publications, changes of projects and caches, SQL, uploads.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use mstr_rest_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

/// The default timeout of everything that continues on the server.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// The shortest pause. The first question comes after it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause: an answer that is there is seen after a second at the latest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause of administrative operations, which take minutes to hours.
const LONGEST_ADMINISTRATIVE_PAUSE: Duration = Duration::from_secs(5);

/// How long questions may stay unanswered because of transient errors. A gateway that restarts
/// does not end an operation of an hour; a server that is down is reported after a minute.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The answer to a question.
pub(crate) enum Step<T> {
    Done(T),
    Pending {
        /// What the server said, for the timeout error.
        state: Option<String>,
        /// The pause that the server asks for.
        retry_after: Option<Duration>,
    },
}

impl<T> Step<T> {
    pub(crate) const PENDING: Self = Self::Pending { state: None, retry_after: None };

    /// Pending, in this state.
    pub(crate) fn seen(state: impl fmt::Display) -> Self {
        Self::Pending { state: Some(state.to_string()), retry_after: None }
    }

    /// With the pause that the server asks for.
    pub(crate) fn after(self, pause: Option<Duration>) -> Self {
        match self {
            Self::Pending { state, .. } => Self::Pending { state, retry_after: pause },
            done @ Self::Done(_) => done,
        }
    }
}

/// What is waited for, and for how long. The time counts from [`new`](Self::new) on.
pub(crate) struct Polling {
    /// Names the operation in errors: `the publication of the cube 8CCD..`.
    what: String,
    /// What becomes of the operation after the timeout, and which option raises the timeout.
    afterwards: String,
    timeout: Duration,
    longest_pause: Duration,
    start: Instant,
}

impl Polling {
    /// Of an operation that is waited for by the caller alone.
    pub(crate) fn new(
        what: impl Into<String>,
        afterwards: impl Into<String>,
        timeout: Duration,
    ) -> Self {
        Self {
            what: what.into(),
            afterwards: afterwards.into(),
            timeout,
            longest_pause: LONGEST_PAUSE,
            start: Instant::now(),
        }
    }

    /// Pauses of up to 5 seconds.
    pub(crate) fn administrative(mut self) -> Self {
        self.longest_pause = LONGEST_ADMINISTRATIVE_PAUSE;
        self
    }

    /// The time until the timeout. A timeout that is too long for the clock is none.
    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }

    /// Asks until the answer is [`Step::Done`], an error that is not transient, or the timeout.
    ///
    /// The pause before a question is a tenth of the time that has passed, at least 20 ms and at
    /// most 1 s (5 s for administrative operations), or what the server asked for
    /// (`Retry-After`): `retry_after` before the first question, the answer before the others. If
    /// the server asks for a longer pause than is left, the timeout error comes at once.
    ///
    /// A question that is not answered before the timeout is dropped. Transient errors
    /// ([`Error::is_transient`]) are no answers: the question is repeated, for at most a minute
    /// in a row; the timeout error has the last of them as its source.
    pub(crate) async fn until_done<T, F>(
        self,
        mut retry_after: Option<Duration>,
        ask: impl Fn() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<Step<T>>>,
    {
        let mut unanswered: Option<Error> = None;
        let mut seen = None;
        let mut answered = Instant::now();
        loop {
            let pause = match retry_after.take() {
                Some(asked) if asked > self.left() => return Err(self.over(seen, unanswered)),
                Some(asked) => asked.max(SHORTEST_PAUSE),
                None => (self.start.elapsed() / 10).clamp(SHORTEST_PAUSE, self.longest_pause),
            };
            tokio::time::sleep(pause.min(self.left())).await;
            if self.left().is_zero() {
                return Err(self.over(seen, unanswered));
            }
            let Ok(answer) = tokio::time::timeout(self.left(), ask()).await else {
                return Err(self.over(seen, unanswered));
            };
            match answer {
                Ok(Step::Done(value)) => return Ok(value),
                Ok(Step::Pending { state, retry_after: asked }) => {
                    (seen, retry_after, unanswered) = (state, asked, None);
                    answered = Instant::now();
                }
                Err(error) if error.is_transient() && answered.elapsed() < LONGEST_SILENCE => {
                    unanswered = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn over(&self, seen: Option<String>, unanswered: Option<Error>) -> Error {
        let Self { what, afterwards, .. } = self;
        let timeout = Seconds(self.timeout);
        let seen = seen.map(|state| format!(" (last state: {state})")).unwrap_or_default();
        let message = format!("{what} was not finished within {timeout}{seen}; {afterwards}");
        match unanswered {
            Some(last) => Error::with_source(ErrorKind::Timeout, message, last),
            None => Error::new(ErrorKind::Timeout, message),
        }
    }
}

/// A time in seconds, with the unit: `600 s`, `0.3 s`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test fails by panicking
mod tests {
    use std::cell::RefCell;

    use super::*;

    const S: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);

    fn polling(timeout: Duration) -> Polling {
        Polling::new("the export", "it continues on the server: raise `Export::timeout`", timeout)
    }

    /// When the questions came, from the start on.
    struct Asked {
        start: Instant,
        times: RefCell<Vec<Duration>>,
    }

    impl Asked {
        fn new() -> Self {
            Self { start: Instant::now(), times: RefCell::default() }
        }

        /// Notes a question, and how many came before.
        fn note(&self) -> usize {
            let mut times = self.times.borrow_mut();
            times.push(self.start.elapsed());
            times.len() - 1
        }
    }

    fn busy() -> Error {
        Error::new(ErrorKind::ServiceUnavailable, "busy")
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_a_tenth_of_the_time_that_passed() {
        for (administrative, longest) in [(false, S), (true, S * 5)] {
            let polling = if administrative {
                polling(S * 36_000).administrative()
            } else {
                polling(S * 7200)
            };
            let asked = Asked::new();
            let done = polling.until_done(None, async || match asked.note() {
                2000 => Ok(Step::Done(7)),
                _ => Ok(Step::PENDING),
            });
            assert_eq!(done.await.unwrap(), 7);
            let times = asked.times.take();
            assert_eq!(times[..3], [20 * MS, 40 * MS, 60 * MS]);
            for two in times.windows(2) {
                let (pause, wanted) =
                    (two[1].saturating_sub(two[0]), (two[0] / 10).clamp(20 * MS, longest));
                assert!(pause >= wanted && pause <= wanted + 2 * MS, "{pause:?} after {two:?}");
            }
            assert!(times[2000] >= times[1999] + longest);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_server_asks_for_is_kept() {
        let asked = Asked::new();
        let done = polling(S * 60).until_done(Some(S * 3), async || {
            Ok(match asked.note() {
                0 => Step::PENDING.after(Some(S * 10)),
                1 => Step::PENDING.after(Some(Duration::ZERO)),
                _ => Step::Done(()),
            })
        });
        done.await.unwrap();
        assert_eq!(*asked.times.borrow(), [S * 3, S * 13, S * 13 + 20 * MS]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_time_left_is_not_waited_for() {
        let asked = Asked::new();
        let error = polling(S * 60)
            .until_done(Some(S * 3600), async || {
                asked.note();
                Ok(Step::Done(()))
            })
            .await
            .unwrap_err();
        assert!(error.is_timeout());
        assert_eq!((asked.start.elapsed(), asked.note()), (Duration::ZERO, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timeout_says_what_continues_and_what_to_do() {
        let asked = Asked::new();
        let never = polling(S * 600).until_done(None, async || {
            asked.note();
            Ok(Step::<()>::seen("made"))
        });
        let error = never.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(
            error.message(),
            "the export was not finished within 600 s (last state: made); it continues on the \
             server: raise `Export::timeout`"
        );
        assert!(asked.times.borrow().last().unwrap() >= &(S * 599), "asked up to the end");
        assert_eq!(Seconds(300 * MS).to_string(), "0.3 s");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_in_time_is_the_timeout() {
        let start = Instant::now();
        let error =
            polling(S * 30).until_done::<(), _>(None, std::future::pending).await.unwrap_err();
        assert!(error.is_timeout() && error.message().contains("within 30 s"), "{error}");
        assert!(start.elapsed() < S * 31);
        // a timeout too long for the clock is none
        let done = polling(Duration::MAX).until_done(None, async || Ok(Step::Done(1)));
        assert_eq!(done.await.unwrap(), 1);
        let none = polling(Duration::ZERO).until_done(None, async || Ok(Step::Done(1)));
        assert!(none.await.unwrap_err().is_timeout());
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_asked_again_for_a_minute() {
        let asked = Asked::new();
        let done = polling(S * 600).until_done(None, async || match asked.note() {
            30 => Ok(Step::Done(1)),
            n if n % 2 == 0 => Err(busy()),
            _ => Ok(Step::PENDING),
        });
        assert_eq!(done.await.unwrap(), 1);

        let start = Instant::now();
        let down = polling(S * 600).until_done::<(), _>(None, async || Err(busy()));
        assert_eq!(down.await.unwrap_err().kind(), ErrorKind::ServiceUnavailable);
        assert!(start.elapsed() >= S * 60 && start.elapsed() < S * 62, "{:?}", start.elapsed());

        let down = polling(S * 20).until_done::<(), _>(None, async || Err(busy()));
        let error = down.await.unwrap_err();
        assert!(error.is_timeout());
        let last = std::error::Error::source(&error).unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(last.kind(), ErrorKind::ServiceUnavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn other_errors_end_the_wait() {
        let asked = Asked::new();
        let failed = polling(S * 600).until_done::<(), _>(None, async || {
            asked.note();
            Err(Error::new(ErrorKind::Api, "it failed"))
        });
        assert_eq!(failed.await.unwrap_err().message(), "it failed");
        assert_eq!(asked.times.borrow().len(), 1);
    }
}
