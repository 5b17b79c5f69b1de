//! The way of every request: note it, look for a fault, answer it, dress the reply, send it.

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::encode::{self, Never, Scripted, Then};
use crate::fault::Strike;
use crate::journal::Parts;
use crate::listen::Connection;
use crate::reply::Delivery;
use crate::searching::Searching;
use crate::sim::Sim;
use crate::{RecordedRequest, Reply, control, lock, pattern};

/// Answers one request, or never.
pub(crate) async fn answer(
    sim: Arc<Sim>,
    router: Router,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Never> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        // The client went away in the middle of its request: nobody is there to answer.
        return pending().await;
    };
    if sim.config.control && head.uri.path().starts_with(control::PREFIX) {
        let reply = control::answer(&sim, &head.method, &head.uri);
        return deliver(reply, &connection).await;
    }
    let request = record(&sim, &connection, &head, body);
    // Before the journal shows the request: who waits for it there may change the next one's lot.
    let strike = sim.faults.strike(&head.method, head.uri.path());
    let latency = *lock(&sim.latency);
    // Before the journal, too; it ends when the reply is there.
    let searching = Searching::begin(&sim, &request);
    let number = sim.journal.add(request.clone());

    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let reply = match strike {
        Some(Strike::Replace(respond)) => {
            sim.with_balancer_cookies(respond(&request), request.node())
        }
        Some(Strike::Alter(alter)) => {
            let reply = match &searching {
                Ok(_) => serve(&sim, router, &head, &request).await,
                Err(refusal) => refusal.clone(),
            };
            alter(&request, reply)
        }
        None => match &searching {
            Ok(_) => serve(&sim, router, &head, &request).await,
            Err(refusal) => refusal.clone(),
        },
    };
    if !reply.delay().is_zero() {
        tokio::time::sleep(reply.delay()).await;
    }
    drop(searching);
    let reply = compress(reply, &head.headers, sim.config.gzip);
    let silent = matches!(reply.delivery(), Delivery::Reset | Delivery::StallHead);
    sim.journal.answer(number, (!silent).then(|| reply.status()));
    deliver(reply, &connection).await
}

fn record(
    sim: &Sim,
    connection: &Connection,
    head: &http::request::Parts,
    body: Bytes,
) -> RecordedRequest {
    let mut headers = head.headers.clone();
    if let (None, Some(authority)) = (headers.get(header::HOST), head.uri.authority()) {
        // HTTP/2 has it elsewhere.
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            headers.insert(header::HOST, host);
        }
    }
    for name in ["x-mstr-authtoken", "x-mstr-identitytoken", "cookie", "authorization"] {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
    let node = sim.node(&headers);
    RecordedRequest::new(Parts {
        method: head.method.clone(),
        version: head.version,
        path: head.uri.path().to_owned(),
        endpoint: pattern::endpoint(&sim.api_path(), head.uri.path()),
        query: head.uri.query().map(str::to_owned),
        connection: connection.number(),
        node,
        caller: sim.caller(&headers, node),
        at: sim.clock.now(),
        headers,
        body,
    })
}

/// What the server itself answers: a mounted route, or one of its own.
async fn serve(
    sim: &Arc<Sim>,
    router: Router,
    head: &http::request::Parts,
    request: &RecordedRequest,
) -> Reply {
    let path = head.uri.path();
    let reply = match sim.mounted(&head.method, path) {
        Some(mounted) if mounted.needs_session => match enter(sim, request, request.project_id()) {
            Ok(()) => (mounted.responder)(request),
            Err(refusal) => refusal,
        },
        Some(mounted) => (mounted.responder)(request),
        None => route(router, head, request).await,
    };
    let reply = reply
        .default_header("cache-control", "no-store")
        .default_header("server", "MicroStrategy")
        .default_header("x-content-type-options", "nosniff")
        .default_header("x-xss-protection", "1; mode=block")
        .default_header("strict-transport-security", "max-age=31536000; includeSubDomains");
    sim.with_balancer_cookies(reply, request.node())
}

/// Lets a request through whose session is alive and, if it names a project, whose project
/// session is there or can be opened.
pub(crate) fn enter(
    sim: &Sim,
    request: &RecordedRequest,
    project: Option<&str>,
) -> Result<(), Reply> {
    let Some(caller) = request.caller() else { return Err(Reply::session_expired()) };
    let cap = sim.config.session_cap;
    let admitted = sim.sessions(|sessions, now| {
        sessions.touch(caller.generation, now);
        project.is_none_or(|project| sessions.enter_project(caller, project, cap))
    });
    if admitted {
        return Ok(());
    }
    let project = project.unwrap_or_default();
    let project = sim.project(project).map_or_else(|| project.to_owned(), |found| found.name);
    let message = format!(
        "(Maximum number of interactive session per user for project exceeded while trying to \
         login user {} to project {project}.)",
        caller.user
    );
    Err(Reply::iserver_error(500, "ERR001", -2_147_072_486, &message))
}

/// Through the router. The reply comes back as an extension of the response.
async fn route(router: Router, head: &http::request::Parts, request: &RecordedRequest) -> Reply {
    let recorded = request.clone();
    let mut request = Request::new(Body::empty());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = without_trailing_slash(&head.uri);
    *request.headers_mut() = head.headers.clone();
    request.extensions_mut().insert(recorded);
    let Ok(mut response) = TowerToHyperService::new(router).call(request).await;
    let mut reply = response
        .extensions_mut()
        .remove::<Reply>()
        .unwrap_or_else(|| Reply::new(response.status().as_u16()));
    reply.add_missing(response.headers());
    reply
}

/// Real clients send both forms.
fn without_trailing_slash(uri: &http::Uri) -> http::Uri {
    let path = uri.path().trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{query}").parse().unwrap_or_else(|_| uri.clone())
}

fn compress(mut reply: Reply, headers: &http::HeaderMap, enabled: bool) -> Reply {
    let wanted = enabled && encode::accepts_gzip(headers);
    let encoded = reply.headers().contains_key(header::CONTENT_ENCODING);
    if !wanted || encoded || reply.body().is_empty() {
        return reply;
    }
    match encode::gzip(reply.body()) {
        Ok(body) => {
            reply.set_body(body);
            reply.header("content-encoding", "gzip")
        }
        Err(_) => reply,
    }
}

async fn deliver(reply: Reply, connection: &Connection) -> Result<Response<Body>, Never> {
    let length = reply.body().len();
    let (sent, then) = match reply.delivery() {
        Delivery::Whole => (length, None),
        Delivery::Chunked => (length, Some(Then::End)),
        Delivery::Cut(bytes) => (bytes.min(length), Some(Then::Close)),
        Delivery::StallBody(bytes) => (bytes.min(length), Some(Then::Stall)),
        Delivery::StallHead => return pending().await,
        Delivery::Reset => {
            connection.reset();
            return pending().await;
        }
    };
    let first = reply.body().slice(..sent);
    let body = match then {
        None => Body::from(first),
        Some(then) => Body::new(Scripted::new(first, then)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status();
    *response.headers_mut() = reply.headers().clone();
    if matches!(then, Some(Then::Close | Then::Stall)) {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}
