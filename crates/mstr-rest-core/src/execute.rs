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

/// Takes a reply and decodes it.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(Received) -> Result<()> + Send);

/// Why a request that received an expired session fails although the session was renewed.
const NOT_REPEATED: &str = "The request was not repeated: its streamed body can be sent once only; \
                            use Body::stream_fn for one that can be made again.";

/// Why an expired session is not renewed although it should be.
const ADOPTED: &str =
    "It was not renewed: it was adopted without credentials to log in again with.";

/// Sends the request of a call and hands its reply to `sink`, all inside the span of the call.
///
/// **Steps.** The name of a project becomes an id. A transition of the login is waited for. Then the
/// request is sent ([`Client::send`]: slot, attempts, retries) with the login of that moment. A reply
/// that says that the session has expired leads to one re-login for all requests that receive it;
/// then the request is sent once more. The reply is decoded last, so that an error of the decoder is
/// an error of the call and of its span.
///
/// **What may be relied on.** The call's timeout bounds all of it. Nothing is sent after the session
/// was closed. A session that expires again right after its re-login is an error, so there is no
/// endless loop; one that expires again after a retry in between is renewed again. Requests of the
/// login machine do not come here: they are sent with a login of their own
/// ([`Client::send_as`]), so that a re-login can send requests while a call waits for it.
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

/// Sends a request of the client's own (project index, keep-alive) as a call is sent, and gives the
/// reply. Boxed: the project index is loaded while a call is being sent.
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
            // not the path itself: it may hold what no log may
            tracing::warn!("the path of a request holds `//`: it is sent as it is");
        }
        nesting::ensure_outside(self.id)?;
        let mut attempts = self.attempts(request, deadline);
        let mut login = self.login_for(request, &mut attempts, None).await?;
        if let Some(ProjectRef::Name(name)) = request.project.clone() {
            if login.token.is_none() {
                return Err(no_session());
            }
            // boxed, as the re-login below: most calls need neither, and each would make their futures
            // larger
            let id = Box::pin(self.project_id(&name)).await?;
            request.project = Some(ProjectRef::Id(id));
            login = self.login_for(request, &mut attempts, None).await?;
        }
        let may_relogin = self.relogin
            && request.may_relogin
            && matches!(request.login, UsedLogin::Session)
            && !is_login_path(&self.base, &target.url);
        // the attempt right after a re-login
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

    /// Loads the project index: `GET /projects`. Callers that come while it is being loaded share the
    /// outcome.
    pub(crate) async fn load_projects(self: &Arc<Self>) -> Result<Arc<ProjectIndex>> {
        let load = || async {
            // without a project of its own, and with auth whatever the call that needs it says
            let mut request = Request::new(Method::GET, "projects".into());
            request.needs_session = true;
            Ok(ProjectIndex::new(response(self, request).await?.json()?))
        };
        self.projects.fetch(load).await
    }

    /// The id of the project of that name: from the index that was loaded, else from the server. A
    /// name that the index does not have is looked up at the server again. An id is given back as it
    /// is.
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
            Error::new(ErrorKind::Decode, format!("the id of project '{name}' is not usable"))
        })
    }
}
