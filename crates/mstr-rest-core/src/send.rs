//! Sends a request: in-flight slot, attempts, retries, and the classification of replies.
//!
//! Nothing in this file logs in: `execute.rs` does.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use tracing::{Instrument, Span};
use url::Url;

use crate::attempts::{Attempts, Repeatable};
use crate::client::{Client, InFlight, no_session};
use crate::login::Login;
use crate::request::{Reading, Request, UsedLogin};
use crate::timeouts::Deadline;
use crate::url::same_origin;
use crate::{Error, ErrorKind, Response, Result, StreamingResponse, trace};

/// The reply to a request, read as its [`Reading`] requires.
pub(crate) enum Received {
    Whole(Response),
    Stream(StreamingResponse),
}

impl Received {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Whole(response) => response.status(),
            Self::Stream(response) => response.status(),
        }
    }
}

/// Why a request has no usable reply.
pub(crate) enum Failure {
    /// The session of the login that was sent has expired.
    Expired(Error),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Why one attempt has no usable reply.
enum AttemptError {
    /// The request is retried after this delay.
    Retry(Duration),
    Failed(Failure),
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Failed(Failure::Final(error))
    }
}

/// The longest body of an error reply that is read: 1 MiB.
const ERROR_LIMIT: usize = 1024 * 1024;

/// The timeout for the body of a reply of which only the head is needed.
const HEAD_ONLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that a call without a timeout waits for an in-flight slot.
pub(crate) const SLOT_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs the work of a call within its span and its timeout. Takes it by reference: a future passed
/// by value would take its size twice in the future of the caller.
pub(crate) async fn bounded(
    span: Span,
    deadline: Option<Deadline>,
    work: Pin<&mut impl Future<Output = Result<StatusCode>>>,
) -> Result<()> {
    let outcome = match deadline {
        None => work.instrument(span.clone()).await,
        Some(deadline) => deadline.bound(work).instrument(span.clone()).await,
    };
    trace::record_call(&span, &outcome);
    outcome.map(|_| ())
}

impl Client {
    /// The deadline of a request that starts now.
    pub(crate) fn deadline(&self, request: &Request) -> Option<Deadline> {
        request.timeouts.total.or(self.timeouts.total).and_then(Deadline::after)
    }

    pub(crate) fn attempts(&self, request: &Request, deadline: Option<Deadline>) -> Attempts {
        let policy = request.retry.clone().unwrap_or_else(|| self.retry.clone());
        Attempts::new(policy, Repeatable::of(request), deadline)
    }

    /// Sends a request of the login machine. It has its own login ([`UsedLogin::Of`]), so that it
    /// waits for no transition and starts none. It is boxed, because such requests are also sent
    /// inside another request (recursion).
    pub(crate) fn send_as<'a, T: Send + 'a>(
        self: &'a Arc<Self>,
        request: Request,
        decode: impl Fn(Response) -> Result<T> + Send + Sync + 'a,
    ) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>> {
        Box::pin(async move {
            let deadline = self.deadline(&request);
            let mut value = None;
            {
                let work = pin!(async {
                    let url = request.target(&self.base)?.url;
                    let mut attempts = self.attempts(&request, deadline);
                    let mut login = self.login_for(&request, &mut attempts, None).await?;
                    match self.send(&request, &url, &mut attempts, &mut login).await {
                        Ok(Received::Whole(response)) => {
                            let status = response.status();
                            value = Some(decode(response).map_err(|error| attempts.mark(error))?);
                            Ok(status)
                        }
                        Ok(Received::Stream(response)) => Ok(response.status()),
                        Err(Failure::Expired(error) | Failure::Final(error)) => Err(error),
                    }
                });
                bounded(trace::call_span(&request), deadline, work).await?;
            }
            value.ok_or_else(unread)
        })
    }

    /// Sends `GET /sessions` with that login. Fails if the server does not know it.
    pub(crate) async fn ensure_alive(self: &Arc<Self>, login: &Arc<Login>) -> Result<()> {
        self.send_as(Request::of_login(Method::GET, "sessions", login), |_| Ok(())).await
    }

    /// The retry loop: repeats attempts until a reply, an expired session or a final error. After
    /// each delay the login is read again, because it may have been replaced meanwhile.
    pub(crate) async fn send(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        attempts: &mut Attempts,
        login: &mut Arc<Login>,
    ) -> Result<Received, Failure> {
        loop {
            match self.attempt(request, url, attempts, login).await {
                Ok(received) => return Ok(received),
                Err(AttemptError::Failed(failure)) => return Err(failure),
                Err(AttemptError::Retry(delay)) => {
                    sleep(delay).await;
                    *login = self.login_for(request, attempts, None).await?;
                }
            }
        }
    }

    async fn attempt(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        attempts: &mut Attempts,
        login: &mut Arc<Login>,
    ) -> Result<Received, AttemptError> {
        let slot = self.slot(request, attempts, login).await?;
        if request.needs_session && login.token.is_none() {
            return Err(no_session().into());
        }
        attempts.count += 1;
        let span = trace::attempt_span(request, url, attempts.count);
        let work = pin!(self.attempt_once(request, url, attempts, login, slot, &span));
        work.instrument(span.clone()).await
    }

    /// Sends the request once. If this returns without a usable reply, the connection and the slot
    /// are free.
    async fn attempt_once(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        attempts: &mut Attempts,
        login: &Arc<Login>,
        slot: Option<OwnedSemaphorePermit>,
        span: &Span,
    ) -> Result<Received, AttemptError> {
        let mut response = match self.exchange(request, url, login).await {
            Ok(response) => response,
            Err(error) => {
                trace::record_attempt_error(span, &error);
                let delay = attempts.after_error(request, &self.base, &error);
                return Err(delay.map_or_else(|| attempts.mark(error).into(), AttemptError::Retry));
            }
        };
        let status = response.status();
        trace::record_status(span, status);
        if let Some(delay) = attempts.after_status(request, &self.base, status, response.headers())
        {
            return Err(AttemptError::Retry(delay));
        }
        let from_base_origin = same_origin(&self.base, response.url());
        response.set_call(attempts.deadline(), slot, (attempts.count, attempts.start()));
        let error = if self.is_error(request, &response) {
            response.read_error(ERROR_LIMIT).await
        } else {
            match self.receive(request, response).await {
                Ok(received) => return Ok(received),
                Err(error) => error,
            }
        };
        let error = login.redact(attempts.mark(error));
        trace::record_attempt_error(span, &error);
        // a truncated body is a failed exchange: retry it
        if let Some(delay) = attempts.after_error(request, &self.base, &error) {
            return Err(AttemptError::Retry(delay));
        }
        let used_session = from_base_origin
            && login.token.is_some()
            && matches!(request.login, UsedLogin::Session);
        let failure =
            if used_session && status == StatusCode::UNAUTHORIZED && request.has_ambiguous_401() {
                match self.ensure_alive(login).await {
                    Err(expired) if expired.is_session_expired() => {
                        Failure::Expired(attempts.mark(expired))
                    }
                    _ => Failure::Final(error),
                }
            } else if used_session && error.is_session_expired() {
                Failure::Expired(error)
            } else {
                Failure::Final(error)
            };
        Err(AttemptError::Failed(failure))
    }

    /// Reads the body as [`Reading`] requires.
    async fn receive(
        &self,
        request: &Request,
        mut response: StreamingResponse,
    ) -> Result<Received> {
        let body = match request.reading {
            Reading::Stream => return Ok(Received::Stream(response)),
            Reading::Whole { limit } => response.read_within(limit.or(self.body_limit)).await?,
            Reading::Head => {
                let body = response.read_within(Some(ERROR_LIMIT));
                let body = tokio::time::timeout(HEAD_ONLY_TIMEOUT, body).await;
                body.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        Ok(Received::Whole(response.with_body(body)))
    }

    /// Returns `true` if a reply is an error of the call.
    fn is_error(&self, request: &Request, response: &StreamingResponse) -> bool {
        let is_returned = || {
            request.untyped && self.return_http_errors && !crate::error::is_json(response.headers())
        };
        response.status().as_u16() >= 400 && !request.raw && !is_returned()
    }

    /// Waits until no transition runs, and returns the login to send a request with. A request
    /// whose re-login failed with a transient error may start another one. `seen`: the login of the
    /// request when it started to wait for a slot.
    pub(crate) async fn login_for(
        &self,
        request: &Request,
        attempts: &mut Attempts,
        seen: Option<&Login>,
    ) -> Result<Arc<Login>> {
        let mut seen = seen.map(|login| (login.id, login.failed_relogins));
        loop {
            match self.wait_for_login(request, seen.take()).await {
                Ok(login) => return Ok(login),
                Err(failed) => {
                    let delay = attempts.after_relogin(request, &self.base, &failed);
                    sleep(delay.ok_or(failed)?).await;
                }
            }
        }
    }

    /// Waits until no transition runs, and returns the login. A request that waited for a failed
    /// re-login fails with its error. A request without a login does not wait.
    async fn wait_for_login(
        &self,
        request: &Request,
        mut seen: Option<(u64, u64)>,
    ) -> Result<Arc<Login>> {
        if let UsedLogin::Of(login) = &request.login {
            return Ok(Arc::clone(login));
        }
        loop {
            self.ensure_open()?;
            let (login, running) = self.logins.read();
            match running {
                Some(running) if request.includes_auth() => {
                    seen = seen.or(Some((login.id, login.failed_relogins)));
                    tokio::select! {
                        biased;
                        () = running.ended(&self.logins) => {}
                        () = self.closed.wait() => {}
                    }
                }
                _ => {
                    let failed_meanwhile = seen.is_some_and(|(id, failed)| {
                        id == login.id && failed != login.failed_relogins
                    });
                    return match &login.relogin_failure {
                        Some(failure) if failed_meanwhile && request.includes_auth() => {
                            Err(failure.clone())
                        }
                        _ => Ok(login),
                    };
                }
            }
        }
    }

    /// Waits for an in-flight slot, then checks the login again. Thousands of requests may wait,
    /// and the session may have been renewed meanwhile: the server would reject a request with the
    /// login from before.
    async fn slot(
        &self,
        request: &Request,
        attempts: &mut Attempts,
        login: &mut Arc<Login>,
    ) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(in_flight) = self.in_flight.as_ref().filter(|_| request.takes_slot) else {
            return Ok(None);
        };
        loop {
            let slot = in_flight.slot(attempts.deadline()).await?;
            self.ensure_open()?;
            let (now, running) = self.logins.read();
            let is_unchanged = (now.id, now.revision, now.failed_relogins)
                == (login.id, login.revision, login.failed_relogins);
            if is_unchanged && (running.is_none() || !request.includes_auth()) {
                return Ok(Some(slot));
            }
            // free the slot while this request waits for a transition
            drop(slot);
            let seen = Arc::clone(login);
            *login = self.login_for(request, attempts, Some(&seen)).await?;
        }
    }
}

impl InFlight {
    async fn slot(&self, deadline: Option<Deadline>) -> Result<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        let timed_out = |timeout: &str| {
            let message = format!(
                "no in-flight slot was free within {timeout}: all {} of max_in_flight are taken; \
                 read or drop streamed replies, or raise max_in_flight",
                self.limit
            );
            Error::new(ErrorKind::Timeout, message)
        };
        let slot = match deadline {
            Some(deadline) => deadline
                .at_most(slot)
                .await
                .map_err(|timeout| timed_out(&format!("{timeout:?}")))?,
            None => tokio::time::timeout(SLOT_TIMEOUT, slot)
                .await
                .map_err(|_| timed_out(&format!("{SLOT_TIMEOUT:?}")))?,
        };
        // the semaphore is never closed
        slot.map_err(|_| timed_out("any time"))
    }
}

/// The error for a decoder that was not called: its kind and [`Reading`] do not match. [`Call`]
/// rules this out.
///
/// [`Call`]: crate::Call
pub(crate) fn unread() -> Error {
    Error::new(ErrorKind::Decode, "the reply was not read")
}
