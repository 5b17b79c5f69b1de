//! Subscriptions, schedules, events, security and data sources against the simulated server.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mstr_rest_api::{
    DataSourceId, DataSourcesExt, Delivery, NewSubscription, ProjectId, SchedulesExt, SecurityExt,
    SessionsExt, SubscriptionsExt, UsersExt,
};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Reply};
use serde_json::{Value, json};
use support::{PROJECT, login, sales, server};

async fn start() -> (LibraryServer, Session) {
    let server = server().report(sales()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    (server, session)
}

#[tokio::test]
async fn a_subscription_lives() {
    let (server, session) = start().await;
    let subscriptions = session.subscriptions();
    let schedules = session.schedules().list().await.unwrap();
    let me = session.user_info().await.unwrap().id;
    let new = NewSubscription::new("Every morning", Delivery::email("Sales"))
        .schedule(&schedules[0].id)
        .report(sales().object_id())
        .to(&me);
    let made = subscriptions.create(&new).await.unwrap();
    assert_eq!((made.name.as_str(), made.mode()), ("Every morning", Some("EMAIL")));
    assert_eq!(
        (made.contents[0].name.as_str(), made.contents[0].kind.as_deref()),
        ("Sales", Some("report"))
    );
    assert_eq!(made.schedules[0].name, schedules[0].name);
    assert_eq!(
        (made.recipients[0].id.as_str(), made.recipients[0].include_type.as_deref()),
        (me.as_str(), Some("TO"))
    );
    assert!(made.date_created.is_some() && made.editable == Some(true));
    let sent =
        server.requests(Method::POST, "/subscriptions").pop().unwrap().json::<Value>().unwrap();
    assert_eq!(sent["contents"][0]["personalization"]["formatType"], "PDF");
    assert_eq!(sent["delivery"]["email"]["subject"], "Sales");

    subscriptions.create(&new.clone().send_now(true)).await.unwrap();
    assert_eq!(subscriptions.list().page_size(1).all().await.unwrap().len(), 2);
    subscriptions.send(&made.id).await.unwrap();
    assert_eq!(server.count(Method::POST, "/subscriptions/*/send"), 1);
    assert_eq!(subscriptions.get(&made.id).await.unwrap(), made);
    subscriptions.delete(&made.id).await.unwrap();
    assert_eq!(subscriptions.get(&made.id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    assert_eq!(subscriptions.list().all().await.unwrap().len(), 1);
    assert!(
        server
            .requests(Method::GET, "/subscriptions")
            .iter()
            .all(|r| r.project_id() == Some(PROJECT))
    );
}

#[tokio::test]
async fn a_wrong_total_of_subscriptions_hides_none() {
    let (server, session) = start().await;
    let page = |ids: &[u32]| {
        let items: Vec<_> = ids.iter().map(|id| json!({"id": id, "name": "s"})).collect();
        Reply::json(200, &json!({"subscriptions": items})).header("x-mstr-total-count", "1")
    };
    let pages = [page(&[1, 2]), page(&[3]), page(&[])];
    for reply in pages {
        server.inject(Fault::reply(reply).on(Method::GET, "/subscriptions").times(1));
    }
    let all = session.subscriptions().list().page_size(2).all().await.unwrap();
    let ids: Vec<_> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[tokio::test]
async fn mistakes_are_not_sent() {
    let (server, session) = start().await;
    let before = server.journal().len();
    let new = || NewSubscription::new("S", Delivery::history_list());
    let cases = [
        (NewSubscription::new("", Delivery::new("FILE")), "a name"),
        (new(), "something to deliver"),
        (new().dashboard("D"), "somebody"),
        (new().document("D").to_group("G"), "a schedule"),
    ];
    for (new, says) in cases {
        let error = session.subscriptions().create(&new).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
        assert!(error.to_string().contains(says), "{error}");
    }
    let filters = session.security_filters();
    for error in [
        filters.apply("F", Vec::<String>::new()).await.unwrap_err(),
        filters.revoke("F", Vec::<String>::new()).await.unwrap_err(),
        session
            .data_sources()
            .execute(DataSourceId::new("D"), ProjectId::new(PROJECT), "  ")
            .await
            .unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    }
    assert_eq!(server.journal().len(), before);
}

#[tokio::test]
async fn schedules_and_events() {
    let (server, session) = start().await;
    let (schedules, events) = (session.schedules(), session.events());
    let all = schedules.list().await.unwrap();
    let based = all.iter().find(|one| one.kind.as_deref() == Some("event_based")).unwrap();
    let timed = all.iter().find(|one| one.kind.as_deref() == Some("time_based")).unwrap();
    assert!(timed.next_delivery.is_some() && timed.event.is_none());
    let event = &events.list().await.unwrap()[0];
    assert_eq!(based.event.as_ref().unwrap().id, event.id, "schedules call it eventId");
    assert_eq!(events.get(&event.id).await.unwrap(), *event);
    events.trigger(&event.id).await.unwrap();
    assert_eq!(server.count(Method::POST, "/events/*/trigger"), 1);
    assert_eq!(events.trigger("nope").await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    assert_eq!(schedules.get(&timed.id).await.unwrap(), *timed);
    schedules.delete(&timed.id).await.unwrap();
    assert_eq!(schedules.list().await.unwrap().len(), all.len() - 1);
    assert_eq!(schedules.get(&timed.id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn roles_filters_and_privileges() {
    let (_server, session) = start().await;
    let roles = session.security_roles();
    let role = roles.list().await.unwrap().remove(0);
    assert_eq!(roles.get(&role.id).await.unwrap().privileges[0].name, "Web user");
    roles.delete(&role.id).await.unwrap();
    assert!(roles.list().await.unwrap().is_empty());
    assert_eq!(roles.get(&role.id).await.unwrap_err().kind(), ErrorKind::ResourceNotFound);
    assert_eq!(session.privileges().await.unwrap()[2].name, "Web user");

    let filters = session.security_filters();
    let filter = filters.list().all().await.unwrap().remove(0);
    assert_eq!(filter.kind, mstr_rest_api::ObjectType::SecurityFilter);
    let me = session.user_info().await.unwrap().id;
    filters.apply(&filter.id, [&me]).await.unwrap();
    assert_eq!(filters.members(&filter.id).await.unwrap()[0].id, me);
    let mine = session.users().security_filters(&me).await.unwrap();
    assert_eq!(mine[0].security_filters[0].name, filter.name);
    assert!(filters.apply(&filter.id, ["nobody"]).await.is_err());
    filters.revoke(&filter.id, [&me]).await.unwrap();
    assert!(filters.members(&filter.id).await.unwrap().is_empty());
    assert!(session.users().security_filters(&me).await.unwrap().is_empty());
}

#[tokio::test]
async fn sql_is_executed_and_waited_for() {
    let (server, session) = start().await;
    let sources = session.data_sources();
    let source = sources.list().await.unwrap().remove(0);
    assert_eq!(
        (source.name.as_str(), source.dbms.as_ref().unwrap().name.as_str()),
        ("Warehouse", "PostgreSQL")
    );
    assert_eq!(sources.of_project(PROJECT).await.unwrap(), std::slice::from_ref(&source));
    assert_eq!(sources.get(&source.id).await.unwrap(), source);
    assert_eq!(sources.get("nope").await.unwrap_err().kind(), ErrorKind::ResourceNotFound);

    let sql = "select 'ü' from t";
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let running = sources.execute(&source, ProjectId::new(PROJECT), sql).await.unwrap();
    let rows = running
        .on_progress(move |state| log.lock().unwrap().push(state.number))
        .wait()
        .await
        .unwrap();
    assert_eq!(rows.columns["STATEMENT"], json!([sql]));
    assert_eq!(*seen.lock().unwrap(), [Some(2), Some(2), Some(3)]);
    let sent = server.requests(Method::POST, "/datasources/*/sqlexecution").pop().unwrap();
    assert_eq!((sent.header("projectId"), sent.project_id()), (Some(PROJECT), Some(PROJECT)));

    let failing = sources.execute(&source, ProjectId::new(PROJECT), "fail").await.unwrap();
    let error = failing.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.to_string().contains("syntax error"), "{error}");

    let slow = sources.execute(&source, ProjectId::new(PROJECT), sql).await.unwrap();
    let running = json!({"status": 2});
    server.inject(
        Fault::reply(Reply::json(200, &running)).on(Method::GET, "/datasources/sqlexecution/*"),
    );
    assert!(format!("{slow:?}").contains("the SQL execution"));
    assert_eq!(slow.status().await.unwrap().number, Some(2));
    assert_eq!(slow.cancel().await.unwrap_err().kind(), ErrorKind::NotSupported);
    let error = slow.timeout(Duration::from_millis(300)).await.unwrap_err();
    assert!(error.is_timeout() && error.message().contains("within 0.3 s"), "{error}");
}
