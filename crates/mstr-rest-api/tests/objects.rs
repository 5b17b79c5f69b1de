//! Objects, folders and searches against the simulated server.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::time::{Duration, SystemTime};

use mstr_rest_api::{
    AccessChanges, Certification, FolderId, FoldersExt, NewFolder, Object, ObjectChanges,
    ObjectType, ObjectsExt, PredefinedFolder, Propagation, Rights, SearchExt, SearchPattern,
};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Report};
use serde_json::{Value, json};
use support::{login, sales, server};

const EVERYONE: &str = "C82C6B1011D2894CC0009D9F29718E4F";

fn names(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(|object| object.name.as_str()).collect()
}

async fn start() -> (LibraryServer, Session) {
    let server = server().report(sales()).report(Report::new("Other")).start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

#[tokio::test]
async fn an_object_is_read_changed_copied_and_deleted() {
    let (server, session) = start().await;
    let (objects, id) = (session.objects(), sales().object_id().to_owned());
    let report = objects.get(&id, ObjectType::Report).await.unwrap();
    assert_eq!((report.name.as_str(), report.kind), ("Sales", ObjectType::Report));
    assert_eq!(
        (report.subtype, report.certified, report.hidden),
        (Some(768), Some(false), Some(false))
    );
    let created = report.date_created.unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(created, Duration::from_secs(1_435_701_335));
    assert_eq!(report.path(), "/Public Objects/Reports/Sales");
    assert_eq!(report.ancestors[0].name, "Tutorial");
    assert_eq!(report.owner.unwrap().name, "Administrator");

    server.advance(Duration::from_secs(60));
    let changes = ObjectChanges::new().name("Sales 2026").description("All of it").hidden(true);
    let after = objects.update(&id, ObjectType::Report, &changes).await.unwrap();
    assert_eq!((after.name.as_str(), after.hidden), ("Sales 2026", Some(true)));
    assert_eq!(after.description.as_deref(), Some("All of it"));
    assert!(after.date_modified > after.date_created);
    let sent = server.requests(Method::PUT, "/objects/*").pop().unwrap();
    assert_eq!(
        sent.json::<Value>().unwrap(),
        json!({"name": "Sales 2026", "description": "All of it", "hidden": true})
    );
    assert_eq!(sent.query_value("type").as_deref(), Some("3"));
    // the report itself bears the name too
    let definition: Value = session.get("v2/reports").segment(&id).decode().await.unwrap();
    assert_eq!(definition["name"], "Sales 2026");

    let mine = session.folders().predefined_id(PredefinedFolder::MyReports).await.unwrap();
    let copy = objects.copy(&id, ObjectType::Report, "Copy", FolderId::new(&mine)).await.unwrap();
    assert_ne!(copy.id, id);
    assert_eq!(copy.path(), "/My Objects/My Reports/Copy");
    let again =
        objects.copy(&id, ObjectType::Report, "Copy", FolderId::new(&mine)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::ObjectAlreadyExists);

    objects.delete(&id, ObjectType::Report).await.unwrap();
    let gone = objects.get(&id, ObjectType::Report).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::ResourceNotFound, "{gone}");
    assert_eq!(objects.get(&copy.id, ObjectType::Report).await.unwrap().name, "Copy");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_keeps_its_code() {
    let (server, session) = start().await;
    let error = session.objects().get("nope", ObjectType::Metric).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    assert_eq!((error.code(), error.status().unwrap().as_u16()), (Some("ERR001"), 500));
    assert_eq!(error.iserver_code(), Some(-2_147_216_373));
    // a 500 is final, though the session retries
    assert_eq!((error.attempts(), server.count(Method::GET, "/objects/nope")), (1, 1));
    // of another type it is not there either
    let id = sales().object_id().to_owned();
    let error = session.objects().get(&id, ObjectType::Document).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    for error in [
        session.folders().contents("nope").all().await.unwrap_err(),
        session.folders().delete("nope").await.unwrap_err(),
        session.objects().delete("nope", ObjectType::Report).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    }
}

#[tokio::test]
async fn mistakes_are_not_sent() {
    let (server, session) = start().await;
    let before = server.journal().len();
    let (objects, folders) = (session.objects(), session.folders());
    let folder_only = AccessChanges::new().grant("U", Rights::READ);
    let folder_only = folder_only.propagate(Propagation::AppendChildren);
    let errors = [
        objects.update("A", ObjectType::Report, &ObjectChanges::new()).await.unwrap_err(),
        objects.update_access("A", ObjectType::Report, &AccessChanges::new()).await.unwrap_err(),
        objects.update_access("A", ObjectType::Report, &folder_only).await.unwrap_err(),
        objects.get("", ObjectType::Report).await.unwrap_err(),
        folders.create(&NewFolder::new("", FolderId::new("A"))).await.unwrap_err(),
        folders.create(&NewFolder::new("A", FolderId::new(""))).await.unwrap_err(),
        folders.find("//").await.unwrap_err(),
        folders.root().page_size(0).all().await.unwrap_err(),
        folders.root().page(0, 0).await.unwrap_err(),
        session
            .search()
            .uses("A", ObjectType::Metric)
            .used_by("B", ObjectType::Report)
            .all()
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert_eq!(error.status(), None, "{error}");
    }
    assert_eq!(server.journal().len(), before);
    session.destroy_auth_token();
    for error in [
        folders.root().all().await.unwrap_err(),
        session.search().all().await.unwrap_err(),
        session.quick_search().list().await.unwrap_err(),
        objects.get("A", ObjectType::Report).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSession);
    }
    assert_eq!(server.journal().len(), before);
}

#[tokio::test]
async fn access_is_granted_and_taken_away() {
    let (_server, session) = start().await;
    let (objects, id) = (session.objects(), sales().object_id().to_owned());
    let acl = objects.access(&id, ObjectType::Report).await.unwrap();
    let everyone = acl.iter().find(|entry| entry.trustee_id == EVERYONE).unwrap();
    assert_eq!((everyone.rights, everyone.deny), (Rights::VIEW, Some(false)));
    assert_eq!(
        (everyone.trustee_name.as_str(), everyone.trustee_subtype),
        ("Everyone", Some(8705))
    );

    let change = AccessChanges::new()
        .grant("54F3D26011D2896560009A8E67019608", Rights::ALL)
        .revoke(EVERYONE, Rights::EXECUTE)
        .deny(EVERYONE, Rights::WRITE);
    let object = objects.update_access(&id, ObjectType::Report, &change).await.unwrap();
    let rights = |deny: bool| {
        let of = |entry: &&mstr_rest_api::AccessEntry| {
            entry.trustee_id == EVERYONE && entry.deny == Some(deny)
        };
        object.acl.iter().find(of).unwrap().rights
    };
    assert_eq!(rights(false).bits(), 197 - 128);
    assert_eq!(rights(true), Rights::WRITE);
    // and back
    let change =
        AccessChanges::new().clear_denied(EVERYONE, Rights::ALL).replace(EVERYONE, Rights::MODIFY);
    let object = objects.update_access(&id, ObjectType::Report, &change).await.unwrap();
    assert!(object.acl.iter().all(|entry| entry.deny == Some(false)));
    let left = object.acl.iter().find(|entry| entry.trustee_id == EVERYONE).unwrap();
    assert_eq!(left.rights, Rights::MODIFY);

    // a folder hands it on
    let reports = session.folders().predefined_id(PredefinedFolder::PublicReports).await.unwrap();
    let change = AccessChanges::new().replace(EVERYONE, Rights::BROWSE).inheritable(true);
    let change = change.propagate(Propagation::OverwriteRecursive);
    objects.update_access(&reports, ObjectType::Folder, &change).await.unwrap();
    let acl = objects.access(&id, ObjectType::Report).await.unwrap();
    let left = acl.iter().find(|entry| entry.trustee_id == EVERYONE).unwrap();
    assert_eq!((left.rights, left.inheritable), (Rights::BROWSE, Some(true)));
}

#[tokio::test]
async fn folders_are_made_filled_walked_and_deleted() {
    let (server, session) = start().await;
    let (folders, objects) = (session.folders(), session.objects());
    let top = folders.root().all().await.unwrap();
    assert_eq!(names(&top), ["My Objects", "Public Objects", "Schema Objects"]);
    let reports = folders.predefined(PredefinedFolder::PublicReports).all().await.unwrap();
    assert_eq!(names(&reports), ["Other", "Sales"]);
    let found = folders.find("/Public Objects/Reports/").await.unwrap();
    assert_eq!(found.kind, ObjectType::Folder);
    assert_eq!(folders.predefined_id(PredefinedFolder::PublicReports).await.unwrap(), found.id);

    let year =
        folders.create(&NewFolder::new("2026", &found).description("This year")).await.unwrap();
    assert_eq!(year.description.as_deref(), Some("This year"));
    let twice = folders.create(&NewFolder::new("2026", &found)).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::ObjectAlreadyExists);
    let id = sales().object_id().to_owned();
    let changes = ObjectChanges::new().folder(&year.id);
    objects.update(&id, ObjectType::Report, &changes).await.unwrap();
    assert_eq!(names(&folders.contents(&found.id).all().await.unwrap()), ["2026", "Other"]);
    let path = folders.path(&id, ObjectType::Report).await.unwrap();
    assert_eq!(path, "/Public Objects/Reports/2026/Sales");
    assert_eq!(folders.find(&path).await.unwrap().id, id, "a path leads back");
    for (path, part) in [
        ("/Public Objects/Nowhere/Sales", "`Nowhere` in `Public Objects`"),
        ("/Public Objects/Reports/Other/x", "`x` in `Other`"),
        ("nothing", "`nothing` in `the top`"),
    ] {
        let error = folders.find(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
        assert!(error.to_string().contains(part), "{error}");
    }

    folders.delete(&year.id).await.unwrap();
    assert_eq!(names(&folders.contents(&found.id).all().await.unwrap()), ["Other"]);
    assert!(objects.get(&id, ObjectType::Report).await.is_err(), "it went with its folder");
    assert_eq!(folders.my_objects().all().await.unwrap().len(), 2);
    // the project travels along, and each list is one request
    let asked = server.requests(Method::GET, "/folders");
    assert!(asked.iter().all(|request| request.project_id() == Some(support::PROJECT)));
}

#[tokio::test]
async fn searches_find_what_is_there() {
    let (server, session) = start().await;
    let search = || session.search().kind(ObjectType::Report);
    assert_eq!(names(&search().all().await.unwrap()).len(), 2);
    assert_eq!(names(&search().name("SAL").await.unwrap()), ["Sales"]);
    let exactly = |name: &str| search().name(name).pattern(SearchPattern::Exactly);
    assert!(exactly("Sale").await.unwrap().is_empty());
    assert_eq!(names(&exactly("sales").await.unwrap()), ["Sales"]);
    let begin = search().begin().await.unwrap();
    assert_eq!((begin.total_items, begin.id.len()), (Some(2), 32));
    // what uses what
    let id = sales().object_id().to_owned();
    let users = session.search().uses("M1", ObjectType::Metric).all().await.unwrap();
    assert_eq!(names(&users), ["Sales"]);
    let used = session.search().used_by(&id, ObjectType::Report).kind(ObjectType::Metric);
    let mut used = names(&used.all().await.unwrap()).join(",");
    assert!(used == "Revenue,Units" || used == "Units,Revenue", "{used}");
    used.clear();
    let both = session.search().uses("M1", ObjectType::Metric).uses("no", ObjectType::Metric);
    assert!(both.clone().all().await.unwrap().is_empty());
    assert_eq!(both.match_any(true).recursive(true).all().await.unwrap().len(), 1);
    // when
    server.advance(Duration::from_secs(3600));
    let changes = ObjectChanges::new().description("new");
    let after = session.objects().update(&id, ObjectType::Report, &changes).await.unwrap();
    let when = after.date_modified.unwrap();
    assert_eq!(names(&search().modified_from(when).await.unwrap()), ["Sales"]);
    let before = when - Duration::from_secs(1);
    assert_eq!(names(&search().modified_until(before).await.unwrap()), ["Other"]);
    // where
    let mine = session.folders().predefined_id(PredefinedFolder::MyObjects).await.unwrap();
    assert!(search().in_folder(&mine).await.unwrap().is_empty());
    // the older endpoint
    assert_eq!(search().legacy_endpoint(true).limit(1).await.unwrap().len(), 1);
    assert_eq!(server.count(Method::POST, "/metadataSearches/results"), 1);
    let posted = server.requests(Method::POST, "/v2/metadataSearches/results");
    assert_eq!(posted[0].query_value("pattern").as_deref(), Some("4"));
    assert_eq!(posted[0].query_value("domain").as_deref(), Some("2"));

    let quick = session.quick_search().name("sal").kind(ObjectType::Report).include_ancestors(true);
    let found = quick.list().await.unwrap();
    assert_eq!(found[0].path(), "/Public Objects/Reports/Sales");
    assert_eq!(found[0].project_id.as_deref(), Some(support::PROJECT));
    let certified = session.quick_search().certification(Certification::CertifiedOnly);
    assert!(certified.list().await.unwrap().is_empty());
    let olap = session.quick_search().subtype(776).list().page(0, 5).await.unwrap();
    assert_eq!((olap.items.len(), olap.total), (0, Some(0)));
}

#[tokio::test]
async fn a_search_outlives_its_session() {
    let mut builder = server();
    for number in 0..25 {
        builder = builder.report(Report::new(&format!("Report {number:02}")));
    }
    let server = builder.start().await.unwrap();
    let session = login(&server).await;
    let mut found = session.search().kind(ObjectType::Report).page_size(10).stream();
    let mut names = Vec::new();
    for _ in 0..15 {
        names.push(found.next().await.unwrap().unwrap().name);
    }
    server.expire_all();
    while let Some(object) = found.next().await {
        names.push(object.unwrap().name);
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 25, "each object once");
    assert_eq!(server.count(Method::POST, "/v2/metadataSearches/results"), 3, "one met the expiry");

    // another number of objects then is an error
    let mut found = session.search().kind(ObjectType::Report).page_size(10).stream();
    for _ in 0..10 {
        found.next().await.unwrap().unwrap();
    }
    server.expire_all();
    let one = session.search().name("Report 03").await.unwrap().remove(0);
    session.objects().delete(&one.id, ObjectType::Report).await.unwrap();
    let error = found.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.to_string().contains("another number"), "{error}");
    assert!(found.next().await.is_none(), "an error is the end");
}

#[tokio::test]
async fn models_take_what_servers_send() {
    let (server, session) = start().await;
    let odd = json!({
        "id": 5, "name": null, "type": "3", "subtype": "776", "dateCreated": "soon",
        "dateModified": "2021-04-04T06:33:32Z", "acl": null, "owner": null, "ancestors": null,
        "hidden": "True", "certifiedInfo": {"certified": "false"}, "more": [1],
    });
    let reply = mstr_sim::Reply::json(200, &odd);
    server.inject(Fault::reply(reply).on(Method::GET, "/objects/*").times(1));
    let object = session.objects().get("x", ObjectType::Report).await.unwrap();
    assert_eq!((object.id.as_str(), object.name.as_str()), ("5", ""));
    assert_eq!((object.kind, object.subtype), (ObjectType::Report, Some(776)));
    assert_eq!((object.date_created, object.hidden), (None, Some(true)));
    assert!(object.date_modified.is_some() && object.certified == Some(false));
    let empty = Fault::reply(mstr_sim::Reply::json(200, &json!({})));
    server.inject(empty.on(Method::GET, "/objects/*").times(1));
    assert_eq!(session.objects().get("x", ObjectType::Report).await.unwrap(), Object::default());
}
