//! The road of every request: project, limits, attempt, classification.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Instrument;
use url::Url;

use crate::request::{ProjectChoice, Request};
use crate::retry::{Repeatable, Tries};
use crate::session::{Inner, ProjectRef};
use crate::state::State;
use crate::time::Deadline;
use crate::url::{is_auth_path, same_origin};
use crate::{Error, ErrorKind, Reply, Response, Result, trace};

/// What the sending of a call brought.
pub(crate) enum Outcome {
    Stream(Response),
    /// The reply, how many times the request was sent, and how long that took.
    Whole(Reply, u32, Duration),
}

/// Why a request that met an expired session fails although the session was renewed.
const NOT_REPEATED: &str = "The request was not repeated: its streamed body can be sent once only; \
                            use Body::stream_fn for one that can be made again.";

/// Why an expired session is not renewed although it should be.
const ADOPTED: &str =
    "It was not renewed: it was adopted without credentials to log in again with.";

/// Everything here needs timers and tasks of Tokio.
pub(crate) fn require_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(
            ErrorKind::Config,
            "not inside a Tokio runtime: use #[tokio::main], or mstr_rest::blocking",
        )),
    }
}

/// Sends a call. `stream`: the body is left to the caller.
pub(crate) async fn execute(mut request: Box<Request>, stream: bool) -> Result<Outcome> {
    require_runtime()?;
    if let Some(mistake) = request.mistake.take() {
        return Err(mistake);
    }
    let inner = Arc::clone(&request.session.inner);
    let span = trace::call_span(&request);
    let watch = span.clone();
    let start = std::time::Instant::now();
    let outcome = async move {
        let end = request.limits.total.or(inner.limits.total).and_then(Deadline::after);
        let road = pin!(inner.road(&mut request, stream, end));
        match end {
            None => road.await,
            Some(end) => end.bound(road).await,
        }
    }
    .instrument(span)
    .await;
    trace::record(&watch, start, &outcome);
    outcome
}

impl Inner {
    async fn road(
        &self,
        request: &mut Request,
        stream: bool,
        deadline: Option<Deadline>,
    ) -> Result<Outcome> {
        let target = request.target()?;
        if target.double_slash {
            // not the path itself: it may hold what no log may
            tracing::warn!("the path of a request holds `//`: it is sent as it is");
        }
        let policy = request.retry.clone().unwrap_or_else(|| self.retry.clone());
        let mut tries = Tries::new(policy, Repeatable::of(request), deadline);
        let mut state = self.settled_state(request, &mut tries, None).await?;
        if request.needs_session && state.token.is_none() {
            return Err(no_session());
        }
        if let Some(name) = project_name(request) {
            if state.token.is_none() {
                return Err(no_session());
            }
            let id = Box::pin(self.project_id(&request.session, &name)).await?;
            request.project = ProjectChoice::Id(id);
            state = self.settled_state(request, &mut tries, None).await?;
        }
        let may_renew = self.relogin
            && request.may_renew
            && request.include_auth
            && !is_auth_path(target.url.path());
        // an expiry right behind a re-login surfaces
        let mut renewed = false;
        loop {
            let failure =
                match self.attempt(request, &target.url, stream, &mut tries, &mut state).await {
                    Ok(outcome) => return Ok(outcome),
                    Err(failure) => failure,
                };
            let error = match failure {
                Failure::Final(error) => return Err(error),
                Failure::Expired(error) => error,
                Failure::Again(wait) => {
                    tokio::time::sleep(wait).await;
                    state = self.settled_state(request, &mut tries, None).await?;
                    renewed = false;
                    continue;
                }
            };
            if !may_renew || renewed {
                return Err(error);
            }
            let Some(auth) = self.renewal() else { return Err(error.with_note(ADOPTED)) };
            let renewal = self.renew(&request.session, &state, &auth).await;
            if !request.body.is_repeatable() {
                return Err(error.with_note(NOT_REPEATED));
            }
            match renewal {
                Ok(()) => renewed = true,
                Err(failed) => {
                    let wait = tries.after_renewal(request, &failed).ok_or(failed)?;
                    tokio::time::sleep(wait).await;
                }
            }
            state = self.settled_state(request, &mut tries, None).await?;
        }
    }

    /// Sends a call once. Of an exchange that brought nothing to use, nothing is left when this
    /// ends: neither its connection nor its place in flight.
    async fn attempt(
        &self,
        request: &Request,
        url: &Url,
        stream: bool,
        tries: &mut Tries,
        state: &mut Arc<State>,
    ) -> Result<Outcome, Failure> {
        let permit = self.place_in_flight(request, tries, state).await?;
        tries.attempts += 1;
        let span = trace::attempt_span(tries.attempts);
        let mut response = match self.exchange(request, url, state).instrument(span).await {
            Ok(response) => response,
            Err(error) => {
                let wait = tries.after_error(request, &error);
                return Err(wait.map_or_else(|| tries.mark(error).into(), Failure::Again));
            }
        };
        let wait = tries.after_status(request, response.status(), response.headers());
        if let Some(wait) = wait {
            return Err(Failure::Again(wait));
        }
        let from_home = same_origin(&self.base, response.url());
        response.set_tries(tries.attempts, tries.start());
        response.set_deadline(tries.deadline());
        response.set_permit(permit);
        let error = match self.verdict(request, stream, &response) {
            Verdict::Stream => return Ok(Outcome::Stream(response)),
            Verdict::Error => response.read_error(self.error_limit).await,
            Verdict::Whole => match response.read(usize::MAX).await {
                Err(error) => error,
                Ok(body) => {
                    let reply = response.into_reply(body);
                    return Ok(Outcome::Whole(reply, tries.attempts, tries.elapsed()));
                }
            },
        };
        let error = redact(tries.mark(error), state);
        // a whole body that broke off: the exchange broke
        let wait = tries.after_error(request, &error);
        Err(match wait {
            Some(wait) => Failure::Again(wait),
            None if error.is_session_expired() && from_home && state.token.is_some() => {
                Failure::Expired(error)
            }
            None => Failure::Final(error),
        })
    }

    /// The state to send a request with. Who waited for a re-login that broke may wait for the
    /// next. `seen`: the re-logins that had ended when the request began to wait, if it waited.
    async fn settled_state(
        &self,
        request: &Request,
        tries: &mut Tries,
        mut seen: Option<u64>,
    ) -> Result<Arc<State>> {
        loop {
            match self.landed_state(request, seen.take()).await {
                Ok(state) => return Ok(state),
                Err(failed) => {
                    let wait = tries.after_renewal(request, &failed).ok_or(failed)?;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// The state once no login is running. Without auth there is nothing to wait for. Who waited
    /// for a re-login shares its failure.
    async fn landed_state(&self, request: &Request, seen: Option<u64>) -> Result<Arc<State>> {
        let mut waited_at = seen.filter(|_| request.include_auth);
        loop {
            self.ensure_open()?;
            let state = self.state.get();
            match (&state.flight, waited_at) {
                (Some(flight), _) if request.include_auth => {
                    waited_at = waited_at.or(Some(state.renewals));
                    flight.clone().wait().await;
                }
                (_, Some(renewals)) if renewals != state.renewals => {
                    return state.failed_renewal.clone().map_or(Ok(state), Err);
                }
                _ => return Ok(state),
            }
        }
    }

    /// Waits for a place in flight. Thousands may wait: the session may have expired and been
    /// renewed meanwhile, and what was read of it before would cost each of them a refusal.
    async fn place_in_flight(
        &self,
        request: &Request,
        tries: &mut Tries,
        state: &mut Arc<State>,
    ) -> Result<Option<tokio::sync::OwnedSemaphorePermit>> {
        let Some(places) = &self.in_flight else { return Ok(None) };
        loop {
            // the semaphore is never closed
            let permit = Arc::clone(places).acquire_owned().await.ok();
            self.ensure_open()?;
            let now = self.state.get();
            if now.generation == state.generation
                && now.renewals == state.renewals
                && (now.flight.is_none() || !request.include_auth)
            {
                return Ok(permit);
            }
            // a running login is not waited for in a place that others could use
            drop(permit);
            *state = self.settled_state(request, tries, Some(state.renewals)).await?;
            if request.needs_session && state.token.is_none() {
                return Err(no_session());
            }
        }
    }

    /// What becomes of a reply.
    fn verdict(&self, request: &Request, stream: bool, response: &Response) -> Verdict {
        let is_error = response.status().as_u16() >= 400;
        let handed_back =
            || stream && self.return_http_errors && !crate::error::is_json(response.headers());
        if is_error && !request.raw && !handed_back() {
            Verdict::Error
        } else if stream {
            Verdict::Stream
        } else {
            Verdict::Whole
        }
    }
}

/// Why sending a call once was not enough.
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

/// How a reply is to be read.
enum Verdict {
    /// By the caller.
    Stream,
    /// Completely, for a decoder.
    Whole,
    /// As far as the error needs that it stands for.
    Error,
}

/// The project to look up, if the request names one: its own, or the session's default.
fn project_name(request: &mut Request) -> Option<Arc<str>> {
    if matches!(request.project, ProjectChoice::Default) {
        request.project = match &request.session.project {
            None => ProjectChoice::None,
            Some(ProjectRef::Id(id)) => ProjectChoice::Id(id.clone()),
            Some(ProjectRef::Name(name)) => ProjectChoice::Name(Arc::clone(name)),
        };
    }
    match &request.project {
        ProjectChoice::Name(name) => Some(Arc::clone(name)),
        _ => None,
    }
}

pub(crate) fn no_session() -> Error {
    Error::new(
        ErrorKind::NoSession,
        "there is no valid session: log in first (connect() or login())",
    )
}

/// A server that repeats the token in its message must not bring it into logs.
fn redact(error: Error, state: &State) -> Error {
    match state.token.as_ref().and_then(|token| token.to_str().ok()) {
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
        let request = Box::new(Request::new(&session, http::Method::GET, "projects".into()));
        // what is written for every call, thousands may be under way: 6.4 KB were a tenth of its
        // processor time
        let size = size_of_val(&execute(request, false));
        assert!(size < 3 * 1024, "{size} bytes: what does it keep twice?");
    }
}
