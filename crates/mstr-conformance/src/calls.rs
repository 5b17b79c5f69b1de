//! Steps that are one call of the session.

use futures_util::stream;
use mstr_rest_api::{IdentityTokensExt, Project, ProjectsExt, SessionInfo, SessionsExt, UserInfo};
use mstr_rest_core::{Call, Error, Response, Result, Session};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::case::{Request, Step};
use crate::drive::{Driver, Outcome};

/// Runs the step. `Err` when it is none of these, or cannot be expressed.
pub(crate) async fn run(driver: &Driver<'_>, step: &Step) -> std::result::Result<Outcome, String> {
    let session = match driver.session() {
        Ok(session) => session,
        Err(error) => return Ok(error.into()),
    };
    let outcome = match step {
        Step::Request(request) => return send(driver, &session, request).await,
        Step::Verb { method, url } => {
            let url = url.clone();
            let call = match method.as_str() {
                "GET" => session.get(url),
                "OPTIONS" => session.options(url),
                "HEAD" => session.head(url),
                "POST" => session.post(url),
                "PUT" => session.put(url),
                "PATCH" => session.patch(url),
                "DELETE" => session.delete(url),
                _ => return Err(format!("there is no helper for {method}")),
            };
            finish(driver, call).await
        }
        Step::HasSession {} => Ok(Outcome::value(session.has_session())),
        Step::DestroyAuthToken {} => {
            session.destroy_auth_token();
            Ok(Outcome::default())
        }
        Step::BaseUrl {} => Ok(Outcome::value(session.base_url().as_str())),
        Step::CreateIdentityToken {} => {
            let call = session.identity_tokens().create();
            announce(driver, &call);
            call.await.map(|token| Outcome::value(token.expose_secret()))
        }
        Step::ExtendSession {} => {
            typed(driver, session.extend_session().decode_with(|reply| Ok(of(reply)))).await
        }
        Step::GetSessionInfo {} => {
            typed(driver, session.session_info().decode_with(as_type::<SessionInfo>)).await
        }
        Step::GetUserinfo {} => {
            typed(driver, session.user_info().decode_with(as_type::<UserInfo>)).await
        }
        Step::GetProjects {} => {
            typed(driver, session.projects().list().decode_with(as_type::<Vec<Project>>)).await
        }
        Step::LoadProjects {} => session.projects().load().await.map(|_| Outcome::default()),
        Step::GetProjectId { name } => {
            session.projects().id_of(name).map(|id| Outcome::value(Value::from(id)))
        }
        Step::ResolveProjectId { name } => {
            session.projects().resolve(name).await.map(Outcome::value)
        }
        _ => return Err("this step is no call of a session".into()),
    };
    Ok(outcome.unwrap_or_else(Outcome::from))
}

async fn send(
    driver: &Driver<'_>,
    session: &Session,
    request: &Request,
) -> std::result::Result<Outcome, String> {
    let mut call = session.request(&request.method, request.url.clone());
    for (name, value) in &request.headers {
        call = call.header(name, value);
    }
    if let Some(name) = &request.project {
        call = call.project(name);
    }
    if let Some(id) = &request.project_id {
        call = call.project_id(id);
    }
    if let Some(yes) = request.include_auth {
        call = call.include_auth(yes);
    }
    if let Some(body) = &request.stream_body {
        let piece = Ok::<_, std::io::Error>(bytes::Bytes::from(body.clone()));
        call = call.stream_body(stream::iter([piece]));
    }
    let kept = call.clone();
    let before = kept.headers().clone();
    let outcome = finish(driver, call).await.unwrap_or_else(Outcome::from);
    if request.check_headers_unchanged && *kept.headers() != before {
        return Err("the call changed the caller's headers".into());
    }
    Ok(outcome)
}

fn announce<T>(driver: &Driver<'_>, call: &Call<T>) {
    // a call without a URL sends nothing
    if let Ok(url) = call.url() {
        driver.announce(call.method().as_str(), url.as_str());
    }
}

/// Sends it and reads the reply to its end.
async fn finish(driver: &Driver<'_>, call: Call<Response>) -> Result<Outcome, Error> {
    announce(driver, &call);
    Ok(of(&call.await?))
}

async fn typed(driver: &Driver<'_>, call: Call<Outcome>) -> Result<Outcome, Error> {
    announce(driver, &call);
    call.await
}

/// A reply that fits the type: its status, and what was sent.
fn as_type<T: DeserializeOwned>(reply: &Response) -> Result<Outcome> {
    reply.json::<T>()?;
    Ok(Outcome { value: Some(reply.json()?), ..of(reply) })
}

fn of(reply: &Response) -> Outcome {
    Outcome::status(reply.status())
}
