//! Projects on nodes, jobs, caches and the Library against the simulated server.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_api::{
    CubesExt, LibraryExt, MonitorsExt, NodeName, ProjectCache, ProjectState, ProjectsExt,
    ReportsExt, UserId,
};
use mstr_rest_api::{GridRequest, SessionsExt};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Project, Reply};
use serde_json::{Map, json};
use support::{PROJECT, login, sales, sample_cube, server};

async fn start() -> (LibraryServer, Session) {
    let builder = server().project(Project::new("Archive").id("ARCHIVE").loaded(false));
    let server =
        builder.nodes(2).report(sales()).cube(sample_cube()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

#[tokio::test]
async fn projects_are_loaded_and_unloaded() {
    let (server, session) = start().await;
    let projects = session.projects();
    let all = projects.statuses().page_size(1).all().await.unwrap();
    let states: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.is_loaded())).collect();
    assert_eq!(states, [("Tutorial", true), ("Archive", false)]);
    assert_eq!((all[0].nodes.len(), all[0].nodes[1].name.as_str()), (2, "node-2"));
    assert_eq!(projects.get("Archive").await.unwrap_err().kind(), ErrorKind::ResourceNotFound);

    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let change = projects.load_on("ARCHIVE", NodeName::new("node-2")).await.unwrap();
    let change = change.on_progress(move |state| log.lock().unwrap().push(state.to_string()));
    assert_eq!(change.wait().await.unwrap(), ProjectState::Loaded);
    assert_eq!(*seen.lock().unwrap(), ["pending", "pending", "loaded"]);
    assert_eq!(projects.get("Archive").await.unwrap().id, "ARCHIVE");
    let nodes = session.cluster().nodes().await.unwrap();
    let on = |node: usize| nodes[node].projects.iter().find(|one| one.id == "ARCHIVE").unwrap();
    assert_eq!(on(0).status, ProjectState::Unloaded);
    assert_eq!((&on(1).status, nodes[0].default), (&ProjectState::Loaded, Some(true)));
    assert_eq!((nodes[0].port, nodes[0].status.as_deref()), (Some(34952), Some("running")));

    // one that does not end is waited for no longer than was said
    server.inject(
        Fault::reply(Reply::json(200, &json!({"status": "pending"})))
            .on(Method::GET, "/monitors/iServer/nodes/*/projects/*/status"),
    );
    let change = projects.unload_from("ARCHIVE", NodeName::new("node-2")).await.unwrap();
    assert!(format!("{change:?}").contains("ARCHIVE"));
    let error = change.timeout(Duration::from_millis(300)).wait().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("continues on the server"), "{error}");
    assert!(projects.load_on("ARCHIVE", NodeName::new("nowhere")).await.is_err());
}

#[tokio::test]
async fn settings_and_languages_of_a_project() {
    let (_server, session) = start().await;
    let projects = session.projects();
    let mut settings = projects.settings(PROJECT).await.unwrap();
    assert_eq!(settings["maxReportExecutionTime"]["value"], 3600);
    settings["maxReportExecutionTime"]["value"] = 60.into();
    projects.set_settings(PROJECT, &settings).await.unwrap();
    assert_eq!(projects.settings(PROJECT).await.unwrap(), settings);
    let refused = projects.set_settings(PROJECT, &Map::new()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.status()), (ErrorKind::InvalidRequest, None));
    let languages = projects.languages(PROJECT).await.unwrap();
    assert_eq!(languages.metadata.languages[0].name, "English");
    assert_eq!(languages.data.default.as_deref(), Some(languages.data.languages[0].id.as_str()));
}

#[tokio::test]
async fn jobs_are_seen_and_ended() {
    let (_server, session) = start().await;
    let jobs = session.jobs();
    assert!(jobs.all().await.unwrap().is_empty());
    let begin = |id: String| {
        let call = session.post("v2/reports").segment(id).segment("instances");
        call.header("Prefer", "respond-async").json(&json!({})).decode::<serde_json::Value>()
    };
    let id = sales().object_id().to_owned();
    let first = begin(id.clone()).await.unwrap();
    begin(id.clone()).await.unwrap();
    let all = jobs.all().await.unwrap();
    assert_eq!((all.len(), jobs.on_node(NodeName::new("node-2")).await.unwrap().len()), (2, 0));
    let job = jobs.get(&all[0].id).await.unwrap();
    assert_eq!(
        (job.status.as_deref(), job.object_name.as_deref()),
        (Some("executing"), Some("Sales"))
    );
    assert_eq!((job.object_id.as_deref(), job.total_tasks), (Some(id.as_str()), Some(1)));
    assert!(job.creation_time.is_some());
    let ids: Vec<_> = all.iter().map(|job| job.id.clone()).collect();
    let outcome =
        jobs.cancel_all(ids.iter().take(1).cloned().chain(["77".to_owned()])).await.unwrap();
    let outcome: Vec<_> = outcome.iter().map(|one| (one.id.as_str(), one.status)).collect();
    assert_eq!(outcome, [(ids[0].as_str(), Some(204)), ("77", Some(404))]);
    jobs.cancel(&ids[1]).await.unwrap();
    assert!(jobs.all().await.unwrap().is_empty());
    assert!(jobs.cancel(&ids[1]).await.is_err());
    let none = jobs.cancel_all(Vec::<String>::new()).await.unwrap_err();
    assert_eq!((none.kind(), none.status()), (ErrorKind::InvalidRequest, None));
    // whoever waits for it finds it gone
    let instance = first["instanceId"].as_str().unwrap();
    let call = session.get("reports").segment(&id).segment("instances").segment(instance);
    assert!(call.segment("status").decode::<serde_json::Value>().await.is_err());
}

#[tokio::test]
async fn caches_are_seen_moved_and_deleted() {
    let (_server, session) = start().await;
    let caches = session.caches();
    let list = caches.cubes("node-1").all().await.unwrap();
    assert_eq!((list.len(), list[0].state.loaded_state.as_deref()), (1, Some("loaded")));
    assert_eq!(list[0].source.as_ref().unwrap().name, "Sample Cube");
    assert!(caches.cubes("node-2").all().await.unwrap().is_empty());
    let id = &list[0].id;
    let cache = caches.unload_cube(id).await.unwrap().wait().await.unwrap();
    assert_eq!(cache.state.loaded_state.as_deref(), Some("unloaded"));
    let again = caches.load_cube(id).await.unwrap().on_progress(|_| ()).wait().await.unwrap();
    assert_eq!(
        (again.state.loaded_state.as_deref(), again.row_count),
        (Some("loaded"), Some(1000))
    );
    let cube = session.cubes().cube(&again.source.unwrap().id);
    assert!(cube.status().await.unwrap().is_published());
    caches.delete_cube(id).await.unwrap();
    assert!(!cube.status().await.unwrap().is_published());
    assert!(caches.cubes("node-1").all().await.unwrap().is_empty());
    assert_eq!(caches.cube_cache(id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);

    assert!(caches.contents(PROJECT, NodeName::new("node-1")).all().await.unwrap().is_empty());
    let report = session.reports().report(sales().object_id());
    report.run(GridRequest::designed()).await.unwrap();
    let contents = caches.contents(PROJECT, NodeName::new("node-1")).all().await.unwrap();
    assert_eq!((contents.len(), contents[0].kind.as_deref()), (1, Some("report")));
    caches.delete_contents(NodeName::new("node-1"), [&contents[0].combined_id]).await.unwrap();
    assert!(caches.contents(PROJECT, NodeName::new("node-1")).all().await.unwrap().is_empty());
    let none =
        caches.delete_contents(NodeName::new("node-1"), Vec::<String>::new()).await.unwrap_err();
    assert_eq!((none.kind(), none.status()), (ErrorKind::InvalidRequest, None));
    for which in [ProjectCache::Object, ProjectCache::Element] {
        caches.purge(PROJECT, which).await.unwrap();
    }
    assert!(caches.purge("nope", ProjectCache::Object).await.is_err());
}

#[tokio::test]
async fn the_library_is_filled_and_emptied() {
    let (_server, session) = start().await;
    let (library, id) = (session.library(), sales().object_id().to_owned());
    assert!(library.list().await.unwrap().is_empty());
    let me = UserId::from(&session.user_info().await.unwrap());
    library.publish(&id, [&me]).await.unwrap();
    let items = library.list().await.unwrap();
    assert_eq!((items.len(), items[0].name.as_str()), (1, "Sales"));
    assert_eq!(items[0].project_id.as_deref(), Some(PROJECT));
    assert_eq!(items[0].target.as_ref().unwrap().id, id);
    library.unpublish_for(&id, &me).await.unwrap();
    assert!(library.list().await.unwrap().is_empty());
    library.publish(&id, [&me]).await.unwrap();
    library.unpublish(&id).await.unwrap();
    assert!(library.list().await.unwrap().is_empty());
    assert_eq!(library.unpublish(&id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    let nobody = library.publish(&id, Vec::<UserId>::new()).await.unwrap_err();
    assert_eq!((nobody.kind(), nobody.status()), (ErrorKind::InvalidRequest, None));
}
