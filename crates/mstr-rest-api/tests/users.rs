//! Users and groups against the simulated server.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use mstr_rest_api::{
    DeviceId, GroupChanges, NewAddress, NewGroup, NewUser, ObjectType, ObjectsExt, User,
    UserChanges, UserGroupsExt, Users, UsersExt,
};
use mstr_rest_core::{Auth, Credential, ErrorKind, Session};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method, Reply};
use serde_json::{Map, Value, json};
use support::{login, server};

const CANARY: &str = "canary-new-password-7311";

async fn start() -> (LibraryServer, Session) {
    let mut builder = server().user(DEFAULT_USER, DEFAULT_PASSWORD);
    for name in ["Anna", "Annika", "Bert"] {
        builder =
            builder.user(&name.to_lowercase(), "x").user_profile(&name.to_lowercase(), name, name);
    }
    let server = builder.start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

async fn can_log_in(server: &LibraryServer, name: &str, password: &str) -> bool {
    let session = Session::builder(server.base_url()).environment_proxies(false).build().unwrap();
    session.login(Auth::standard(name, password)).await.is_ok()
}

#[tokio::test]
async fn users_are_listed_by_name() {
    let (server, session) = start().await;
    let names = |users: Vec<User>| users.into_iter().map(|user| user.name).collect::<Vec<_>>();
    let users = session.users();
    assert_eq!(names(users.list().all().await.unwrap()), ["Anna", "Annika", "Bert", DEFAULT_USER]);
    let begins = users.list().name_begins_with("ann").page_size(1);
    assert_eq!(names(begins.all().await.unwrap()), ["Anna", "Annika"]);
    let logins = users.list().username_begins_with("b").all().await.unwrap();
    assert_eq!((logins.len(), logins[0].login()), (1, Some("bert")));
    for request in server.requests(Method::GET, "/users") {
        assert_eq!(request.project_id(), None, "users belong to the whole server");
    }
}

#[tokio::test]
async fn a_user_lives() {
    let (server, session) = start().await;
    let (users, groups) = (session.users(), session.user_groups());
    let analysts =
        groups.create(&NewGroup::new("Analysts").description("They analyse")).await.unwrap();
    let new = NewUser::new("psmith")
        .full_name("Pat Smith")
        .password(CANARY)
        .description("new here")
        .require_new_password(false)
        .trust_id("t1")
        .group(&analysts.id);
    let user = users.create(new).await.unwrap();
    assert_eq!(
        (user.name.as_str(), user.login(), user.enabled),
        ("Pat Smith", Some("psmith"), Some(true))
    );
    assert_eq!(
        (user.description.as_deref(), user.trust_id.as_deref()),
        (Some("new here"), Some("t1"))
    );
    assert!(user.date_created.is_some());
    assert!(can_log_in(&server, "psmith", CANARY).await, "what is made is real");
    let sent = server.requests(Method::POST, "/users").pop().unwrap();
    assert_eq!(
        sent.json::<Value>().unwrap(),
        json!({
            "username": "psmith", "fullName": "Pat Smith", "password": CANARY,
            "description": "new here", "requireNewPassword": false, "trustId": "t1",
            "memberships": [analysts.id],
        })
    );
    let found = users.list().username_begins_with("psm").all().await.unwrap();
    assert_eq!(found[0].id, user.id);
    let twice = users.create(NewUser::new("psmith").full_name("Other")).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::ObjectAlreadyExists);
    let membership = users.memberships(&user.id).await.unwrap();
    let membership: Vec<_> = membership.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(membership, ["Analysts", "Everyone"]);
    let members = groups.members(&analysts.id).all().await.unwrap();
    assert_eq!((members.len(), members[0].name.as_str()), (1, "Pat Smith"));

    let changes = UserChanges::new()
        .full_name("Pat Miller")
        .username("pmiller")
        .password(Credential::from_fn(|| Ok("canary-other")))
        .leave(&analysts.id)
        .grant("2");
    let after = users.update(&user.id, changes).await.unwrap();
    assert_eq!((after.name.as_str(), after.login()), ("Pat Miller", Some("pmiller")));
    assert!(!can_log_in(&server, "psmith", CANARY).await);
    assert!(can_log_in(&server, "pmiller", "canary-other").await);
    let sent = server.requests(Method::PATCH, "/users/*").pop().unwrap().json::<Value>().unwrap();
    assert_eq!(
        sent["operationList"][0],
        json!({"op": "replace", "path": "/fullName", "value": "Pat Miller"})
    );
    assert_eq!(sent["operationList"][2]["op"], "remove");
    assert!(groups.members(&analysts.id).all().await.unwrap().is_empty());
    let privileges = users.privileges(&user.id).await.unwrap();
    assert_eq!((privileges[0].privilege.id.as_str(), privileges[0].is_direct()), ("2", true));
    users.update(&user.id, UserChanges::new().revoke("2").set("ldapdn", "cn=x")).await.unwrap();
    assert!(users.privileges(&user.id).await.unwrap().is_empty());
    assert_eq!(users.get(&user.id).await.unwrap().ldap_dn.as_deref(), Some("cn=x"));

    users.update(&user.id, UserChanges::new().enabled(false)).await.unwrap();
    assert!(!can_log_in(&server, "pmiller", "canary-other").await, "disabled");
    users.delete(&user.id).await.unwrap();
    let gone = users.get(&user.id).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::ResourceNotFound);
    assert!(users.list().username_begins_with("pm").all().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_belongs_to_a_user() {
    let (server, session) = start().await;
    let users = session.users();
    let added = users.add_address(
        "Bert",
        &NewAddress::new("b@example.com", DeviceId::new("D1")).name("Work").default(true),
    );
    let added = added.await.unwrap();
    assert_eq!((added.len(), added[0].is_default), (1, Some(true)));
    assert_eq!(added[0].physical_address, "b@example.com");
    let other = NewAddress::new("b@home.example", DeviceId::new("D1")).name("Home");
    users.replace_address("Bert", &added[0], &other).await.unwrap();
    let now = users.addresses("Bert").await.unwrap();
    assert_eq!((now[0].name.as_str(), now[0].id.as_str()), ("Home", added[0].id.as_str()));
    users.delete_address("Bert", &now[0]).await.unwrap();
    assert!(users.addresses("Bert").await.unwrap().is_empty());
    assert!(users.delete_address("Bert", &now[0]).await.is_err());

    let mut settings = Map::new();
    settings.insert("language".to_owned(), json!({"value": "L2"}));
    users.set_settings("Bert", &settings).await.unwrap();
    assert_eq!(users.settings("Bert").await.unwrap()["language"]["value"], "L2");
    let refused = users.set_settings("Bert", &Map::new()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);

    assert!(users.security_filters("Bert").await.unwrap().is_empty());
    // as servers have it where there are some
    let roles = json!({"projects": [{"id": "P", "name": "Sales", "securityRoles": [{"id": "R", "name": "Web"}]}]});
    let roles = Fault::reply(Reply::json(200, &roles));
    server.inject(roles.on(Method::GET, "/users/*/securityRoles").times(1));
    let roles = users.security_roles("Bert").await.unwrap();
    assert_eq!(
        (roles[0].name.as_str(), roles[0].security_roles[0].name.as_str()),
        ("Sales", "Web")
    );
    for error in [
        users.memberships("nobody").await.unwrap_err(),
        users.addresses("nobody").await.unwrap_err(),
        users.delete("nobody").await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound);
    }
}

#[tokio::test]
async fn groups_hold_users_and_groups() {
    let (_server, session) = start().await;
    let groups = session.user_groups();
    let inner =
        groups.create(&NewGroup::new("Inner").member("Anna").ldap_dn("cn=inner")).await.unwrap();
    let outer = groups.create(&NewGroup::new("Outer").member(&inner.id)).await.unwrap();
    assert_eq!(outer.subtype, Some(8705));
    let names: Vec<_> = groups
        .list_name_begins_with("In")
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|g| g.name)
        .collect();
    assert_eq!(names, ["Inner"]);
    assert!(groups.list().page_size(2).all().await.unwrap().len() >= 6);
    let members = groups.members(&outer.id).all().await.unwrap();
    assert_eq!((members[0].name.as_str(), members[0].subtype), ("Inner", Some(8705)));
    let above = groups.memberships(&inner.id).await.unwrap();
    assert_eq!((above.len(), above[0].name.as_str()), (1, "Outer"));

    let changes = GroupChanges::new()
        .name("Core")
        .description("The core")
        .add_member("Bert")
        .remove_member("Anna")
        .leave(&outer.id)
        .grant("3");
    let after = groups.update(&inner.id, &changes).await.unwrap();
    assert_eq!((after.name.as_str(), after.description.as_deref()), ("Core", Some("The core")));
    let members = groups.members(&inner.id).all().await.unwrap();
    assert_eq!((members.len(), members[0].id.as_str()), (1, "Bert"));
    assert!(groups.members(&outer.id).all().await.unwrap().is_empty());
    assert!(groups.privileges(&inner.id).await.unwrap()[0].is_direct());
    // its members have it from there
    let of = session.users().privileges("Bert").await.unwrap();
    assert!(!of[0].is_direct() && of[0].sources[0].group.as_ref().unwrap().name == "Core");
    groups.update(&inner.id, &GroupChanges::new().join(&outer.id).revoke("3")).await.unwrap();
    assert_eq!(groups.memberships(&inner.id).await.unwrap().len(), 1);
    assert!(groups.privileges(&inner.id).await.unwrap().is_empty());
    assert!(groups.security_roles(&inner.id).await.unwrap().is_empty());
    assert!(groups.settings(&inner.id).await.unwrap().contains_key("requireMFA"));
    // a group is an object
    let object = session.objects().get(&inner.id, ObjectType::User).await.unwrap();
    assert_eq!((object.name.as_str(), object.subtype), ("Core", Some(8705)));
    // a deleted user is in no group
    session.users().delete("Bert").await.unwrap();
    assert!(groups.members(&inner.id).all().await.unwrap().is_empty());
    groups.delete(&inner.id).await.unwrap();
    assert_eq!(groups.get(&inner.id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    assert!(groups.members(&outer.id).all().await.unwrap().is_empty());
}

#[tokio::test]
async fn mistakes_are_not_sent() {
    let (server, session) = start().await;
    let (users, groups) = (session.users(), session.user_groups());
    let before = server.journal().len();
    for error in [
        users.create(NewUser::new("").full_name("Pat")).await.unwrap_err(),
        users.create(NewUser::new("pat").full_name("")).await.unwrap_err(),
        users.update("Bert", UserChanges::new()).await.unwrap_err(),
        groups.create(&NewGroup::new("")).await.unwrap_err(),
        groups.update("G", &GroupChanges::new()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None), "{error}");
    }
    let nothing = Credential::env("MSTR_TEST_NO_SUCH_VARIABLE");
    let error =
        users.create(NewUser::new("pat").full_name("Pat").password(nothing)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingCredential);
    assert_eq!(server.journal().len(), before);
}

#[tokio::test]
async fn a_password_is_shown_nowhere() {
    let (server, session) = start().await;
    let users: Users = session.users();
    let new = NewUser::new("pat").full_name("Pat").password(CANARY);
    let changes = UserChanges::new().password(CANARY);
    let mut shown = vec![format!("{new:?} {changes:?}")];
    // a server that repeats what it was sent
    let repeats = || {
        let message = format!("The password {CANARY} is too weak");
        Fault::reply(Reply::error(400, "ERR006", &message)).times(1)
    };
    server.inject(repeats().on(Method::POST, "/users"));
    server.inject(repeats().on(Method::PATCH, "/users/*"));
    for error in
        [users.create(new).await.unwrap_err(), users.update("Bert", changes).await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("The password *** is too weak"), "{error}");
        shown.push(format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
    }
    let shown = shown.join("\n");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(
        server.requests(Method::POST, "/users")[0].json::<Value>().unwrap()["password"] == CANARY
    );
}
