//! The endpoints that the server serves.

mod auth;
mod cubes;
mod data;
mod datasets;
mod documents;
mod folders;
mod library;
mod lists;
mod monitors;
mod objects;
mod patch;
mod privileges;
mod projects;
mod prompts;
mod reports;
mod search;
mod server;
mod sessions;
mod subscriptions;
mod user_groups;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, head, patch, post, put};

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
        .route("/objects/{id}", get(objects::one).put(objects::update).delete(objects::delete))
        .route("/objects/{id}/copy", post(objects::copy));
    let api = browse(documents(uploads(cubes(reports(api)))));
    let api = delivery(administration(people(api)));
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
}

fn browse(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/folders", get(folders::root).post(folders::create))
        .route("/folders/{id}", get(folders::contents).delete(folders::delete))
        .route("/folders/preDefined/{number}", get(folders::predefined))
        .route("/folders/preDefined/{number}/id", get(folders::predefined_id))
        .route("/folders/myPersonalObjects", get(folders::mine))
        .route("/metadataSearches/results", get(search::results).post(search::search))
        .route("/v2/metadataSearches/results", post(search::search))
        .route("/searches/results", get(search::quick))
}

fn administration(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/v2/projects/{id}/settings", get(projects::settings).patch(projects::set_settings))
        .route("/monitors/iServer/nodes/{node}/projects/{id}", patch(monitors::change_project))
        .route("/monitors/iServer/nodes/{node}/projects/{id}/status", get(monitors::project_state))
        .route("/monitors/projects/{id}/caches/{kind}", delete(monitors::purge))
        .route("/v2/monitors/jobs", get(monitors::list_jobs))
        .route("/v2/monitors/jobs/{id}", get(monitors::job).delete(monitors::cancel_job))
        .route("/v2/monitors/cancelJobs", post(monitors::cancel_jobs))
        .route("/monitors/caches/cubes", get(monitors::cube_caches))
        .route(
            "/monitors/caches/cubes/{id}",
            get(monitors::one_cube_cache)
                .patch(monitors::change_cube_cache)
                .delete(monitors::delete_cube_cache),
        )
        .route("/monitors/caches/contents", get(monitors::content_caches))
        .route("/v2/monitors/caches/contents", patch(monitors::change_content_caches))
        .route("/library", get(library::list).post(library::publish))
        .route("/library/{id}", delete(library::unpublish))
        .route("/library/{id}/recipients/{user}", delete(library::unpublish_for))
}

fn delivery(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/subscriptions", get(subscriptions::list).post(subscriptions::create))
        .route("/subscriptions/{id}", get(subscriptions::one).delete(subscriptions::delete))
        .route("/subscriptions/{id}/send", post(subscriptions::send))
        .route("/v2/subscriptions/{id}/send", post(subscriptions::send))
        .route("/schedules", get(server::schedules))
        .route("/schedules/{id}", get(server::schedule).delete(server::delete_schedule))
        .route("/events", get(server::events))
        .route("/events/{id}", get(server::event))
        .route("/events/{id}/trigger", post(server::trigger))
        .route("/iserver/privileges", get(server::privileges))
        .route("/securityRoles", get(server::roles))
        .route("/securityRoles/{id}", get(server::role).delete(server::delete_role))
        .route("/securityFilters", get(server::filters))
        .route(
            "/securityFilters/{id}/members",
            get(server::filter_members).patch(server::change_filter_members),
        )
        .route("/datasources", get(server::datasources))
        .route("/datasources/{id}", get(server::datasource))
        .route("/datasources/{id}/sqlexecution", post(server::execute_sql))
        .route("/datasources/sqlexecution/{id}", get(server::sql_result))
        .route("/projects/{project}/datasources", get(server::project_datasources))
}

fn people(api: Router<Arc<Sim>>) -> Router<Arc<Sim>> {
    api.route("/users", get(users::list).post(users::create))
        .route("/users/{id}", get(users::one).patch(users::change).delete(users::delete))
        .route("/users/{id}/memberships", get(users::memberships))
        .route("/users/{id}/privileges", get(users::privileges))
        .route("/users/{id}/securityRoles", get(users::security_roles))
        .route("/users/{id}/securityFilters", get(users::security_filters))
        .route("/users/{id}/settings", get(users::settings).patch(users::set_settings))
        .route("/users/{id}/addresses", get(users::old_addresses))
        .route("/users/{id}/addresses/{address}", delete(users::delete_address))
        .route("/v2/users/{id}/addresses", get(users::addresses).post(users::add_address))
        .route("/v2/users/{id}/addresses/{address}", put(users::replace_address))
        .route("/usergroups", get(user_groups::list).post(user_groups::create))
        .route(
            "/usergroups/{id}",
            get(user_groups::one).patch(user_groups::change).delete(user_groups::delete),
        )
        .route("/usergroups/{id}/members", get(user_groups::members))
        .route("/usergroups/{id}/memberships", get(user_groups::memberships))
        .route("/usergroups/{id}/privileges", get(user_groups::privileges))
        .route("/usergroups/{id}/securityRoles", get(user_groups::security_roles))
        .route("/usergroups/{id}/settings", get(user_groups::settings))
}
