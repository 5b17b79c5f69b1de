//! The request pipeline of a call: project, login, attempts, re-login, decoding.

use std::pin::{Pin, pin};
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use tokio::time::sleep;

use crate::background::require_runtime;
use crate::client::{Client, no_session};
use crate::projects::{ProjectIndex, ProjectRef};
use crate::relogin::Renewed;
use crate::request::{Request, UsedLogin};
use crate::send::{Failure, Received, bounded, unread};
use crate::timeouts::Deadline;
use crate::url::is_login_path;
use crate::{Error, ErrorKind, Response, Result, nesting, trace};

/// Receives the reply of a call and decodes it.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(Received) -> Result<()> + Send);

/// Hint: the session was renewed, but the body of the request cannot be repeated.
const NOT_REPEATED: &str = "The request was not repeated, because its streamed body can be sent \
                            only once: use Body::stream_fn to make it repeatable.";

/// Hint: re-login is on, but an adopted session has no credentials.
const ADOPTED: &str =
    "The session was not renewed, because it was adopted without credentials for a re-login.";

/// Sends the request of a call and passes its reply to `sink`, inside the span of the call.
///
/// **Steps**
/// 1. Wait until no transition of the login runs.
/// 2. Replace the name of a project by its id, then wait for transitions again.
/// 3. Send the request with the login of that moment ([`Client::send`]: slot, attempts, retries).
/// 4. If the reply is an expired session, join or start the re-login that all requests with that
///    login share. Then continue with step 3.
/// 5. Decode the reply. This is the last step, so that an error of the decoder is an error of the
///    call and of its span.
///
/// **Guarantees**
/// - The total timeout of the call covers all steps.
/// - Nothing is sent after the session was closed.
/// - If the first attempt after a re-login receives an expired session again, the call fails. So
///   there is no endless loop. If a retry came in between, the session is renewed again.
/// - Requests of the login machine do not use this function. They have their own login
///   ([`Client::send_as`]), so that a re-login can send requests while a call waits for it.
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
    let deadline = client.deadline(&request);
    let run = pin!(client.run(&mut request, sink, deadline));
    bounded(span, deadline, run).await
}

/// Sends a request of the client itself (project index, keep-alive) like a call, and returns the
/// reply. It is boxed, because the project index is loaded inside a call (recursion).
pub(crate) fn response(
    client: &Arc<Client>,
    request: Request,
) -> Pin<Box<dyn Future<Output = Result<Response>> + Send>> {
    let client = Arc::clone(client);
    Box::pin(async move {
        let mut response = None;
        let mut sink = |received| {
            if let Received::Whole(whole) = received {
                response = Some(whole);
            }
            Ok(())
        };
        execute(client, Box::new(request), &mut sink).await?;
        response.ok_or_else(unread)
    })
}

impl Client {
    async fn run(
        self: &Arc<Self>,
        request: &mut Request,
        sink: Sink<'_>,
        deadline: Option<Deadline>,
    ) -> Result<StatusCode> {
        let target = request.target(&self.base)?;
        if target.double_slash {
            // do not log the path: it may contain secrets
            tracing::warn!("the path of a request contains `//`: it is sent unchanged");
        }
        nesting::ensure_outside(self.id)?;
        // boxed: few calls wait for their turn
        let _turn = match request.turn {
            Some(name) => Some(Box::pin(self.turns.wait(name)).await),
            None => None,
        };
        let mut attempts = self.attempts(request, deadline);
        let mut login = self.login_for(request, &mut attempts, None).await?;
        if let Some(ProjectRef::Name(name)) = request.project.clone() {
            if login.token.is_none() {
                return Err(no_session());
            }
            // boxed, like the re-login below: most calls need neither, and unboxed they would make
            // the future of every call larger
            let id = Box::pin(self.project_id(&name)).await?;
            request.project = Some(ProjectRef::Id(id));
            login = self.login_for(request, &mut attempts, None).await?;
        }
        let may_relogin = self.relogin
            && request.may_relogin
            && matches!(request.login, UsedLogin::Session)
            && !is_login_path(&self.base, &target.url);
        // the number of the first attempt after a re-login
        let mut after_relogin = None;
        loop {
            let error = match self.send(request, &target.url, &mut attempts, &mut login).await {
                Ok(received) => {
                    let status = received.status();
                    return sink(received).map(|()| status).map_err(|error| attempts.mark(error));
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Expired(error)) => error,
            };
            if !may_relogin || after_relogin == Some(attempts.count) {
                return Err(error);
            }
            let Some(auth) = self.logins.auth() else { return Err(error.with_note(ADOPTED)) };
            let renewal = Box::pin(self.log_in_again(&login, &auth)).await;
            if !request.body.is_repeatable() {
                return Err(error.with_note(NOT_REPEATED));
            }
            match renewal {
                Ok(Renewed::Yes) => after_relogin = Some(attempts.count + 1),
                Ok(Renewed::LoggedOut) => return Err(error),
                Err(failed) => {
                    let delay = attempts.after_relogin(request, &self.base, &failed);
                    sleep(delay.ok_or(failed)?).await;
                }
            }
            login = self.login_for(request, &mut attempts, None).await?;
        }
    }

    /// Loads the project index: `GET /projects`. Callers during the request share its outcome.
    pub(crate) async fn load_projects(self: &Arc<Self>) -> Result<Arc<ProjectIndex>> {
        let load = || async {
            // without a project, and with the login even if the call is sent without one
            let mut request = Request::new(Method::GET, "projects".into());
            request.needs_session = true;
            Ok(ProjectIndex::new(response(self, request).await?.json()?))
        };
        self.projects.fetch(load).await
    }

    /// The id of the project with that name. If the loaded index does not have the name, or no
    /// index is loaded, the index is loaded from the server. An id is returned unchanged.
    pub(crate) async fn project_id(self: &Arc<Self>, name: &str) -> Result<HeaderValue> {
        if let ProjectRef::Id(id) = ProjectRef::parse(name) {
            return Ok(id);
        }
        let known = match self.projects.get() {
            Some(index) => index.id_of(name)?.map(str::to_owned),
            None => None,
        };
        let id = match known {
            Some(id) => Some(id),
            None => self.load_projects().await?.id_of(name)?.map(str::to_owned),
        };
        let Some(id) = id else {
            return Err(Error::new(
                ErrorKind::ResourceNotFound,
                format!("no project named '{name}' is available to this session"),
            ));
        };
        HeaderValue::from_str(&id).map_err(|_| {
            Error::new(ErrorKind::Decode, format!("the id of project '{name}' cannot be a header"))
        })
    }
}
