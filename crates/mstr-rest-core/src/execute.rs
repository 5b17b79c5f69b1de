//! The request pipeline: project, login, slot, attempt, retry, re-login, decoding.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use tracing::Instrument;
use url::Url;

use crate::background::require_runtime;
use crate::client::{Client, InFlight};
use crate::login_machine::Login;
use crate::relogin::Renewed;
use crate::request::{ProjectRef, Reading, Request, UsedLogin};
use crate::retry::{Repeatable, Tries};
use crate::time::Deadline;
use crate::url::{is_login_path, same_origin};
use crate::{Error, ErrorKind, Response, Result, StreamingResponse, nesting, trace};

/// What came of a request, for its decoder.
pub(crate) enum Received {
    Whole(Response),
    Stream(StreamingResponse),
}

impl Received {
    fn status(&self) -> StatusCode {
        match self {
            Self::Whole(response) => response.status(),
            Self::Stream(response) => response.status(),
        }
    }
}

/// Takes a reply and decodes it.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(Received) -> Result<()> + Send);

/// Bodies of error replies are read up to 1 MiB: nothing useful is longer.
const ERROR_LIMIT: usize = 1024 * 1024;

/// Where the head of a reply is what counts, its body may take this long.
const COURTESY: Duration = Duration::from_secs(5);

/// How long a call without a timeout waits for an in-flight slot.
const SLOT_TIMEOUT: Duration = Duration::from_secs(300);

/// Why a request that met an expired session fails although the session was renewed.
const NOT_REPEATED: &str = "The request was not repeated: its streamed body can be sent once only; \
                            use Body::stream_fn for one that can be made again.";

/// Why an expired session is not renewed although it should be.
const ADOPTED: &str =
    "It was not renewed: it was adopted without credentials to log in again with.";

/// Sends a request and hands its reply to `sink`, all inside the span of the call. This is the only
/// way a request is sent.
///
/// In this order: the project's name becomes an id; a transition of the login is waited for; a slot
/// is taken; the request goes out with the login of that moment; the reply is classified. What may
/// be repeated is, under the retry policy. A reply that says that the session has expired leads to
/// one re-login, after which the request is sent once more; an expiry right behind a re-login
/// surfaces. A call's timeout bounds all of it.
pub(crate) async fn execute(
    client: Arc<Client>,
    mut request: Box<Request>,
    sink: Sink<'_>,
) -> Result<()> {
    require_runtime()?;
    if let Some(error) = request.error.take() {
        return Err(error);
    }
    let span = trace::call_span(&request);
    let watch = span.clone();
    let start = std::time::Instant::now();
    let outcome = async move {
        let end = request.limits.total.or(client.limits.total).and_then(Deadline::after);
        let run = pin!(client.run(&mut request, sink, end));
        match end {
            None => run.await,
            Some(end) => end.bound(run).await,
        }
    }
    .instrument(span)
    .await;
    trace::record(&watch, start, &outcome);
    outcome.map(|_| ())
}

/// Requests of the client are sent from inside of others.
fn boxed(
    client: Arc<Client>,
    request: Request,
    sink: Sink<'_>,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
    Box::pin(execute(client, Box::new(request), sink))
}

impl Client {
    /// Sends a request of the client itself.
    pub(crate) async fn send(self: &Arc<Self>, request: Request) -> Result<Response> {
        self.send_decoded(request, Ok).await
    }

    /// The same, decoded.
    pub(crate) async fn send_decoded<T: Send>(
        self: &Arc<Self>,
        request: Request,
        decode: impl Fn(Response) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let mut value = None;
        let mut sink = |received| {
            if let Received::Whole(response) = received {
                value = Some(decode(response)?);
            }
            Ok(())
        };
        boxed(Arc::clone(self), request, &mut sink).await?;
        value.ok_or_else(|| Error::new(ErrorKind::Decode, "the reply was not read"))
    }

    async fn run(
        self: &Arc<Self>,
        request: &mut Request,
        sink: Sink<'_>,
        deadline: Option<Deadline>,
    ) -> Result<StatusCode> {
        let target = request.target(&self.base)?;
        if target.double_slash {
            // not the path itself: it may hold what no log may
            tracing::warn!("the path of a request holds `//`: it is sent as it is");
        }
        if !matches!(request.login, UsedLogin::Of(_)) {
            nesting::ensure_outside(self)?;
            self.start_keep_alive();
        }
        let policy = request.retry.clone().unwrap_or_else(|| self.retry.clone());
        let mut tries = Tries::new(policy, Repeatable::of(request), deadline);
        let mut login = self.login_for(request, &mut tries, None).await?;
        if let Some(ProjectRef::Name(name)) = request.project.clone() {
            if login.token.is_none() {
                return Err(no_session());
            }
            request.project = Some(ProjectRef::Id(self.project_id(&name).await?));
            login = self.login_for(request, &mut tries, None).await?;
        }
        let may_relogin = self.relogin
            && request.may_relogin
            && matches!(request.login, UsedLogin::Session)
            && !is_login_path(&self.base, &target.url);
        // an expiry right behind a re-login surfaces
        let mut renewed = false;
        loop {
            let failure = match self.attempt(request, &target.url, &mut tries, &mut login).await {
                Ok(received) => {
                    let status = received.status();
                    return sink(received).map(|()| status).map_err(|error| tries.mark(error));
                }
                Err(failure) => failure,
            };
            let error = match failure {
                Failure::Final(error) => return Err(error),
                Failure::Expired(error) => error,
                Failure::Again(wait) => {
                    sleep(wait).await;
                    login = self.login_for(request, &mut tries, None).await?;
                    renewed = false;
                    continue;
                }
            };
            if !may_relogin || renewed {
                return Err(error);
            }
            let Some(auth) = self.logins.auth() else { return Err(error.with_note(ADOPTED)) };
            let renewal = self.log_in_again(&login, &auth).await;
            if !request.body.is_repeatable() {
                return Err(error.with_note(NOT_REPEATED));
            }
            match renewal {
                Ok(Renewed::Yes) => renewed = true,
                Ok(Renewed::LoggedOut) => return Err(error),
                Err(failed) => {
                    let wait = tries.after_renewal(request, &self.base, &failed).ok_or(failed)?;
                    sleep(wait).await;
                }
            }
            login = self.login_for(request, &mut tries, None).await?;
        }
    }

    /// Sends a request once. Of an exchange that brought nothing to use, nothing is left when this
    /// ends: neither its connection nor its slot.
    async fn attempt(
        self: &Arc<Self>,
        request: &Request,
        url: &Url,
        tries: &mut Tries,
        login: &mut Arc<Login>,
    ) -> Result<Received, Failure> {
        let slot = self.slot(request, tries, login).await?;
        if request.needs_session && login.token.is_none() {
            return Err(no_session().into());
        }
        tries.attempts += 1;
        let span = trace::attempt_span(tries.attempts);
        let mut response = match self.exchange(request, url, login).instrument(span).await {
            Ok(response) => response,
            Err(error) => {
                let wait = tries.after_error(request, &self.base, &error);
                return Err(wait.map_or_else(|| tries.mark(error).into(), Failure::Again));
            }
        };
        let status = response.status();
        if let Some(wait) = tries.after_status(request, &self.base, status, response.headers()) {
            return Err(Failure::Again(wait));
        }
        let from_base_origin = same_origin(&self.base, response.url());
        response.set_call(tries.deadline(), slot, (tries.attempts, tries.start()));
        let error = if self.is_error(request, &response) {
            response.read_error(ERROR_LIMIT).await
        } else {
            match self.receive(request, response).await {
                Ok(received) => return Ok(received),
                Err(error) => error,
            }
        };
        let error = redact(tries.mark(error), login);
        // a body that broke off: the exchange broke
        if let Some(wait) = tries.after_error(request, &self.base, &error) {
            return Err(Failure::Again(wait));
        }
        let is_own = from_base_origin
            && login.token.is_some()
            && matches!(request.login, UsedLogin::Session);
        Err(if is_own && status == StatusCode::UNAUTHORIZED && request.has_ambiguous_401() {
            match self.ensure_alive(login).await {
                Err(expired) if expired.is_session_expired() => {
                    Failure::Expired(tries.mark(expired))
                }
                _ => Failure::Final(error),
            }
        } else if is_own && error.is_session_expired() {
            Failure::Expired(error)
        } else {
            Failure::Final(error)
        })
    }

    /// Reads the body as the request wants it read.
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
                let body = tokio::time::timeout(COURTESY, body).await;
                body.ok().and_then(Result::ok).unwrap_or_default()
            }
        };
        Ok(Received::Whole(response.with_body(body)))
    }

    /// The login to send a request with. A request whose re-login failed with a transient error may
    /// start another one. `seen`: the login that the request had when it began to wait, if it did.
    async fn login_for(
        &self,
        request: &Request,
        tries: &mut Tries,
        seen: Option<&Login>,
    ) -> Result<Arc<Login>> {
        let mut seen = seen.map(|login| (login.id, login.failed_relogins));
        loop {
            match self.settled_login(request, seen.take()).await {
                Ok(login) => return Ok(login),
                Err(failed) => {
                    let wait = tries.after_renewal(request, &self.base, &failed).ok_or(failed)?;
                    sleep(wait).await;
                }
            }
        }
    }

    /// The login once no transition runs. A request that waited for a re-login shares its failure.
    /// Without auth there is nothing to wait for.
    async fn settled_login(
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

    /// Waits for an in-flight slot. Thousands may wait: the session may have expired and been
    /// renewed meanwhile, and what was read of it before would cost each of them a refusal.
    async fn slot(
        &self,
        request: &Request,
        tries: &mut Tries,
        login: &mut Arc<Login>,
    ) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(in_flight) = self.in_flight.as_ref().filter(|_| request.takes_slot) else {
            return Ok(None);
        };
        loop {
            let slot = in_flight.slot(tries.deadline()).await?;
            self.ensure_open()?;
            let (now, running) = self.logins.read();
            let unchanged = (now.id, now.revision, now.failed_relogins)
                == (login.id, login.revision, login.failed_relogins);
            if unchanged && (running.is_none() || !request.includes_auth()) {
                return Ok(Some(slot));
            }
            // a transition is not waited for in a slot that others could use
            drop(slot);
            let seen = Arc::clone(login);
            *login = self.login_for(request, tries, Some(&seen)).await?;
        }
    }

    /// Whether a reply stands for an error.
    fn is_error(&self, request: &Request, response: &StreamingResponse) -> bool {
        let handed_back = || {
            request.untyped && self.return_http_errors && !crate::error::is_json(response.headers())
        };
        response.status().as_u16() >= 400 && !request.raw && !handed_back()
    }
}

impl InFlight {
    async fn slot(&self, deadline: Option<Deadline>) -> Result<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        let over = |limit: &str| {
            let message = format!(
                "no in-flight slot was free within {limit}: all {} of max_in_flight are taken; \
                 read or drop streamed replies, or raise max_in_flight",
                self.limit
            );
            Error::new(ErrorKind::Timeout, message)
        };
        let slot = match deadline {
            Some(deadline) => {
                deadline.at_most(slot).await.map_err(|limit| over(&format!("{limit:?}")))?
            }
            None => tokio::time::timeout(SLOT_TIMEOUT, slot)
                .await
                .map_err(|_| over(&format!("{SLOT_TIMEOUT:?}")))?,
        };
        // the semaphore is never closed
        slot.map_err(|_| over("any time"))
    }
}

/// Why sending a request once was not enough.
enum Failure {
    /// It is to be sent again after this time.
    Again(Duration),
    /// The server knows the session no longer.
    Expired(Error),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

pub(crate) fn no_session() -> Error {
    Error::new(
        ErrorKind::NoSession,
        "there is no valid session: log in first (connect() or login())",
    )
}

/// A server that repeats the token in its message must not bring it into logs.
fn redact(error: Error, login: &Login) -> Error {
    match login.token.as_ref().and_then(|token| token.to_str().ok()) {
        Some(token) => error.without_secret(token),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Session;

    #[test]
    fn the_future_of_a_call_stays_small() {
        let session = Session::builder("http://host/api").build().unwrap();
        let request = Box::new(Request::new(http::Method::GET, "projects".into()));
        // what is written for every call, thousands may be under way: 6.4 KB were a tenth of its
        // processor time
        let size = size_of_val(&execute(session.client, request, &mut |_| Ok(())));
        assert!(size < 3 * 1024, "{size} bytes: what does it keep twice?");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_a_timeout_waits_five_minutes_for_a_slot() {
        let builder = Session::builder("http://host/api").max_in_flight(1);
        let session = builder.build().unwrap();
        let in_flight = session.client.in_flight.as_ref().unwrap();
        let _held = Arc::clone(&in_flight.slots).acquire_owned().await.unwrap();
        let start = tokio::time::Instant::now();
        let error = session.get("status").await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, SLOT_TIMEOUT));
        assert!(error.message().contains("300s: all 1 of max_in_flight"), "{error}");
    }
}
