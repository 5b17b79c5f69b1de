//! The endpoints that the server serves.

mod auth;
mod objects;
mod projects;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Reply;
use crate::sim::Sim;

/// All endpoints, relative to the root of the server.
pub(crate) fn router(sim: &Arc<Sim>) -> Router {
    let api = Router::new()
        .route("/auth/login", post(auth::login))
        .route("/auth/delegate", post(auth::delegate))
        .route("/auth/logout", post(auth::logout))
        .route(
            "/auth/identityToken",
            post(auth::create_identity_token).get(auth::validate_identity_token),
        )
        .route("/auth/token", get(auth::token))
        .route("/auth/apiTokens", post(auth::create_api_token))
        .route("/sessions", get(sessions::info).put(sessions::extend))
        .route("/sessions/userInfo", get(sessions::user_info))
        .route("/sessions/privileges", get(sessions::privileges))
        .route("/sessions/privileges/{id}", get(sessions::privilege))
        .route("/sessions/{project}", get(sessions::project_info))
        .route("/status", get(sessions::status))
        .route("/projects", get(projects::list))
        .route("/projects/{project}", get(projects::one))
        .route("/projects/{project}/languages", get(projects::languages))
        .route("/monitors/projects", get(projects::monitor))
        .route("/monitors/iServer/nodes", get(projects::nodes))
        .route("/objects/{id}", get(objects::one));
    Router::new()
        .nest(&sim.api_path(), api)
        .fallback(async || Reply::error(404, "ERR004", "HTTP 404 Not Found"))
        .method_not_allowed_fallback(async || {
            Reply::error(405, "ERR001", "HTTP 405 Method Not Allowed")
        })
        .with_state(Arc::clone(sim))
}
