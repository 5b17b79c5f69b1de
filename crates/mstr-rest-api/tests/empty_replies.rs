//! Changes whose replies have no body: the server made them, so they are no errors.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::{
    AccessChanges, ColumnType, DatasetModel, DatasetsExt, DeviceId, FolderId, FoldersExt,
    GridRequest, GroupChanges, InstanceStatus, ModelTable, NewAddress, NewFolder, NewGroup,
    NewUser, ObjectChanges, ObjectType, ObjectsExt, ReportsExt, Rights, UserChanges, UserGroupsExt,
    UsersExt,
};
use mstr_rest_core::Session;
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use support::{lines, login, sales, server};

/// The replies to changes lose their bodies.
fn empty(server: &LibraryServer, method: Method, path: &str, status: u16) {
    let bare = move |_: &_, reply: Reply| match reply.status() {
        status if status.is_success() => Reply::new(204),
        _ => reply,
    };
    let null = move |_: &_, reply: Reply| match reply.status() {
        status if status.is_success() => Reply::new(200).with_body("application/json", "null"),
        _ => reply,
    };
    server.inject(match status {
        204 => Fault::alter(bare).on(method, path),
        _ => Fault::alter(null).on(method, path),
    });
}

async fn start() -> (LibraryServer, Session) {
    let server = server().report(sales()).start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

#[tokio::test]
async fn changed_objects_are_read_again() {
    for status in [204, 200] {
        let (server, session) = start().await;
        for (method, path) in [
            (Method::PUT, "/objects/*"),
            (Method::PATCH, "/users/*"),
            (Method::PATCH, "/usergroups/*"),
            (Method::POST, "/v2/users/*/addresses"),
        ] {
            empty(&server, method, path, status);
        }
        let (objects, users, groups) = (session.objects(), session.users(), session.user_groups());
        let (id, kind) = (sales().object_id().to_owned(), ObjectType::Report);
        let changed = objects.update(&id, kind, &ObjectChanges::new().name("S")).await.unwrap();
        assert_eq!((changed.id.as_str(), changed.name.as_str()), (id.as_str(), "S"));
        let user = users.create(NewUser::new("ada")).await.unwrap();
        let change = AccessChanges::new().grant(&user.id, Rights::VIEW);
        let changed = objects.update_access(&id, kind, &change).await.unwrap();
        assert!(changed.acl.iter().any(|entry| entry.trustee_id == user.id), "{changed:?}");
        let named = UserChanges::new().full_name("Ada L.");
        assert_eq!(users.update(&user.id, named).await.unwrap().id, user.id);
        let group = groups.create(&NewGroup::new("Analysts")).await.unwrap();
        let change = GroupChanges::new().add_member(&user.id);
        assert_eq!(groups.update(&group.id, &change).await.unwrap().name, "Analysts");
        let address = NewAddress::new("ada@example.com", DeviceId::new("D1"));
        assert_eq!(users.add_address(&user.id, &address).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn created_objects_have_what_is_known() {
    let (server, session) = start().await;
    for path in ["/users", "/usergroups", "/folders", "/objects/*/copy"] {
        empty(&server, Method::POST, path, 204);
    }
    let user = session.users().create(NewUser::new("ada")).await.unwrap();
    assert_eq!((user.id.as_str(), user.username.as_deref()), ("", Some("ada")));
    let group = session.user_groups().create(&NewGroup::new("Analysts")).await.unwrap();
    assert_eq!((group.id.as_str(), group.name.as_str()), ("", "Analysts"));
    let id = sales().object_id().to_owned();
    let root = session.folders().predefined_id(mstr_rest_api::PredefinedFolder::PublicObjects);
    let root = FolderId::new(root.await.unwrap());
    let folder = session.folders().create(&NewFolder::new("F", &root)).await.unwrap();
    assert_eq!((folder.name.as_str(), folder.kind), ("F", ObjectType::Folder));
    let copy = session.objects().copy(&id, ObjectType::Report, "C", &root).await;
    assert_eq!(copy.unwrap().name, "C");

    // the header names it
    server.clear_faults();
    let located = Reply::new(201).header("location", "/api/folders/F00D?x=1");
    server.inject(Fault::reply(located).on(Method::POST, "/folders"));
    let folder = session.folders().create(&NewFolder::new("G", &root)).await.unwrap();
    assert_eq!((folder.id.as_str(), folder.name.as_str()), ("F00D", "G"));
    let located = Reply::new(201).header("location", "https://host/api/datasets/D1/");
    server.inject(Fault::reply(located).on(Method::POST, "/datasets/models"));
    let table = ModelTable::new("t").column("c", ColumnType::String);
    let model = DatasetModel::new("D").table(table);
    assert_eq!(session.datasets().create_model(&model).await.unwrap().id(), "D1");
}

#[tokio::test]
async fn a_changed_execution_stays_the_same() {
    let (server, session) = start().await;
    let report = session.reports().report(sales().object_id());
    let instance = report.run(GridRequest::designed()).await.unwrap();
    empty(&server, Method::PUT, "/v2/reports/*/instances/*", 204);
    let id = instance.id();
    instance.manipulate(GridRequest::designed().metric("M1").attribute("R1")).await.unwrap();
    assert_eq!((instance.id(), instance.last_status()), (id, InstanceStatus::Ready));
    assert_eq!(instance.first_page(), None);
    assert!(lines(&instance.page(0, 10).await.unwrap()) > 0);
}
