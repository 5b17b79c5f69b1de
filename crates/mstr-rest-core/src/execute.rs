//! The road of every request: project, limits, attempt, classification.

use std::sync::Arc;

use tokio::runtime::Handle;
use tracing::Instrument;

use crate::request::{ProjectChoice, Request};
use crate::session::{Inner, ProjectRef};
use crate::state::State;
use crate::time::Deadline;
use crate::{Error, ErrorKind, Reply, Response, Result, trace};

/// What the sending of a call brought.
pub(crate) enum Outcome {
    Stream(Response),
    /// The reply, and how many times the request was sent.
    Whole(Reply, u32),
}

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
        let mut state = self.settled_state(request).await?;
        if request.needs_session && state.token.is_none() {
            return Err(no_session());
        }
        if let Some(name) = project_name(request) {
            if state.token.is_none() {
                return Err(no_session());
            }
            let id = Box::pin(self.project_id(&request.session, &name)).await?;
            request.project = ProjectChoice::Id(id);
            state = self.settled_state(request).await?;
        }
        let permit = self.place_in_flight().await;
        // One attempt today. Re-login and retries repeat from here, with the state of then.
        let attempts = 1;
        let span = trace::attempt_span(attempts);
        let sent = self.exchange(request, target.url, &state).instrument(span).await;
        let response = sent.map_err(|error| error.with_attempts(attempts))?;
        let response = response.with_deadline(deadline).with_permit(permit);
        let outcome = self.classify(request, stream, response, attempts).await;
        outcome.map_err(|error| redact(error.with_attempts(attempts), &state))
    }

    /// The state once no login is running. Without auth there is nothing to wait for.
    async fn settled_state(&self, request: &Request) -> Result<Arc<State>> {
        loop {
            self.ensure_open()?;
            let state = self.state.get();
            match &state.flight {
                Some(flight) if request.include_auth => flight.clone().wait().await,
                _ => return Ok(state),
            }
        }
    }

    async fn place_in_flight(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let places = self.in_flight.as_ref()?;
        // the semaphore is never closed
        Arc::clone(places).acquire_owned().await.ok()
    }

    /// Success, or the error that the reply stands for.
    async fn classify(
        &self,
        request: &Request,
        stream: bool,
        response: Response,
        attempts: u32,
    ) -> Result<Outcome> {
        let is_error = response.status().as_u16() >= 400;
        if request.raw || !is_error {
            return if stream {
                Ok(Outcome::Stream(response))
            } else {
                Ok(Outcome::Whole(response.reply().await?, attempts))
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
