//! The road of every request: project, limits, attempt, classification.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::Instrument;

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
        match request.limits.total.or(inner.limits.total).and_then(Deadline::after) {
            None => inner.road(&mut request, stream, None).await,
            Some(end) => end.bound(inner.road(&mut request, stream, Some(end))).await,
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
            let permit = self.place_in_flight(request, &mut tries, &mut state).await?;
            tries.attempts += 1;
            let span = trace::attempt_span(tries.attempts);
            let sent = self.exchange(request, target.url.clone(), &state).instrument(span).await;
            let wait = match &sent {
                Ok(reply) => tries.after_status(request, reply.status(), reply.headers()),
                Err(error) => tries.after_error(request, error),
            };
            if let Some(wait) = wait {
                // neither the connection nor the place in flight is needed meanwhile
                drop((sent, permit));
                tokio::time::sleep(wait).await;
                state = self.settled_state(request, &mut tries, None).await?;
                renewed = false;
                continue;
            }
            let response = sent.map_err(|error| tries.mark(error))?;
            let from_home = same_origin(&self.base, response.url());
            let response = response
                .with_tries(tries.attempts, tries.start())
                .with_deadline(deadline)
                .with_permit(permit);
            let outcome = self.classify(request, stream, response, &tries).await;
            let error = match outcome.map_err(|error| redact(tries.mark(error), &state)) {
                Ok(outcome) => return Ok(outcome),
                Err(error) => error,
            };
            // a whole body that broke off: the exchange broke
            if let Some(wait) = tries.after_error(request, &error) {
                tokio::time::sleep(wait).await;
                state = self.settled_state(request, &mut tries, None).await?;
                renewed = false;
                continue;
            }
            let expired = error.is_session_expired() && from_home && state.token.is_some();
            if !(expired && may_renew) || renewed {
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

    /// Success, or the error that the reply stands for.
    async fn classify(
        &self,
        request: &Request,
        stream: bool,
        response: Response,
        tries: &Tries,
    ) -> Result<Outcome> {
        let is_error = response.status().as_u16() >= 400;
        if request.raw || !is_error {
            return if stream {
                Ok(Outcome::Stream(response))
            } else {
                Ok(Outcome::Whole(response.reply().await?, tries.attempts, tries.elapsed()))
            };
        }
        let handed_back =
            stream && self.return_http_errors && !crate::error::is_json(response.headers());
        if handed_back {
            return Ok(Outcome::Stream(response));
        }
        Err(response.into_error(self.error_limit).await)
    }
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
