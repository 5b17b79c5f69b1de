//! The endpoints that the server serves.

mod auth;
mod cubes;
mod data;
mod datasets;
mod documents;
mod objects;
mod projects;
mod reports;
mod search;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, head, post, put};

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
        .route("/objects/{id}", get(objects::one).delete(objects::delete));
    let api = documents(uploads(cubes(reports(api))));
    Router::new()
        .nest(&sim.api_path(), api)
        .fallback(async || Reply::error(404, "ERR004", "HTTP 404 Not Found"))
        .method_not_allowed_fallback(async || {
            Reply::error(405, "ERR001", "HTTP 405 Method Not Allowed")
        })
        .with_state(Arc::clone(sim))
}

fn reports(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/v2/reports/{id}", get(reports::definition))
        .route("/v2/reports/{id}/instances", post(reports::execute))
        .route(
            "/v2/reports/{id}/instances/{instance}",
            get(reports::page).put(reports::manipulate).delete(reports::close),
        )
        .route("/v2/reports/{id}/instances/{instance}/pageBy/elements", get(reports::page_by))
        .route("/v2/reports/{id}/instances/{instance}/sqlView", get(reports::sql))
        .route("/reports/{id}/instances/{instance}/status", get(reports::status))
        .route("/reports/{id}/attributes/{attribute}/elements", get(reports::elements))
        .route("/reports/{id}/prompts", get(reports::prompts))
        .route("/reports/{id}/instances/{instance}/prompts", get(reports::open_prompts))
        .route("/reports/{id}/instances/{instance}/prompts/answers", put(reports::answer_prompts))
        .route(
            "/reports/{id}/instances/{instance}/prompts/{prompt}/elements",
            get(reports::prompt_elements),
        )
        .route(
            "/reports/{id}/instances/{instance}/prompts/{prompt}/objects",
            get(reports::prompt_objects),
        )
}

fn cubes(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/v2/cubes/{id}", get(cubes::definition).post(cubes::publish))
        .route("/v2/cubes/{id}/instances", post(cubes::execute))
        .route(
            "/v2/cubes/{id}/instances/{instance}",
            get(reports::page).put(reports::manipulate).delete(reports::close),
        )
        .route("/v2/cubes/{id}/sqlView", get(cubes::sql))
        .route("/cubes", get(cubes::info))
        .route("/cubes/{id}", head(cubes::status))
        .route("/cubes/{id}/attributes/{attribute}/elements", get(cubes::elements))
        .route("/model/cubes/{id}", get(cubes::model))
}

fn documents(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    let one = "/documents/{id}/instances/{instance}";
    let at = |rest: &str| format!("{one}{rest}");
    api.route("/v2/dossiers/{id}/definition", get(documents::definition))
        .route("/documents/{id}/definition", get(documents::definition))
        .route("/v2/documents/{id}", get(documents::definition))
        .route("/dossiers/{id}/instances", post(documents::execute))
        .route("/documents/{id}/instances", post(documents::execute))
        .route(
            "/v2/dossiers/{id}/instances/{instance}/definition",
            get(documents::instance_definition),
        )
        .route(
            "/v2/dossiers/{id}/instances/{instance}/chapters/{chapter}/visualizations/{key}",
            get(documents::visualization),
        )
        .route("/documents/{id}/prompts", get(documents::prompts))
        .route(one, delete(documents::close))
        .route(&at("/status"), get(documents::status))
        .route(&at("/prompts"), get(documents::open_prompts))
        .route(&at("/prompts/answers"), put(documents::answer_prompts))
        .route(&at("/prompts/{prompt}/elements"), get(documents::prompt_elements))
        .route(&at("/prompts/{prompt}/objects"), get(documents::prompt_objects))
        .route(&at("/rePrompt"), post(documents::prompt_again))
        .route(&at("/pdf"), post(documents::pdf))
        .route(
            &at("/pdf/{result}"),
            get(documents::pdf_result).delete(documents::delete_pdf_result),
        )
        .route(&at("/excel"), post(documents::excel))
        .route(&at("/visualizations/{key}/csv"), post(documents::visualization_csv))
        .route(&at("/visualizations/{key}/pdf"), post(documents::visualization_pdf))
}

fn uploads(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/datasets/models", post(datasets::describe))
        .route("/datasets/{id}", get(datasets::definition))
        .route("/datasets/{id}/uploadSessions", post(datasets::open))
        .route(
            "/datasets/{id}/uploadSessions/{upload}",
            put(datasets::part).delete(datasets::cancel),
        )
        .route("/datasets/{id}/uploadSessions/{upload}/publish", post(datasets::publish))
        .route(
            "/datasets/{id}/uploadSessions/{upload}/publishStatus",
            get(datasets::publish_status),
        )
        .route("/metadataSearches/results", get(search::results).post(search::search))
        .route("/v2/metadataSearches/results", post(search::search))
}
